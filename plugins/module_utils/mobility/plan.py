# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one planner: from what the routers hold to what they must hold, in an order that no session notices.

A live session dies when a host sees a wrong address for a moment. So decoders
come first and go last, and encoders change in between, each router's in one
transaction. First programming, refresh, re-point, return, withdrawal, undo and
repair are all the same difference.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Container, Dict, FrozenSet, Iterable, List, Mapping, Optional, Set, Tuple

from .goals import goals
from .in_flight import sent_on
from .model import Address, Entry, Freeze, Key, Mark, Rewrite, RewriteKind, Role, Route, Selector, same
from .router_state import RouterState
from .selector import Bits

__all__ = ["DRAIN", "Phase", "Stage", "Step", "drains_when_undone", "plan", "undo"]

#: Seconds between the last encoder and the first decoder that goes: more than a round trip, so that
#: packets under way are still decoded.
DRAIN = 2.0


class Phase(Enum):
    """What a stage does. A plan's stages come in this order."""

    FREEZE = "freeze"
    DECODE = "decode"
    JOINT = "joint"
    LEAD = "lead"
    CLEAR_SRC = "clear_src"
    ENCODE_DST = "encode_dst"
    ENCODE_SRC = "encode_src"
    RETIRE_JOINT = "retire_joint"
    THAW = "thaw"
    RETIRE = "retire"


#: Before these, packets under way must have passed that what they take away still serves.
_DRAINED = (Phase.RETIRE_JOINT, Phase.RETIRE)


@dataclass(frozen=True)
class Step:
    """One transaction on one router.

    :ivar id: unique in its plan, ``NN-phase-router``.
    :ivar before: the entries it replaces or removes, as they must stand (or be gone) before it.
    :ivar after: the entries that stand after it.
    """

    id: str
    phase: Phase
    router: str
    before: Tuple[Entry, ...]
    after: Tuple[Entry, ...]

    @property
    def removed(self) -> FrozenSet[Key]:
        """Keys that it takes away."""
        return frozenset(entry.key for entry in self.before) - {entry.key for entry in self.after}

    def applied(self, state: RouterState) -> RouterState:
        """The router's state after this step."""
        return state.changed(self.removed, self.after)


@dataclass(frozen=True)
class Stage:
    """Steps that may run at once: one for each router at most. All are acknowledged before the next stage.

    :ivar wait: seconds to let pass after the stage before.
    """

    phase: Phase
    wait: float
    steps: Tuple[Step, ...]


def plan(
    current: Mapping[str, RouterState],
    target: Mapping[str, RouterState],
    joint: Iterable[str] = (),
    drain: float = DRAIN,
    atomic: Container[str] = (),
    sending_on: Container[str] = (),
) -> Tuple[Stage, ...]:
    """The ordered stages that lead from ``current`` to ``target``.

    :param joint: routers whose back end tracks connections or holds both halves of a rewrite in one line:
        they change as a whole while the flows concerned are frozen on them.
    :param drain: seconds, see :data:`DRAIN`.
    :param atomic: joint routers of which each rewrite takes effect with its reverse at once. One of them, whose
        rewrites only come or only go, is changed without a freeze: between the others' decoders and their encoders.
    :param sending_on: routers that send on, for so long, what is under way to a phone that has left them.
    """
    routers = sorted(set(current) | set(target))
    stages: List[Stage] = []
    held = {name: current.get(name, RouterState()) for name in routers}
    for goal in goals(held, target):
        staying = {entry.stamp.handover for state in goal.values() for entry in state}
        pairs = {name: (held[name], goal.get(name, RouterState())) for name in routers}
        whole = [name for name in routers if name in joint and _rewrites(*pairs[name])]
        unfrozen = {name for name in whole if len(whole) == 1 and name in atomic and _one_way(*pairs[name])}
        deltas = {name: _Delta(*pairs[name], name in joint, staying, name in unfrozen) for name in routers}
        for name, encoders in sent_on(held, goal, sending_on).items() if sending_on else ():
            deltas[name].for_a_while(encoders)
        for phase in Phase:
            steps = []
            for name in routers:
                before, after = deltas[name].of(phase)
                if before or after:
                    label = f"{len(stages) + 1:02d}-{phase.value}-{name}"
                    steps.append(Step(label, phase, name, before, after))
            if steps:
                stages.append(Stage(phase, drain if phase in _DRAINED else 0.0, tuple(steps)))
        held = {name: goal.get(name, RouterState()) for name in routers}
    return tuple(stages)


def undo(stages: Iterable[Stage], done: Iterable[str], drain: float = DRAIN) -> Tuple[Stage, ...]:
    """The stages that take back what was done, in the mirrored order.

    :param done: ids of the steps that ran, or may have run.
    """
    ran = frozenset(done)
    back: List[Stage] = []
    for stage in reversed(tuple(stages)):
        steps = tuple(
            Step(f"undo-{step.id}", step.phase, step.router, step.after, step.before)
            for step in stage.steps
            if step.id in ran
        )
        if steps:
            back.append(Stage(stage.phase, drain if drains_when_undone(stage.phase) and back else 0.0, steps))
    return tuple(back)


def drains_when_undone(phase: Phase) -> bool:
    """Whether taking this phase back uncovers addresses under which packets may still be under way."""
    return phase in (Phase.DECODE, Phase.FREEZE, Phase.JOINT)


_Change = Tuple[Optional[Entry], Optional[Entry]]


class _Delta:
    """The changes of one router, sorted into phases."""

    def __init__(
        self, current: RouterState, target: RouterState, joint: bool, staying: Container[str], unfrozen: bool
    ) -> None:
        self._staying = staying
        self._unfrozen = unfrozen
        changes = _differing(current, target)
        self._phases: Dict[Phase, List[_Change]] = {phase: [] for phase in Phase}
        #: The addresses that this router gives back to packets from the network.
        self._decoded: Dict[RewriteKind, Set[Address]] = {kind: set() for kind in RewriteKind}
        for entry in (*current, *target):
            if isinstance(entry, Rewrite):
                self._decoded[entry.kind].add(entry.to)
        self._as_a_whole([pair for pair in changes if joint and not _separable(*pair)], current, target)
        self._in_halves([pair for pair in changes if not joint or _separable(*pair)])

    def of(self, phase: Phase) -> Tuple[Tuple[Entry, ...], Tuple[Entry, ...]]:
        """The entries before and after this phase."""
        changes = self._phases[phase]
        return (
            tuple(before for before, after in changes if before is not None),
            tuple(after for before, after in changes if after is not None),
        )

    def for_a_while(self, encoders: Iterable[Rewrite]) -> None:
        """Have encoders stand from the change of encoders until decoders go."""
        for encoder in encoders:
            self._phases[Phase.ENCODE_DST].append((None, encoder))
            self._phases[Phase.RETIRE].append((encoder, None))

    def _in_halves(self, changes: List[_Change]) -> None:
        # Where both ends moved, one router encodes both. What no longer leads to the other end's new address must not
        # come from this one's: its old place may still hear it.
        redirected = any(before is not None and before.role is Role.ENCODER_DST for before, unused in changes)
        # A route's marks change with it: apart, they would be all that tells of the newer epoch.
        led = {
            after.stamp.handover for before, after in changes if after is not None and _leads_elsewhere(before, after)
        }
        for before, after in changes:
            roles = [entry.role for entry in (before, after) if entry is not None]
            if Role.ENCODER_DST in roles:
                self._phases[Phase.ENCODE_DST].append((before, after))
            elif Role.ENCODER_SRC in roles:
                early = after is None and (redirected or self._meets_decoded(before))
                self._phases[Phase.CLEAR_SRC if early else Phase.ENCODE_SRC].append((before, after))
            elif Role.FREEZE in roles:
                self._phases[Phase.FREEZE if before is None else Phase.THAW].append((before, after))
            elif before is not None and after is None:
                self._retire(before)
            elif before is not None and after is not None and _shortened(before, after):
                self._phases[Phase.RETIRE].append((before, after))
            elif _leads_elsewhere(before, after) or (isinstance(after, Mark) and after.stamp.handover in led):
                # It may lead to a router behind this one, which must know by then what to do with the packets.
                self._phases[Phase.LEAD].append((before, after))
            else:
                self._phases[Phase.DECODE].append((before, after))

    def _meets_decoded(self, encoder: Optional[Entry]) -> bool:
        """Whether an encoder of sources may match what this router has just decoded: both ends moved, through it."""
        if not isinstance(encoder, Rewrite):
            return False
        match, others = encoder.match, self._decoded[RewriteKind.INBOUND_DST] - {encoder.match.source}
        towards = bool(others) if match.destination is None else match.destination in others
        return towards or match.source in self._decoded[RewriteKind.INBOUND_SRC]

    def _retire(self, entry: Entry) -> None:
        last = entry
        if entry.stamp.handover and entry.stamp.handover not in self._staying:
            last = replace(entry, stamp=replace(entry.stamp, ended=True))
        if last != entry:
            self._phases[Phase.DECODE].append((entry, last))
        self._phases[Phase.RETIRE].append((last, None))

    def _as_a_whole(self, changes: List[_Change], current: RouterState, target: RouterState) -> None:
        if not changes:
            return
        if self._unfrozen:
            for before, after in changes:
                self._phases[Phase.RETIRE_JOINT if after is None else Phase.JOINT].append((before, after))
            return
        standing = {entry.key: entry for entry, unused in changes if isinstance(entry, Freeze)}
        thawing: Dict[Key, Freeze] = dict(standing)
        # Frozen before, by a plan that was cut off: a decoder that would be needed may be gone already.
        handled = {match for entry in target if isinstance(entry, Rewrite) for match in (entry.match, entry.image)}
        undecoded = {key for key, entry in thawing.items() if entry.match not in handled}
        # Where both ends moved, packets become what a rewrite matches by another one, which may stay as it is.
        origins: Dict[Selector, Set[Selector]] = {}
        for entry in (*current, *target):
            if isinstance(entry, Rewrite):
                origins.setdefault(entry.image, set()).add(entry.match)
        for before, after in changes:
            if any(isinstance(entry, Freeze) for entry in (before, after)):
                continue
            self._phases[Phase.JOINT].append((before, after))
            for entry in (before, after):
                if isinstance(entry, Rewrite):
                    for match in _leading_to((entry.match, entry.image), origins):
                        # As long as whatever it is for: should nobody come to thaw, other routers go on that long.
                        frozen = Freeze(match, entry.stamp)
                        known = thawing.setdefault(frozen.key, frozen)
                        if known.stamp.expires < frozen.stamp.expires:
                            thawing[frozen.key] = frozen
            if isinstance(before, Rewrite) and before.role is Role.DECODER:
                undecoded.add(Freeze(before.match, before.stamp).key)
        # Where a decoder went, packets under way meet the freeze in its place until they have drained.
        for key, entry in thawing.items():
            if entry is not standing.get(key):
                self._phases[Phase.FREEZE].append((standing.get(key), entry))
            self._phases[Phase.RETIRE if key in undecoded else Phase.THAW].append((entry, None))


def _leading_to(matches: Iterable[Selector], origins: Mapping[Selector, Iterable[Selector]]) -> List[Selector]:
    """These selectors, and those of the packets that a router's rewrites make such ones of."""
    found = list(matches)
    for match in found:  # which grows
        found += [origin for origin in sorted(origins.get(match, ()), key=_bits) if origin not in found]
    return found


def _differing(current: RouterState, target: RouterState) -> List[_Change]:
    """What comes, goes, or is replaced, in a stable order."""
    held, wanted = current.entries, target.entries
    changes: List[_Change] = [(entry, wanted.get(key)) for key, entry in held.items()]
    changes += [(None, entry) for key, entry in wanted.items() if key not in held]
    return sorted((pair for pair in changes if not same(*pair)), key=_rank)


def _rank(change: _Change) -> Key:
    before, after = change
    entry = after if before is None else before
    return () if entry is None else entry.rank


def _bits(match: Selector) -> Bits:
    return match.bits


def _rewrites(current: RouterState, target: RouterState) -> List[_Change]:
    """The rewrites that come, go, or are replaced."""
    return [
        pair
        for pair in _differing(current, target)
        if isinstance(pair[0] or pair[1], Rewrite) and not _only_restamped(*pair)
    ]


def _one_way(current: RouterState, target: RouterState) -> bool:
    """Whether rewrites only come or only go, and nothing is frozen."""
    changes = _rewrites(current, target)
    sides = {after is None for unused, after in changes} | {before is not None for before, unused in changes}
    return len(sides) == 1 and not any(isinstance(entry, Freeze) for entry in (*current, *target))


def _only_restamped(before: Optional[Entry], after: Optional[Entry]) -> bool:
    """Whether nothing but the stamp changes: no packet is treated otherwise than before."""
    return before is not None and after is not None and replace(before, stamp=after.stamp) == after


def _separable(before: Optional[Entry], after: Optional[Entry]) -> bool:
    """Whether a joint router, too, may change this by itself: marks and routes that go, which packets still need."""
    going = before is not None and after is None and before.role is Role.SUPPORT
    return going or _leads_elsewhere(before, after) or _only_restamped(before, after)


def _leads_elsewhere(before: Optional[Entry], after: Optional[Entry]) -> bool:
    """Whether a route changes that packets find."""
    return isinstance(before, Route) and after is not None and not _only_restamped(before, after)


def _shortened(before: Entry, after: Entry) -> bool:
    """Whether only the lifetime changes, to an earlier end: then the encoders must learn it first."""
    unchanged = replace(after, stamp=before.stamp) == before
    return unchanged and after.stamp.expires < before.stamp.expires and not before.stamp.ended
