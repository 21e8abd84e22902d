# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a packet under way can meet while routers change, or while their entries expire.

Time is a row of slots. A slot is either quiet, or the routers of one stage change in it, in any order. A packet that
meets its first router in one slot meets the others in the same or in later ones, as far as it lives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Stage

__all__ = ["LIFE", "Span", "States", "Timeline", "expiring", "running"]

States = Mapping[str, RouterState]

#: Seconds after which a packet has arrived, or never does.
LIFE = 2.0


@dataclass(frozen=True)
class Span:
    """A state of one router, and the first and the last slot in which a packet can meet it."""

    state: RouterState
    first: int
    last: int


@dataclass(frozen=True)
class Timeline:
    """The spans of each router, in order; for each slot, the last one that a packet born in it can see."""

    spans: Mapping[str, Sequence[Span]]
    lives: Sequence[int]

    @property
    def before(self) -> States:
        return {name: spans[0].state for name, spans in self.spans.items()}

    @property
    def after(self) -> States:
        return {name: spans[-1].state for name, spans in self.spans.items()}

    def births(self) -> Iterable[tuple[int, int, int]]:
        """Rows of slots, first and last, whose packets live equally long, and until when."""
        start = 0
        for slot in range(1, len(self.lives) + 1):
            if slot == len(self.lives) or self.lives[slot] != self.lives[start]:
                yield start, slot - 1, self.lives[start]
                start = slot


def running(current: States, stages: Sequence[Stage]) -> Timeline:
    """While these stages run: each waits as it says, then its steps end in any order, all of them before the next."""
    opened = {name: (state, 0) for name, state in current.items()}
    spans: dict[str, list[Span]] = {name: [] for name in current}
    slot, drained = 0, []
    for stage in stages:
        if stage.wait >= LIFE:
            slot += 1
            drained.append(slot)
        slot += 1
        for step in stage.steps:
            state, first = opened[step.router]
            spans[step.router].append(Span(state, first, slot))
            opened[step.router] = (step.applied(state), slot)
    last = slot + 1
    for name, (state, first) in opened.items():
        spans[name].append(Span(state, first, last))
    return Timeline(spans, [min([quiet for quiet in drained if quiet > at], default=last) for at in range(last + 1)])


def expiring(current: States, ahead: Mapping[str, int]) -> Timeline:
    """While everything expires, and nobody does anything.

    :param ahead: seconds by which a router's clock is ahead of the true time.
    """
    ends = {entry.stamp.expires - ahead.get(name, 0) for name, state in current.items() for entry in state}
    instants = sorted(ends)
    spans = {name: list(_while_expiring(state, ahead.get(name, 0), instants)) for name, state in current.items()}
    slots = len(instants) + 1
    lives = []
    for slot in range(slots):
        # A packet born just before the slot's end.
        lives.append(
            max(
                (later for later in range(slot + 1, slots) if instants[later - 1] < instants[slot] + LIFE), default=slot
            )
            if slot < slots - 1
            else slot
        )
    return Timeline(spans, lives)


def _while_expiring(state: RouterState, ahead: int, instants: Sequence[int]) -> Iterable[Span]:
    first, held = 0, state
    for slot, instant in enumerate(instants, start=1):
        left = held.live(instant + ahead)
        if len(left) != len(held):
            yield Span(held, first, slot - 1)
            first, held = slot, left
    yield Span(held, first, len(instants))
