# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rounds within a time that is bounded, whatever else the machine does."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

__all__ = ["Rounds", "told"]


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


def told(what: str) -> None:
    """Say what is going on; figures come at the end."""
    print(f"bench-dataplane: {what}", file=sys.stderr, flush=True)
