# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NAT and static routes over SNMP: natAddrMapTable (RFC 4008) and inetCidrRouteTable (RFC 4292).

Each rewrite is one row of natAddrMapTable that translates one end of a packet. Neither table has a place for our
stamp but natAddrMapName, so a mark and a route have rows of their own there, which translate nothing. Rows that are
active may not be modified (RFC 4008): what changes gets another row, whose number is a hash of all that it says.
"""

from __future__ import annotations

import hashlib
from ipaddress import ip_address
from typing import Any, ClassVar, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple, Union

from ..errors import HandoverError
from ..mobility.model import (
    Address,
    Change,
    Directions,
    Entry,
    Key,
    Mark,
    Rewrite,
    RewriteKind,
    Route,
    Scope,
    Selector,
    Stamp,
)
from . import snmp_name
from .base import Capabilities, Complaint, Output, Platform, foreign
from .snmp_name import Sort
from .varbinds import Varbind, varbinds_of

__all__ = ["IF_NAME", "NAT", "ROUTE", "SERIAL", "Snmp"]

#: natAddrMapEntry (RFC 4008).
NAT = "1.3.6.1.2.1.123.1.4.1"
#: inetCidrRouteEntry (RFC 4292).
ROUTE = "1.3.6.1.2.1.4.24.7.1"
#: ifName (RFC 2863).
IF_NAME = "1.3.6.1.2.1.31.1.1.1.1"
#: snmpSetSerialNo.0 (RFC 3418): a SET that names another number than it has is refused.
SERIAL = "1.3.6.1.6.3.1.1.6.1.0"

#: natAddrMapTranslationEntity, by the bit that a rewrite has in it; none translates nothing.
_ENTITY = {
    RewriteKind.INBOUND_SRC: 0x80,
    RewriteKind.OUTBOUND_DST: 0x40,
    RewriteKind.INBOUND_DST: 0x20,
    RewriteKind.OUTBOUND_SRC: 0x10,
}
_KINDS = {bits: kind for kind, bits in _ENTITY.items()}
_ACTIVE = "1"

#: Columns of a row of ours, as numbers of natAddrMapEntry.
_NAME_COLUMN, _ENTITY_COLUMN, _STATUS_COLUMN = 2, 4, 21
_LOCAL, _GLOBAL = (5, 6, 7), (10, 11, 12)  # type, from, to

_Held = Union[Rewrite, Mark, Route]


class _Row(NamedTuple):
    """A row of natAddrMapTable, but for what all of ours have in common."""

    number: int
    name: str
    entity: str
    family: int
    local: str
    outer: str


class Snmp(Platform):
    """Any router whose SNMP agent lets both tables be written."""

    name = "snmp"
    transport = "snmp"
    capabilities = Capabilities(frozenset({Scope.ADDRESS}), frozenset(Directions), joint=False, expires=False)
    settings: ClassVar[Mapping[str, Any]] = {"nat": NAT, "route": ROUTE}
    step_template = "snmp/step.txt.j2"

    #: What the agent may say (RFC 3416, section 3: error-status), with the variable that it says it of.
    complaints: ClassVar[Tuple[Complaint, ...]] = (
        (
            rf"^(inconsistentValue|wrongValue) at {SERIAL}",
            "router_changed",
            "nobody else changes the router over SNMP meanwhile (snmpSetSerialNo)",
            "Run again, from what the router holds now.",
        ),
        (
            r"^(noAccess|authorizationError)",
            "no_privilege",
            "the SNMP user's view lets both tables be written",
            "Give the user a view that includes natAddrMapTable, inetCidrRouteTable and snmpSetSerialNo.",
        ),
        (
            r"^(notWritable|noCreation|noSuchName|readOnly)",
            "not_writable",
            "the router's agent lets rows of this table be made",
            "Most routers only show these tables. Use another platform for this one.",
        ),
        (
            r"^(resourceUnavailable|tooBig)",
            "table_full",
            "the router has room for the entries, and takes a request of this size",
            "Free resources on the router.",
        ),
        (
            r"^no answer",
            "no_answer",
            "the router answers a SET in time",
            "Check the way to the router, and whether its agent runs.",
        ),
    )

    def route_objects(self, data: str) -> List[str]:
        """What must be asked of inetCidrRouteTable: the ifIndex and status of each route that a row of ours names.

        :param data: the rows of natAddrMapTable.
        """
        held = [entry for entry, _index in _rows(varbinds_of(data)) if isinstance(entry, Route)]
        return [f"{ROUTE}.{column}.{instance}" for instance in sorted(map(_instance, held)) for column in (7, 17)]

    def _entries(self, output: Output) -> Iterable[Entry]:
        data = varbinds_of(output.sections["data"])
        names = {item.oid[len(IF_NAME) + 1 :]: _text(item) for item in data if item.oid.startswith(f"{IF_NAME}.")}
        routes = {item.oid[len(ROUTE) + 1 :]: item.value for item in data if item.oid.startswith(f"{ROUTE}.")}
        outside = output.sections.get("outside")
        for entry, where in _rows(data):
            if outside is not None and names.get(where) != outside:
                raise foreign(
                    f"a row of ours on interface {names.get(where, where)}", f"our rows lie on the interface {outside}"
                )
            if isinstance(entry, Route):
                instance = _instance(entry)
                there = routes.get(f"17.{instance}") == _ACTIVE
                interface = names[routes[f"7.{instance}"]] if there else None
                yield Route(entry.destination, entry.via, interface, entry.stamp)
            else:
                yield entry

    def context(self, change: Change, now: float) -> Dict[str, Any]:
        # Nothing goes by itself here, so what has expired may have to be told that it is about to end.
        self._holdable([entry for entry in change.put if not entry.stamp.ended], now)
        gone: Dict[Key, Entry] = {entry.key: entry for entry in change.remove}
        blocks = [_block(gone.pop(entry.key, None), entry) for entry in change.put]
        blocks += [_block(entry, None) for entry in gone.values()]
        return {"blocks": blocks}


def _block(before: Optional[Entry], after: Optional[Entry]) -> Dict[str, Any]:
    """What one entry changes: a row that goes, a row that comes, and the route likewise."""
    was, comes = (None if entry is None else _row(entry) for entry in (before, after))
    block: Dict[str, Any] = {"about": after if before is None else before, "leaves": None, "comes": None}
    block.update(route_leaves=None, route_comes=None)
    if was != comes:
        block.update(leaves=was, comes=comes)
    # A route of ours that is not in the router's table shows no interface.
    held = before if isinstance(before, Route) and before.interface is not None else None
    wanted = after if isinstance(after, Route) else None
    if wanted is not None and not wanted.interface:
        raise HandoverError("unsupported_entry", wanted, "over SNMP a route has an interface")
    if wanted is not None and held is not None and wanted.via == held.via:
        if wanted.interface != held.interface:
            raise HandoverError(
                "unsupported_entry",
                f"{wanted} instead of {held}",
                "over SNMP a route keeps its interface: an active row of inetCidrRouteTable is not modified",
                "Withdraw the handover first.",
            )
    else:
        block.update(route_leaves=None if held is None else _instance(held))
        block.update(route_comes=None if wanted is None else _instance(wanted))
        block.update(interface="" if wanted is None else wanted.interface)
    return block


def _row(entry: Entry) -> _Row:
    """The row that says an entry.

    :raises HandoverError: ``unsupported_entry`` where no row can.
    """
    if isinstance(entry, Rewrite):
        match = entry.match
        mobile = match.destination if entry.kind.changes_destination else match.source
        if match.scope is not Scope.ADDRESS or mobile is None:
            raise HandoverError(
                "unsupported_entry",
                entry,
                "a row of natAddrMapTable selects packets by the one address that it translates (RFC 4008)",
                "Choose the scope address, or another platform.",
            )
        old, new = entry.pair
        return _numbered(entry.stamp, Sort.REWRITE, f"{_ENTITY[entry.kind]:02x}", old, new)
    if isinstance(entry, Mark):
        match = entry.match
        if match.scope is not Scope.CORRESPONDENT or match.source is None or match.destination is None:
            raise HandoverError("unsupported_entry", entry, "over SNMP a mark has two addresses and no ports")
        return _numbered(entry.stamp, Sort.MARK, "00", match.source, match.destination)
    if isinstance(entry, Route) and entry.via is not None:
        return _numbered(entry.stamp, Sort.ROUTE, "00", entry.destination, entry.via)
    raise HandoverError("unsupported_entry", entry, "snmp holds rewrites, marks, and routes by a next hop")


def _numbered(stamp: Stamp, sort: Sort, entity: str, local: Address, outer: Address) -> _Row:
    name = snmp_name.encode(stamp, sort)
    number = hashlib.sha256(f"{name} {entity} {local} {outer}".encode()).digest()
    family = 1 if local.version == 4 else 2  # InetAddressType (RFC 4001)
    return _Row(int.from_bytes(number[:4], "big") or 1, name, entity, family, local.packed.hex(), outer.packed.hex())


def _rows(data: Iterable[Varbind]) -> List[Tuple[_Held, str]]:
    """The entries that rows of ours stand for, each with its ifIndex; rows of others are left out."""
    table: Dict[Tuple[str, int], Dict[int, Varbind]] = {}
    for item in data:
        if item.oid.startswith(f"{NAT}."):
            column, where, number = item.oid[len(NAT) + 1 :].split(".")
            table.setdefault((where, int(number)), {})[int(column)] = item
    found = []
    for (where, index), row in table.items():
        ours = None if _NAME_COLUMN not in row else snmp_name.decode(row[_NAME_COLUMN].octets)
        if ours is not None:
            found.append((_entry(index, row, *ours), where))
    return found


def _entry(index: int, row: Mapping[int, Varbind], stamp: Stamp, sort: Sort) -> _Held:
    """The entry of one row; a row that we would write otherwise is not ours."""
    about = f"natAddrMapIndex {index}"
    try:
        local, outer = (ip_address(row[columns[1]].octets) for columns in (_LOCAL, _GLOBAL))
        bits = int.from_bytes(row[_ENTITY_COLUMN].octets[:1], "big")
        entry = _meant(sort, bits, local, outer, stamp)
        wanted = _row(entry)
    except (KeyError, ValueError) as error:
        raise foreign(f"{about}: {error}", "a row with a name of ours is written as this version writes it") from error
    same = (
        wanted.number == index
        and row[_STATUS_COLUMN].value == _ACTIVE
        and row[3].value == "1"
        and row[15].octets.hex() == "f0"
        and all(row[kind].value == str(wanted.family) for kind in (_LOCAL[0], _GLOBAL[0]))
        and all(row[columns[1]].octets == row[columns[2]].octets for columns in (_LOCAL, _GLOBAL))
    )
    if not same:
        raise foreign(about, "a row with a name of ours is written as this version writes it, and active")
    return entry


def _meant(sort: Sort, bits: int, local: Address, outer: Address, stamp: Stamp) -> _Held:
    if sort is Sort.ROUTE:
        return Route(local, outer, None, stamp)
    if sort is Sort.MARK:
        return Mark(Selector(local, outer), stamp)
    kind = _KINDS[bits]
    seen, to = (outer, local) if kind.is_decoder else (local, outer)
    match = Selector(destination=seen) if kind.changes_destination else Selector(seen)
    return Rewrite(kind, match, to, stamp)


def _instance(route: Route) -> str:
    """Destination, length, no policy, next hop: the index of a host route (RFC 4292)."""
    hop = route.via
    if hop is None:
        raise HandoverError("unsupported_entry", route, "over SNMP a route has a next hop")
    length = route.destination.max_prefixlen
    return f"{_inet(route.destination)}.{length}.2.0.0.{_inet(hop)}"


def _inet(address: Address) -> str:
    """An InetAddressType and InetAddress as part of an index (RFC 4001): the octets after their number."""
    octets = address.packed
    return ".".join(map(str, (1 if address.version == 4 else 2, len(octets), *octets)))


def _text(item: Varbind) -> str:
    return item.octets.decode("utf-8", "backslashreplace")
