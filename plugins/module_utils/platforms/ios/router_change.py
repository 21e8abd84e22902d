# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a change of entries to what is written and taken away on an IOS router, for the template of a step.

One line of NAT stands for both halves of a rewrite, and for all correspondents that its route-map lets through. So
what a change means depends on what else stands.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Iterable, List, Mapping, Set

from ...errors import HandoverError
from ...mobility.model import Address, Change, Entry, Freeze, Key, Rewrite, Route
from .flow_lines import Flow, Line, NatSettings, flow_of, line_of
from .own_names import FREEZES, ROUTE_NAME, ROUTE_TAG, VRF_ROUTE_NAME
from .record_text import record_name, record_of
from .standing import Standing
from .static_nat import Side, StaticNat
from .static_nat_text import line_context

__all__ = ["as_written", "step_context"]

_Peers = Dict[Line, Set[Address]]


def step_context(change: Change, standing: Standing, settings: NatSettings) -> Dict[str, Any]:
    """The variables of the step template.

    :raises HandoverError: ``access_list_taken`` where a flow must be frozen and an interface has another list,
        ``router_not_prepared`` where no interface takes part in NAT.
    """
    held = {entry.key: entry for entry in (*standing.entries, *change.remove)}
    after = dict(held)
    for entry in change.remove:
        after.pop(entry.key, None)
    after.update((entry.key, entry) for entry in change.put)
    lines = _lines(held, after, standing, settings)
    freeze = _freeze(held.values(), after.values(), standing)
    if (lines["put"] or freeze.get("list")) and standing.known and len({one.side for one in standing.interfaces}) < 2:
        raise HandoverError(
            "router_not_prepared",
            ", ".join(f"{one.name}: ip nat {one.side}" for one in standing.interfaces) or "no interface of NAT",
            "one interface is marked as inside for NAT, and another one as outside",
            "Run the role first_hop_router on it.",
        )
    return {
        **lines,
        "freeze": freeze,
        "routes": _routes(change, lines, settings),
        "records": {
            "put": [record_of(entry) for entry in change.put],
            "remove": _forgotten(change, standing),
        },
    }


def _lines(
    held: Mapping[Key, Entry], after: Mapping[Key, Entry], standing: Standing, settings: NatSettings
) -> Dict[str, Any]:
    """Lines of NAT, their route-maps, and the translations to clear."""
    before, then = _peers(held.values(), held), _peers(after.values(), held)
    gone = [line for line in before if line not in then]
    come = [line for line in then if line not in before]
    others = [one for one in standing.statics if not any(line.stands_in([one]) for line in gone)]
    others += [line_of(line, settings) for line in come]
    return {
        "remove": [
            {
                **line_context(line.stands_in(standing.statics) or line_of(line, settings)),
                "remove": True,
                "forced": True,
            }
            for line in gone
        ],
        "put": [{**line_context(line_of(line, settings, others)), "remove": False, "forced": False} for line in come],
        "scopes": {
            "remove": [*(line.scope for line in gone if line.scoped), *standing.idle_scopes],
            "put": [
                {
                    "name": line.scope,
                    "old": str(line.old),
                    "new": line in come,
                    "remove": _texts(before.get(line, set()) - peers),
                    "put": _texts(peers - before.get(line, set())),
                }
                for line, peers in then.items()
                if line.scoped and peers != before.get(line)
            ],
        },
        "clear": [
            {"side": line.side.value, "local": str(line.old), "global": str(line.new)}
            for line in {**dict.fromkeys(gone), **dict.fromkeys(come), **_rescoped(before, then)}
        ],
    }


def _rescoped(before: _Peers, then: _Peers) -> Dict[Line, None]:
    return {line: None for line, peers in then.items() if line in before and peers != before[line]}


def _peers(entries: Iterable[Entry], held: Mapping[Key, Entry]) -> _Peers:
    """The lines whose halves are both there, each with its correspondents. A half that stands alone is none."""
    halves: Dict[Flow, int] = {}
    for entry in entries:
        if isinstance(entry, Rewrite):
            flow = flow_of(entry)
            halves[flow] = halves.get(flow, 0) + 1
    found: _Peers = {}
    for flow, number in halves.items():
        if number == 2:
            peers = found.setdefault(flow.line, set())
            if flow.peer is not None:
                peers.add(flow.peer)
    return found


def _texts(addresses: Iterable[Address]) -> List[str]:
    return [str(address) for address in sorted(addresses, key=int)]


def _routes(change: Change, lines: Mapping[str, Any], settings: NatSettings) -> Dict[str, Any]:
    """Phones' host routes, and the routes that stand for add-route in a VRF, or where there is no such option."""
    put = [_route(entry, settings) for entry in change.put if isinstance(entry, Route)]
    removed = [
        _route(entry, settings)
        for entry in change.remove
        if isinstance(entry, Route) and (entry.via is not None or entry.interface is not None)
    ]
    for name, into in (("put", put), ("remove", removed)):
        into += [
            {
                "vrf": line["vrf"] or "",
                "destination": line["local_address"],
                "interface": "",
                "via": line["global_address"],
                "name": VRF_ROUTE_NAME,
            }
            for line in lines[name]
            if line["side"] == Side.OUTSIDE.value and (line["vrf"] or not settings.add_route)
        ]
    return {
        "put": [route for route in put if route not in removed],
        "remove": [route for route in removed if route not in put],
        "tag": ROUTE_TAG,
    }


def _route(entry: Route, settings: NatSettings) -> Dict[str, Any]:
    return {
        "vrf": settings.vrf or "",
        "destination": str(entry.destination),
        "interface": entry.interface,
        "via": str(entry.via),
        "name": ROUTE_NAME,
    }


def _freeze(held: Iterable[Entry], after: Iterable[Entry], standing: Standing) -> Dict[str, Any]:
    """The list of frozen flows, where it changes: written whole under the other name, then put in place of the old."""
    before, then = ({entry.match for entry in side if isinstance(entry, Freeze)} for side in (held, after))
    if before == then:
        return {}
    free = next((name for name in FREEZES if name not in standing.freezes), FREEZES[0]) if then else ""
    for interface in standing.interfaces:
        if then and interface.access and interface.access not in FREEZES:
            raise HandoverError(
                "access_list_taken",
                f"{interface.name}: ip access-group {interface.access} in",
                "flows are frozen by an access list of ours on each interface of NAT, and IOS has one for each",
                "Take the access list away from the interface, or set handover_freeze to false: handovers that need a "
                "freeze are refused then, before anything is changed.",
            )
    return {
        "list": free,
        "flows": [
            {"source": _end(match.source), "destination": _end(match.destination)} for match in sorted(then, key=repr)
        ],
        "interfaces": [
            {"name": interface.name, "access": interface.access}
            for interface in standing.interfaces
            if then or interface.access in FREEZES
        ],
        "remove": [name for name in standing.freezes if name != free],
    }


def _end(address: object) -> str:
    """An end of a frozen flow; empty is any."""
    return "" if address is None else str(address)


def _forgotten(change: Change, standing: Standing) -> List[str]:
    """The records to take away: of what goes, and of what never came to stand."""
    kept = {record_name(entry) for entry in change.put}
    gone = [record_name(entry) for entry in change.remove if entry.stamp.handover]
    return [name for name in dict.fromkeys([*gone, *standing.idle]) if name not in kept]


def as_written(standing: Standing, change: Change, settings: NatSettings) -> Standing:
    """A router that is not at hand, as a change supposes it: it holds what the change takes away."""
    lines = {flow_of(entry).line for entry in change.remove if isinstance(entry, Rewrite)}
    statics: List[StaticNat] = [line_of(line, settings) for line in sorted(lines, key=repr)]
    frozen = any(isinstance(entry, Freeze) for entry in change.remove)
    return replace(
        standing, entries=change.remove, statics=tuple(statics), freezes=FREEZES[:1] if frozen else standing.freezes
    )
