# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cisco IOS and IOS-XE as routers of a handover, by their command line.

IOS has no timeouts of its own on what we put there: withdrawal and reconcile take it away.
"""

from __future__ import annotations

from typing import Any, ClassVar, Dict, Iterable, Iterator, Optional, Set

from ...errors import HandoverError
from ...mobility.model import Address, Change, Directions, Entry, Freeze, Mark, Rewrite, Route, Scope
from ...mobility.router_state import RouterState
from ..base import Capabilities, Complaint, Narrower, Output, Part, Platform
from .complaints import COMPLAINTS, diagnosed
from .flow_lines import Flow, NatSettings, flow_of
from .router_change import as_written, step_context
from .running_text import standing_in
from .standing import Standing
from .static_nat import Side

__all__ = ["Ios"]

_NO_ROUTE_MAP = (
    "a static entry of the outside has no route-map on ios, so at the correspondent's router it is for every "
    "correspondent"
)


class Ios(Platform):
    """Static NAT, host routes, access lists of ours, and a record of each entry."""

    name = "ios"
    transport = "network_cli"
    capabilities = Capabilities(
        frozenset((Scope.ADDRESS, Scope.CORRESPONDENT)),
        frozenset((Directions.BOTH,)),
        joint=True,
        atomic=True,
        expires=False,
        by_side=True,
        narrower={Part.CORRESPONDENT: Narrower(frozenset((Scope.ADDRESS,)), _NO_ROUTE_MAP)},
    )
    complaints: ClassVar[tuple[Complaint, ...]] = COMPLAINTS
    gather_template = "ios/gather.j2"
    step_template = "ios/step.cfg.j2"

    def _entries(self, output: Output) -> Iterable[Entry]:
        return self.standing(output).entries

    def standing(self, output: Output) -> Standing:
        """The router in what it printed.

        :raises HandoverError: ``foreign_entry``.
        """
        return standing_in(output.sections["config"])

    def context(self, change: Change, now: float) -> Dict[str, Any]:
        return self.context_on(as_written(Standing(), change, NatSettings()), change, now, NatSettings())

    def context_on(self, standing: Standing, change: Change, now: float, settings: NatSettings) -> Dict[str, Any]:
        """As :meth:`context`, on a router that stands so.

        :raises HandoverError: besides, as :func:`step_context`.
        """
        for entry in change.put:
            _permitted(entry, now)
        removed = {entry.key for entry in change.remove}
        kept = [entry for entry in standing.entries if entry.key not in removed]
        put = {entry.key for entry in change.put}
        for error in self.objections(RouterState((*(one for one in kept if one.key not in put), *change.put))).values():
            raise error
        return step_context(change, standing, settings)

    def objections(self, state: RouterState) -> Dict[Entry, HandoverError]:
        found: Dict[Entry, HandoverError] = {}
        rewrites = [entry for entry in state if isinstance(entry, Rewrite)]
        for entry in state:
            error = _unheld(entry)
            if error is not None:
                found[entry] = error
        flows = {entry: flow_of(entry) for entry in rewrites if entry not in found}
        found.update(_halves(flows))
        found.update(_on_both_sides(flows))
        found.update(_wide_beside_narrow(flows))
        return found

    def diagnose(self, router: str, said: str) -> HandoverError:
        line, _newline, answer = said.partition("\n")
        return diagnosed(router, line, answer)


def _permitted(entry: Entry, now: float) -> None:
    """What is ending, or only stops packets for a moment, may be written after its time: nothing here expires."""
    if entry.stamp.expires <= now and not entry.stamp.ended and not isinstance(entry, Freeze):
        raise HandoverError(
            "expired",
            entry,
            "what is put on a router has not expired",
            "Withdraw the handover, or wait for the phone's next registration.",
        )


def _unheld(entry: Entry) -> Optional[HandoverError]:
    """What no line of IOS can be, whatever else stands."""
    if isinstance(entry, Route):
        if entry.destination.version != 4:
            return _family(entry)
        if entry.via is None or entry.interface is None:
            return HandoverError("unsupported_entry", entry, "a host route on ios has a next hop and an interface")
        return None
    if not isinstance(entry, (Rewrite, Mark, Freeze)):
        return HandoverError("unsupported_neighbour", entry, "ios does not answer for an old address on its link")
    if entry.match.version != 4:
        return _family(entry)
    if entry.match.protocol is not None:
        return HandoverError(
            "unsupported_scope",
            entry,
            "ios translates addresses; a static entry for a port is for a server's port, not for one session",
            "Choose the scope correspondent or address, or let the plan widen it: handover_widen.",
        )
    if isinstance(entry, Rewrite):
        flow = flow_of(entry)
        if flow.line.side is Side.OUTSIDE and flow.line.scoped:
            return HandoverError(
                "unsupported_scope",
                entry,
                _NO_ROUTE_MAP,
                "Choose the scope address, or let the plan widen it: handover_widen.",
            )
    return None


def _family(entry: Entry) -> HandoverError:
    return HandoverError(
        "unsupported_family", entry, "ios holds handovers of IPv4 addresses", "Use the platform nftables for IPv6."
    )


def _halves(flows: Dict[Rewrite, Flow]) -> Iterator[tuple[Entry, HandoverError]]:
    """One line is both halves: neither stands alone."""
    number: Dict[Flow, int] = {}
    for flow in flows.values():
        number[flow] = number.get(flow, 0) + 1
    for entry, flow in flows.items():
        if number[flow] != 2:
            yield (
                entry,
                HandoverError(
                    "unsupported_entry",
                    entry,
                    "a line of static NAT translates both ways, so a router holds both rewrites or none",
                    "Choose the directions both.",
                ),
            )


def _on_both_sides(flows: Dict[Rewrite, Flow]) -> Iterator[tuple[Entry, HandoverError]]:
    """Also a correspondent that moved: whether a route-map sees it under its old or its new address, nobody says."""
    used: Dict[Side, Set[Optional[Address]]] = {side: set() for side in Side}
    for flow in flows.values():
        used[flow.line.side].update((flow.line.old, flow.line.new, flow.peer))
    both = (used[Side.INSIDE] & used[Side.OUTSIDE]) - {None}
    for entry, flow in flows.items() if both else ():
        for address in both & {flow.line.old, flow.line.new, flow.peer}:
            yield (
                entry,
                HandoverError(
                    "address_on_both_sides",
                    f"{address}: {entry}",
                    "an address of an inside entry, or of its route-map, is not one of an outside entry on the same "
                    "router (NAT configuration guide, IOS XE 17.x, restrictions)",
                    "Withdraw the other handover, or use another platform on that router.",
                ),
            )


def _wide_beside_narrow(flows: Dict[Rewrite, Flow]) -> Iterator[tuple[Entry, HandoverError]]:
    """Which of two lines translates a packet that both match, IOS does not document."""
    lines = {flow.line for flow in flows.values()}
    wide = {
        address for line in lines if not line.scoped and line.side is Side.INSIDE for address in (line.old, line.new)
    }
    for entry, flow in flows.items():
        for address in wide & {flow.line.old, flow.line.new} if flow.line.scoped else ():
            yield (
                entry,
                HandoverError(
                    "selector_in_use",
                    f"{address}: {entry}",
                    "an address that a line translates for every correspondent has no line with a route-map beside it",
                    "Withdraw the other handover, or give both the same scope.",
                ),
            )
