# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, as tables, and of each aim whether it was met."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

from .crowd import Burst, Growth, percentile
from .moves import Found

__all__ = ["Table"]

#: The aims: seconds, and ratios.
_SSH_MEDIAN, _SSH_P99, _FASTER, _LOCAL, _BURST_P99 = 0.020, 0.050, 100.0, 3.0, 1.0
#: How much more memory as many moves again may take, in parts of what there was.
_FLAT = 0.05


@dataclass
class _Row:
    title: str
    found: Found
    loads: list[float]


@dataclass
class Table:
    """Rows come as they are measured."""

    rows: dict[str, _Row] = field(default_factory=dict)
    burst: Burst | None = None
    growth: list[Growth] = field(default_factory=list)

    def add(self, name: str, title: str, found: Found) -> None:
        """What was found of one way; a second time of the same adds to the first."""
        row = self.rows.setdefault(name, _Row(title, Found.nothing(), []))
        row.found.shown += found.shown
        row.found.acknowledged += found.acknowledged
        for part, seconds in found.parts.items():
            row.found.parts.setdefault(part, []).extend(seconds)
        row.loads.append(os.getloadavg()[0])

    def lines(self) -> Iterator[str]:
        """The tables."""
        yield f"Python {sys.version.split()[0]}, {os.cpu_count()} processors"
        yield from self._shown()
        yield from self._acknowledged()
        if self.burst is not None:
            yield from ("", str(self.burst))
        if self.growth:
            yield from ("", *Growth.rows(self.growth))
        yield from ("", *self._aims())

    def _shown(self) -> Iterator[str]:
        if not self.rows:
            return
        yield "\nFrom the first REGISTER to a real Kamailio until both routers show the move when they are read.\n"
        yield f"{'':<34}{'moves':>6}{'median ms':>11}{'p99 ms':>9}{'x floor':>9}{'p99':>7}{'rulebook':>10}{'load':>6}"
        for row in self.rows.values():
            shown = row.found.shown
            cells = f"{len(shown):>6}{median(shown) * 1000:>11.1f}{percentile(shown, 99) * 1000:>9.1f}"
            cells += f"{_ratio(shown, self._of('floor'), 50):>9}{_ratio(shown, self._of('floor'), 99):>7}"
            cells += f"{_ratio(self._of('rulebook'), shown, 50):>10}{max(row.loads):>6.1f}"
            yield f"{row.title:<34}{cells}"
        yield "\nx floor: of medians, and of p99. rulebook: how many times as long ansible-rulebook takes."

    def _acknowledged(self) -> Iterator[str]:
        told = [row for row in self.rows.values() if row.found.acknowledged]
        if not told:
            return
        yield "\nOf that, from the event to the last router's acknowledgement; and what it consists of (medians).\n"
        yield f"{'':<34}{'median ms':>11}{'p99 ms':>9}{'x floor':>9}   parts, ms"
        floor = self._acknowledged_of("floor")
        for row in told:
            seconds = row.found.acknowledged
            parts = ", ".join(f"{part} {median(found) * 1000:.1f}" for part, found in row.found.parts.items())
            cells = (
                f"{median(seconds) * 1000:>11.1f}{percentile(seconds, 99) * 1000:>9.1f}{_ratio(seconds, floor, 50):>9}"
            )
            yield f"{row.title:<34}{cells}   {parts}".rstrip()

    def _aims(self) -> Iterator[str]:
        """Each, as far as it was measured."""
        ssh, local, floor = self._of("ssh"), self._of("local"), self._of("floor")
        if ssh:
            at, last = median(ssh), percentile(ssh, 99)
            text = f"over SSH {at * 1000:.1f} ms median, {last * 1000:.1f} ms p99 (aim 20 and 50 on a quiet machine)"
            yield _met(at <= _SSH_MEDIAN and last <= _SSH_P99, text)
        if ssh and self._of("rulebook"):
            faster = median(self._of("rulebook")) / median(ssh)
            yield _met(faster >= _FASTER, f"{faster:.0f} times faster than ansible-rulebook (aim {_FASTER:.0f})")
        if local and floor:
            times = median(local) / median(floor)
            own = median(self._acknowledged_of("local")) / median(self._acknowledged_of("floor"))
            text = f"on this machine {times:.2f} times the floor (aim {_LOCAL:.0f})"
            yield _met(times <= _LOCAL, text)
            yield _met(own <= _LOCAL, f"the same without the SIP server: {own:.2f} times (aim {_LOCAL:.0f})")
        if self.burst is not None:
            last = percentile(self.burst.seconds, 99)
            text = f"{self.burst.moves} moves within one second: p99 {last * 1000:.0f} ms, {self.burst.lost} lost"
            yield _met(last < _BURST_P99 and not self.burst.lost, f"{text} (aim 1000, 0)")
        if self.growth:
            (full, after), end = Growth.when_full(self.growth), self.growth[-1]
            more = end.resident / after.resident - 1
            text = (
                f"{full.live} live handovers take {full.resident / 2**20:.0f} MiB, {after.resident / 2**20:.0f} once "
            )
            text += f"{after.moves - full.moves} have moved again, and {more:+.1%} after {end.moves - after.moves} more"
            yield _met(more <= _FLAT, f"{text} (aim flat: {_FLAT:.0%})")

    def _of(self, name: str) -> list[float]:
        return self.rows[name].found.shown if name in self.rows else []

    def _acknowledged_of(self, name: str) -> list[float]:
        return self.rows[name].found.acknowledged if name in self.rows else []


def _ratio(these: list[float], those: list[float], part: int) -> str:
    if not these or not those:
        return "-"
    return f"{percentile(these, part) / percentile(those, part):.1f}"


def _met(met: bool, text: str) -> str:
    return f"{'met   ' if met else 'MISSED'}  {text}"
