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

from typing import Container, Iterable, List, Mapping, Tuple

from .delta import Delta, one_way, rewriting
from .goals import goals
from .in_flight import sent_on
from .router_state import RouterState
from .step import Phase, Stage, Step, drains_when_undone

__all__ = ["DRAIN", "plan", "undo"]

#: Seconds between the last encoder and the first decoder that goes: more than a round trip, so that
#: packets under way are still decoded.
DRAIN = 2.0
#: Before these, packets under way must have passed that what they take away still serves.
_DRAINED = (Phase.RETIRE_JOINT, Phase.RETIRE)


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
        whole = [name for name in routers if name in joint and rewriting(*pairs[name])]
        unfrozen = {name for name in whole if len(whole) == 1 and name in atomic and one_way(*pairs[name])}
        deltas = {name: Delta(*pairs[name], name in joint, staying, name in unfrozen) for name in routers}
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

    Where one could not be taken back on every router, those stay that :func:`.step.stands_with` tells.

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
