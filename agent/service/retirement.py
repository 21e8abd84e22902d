# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decoders that go later: packets under way need them for some seconds, and the next handover must not wait for that.

A plan's last stage is not awaited but kept here. A new plan for the same handover, made from what the routers hold,
takes what is left of the old one with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...plugins.module_utils.mobility.model import Entry
from ...plugins.module_utils.mobility.step import Phase, Stage, Step

__all__ = ["Retirement", "split"]

_Going = dict[str, tuple[list[Entry], list[Entry]]]


def split(stages: tuple[Stage, ...]) -> tuple[tuple[Stage, ...], Stage | None]:
    """The stages to carry out at once, and the last one where that may wait."""
    if stages and stages[-1].phase is Phase.RETIRE:
        return stages[:-1], stages[-1]
    return stages, None


class Retirement:
    """What goes from the routers, by handover, and when."""

    def __init__(self) -> None:
        self._held: dict[str, _Waiting] = {}

    def __len__(self) -> int:
        return len(self._held)

    @property
    def handovers(self) -> tuple[str, ...]:
        """The ids of those that something goes of."""
        return tuple(self._held)

    @property
    def due(self) -> float | None:
        """When the next ones go, on the monotonic clock."""
        return min((waiting.due for waiting in self._held.values()), default=None)

    def put(self, stage: Stage, due: float) -> None:
        """Keep a stage.

        :param due: on the monotonic clock.
        """
        found: dict[str, _Waiting] = {}
        for step in stage.steps:
            for entries, side in ((step.before, 0), (step.after, 1)):
                for entry in entries:
                    waiting = found.setdefault(entry.stamp.handover, _Waiting(due, {}))
                    waiting.going.setdefault(step.router, ([], []))[side].append(entry)
        self._held.update(found)

    def drop(self, handovers: Iterable[str]) -> Retirement:
        """A new plan sees to these; what was kept of them."""
        dropped = Retirement()
        for identity in handovers:
            if identity in self._held:
                dropped._held[identity] = self._held.pop(identity)
        return dropped

    def restore(self, dropped: Retirement) -> None:
        """That plan came to nothing."""
        self._held.update(dropped._held)

    def take(self, now: float, number: int) -> Stage | None:
        """What is due, as one stage; None where nothing is."""
        due = [identity for identity, waiting in self._held.items() if waiting.due <= now]
        together: _Going = {}
        for identity in due:
            for router, (before, after) in self._held.pop(identity).going.items():
                held = together.setdefault(router, ([], []))
                held[0].extend(before)
                held[1].extend(after)
        steps = tuple(
            Step(f"{number:02d}-retire-{router}", Phase.RETIRE, router, tuple(before), tuple(after))
            for router, (before, after) in sorted(together.items())
        )
        return Stage(Phase.RETIRE, 0.0, steps) if steps else None


@dataclass
class _Waiting:
    due: float
    going: _Going
