# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the time of some work grows with its size: the same verdict on a slow machine and on a busy one."""

from __future__ import annotations

import time
from collections.abc import Callable

#: How many times the small work the large one is.
TIMES = 8
#: What the large work may take at most, in times of the small one: linear work takes 8, quadratic work 64.
LINEAR = 24.0

_ATTEMPTS = 5
#: CPU seconds that are never too long: in less than that, what else a machine does is as long as the work.
_FLOOR = 0.05
#: CPU seconds after which a work that has failed once is not repeated: it could go on for minutes.
_LONG = 10.0


def growth(small: Callable[[], object], large: Callable[[], object], most: float = LINEAR) -> float:
    """How many times the CPU seconds of the small work the large work takes; 0 for what takes none to speak of.

    Other load only ever adds to a measurement. So each work counts with its least one, and what seems to be
    ``most`` or more is measured again.
    """
    least_small = least_large = float("inf")
    found = most
    for _attempt in range(_ATTEMPTS):
        # Three times: a small work that seemed long, as the first one may, would hide the growth.
        least_small = min(least_small, *(_seconds(small) for _n in range(3)))
        least_large = min(least_large, _seconds(large))
        found = max(0.0, least_large - _FLOOR) / max(least_small, 1e-6)
        if found < most or least_large > _LONG:
            break
    return found


def _seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin
