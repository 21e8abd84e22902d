# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process is told that has one thing to do: serve, for months, and let no move wait."""

from __future__ import annotations

import gc
import sys

__all__ = ["serve_evenly", "settled"]


def serve_evenly() -> None:
    """Have the threads of this process take turns every half a millisecond.

    In a burst judge and planner have work all the time. The event loop has little, each stage of a batch waits for it
    several times, and each time it would wait for the others' turns to end: 5 ms, as Python has it by itself.
    """
    sys.setswitchinterval(0.0005)
    gc.set_threshold(10_000, 10, 10)


def settled() -> None:
    """What is there by now stays: it is not searched for garbage again and again, while everybody waits."""
    gc.collect()
    gc.freeze()
