# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From handovers to a plan that its routers can hold and that was walked before it is sent.

The one place where every skin (playbook, command line, agent) makes its plans.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import (
    Callable,
    Container,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Set,
    Tuple,
    TypeVar,
)

from .errors import HandoverError
from .mobility.both_moved import BothMoved
from .mobility.confirming import Confirming, confirming
from .mobility.costs import Note, costs
from .mobility.handover import Handover
from .mobility.model import Address, Entry, Mark, Rewrite, RewriteKind
from .mobility.placing import Placing
from .mobility.plan import DRAIN, plan
from .mobility.proof import check
from .mobility.recover import standing
from .mobility.router_state import RouterState
from .mobility.step import Phase, Stage
from .mobility.target import Refused, elsewhere, renewed, target_states
from .mobility.topology import Topology
from .platforms.base import require
from .platforms.registry import platform_named
from .reader import time_to_text
from .widening import widened

__all__ = ["Planned", "in_turn", "make_plan"]


_Result = TypeVar("_Result")


def in_turn(work: Callable[[], _Result]) -> Callable[[], _Result]:
    """What waits for the result of work: done when it is waited for."""
    return work


@dataclass(frozen=True)
class Planned:
    """A plan, and what it leads to.

    :ivar handovers: those that the plan carries out, with their epochs.
    :ivar refused: those that were left out, each with code and reason.
    :ivar stages: what to do, in order.
    :ivar targets: what each router holds in the end.
    :ivar notes: what was given up, what the plan costs those whom it serves, and what does not end by itself.
    :ivar holders: the routers that can hold encoders unconfirmed.
    """

    handovers: Tuple[Handover, ...]
    refused: Tuple[Refused, ...]
    stages: Tuple[Stage, ...]
    targets: Dict[str, RouterState] = field(repr=False)
    notes: Tuple[Note, ...] = ()
    holders: FrozenSet[str] = frozenset()

    @property
    def confirming(self) -> Tuple[Confirming, ...]:
        """For each stage, who holds and who confirms."""
        return confirming(self.stages, self.holders)


def make_plan(
    handovers: Iterable[Handover],
    topology: Topology,
    current: Mapping[str, RouterState],
    unreachable: Mapping[str, str] = MappingProxyType({}),
    drain: float = DRAIN,
    widen: bool = False,
    freeze: bool = True,
    beside: Callable[[Callable[[], List[Refused]]], Callable[[], List[Refused]]] = in_turn,
) -> Planned:
    """Plan handovers together. A bad one is refused with its reason and does not hold up the others.

    :param current: what the routers hold now, by name.
    :param unreachable: routers whose state is not known, and why.
    :param drain: seconds between the last encoder and the first decoder that goes.
    :param widen: where routers cannot express what is asked, plan what all of them can, and note what was given up.
    :param freeze: whether flows may be dropped while routers that rewrite both ways at once change; else handovers that
        need it are refused.
    :param beside: begins work, and returns what waits for its result: packets of thousands of sessions may be walked
        by another process than the one that orders the steps.
    """
    refused: List[Refused] = []
    able: List[Handover] = []
    held_by = _by_handover(current) if unreachable else {}
    planned: Set[str] = set()
    asked = list(handovers)
    asked += _concerned(asked, current, topology)
    moved = elsewhere(current, asked, topology)
    notes: List[Note] = []
    if widen:
        ways = [widened(handover, topology, moved) for handover in asked]
        asked = [way for way, _note in ways]
        notes = [note for _way, note in ways if note is not None]
    placing = Placing(topology, moved)
    both_moved = BothMoved(asked, current, topology, moved)
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
            both_moved.require(handover)
            _possible(handover, topology, held_by.get(handover.id, {}), unreachable, placing, moved)
            able.append(handover)
        except HandoverError as error:
            refused.append(Refused(handover, error.code, str(error)))
    able_to = {name: platform_named(router.platform).capabilities for name, router in topology.routers.items()}
    joint = {name for name, can in able_to.items() if can.joint}
    atomic = {name for name, can in able_to.items() if can.atomic}
    by_side = {name for name, can in able_to.items() if can.by_side}
    unfrozen = {name for name, can in able_to.items() if not (freeze and can.freezes)}
    sending_on = [name for name, router in topology.routers.items() if router.foreign_sources and name not in joint]
    while True:
        targets, left_out = target_states(current, able, topology, placing)
        left_out += _rivals(left_out, able)
        left_out = left_out or list(_unholdable(able, topology, targets))
        stages: Tuple[Stage, ...] = ()
        if not left_out:
            walked = beside(partial(_unwalkable, able, topology, targets, moved, by_side))
            known = {name: state for name, state in targets.items() if name not in unreachable}
            held = {name: current.get(name, RouterState()) for name in known}
            stages = plan(held, known, joint, drain, atomic, sending_on)
            left_out = walked() or list(_frozen(able, stages, unfrozen))
        if not left_out:
            break
        refused.extend(left_out)
        gone = {item.handover.id for item in left_out}
        able = [handover for handover in able if handover.id not in gone]
    planned_ids = {handover.id for handover in able}
    notes = [note for note in notes if note.handover in planned_ids]
    notes += _lasting(able, {name for name, can in able_to.items() if not can.expires}, targets)
    notes += costs(able, topology, moved, held, known, sending_on)
    confirm = frozenset(name for name, can in able_to.items() if can.confirms)
    return Planned(tuple(able), tuple(refused), stages, targets, tuple(notes), confirm)


def _possible(
    handover: Handover,
    topology: Topology,
    held: Mapping[str, List[Entry]],
    unreachable: Mapping[str, str],
    placing: Placing,
    moved: Mapping[Address, Address],
) -> None:
    """:param held: what each router that answers holds of the handover."""
    placed = placing.of(handover)
    for name, entries in placed.items():
        require(platform_named(topology.routers[name].platform), handover, name, entries)
    if not unreachable:
        return
    needed = set(placed) | set(held)
    for name, entries in held.items():
        stays = {entry.key for entry in placed.get(name, ())}
        needed.update(*(_senders(entry, topology, moved) for entry in entries if entry.key not in stays))
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


def _senders(entry: Entry, topology: Topology, moved: Mapping[Address, Address]) -> Tuple[str, ...]:
    """The routers that may send what a mobile node's router decodes: they must have ceased before the decoder goes.

    The other way round, it is the mobile node that sends, and it is no longer there.
    """
    if not isinstance(entry, Rewrite) or entry.kind is not RewriteKind.INBOUND_DST or entry.match.source is None:
        return ()
    peer = entry.match.source
    return (*topology.place(peer).names, *topology.place(moved.get(peer, peer)).names)


def _by_handover(current: Mapping[str, RouterState]) -> Dict[str, Dict[str, List[Entry]]]:
    """What routers hold of each handover, by its id and their names."""
    found: Dict[str, Dict[str, List[Entry]]] = {}
    for name, state in current.items():
        for entry in state:
            found.setdefault(entry.stamp.handover, {}).setdefault(name, []).append(entry)
    return found


def _concerned(handovers: Iterable[Handover], current: Mapping[str, RouterState], topology: Topology) -> List[Handover]:
    """Handovers that stand on the routers, and whose correspondents are those that move now: they change, too."""
    moving: Set[Optional[Address]] = {handover.old for handover in handovers}
    ids = {handover.id for handover in handovers}
    concerned = {
        entry.stamp.handover
        for state in current.values()
        for entry in state
        if isinstance(entry, (Mark, Rewrite)) and moving & {entry.match.source, entry.match.destination}
    } - ids
    found = standing(current, concerned, topology, handovers) if concerned else []
    return [one for one in found if not one.over and moving.intersection(one.peers)]


def _rivals(refused: Iterable[Refused], able: Iterable[Handover]) -> List[Refused]:
    """Those whose sessions cannot be told from one of the refused: alone they would get its packets."""
    why = {item.rival: item for item in refused if item.rival}
    left_out = {item.handover.id for item in why.values()}
    return [
        Refused(handover, why[handover.id].code, why[handover.id].reason)
        for handover in able
        if handover.id in why and handover.id not in left_out
    ]


def _unwalkable(
    handovers: Iterable[Handover],
    topology: Topology,
    targets: Mapping[str, RouterState],
    moved: Mapping[Address, Address],
    by_side: Container[str],
) -> List[Refused]:
    found = []
    for handover in handovers:
        try:
            check(handover, topology, targets, moved, by_side)
        except HandoverError as error:
            found.append(Refused(handover, error.code, str(error)))
    return found


def _unholdable(able: Iterable[Handover], topology: Topology, targets: Mapping[str, RouterState]) -> Iterator[Refused]:
    """The last of these handovers that a router cannot hold beside what else it has; the others are asked again."""
    found: Dict[str, HandoverError] = {}
    for name, state in targets.items():
        for entry, error in platform_named(topology.routers[name].platform).objections(state).items():
            told = HandoverError(error.code, f"{name}: {error.subject}", error.rule, error.advice)
            found.setdefault(entry.stamp.handover, told)
    last = [handover for handover in able if handover.id in found][-1:]
    for handover in last:
        yield Refused(handover, found[handover.id].code, str(found[handover.id]))


def _frozen(able: Iterable[Handover], stages: Iterable[Stage], unfrozen: Container[str]) -> Iterator[Refused]:
    """The handovers for which flows would be dropped meanwhile where that is not wanted, or cannot be had."""
    routers: Dict[str, Set[str]] = {}
    for stage in stages:
        if stage.phase is Phase.FREEZE:
            for step in stage.steps:
                for entry in step.after:
                    routers.setdefault(entry.stamp.handover, set()).add(step.router)
    for handover in able:
        names = sorted(routers.get(handover.id, ()))
        if any(name in unfrozen for name in names):
            error = HandoverError(
                "needs_freeze",
                f"{handover.id} on {', '.join(names)}",
                "without a freeze one router at most rewrites both ways at once, and its rewrites only come or only go",
                "Use another platform on one of the routers, or let handover_freeze be true where the routers can drop "
                "a flow's packets meanwhile (ietf_netconf_plain, nxos and eos cannot).",
            )
            yield Refused(handover, error.code, str(error))


def _lasting(able: Iterable[Handover], without: Set[str], targets: Mapping[str, RouterState]) -> Iterator[Note]:
    """What its routers will not forget by themselves."""
    holders = _by_handover({name: targets[name] for name in without & set(targets)})
    for handover in able:
        names = holders.get(handover.id)
        if names and not handover.over:
            text = (
                f"{', '.join(sorted(names))} will not forget it by itself: after {time_to_text(handover.expires)} "
                "withdraw.yml or reconcile.yml takes it away"
            )
            yield Note(handover.id, "no_expiry", text)
