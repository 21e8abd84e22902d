# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which line of static NAT two rewrites are: IOS has one for both halves.

At the visited router the phone is behind the inside interface: its old address is inside local, its new one inside
global. At the correspondent's router it is behind the outside one: its new address is outside global, its old one
outside local.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Iterable, Optional, Tuple

from ...errors import HandoverError
from ...mobility.model import Address, Rewrite, RewriteKind, Selector, Stamp
from .own_names import scope_name
from .static_nat import Side, StaticNat

__all__ = ["Flow", "Line", "NatSettings", "both_halves", "flow_of", "line_of"]

_INSIDE = (RewriteKind.INBOUND_DST, RewriteKind.OUTBOUND_SRC)


@dataclass(frozen=True)
class NatSettings:
    """What all lines of one router have in common.

    :ivar vrf: both interfaces belong to it; None is the global table.
    :ivar redundancy: name of an HSRP group, or number of a redundancy group.
    :ivar add_route: an outside entry of the global table can bring its route along.
    """

    vrf: Optional[str] = None
    redundancy: Optional[str] = None
    add_route: bool = True


@dataclass(frozen=True)
class Line:
    """A line of static NAT.

    :ivar scoped: it is kept to correspondents by a route-map.
    """

    side: Side
    old: IPv4Address
    new: IPv4Address
    scoped: bool

    @property
    def scope(self) -> str:
        """The name of its route-map; empty where it has none."""
        return scope_name(self.old, self.new) if self.scoped else ""

    def stands_in(self, statics: Iterable[StaticNat]) -> Optional[StaticNat]:
        """The entry of these that is this line, whatever its options."""
        wanted = (self.side, self.old, self.new, self.scope or None)
        for entry in statics:
            if (entry.side, entry.local_address, entry.global_address, entry.route_map) == wanted:
                return entry
        return None


@dataclass(frozen=True)
class Flow:
    """What two rewrites are about: a line, and the correspondent that it is for; None is every one."""

    line: Line
    peer: Optional[Address]


def flow_of(entry: Rewrite) -> Flow:
    """The line that a rewrite is a half of.

    :raises HandoverError: ``unsupported_entry`` for a session, or IPv6.
    """
    old, new = entry.pair
    peer = entry.match.source if entry.kind.changes_destination else entry.match.destination
    if entry.match.protocol is not None or not isinstance(old, IPv4Address) or not isinstance(new, IPv4Address):
        raise HandoverError("unsupported_entry", entry, "ios translates IPv4 addresses, and no single sessions")
    side = Side.INSIDE if entry.kind in _INSIDE else Side.OUTSIDE
    return Flow(Line(side, old, new, peer is not None), peer)


def both_halves(flow: Flow, stamp: Stamp) -> Tuple[Rewrite, Rewrite]:
    """The rewrites that a line is for one correspondent, or for all."""
    line, peer = flow.line, flow.peer
    if line.side is Side.INSIDE:
        return (
            Rewrite(RewriteKind.INBOUND_DST, Selector(peer, line.new), line.old, stamp),
            Rewrite(RewriteKind.OUTBOUND_SRC, Selector(line.old, peer), line.new, stamp),
        )
    return (
        Rewrite(RewriteKind.INBOUND_SRC, Selector(line.new, peer), line.old, stamp),
        Rewrite(RewriteKind.OUTBOUND_DST, Selector(peer, line.old), line.new, stamp),
    )


def line_of(line: Line, settings: NatSettings, others: Iterable[StaticNat] = ()) -> StaticNat:
    """The line as it is written.

    :param others: what else stands: lines that share an address are all extendable, or IOS refuses the later one. A
        route-map's line always is, since the phone's next line may share an address with it.
    """
    inside = line.side is Side.INSIDE
    addresses = (line.old, line.new)
    shared = any(
        one.side is line.side
        and one.vrf == settings.vrf
        and (one.local_address, one.global_address) != addresses
        and (one.local_address == line.old or one.global_address == line.new)
        for one in others
    )
    numbered = settings.redundancy is not None and settings.redundancy.isdigit()
    return StaticNat(
        line.side,
        line.old,
        line.new,
        vrf=settings.vrf,
        match_in_vrf=settings.vrf is not None,
        route_map=line.scope or None,
        reversible=line.scoped,
        redundancy=settings.redundancy,
        # Its own among the mappings of a group; the same on both routers of the group.
        mapping_id=(int(line.old) % 2147483647) + 1 if numbered else None,
        extendable=line.scoped or shared,
        no_alias=inside,  # or the router answers ARP for the phone's own address
        no_payload=True,  # IOS takes port 5060 for SIP and rewrites addresses in messages
        # IOS routes before it translates here: the old address must lead out of the outside interface.
        add_route=not inside and settings.vrf is None and settings.add_route,
    )
