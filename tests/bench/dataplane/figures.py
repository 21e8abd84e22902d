# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of rounds that take turns, and whether an aim is met."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Aim", "Part", "Ratio", "verdicts"]


@dataclass(frozen=True)
class Ratio:
    """One thing beside another, round by round: what disturbs a round disturbs both."""

    middle: float
    low: float
    high: float
    best: float

    @classmethod
    def of(cls, these: Sequence[float], those: Sequence[float], *, best: float) -> Ratio:
        """:param best: the ratio of the least disturbed of each."""
        by_round = sorted(one / other for one, other in zip(these, those, strict=True))
        low, _middle, high = statistics.quantiles(by_round, n=4) if len(by_round) > 1 else by_round * 3
        return cls(statistics.median(by_round), low, high, best)


@dataclass(frozen=True)
class Aim:
    """What is asked for, and what was measured.

    :ivar limit: the most that is asked for, in ``unit``.
    :ivar spread: the middle half of what was measured; the verdict is uncertain where the limit lies within.
    """

    what: str
    measured: float
    limit: float
    unit: str
    spread: tuple[float, float]

    def __str__(self) -> str:
        low, high = self.spread
        verdict = "met" if self.measured <= self.limit else "MISSED"
        doubt = " (within the spread of the rounds)" if low <= self.limit < high else ""
        measured = f"{self.measured:.2f} ({low:.2f} to {high:.2f}){self.unit}"
        return f"{verdict:7} {self.what}: {measured}, aim at most {self.limit:g}{self.unit}{doubt}"


@dataclass(frozen=True)
class Part:
    """What a part of the benchmark prints."""

    table: str
    aims: tuple[Aim, ...] = ()


def verdicts(parts: Sequence[Part]) -> str:
    """The aims of all parts, each with its verdict; medians, and in brackets the middle half of the rounds."""
    aims = [str(aim) for part in parts for aim in part.aims]
    return "\n".join(["Aims:", *aims]) + "\n" if aims else ""
