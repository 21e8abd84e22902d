# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From handovers to a plan that its routers can hold and that was walked before it is sent.

The one place where every skin (playbook, command line, agent) makes its plans.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Dict, Iterable, List, Mapping, Optional, Set, Tuple

from .errors import HandoverError
from .mobility.costs import Note, costs
from .mobility.handover import Handover
from .mobility.model import Address, Mark, Rewrite, RouterState
from .mobility.placing import Placing
from .mobility.plan import DRAIN, Stage, plan
from .mobility.recover import standing
from .mobility.target import Refused, elsewhere, renewed, target_states
from .mobility.topology import Topology
from .mobility.trace import check
from .platforms.base import require
from .platforms.registry import platform_named

__all__ = ["Planned", "make_plan"]


@dataclass(frozen=True)
class Planned:
    """A plan, and what it leads to.

    :ivar handovers: those that the plan carries out, with their epochs.
    :ivar refused: those that were left out, each with code and reason.
    :ivar stages: what to do, in order.
    :ivar targets: what each router holds in the end.
    :ivar notes: what the plan costs those whom it serves.
    """

    handovers: Tuple[Handover, ...]
    refused: Tuple[Refused, ...]
    stages: Tuple[Stage, ...]
    targets: Dict[str, RouterState] = field(repr=False)
    notes: Tuple[Note, ...] = ()


def make_plan(
    handovers: Iterable[Handover],
    topology: Topology,
    current: Mapping[str, RouterState],
    unreachable: Mapping[str, str] = MappingProxyType({}),
    drain: float = DRAIN,
) -> Planned:
    """Plan handovers together. A bad one is refused with its reason and does not hold up the others.

    :param current: what the routers hold now, by name.
    :param unreachable: routers whose state is not known, and why.
    :param drain: seconds between the last encoder and the first decoder that goes.
    """
    refused: List[Refused] = []
    able: List[Handover] = []
    holders = _holders(current)
    planned: Set[str] = set()
    asked = list(handovers)
    asked += _concerned(asked, current)
    moved = elsewhere(current, asked)
    placing = Placing(topology, moved)
    for handover in renewed(current, asked, topology):
        try:
            if handover.id in planned:
                raise HandoverError(
                    "duplicate_handover",
                    f"{handover.id}: {handover.old} {handover.new}",
                    "a plan has one handover of an owner's old address",
                    "Put its sessions or correspondents into one record.",
                )
            planned.add(handover.id)
            _possible(handover, topology, holders, unreachable, placing)
            able.append(handover)
        except HandoverError as error:
            refused.append(Refused(handover, error.code, str(error)))
    while True:
        targets, left_out = target_states(current, able, topology, placing)
        left_out = left_out or list(_unwalkable(able, topology, targets, moved))
        if not left_out:
            break
        refused.extend(left_out)
        gone = {item.handover.id for item in left_out}
        able = [handover for handover in able if handover.id not in gone]
    joint = [name for name, router in topology.routers.items() if platform_named(router.platform).capabilities.joint]
    known = {name: state for name, state in targets.items() if name not in unreachable}
    held = {name: current.get(name, RouterState()) for name in known}
    sending_on = [name for name, router in topology.routers.items() if router.foreign_sources and name not in joint]
    notes = costs(able, topology, moved, held, known, sending_on)
    stages = plan(held, known, joint, drain, sending_on)
    return Planned(tuple(able), tuple(refused), stages, targets, tuple(notes))


def _possible(
    handover: Handover,
    topology: Topology,
    holders: Mapping[str, Set[str]],
    unreachable: Mapping[str, str],
    placing: Placing,
) -> None:
    placed = placing.of(handover)
    for name, entries in placed.items():
        require(platform_named(topology.routers[name].platform), handover, name, entries)
    needed = set(placed) | holders.get(handover.id, set())
    for address in (handover.old, handover.new):
        router = topology.find(address)
        if router is not None:
            needed.add(router.name)
    for name in sorted(needed & set(unreachable)):
        raise HandoverError(
            "router_unreachable",
            f"{name}: {unreachable[name]}",
            "every router of a handover answers before the first one is changed",
            "Repair the router, then run again.",
        )


def _holders(current: Mapping[str, RouterState]) -> Dict[str, Set[str]]:
    """The routers that hold something of a handover, by its id."""
    found: Dict[str, Set[str]] = {}
    for name, state in current.items():
        for entry in state:
            found.setdefault(entry.stamp.handover, set()).add(name)
    return found


def _concerned(handovers: Iterable[Handover], current: Mapping[str, RouterState]) -> List[Handover]:
    """Handovers that stand on the routers, and whose correspondents are those that move now: they change, too."""
    moving: Set[Optional[Address]] = {handover.old for handover in handovers}
    ids = {handover.id for handover in handovers}
    concerned = {
        entry.stamp.handover
        for state in current.values()
        for entry in state
        if isinstance(entry, (Mark, Rewrite)) and moving & {entry.match.source, entry.match.destination}
    } - ids
    return [one for one in standing(current, concerned) if not one.over] if concerned else []


def _unwalkable(
    handovers: Iterable[Handover],
    topology: Topology,
    targets: Mapping[str, RouterState],
    moved: Mapping[Address, Address],
) -> List[Refused]:
    found = []
    for handover in handovers:
        try:
            check(handover, topology, targets, moved)
        except HandoverError as error:
            found.append(Refused(handover, error.code, str(error)))
    return found
