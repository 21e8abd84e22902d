# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packets: the shapes that a router's rewrites and marks can select."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Optional, Tuple, Union

from ..errors import HandoverError

__all__ = ["PROTOCOLS", "Address", "Bits", "Scope", "Selector", "address_text", "endpoint", "number_text"]

Address = Union[IPv4Address, IPv6Address]

#: Transport protocols that a session selector may name: those whose header begins with the two ports.
PROTOCOLS = ("tcp", "udp", "sctp", "udplite", "dccp")


class Scope(Enum):
    """How much of an address's traffic a handover rewrites."""

    SESSION = "session"
    CORRESPONDENT = "correspondent"
    ADDRESS = "address"

    __hash__ = object.__hash__  # members are single; Enum's own hash of the name is Python, and asked for all the time


#: A selector in numbers: IP version, source, destination, protocol, ports. What it does not name is -1, "" or 0.
Bits = Tuple[int, int, int, str, int, int]


@dataclass(frozen=True)
class Selector:
    """Which packets, as they are on the wire when the router looks at them.

    Three shapes: a whole session (all five fields), a pair of addresses, one
    address. Anything else is refused.

    :ivar bits: the same in numbers. Every look-up of a rewrite or mark is by selector, plans are sorted by it, and
        addresses are slow to hash and to compare.
    :raises HandoverError: ``bad_selector``.
    """

    source: Optional[Address] = None
    destination: Optional[Address] = None
    protocol: Optional[str] = None
    source_port: Optional[int] = None
    destination_port: Optional[int] = None
    bits: Bits = field(init=False, repr=False, compare=False)
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        source, destination, protocol = self.source, self.destination, self.protocol
        ports = (self.source_port, self.destination_port)
        one = source if source is not None else destination
        if one is None:
            raise HandoverError("bad_selector", self, "a selector names at least one address")
        version = one.version
        if source is None or destination is None:
            ends = (-1 if source is None else int(source), -1 if destination is None else int(destination))
        elif destination.version == version:
            ends = (int(source), int(destination))
        else:
            raise HandoverError("bad_selector", self, "both addresses of a selector are of one family")
        if protocol is None:
            if ports != (None, None):
                raise HandoverError("bad_selector", self, "ports need a protocol")
            bits: Bits = (version, *ends, "", 0, 0)
        else:
            if -1 in ends or protocol not in PROTOCOLS:
                known = ", ".join(PROTOCOLS)
                raise HandoverError("bad_selector", self, f"a session has two addresses and one of {known}")
            port, other = ports
            if port is None or other is None or not (0 < port < 65536 and 0 < other < 65536):
                raise HandoverError("bad_selector", self, "a session has two ports from 1 to 65535")
            bits = (version, *ends, protocol, port, other)
        object.__setattr__(self, "bits", bits)
        object.__setattr__(self, "_hash", hash(bits))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Selector) and self.bits == other.bits

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        ends = (endpoint(self.source, self.source_port), endpoint(self.destination, self.destination_port))
        return (f"{self.protocol} " if self.protocol else "") + " > ".join(ends)

    @property
    def scope(self) -> Scope:
        """The scope that this shape expresses."""
        if self.protocol is not None:
            return Scope.SESSION
        return Scope.ADDRESS if self.source is None or self.destination is None else Scope.CORRESPONDENT

    @property
    def turned(self) -> Selector:
        """The packets the other way."""
        return Selector(self.destination, self.source, self.protocol, self.destination_port, self.source_port)

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.address.version

    @property
    def address(self) -> Address:
        """The source, or the destination where there is no source."""
        for address in (self.source, self.destination):
            if address is not None:
                return address
        raise HandoverError("bad_selector", self, "a selector names at least one address")


def address_text(address: Address) -> str:
    """``str(address)``, remembered: plans write the same addresses again and again."""
    zoned = address.version == 6 and address.scope_id is not None
    return str(address) if zoned else number_text(address.version, int(address))


#: As many as 10,000 handovers have that are planned at once; a service never forgets them.
@lru_cache(maxsize=32768)
def number_text(version: int, number: int) -> str:
    """The address of an IP version with this number, as text."""
    return str(IPv4Address(number) if version == 4 else IPv6Address(number))


def endpoint(address: Optional[Address], port: Optional[int]) -> str:
    """An address, and a port where there is one, as text; IPv6 in brackets (RFC 3986 section 3.2.2)."""
    if address is None:
        return "any"
    if port is None:
        return str(address)
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
