# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One static NAT entry of Cisco IOS and IOS-XE, and what of it IOS takes.

Source: Cisco IOS IP Addressing Services Command Reference, ``ip nat inside source`` and ``ip nat outside source``.
"Local" and "global" are Cisco's words: as inside hosts see an address, and as outside hosts see it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from enum import Enum
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from ...errors import HandoverError
from ...reader import Reader, count, flag, interface, text

__all__ = ["OPTIONS", "Owned", "Protocol", "Side", "StaticNat", "alike", "entry_from_record", "entry_to_record"]


class Side(Enum):
    """Whose address is translated: that of a host behind the inside interfaces, or behind the outside ones."""

    INSIDE = "inside"
    OUTSIDE = "outside"


class Protocol(Enum):
    """The protocol of an entry that has ports."""

    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True)
class StaticNat:
    """One entry. IOS translates both ways by it.

    :ivar local_address: inside local or outside local; with ``prefix_length``, a network's first address.
    :ivar global_address: inside global or outside global; None where the address of ``interface`` is used.
    :ivar interface: its address is the global one (inside only).
    :ivar protocol: with it come both ports.
    :ivar prefix_length: both addresses are networks of this length.
    :ivar vrf: None is the global table.
    :ivar route_map: only packets that it matches (inside only).
    :ivar redundancy: name of an HSRP group, or number of a redundancy group, which has a ``mapping_id`` as well.
    :raises HandoverError: ``bad_static_nat`` for what IOS has no line for.
    """

    side: Side
    local_address: IPv4Address
    global_address: Optional[IPv4Address] = None
    interface: Optional[str] = None
    protocol: Optional[Protocol] = None
    local_port: Optional[int] = None
    global_port: Optional[int] = None
    prefix_length: Optional[int] = None
    vrf: Optional[str] = None
    route_map: Optional[str] = None
    match_in_vrf: bool = False
    reversible: bool = False
    redundancy: Optional[str] = None
    mapping_id: Optional[int] = None
    extendable: bool = False
    no_alias: bool = False
    no_payload: bool = False
    add_route: bool = False

    def __post_init__(self) -> None:
        for broken, rule, advice in _rules(self):
            if broken:
                raise HandoverError("bad_static_nat", entry_to_record(self), rule, advice)

    @property
    def key(self) -> Tuple[Any, ...]:
        """What makes it this entry and no other; the rest are its options."""
        return tuple(getattr(self, name) for name in _KEY)

    @property
    def subject(self) -> Tuple[Any, ...]:
        """What is translated: the address, and the port, that the line of IOS names first."""
        inside = self.side is Side.INSIDE
        address = self.local_address if inside else self.global_address
        port = self.local_port if inside else self.global_port
        return self.side, self.vrf, self.protocol, self.prefix_length, address, port


_KEY = (
    "side",
    "local_address",
    "global_address",
    "interface",
    "protocol",
    "local_port",
    "global_port",
    "prefix_length",
    "vrf",
    "route_map",
)

#: The names of an entry's options: what can differ between two states of one entry.
OPTIONS = tuple(field.name for field in fields(StaticNat) if field.name not in _KEY)


@dataclass(frozen=True)
class Owned:
    """A part of a router's static NAT that the caller answers for.

    :ivar network: an entry belongs to it whose local address, or local network, lies in this one.
    :ivar side: None is both.
    :ivar vrf: None is the global table alone.
    """

    network: IPv4Network
    side: Optional[Side] = None
    vrf: Optional[str] = None

    def covers(self, entry: StaticNat) -> bool:
        """Whether an entry belongs to this part."""
        length = 32 if entry.prefix_length is None else entry.prefix_length
        inner = IPv4Network((entry.local_address, length))
        return self.vrf == entry.vrf and self.side in (None, entry.side) and inner.subnet_of(self.network)

    @classmethod
    def from_record(cls, record: object) -> Owned:
        """A part from plain data.

        :raises HandoverError: ``bad_record``.
        """
        reader = Reader(_given(record), "part of a router's static NAT")
        part = cls(
            reader.take("network", lambda value: IPv4Network(text(value))),
            reader.take("side", Side, None),
            reader.take("vrf", text, None),
        )
        reader.done()
        return part


def alike(held: StaticNat, wanted: StaticNat) -> bool:
    """Whether the router holds what is wanted. IOS itself adds ``extendable`` to entries with ports."""
    return held == wanted or (wanted.protocol is not None and held == replace(wanted, extendable=True))


def entry_from_record(record: object) -> StaticNat:
    """An entry from plain data; what is None or missing is not set.

    :raises HandoverError: ``bad_record``, ``bad_static_nat``.
    """
    reader = Reader(_given(record), "static NAT entry")
    values = {
        field.name: reader.take(field.name, _READ[field.name], field.default)
        for field in fields(StaticNat)
        if field.name not in ("side", "local_address")
    }
    side, local = reader.take("side", Side), reader.take("local_address", _address)
    reader.done()
    return StaticNat(side, local, **values)


def entry_to_record(entry: StaticNat) -> Dict[str, Any]:
    """An entry as plain data, without what is not set."""
    record: Dict[str, Any] = {}
    for field in fields(entry):
        value = getattr(entry, field.name)
        if value is None or value is False:
            continue
        if isinstance(value, Enum):
            value = value.value
        record[field.name] = str(value) if isinstance(value, IPv4Address) else value
    return record


def _given(record: object) -> object:
    return {key: value for key, value in record.items() if value is not None} if isinstance(record, Mapping) else record


def _address(value: object) -> IPv4Address:
    return IPv4Address(text(value))


def _word(value: object) -> str:
    name = text(value)
    # A question mark would ask IOS for help, and a blank end the name.
    if not re.fullmatch(r"[!->@-~]{1,80}", name) or name.startswith("!"):
        raise ValueError("a name is 1 to 80 printable ASCII characters without blanks and question marks")
    return name


def _interface(value: object) -> str:
    """An interface as the running configuration names it: the whole word, without a blank."""
    name = interface(text(value).replace(" ", ""))
    found = re.fullmatch(r"([A-Za-z][A-Za-z-]*)(\d[\d/.:]*)", name)
    if found is None:
        raise ValueError("an interface is a type and a number, for example GigabitEthernet0/0/1")
    return _INTERFACES.get(found.group(1).lower(), found.group(1)) + found.group(2)


_INTERFACES = {
    "di": "Dialer",
    "fa": "FastEthernet",
    "gi": "GigabitEthernet",
    "lo": "Loopback",
    "po": "Port-channel",
    "se": "Serial",
    "te": "TenGigabitEthernet",
    "tu": "Tunnel",
    "vl": "Vlan",
}

_READ: Mapping[str, Callable[[Any], Any]] = {
    "global_address": _address,
    "interface": _interface,
    "protocol": Protocol,
    "local_port": count,
    "global_port": count,
    "prefix_length": count,
    "vrf": _word,
    "route_map": _word,
    "match_in_vrf": flag,
    "reversible": flag,
    "redundancy": _word,
    "mapping_id": count,
    "extendable": flag,
    "no_alias": flag,
    "no_payload": flag,
    "add_route": flag,
}


def _rules(entry: StaticNat) -> Tuple[Tuple[bool, str, str], ...]:
    """What IOS has no line for: broken or not, the rule, what to do."""
    inside = entry.side is Side.INSIDE
    ports = (entry.local_port, entry.global_port)
    numbered = entry.redundancy is not None and entry.redundancy.isdigit()
    return (
        (
            (entry.global_address is None) == (entry.interface is None),
            "an entry has either a global address or an interface whose address it is",
            "Give exactly one of global_address and interface.",
        ),
        (entry.interface is not None and not inside, "only an inside entry takes an interface's address", ""),
        (
            any((port is None) != (entry.protocol is None) for port in ports),
            "protocol, local_port and global_port stand together",
            "Give all three or none.",
        ),
        (any(port is not None and not 1 <= port <= 65535 for port in ports), "a port lies between 1 and 65535", ""),
        (
            entry.prefix_length is not None and (entry.protocol is not None or entry.interface is not None),
            "a network is translated without ports and to a network, not to an interface",
            "",
        ),
        (
            not _networks(entry),
            "both addresses of a network entry are the first of a network of this length, 1 to 32",
            "Clear the host bits.",
        ),
        (
            entry.route_map is not None and not inside,
            "IOS has no route-map on a static entry of the outside",
            "Use an inside entry on the other router, or another platform.",
        ),
        (entry.reversible and entry.route_map is None, "reversible stands with a route-map", "Give route_map."),
        (entry.add_route and inside, "add_route stands on outside entries only", "Write a static route."),
        (entry.match_in_vrf and entry.vrf is None, "match_in_vrf stands with a vrf", "Give vrf."),
        (
            entry.mapping_id is not None and entry.redundancy is None,
            "mapping_id stands with a redundancy group",
            "Give redundancy.",
        ),
        (numbered and entry.mapping_id is None, "a numbered redundancy group has a mapping_id", "Give mapping_id."),
    )


def _networks(entry: StaticNat) -> bool:
    length = entry.prefix_length
    if length is None:
        return True
    if not 1 <= length <= 32:
        return False
    host_bits = (1 << (32 - length)) - 1
    addresses = (entry.local_address, entry.global_address)
    return not any(int(address) & host_bits for address in addresses if address is not None)
