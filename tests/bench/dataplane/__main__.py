# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make bench-dataplane``: figures and ratios of routers and of programming them. It prints; it never fails on a time.

Usage: python -m tests.bench.dataplane [forwarding] [one-more] [looks] [many]     (all, when none is named)

Needs root: routers are private namespaces. BENCH_PAIRS is the number of pairs in one run (10000), BENCH_ROUNDS the
largest number of rounds (9), BENCH_MINUTES about how long it may take (12): on a busy machine there are fewer rounds.
"""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack

from .figures import verdicts
from .forwarding import measure_forwarding
from .many import measure_many
from .one_more import Routers, measure_looks, measure_one_more

#: Most of each number.
_LIMITS = {"BENCH_PAIRS": ("10000", 30_000), "BENCH_ROUNDS": ("9", 1_000), "BENCH_MINUTES": ("12", 600)}


def main(arguments: list[str]) -> int:
    """Run the parts that are named."""
    numbers = {}
    for name, (usual, most) in _LIMITS.items():
        text = os.environ.get(name, usual)
        if not text.isdecimal() or not 1 <= int(text) <= most:
            print(f"bench-dataplane: {name} is a number from 1 to {most}, not {text}", file=sys.stderr)
            return 2
        numbers[name] = int(text)
    rounds, seconds = numbers["BENCH_ROUNDS"], numbers["BENCH_MINUTES"] * 60
    with ExitStack() as stack:
        routers = Routers(stack)
        parts = {
            "forwarding": lambda: measure_forwarding(rounds, seconds * 0.25),
            "one-more": lambda: measure_one_more(routers, rounds, seconds * 0.1),
            "looks": lambda: measure_looks(routers, rounds, seconds * 0.1),
            "many": lambda: measure_many(numbers["BENCH_PAIRS"], rounds, seconds * 0.15),
        }
        if set(arguments) - set(parts):
            print(__doc__, file=sys.stderr)
            return 2
        before = os.getloadavg()[0]
        figures = [parts[name]() for name in arguments or parts]
    load = f"load {before:.1f} before, {os.getloadavg()[0]:.1f} after"
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, {load}\n")
    print("\n".join([*(part.table for part in figures), verdicts(figures)]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
