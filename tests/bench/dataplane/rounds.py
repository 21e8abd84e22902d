# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rounds within a time that is bounded, whatever else the machine does."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator

__all__ = ["Clock", "Rounds", "told"]


class Clock:
    """Seconds since it was made, and seconds that processors worked for it: in this process and those that ended."""

    def __init__(self) -> None:
        self._began = time.perf_counter(), _processors()

    def read(self) -> tuple[float, float]:
        """Both until now."""
        return time.perf_counter() - self._began[0], _processors() - self._began[1]


def _processors() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


class Rounds:
    """At most ``most`` rounds, and none begun when so many seconds are over; one in any case.

    :ivar done: how many there were.
    """

    def __init__(self, what: str, most: int, seconds: float) -> None:
        self._what = what
        self._most = most
        self._until = time.monotonic() + seconds
        self.done = 0

    def __iter__(self) -> Iterator[int]:
        while self.done < self._most and (self.done == 0 or time.monotonic() < self._until):
            told(f"{self._what}, round {self.done + 1} of {self._most} at most")
            self.done += 1
            yield self.done - 1


_BEGAN = time.monotonic()


def told(what: str) -> None:
    """Say what is going on; figures come at the end."""
    minutes, seconds = divmod(int(time.monotonic() - _BEGAN), 60)
    print(f"bench-dataplane {minutes:2}:{seconds:02} {what}", file=sys.stderr, flush=True)
