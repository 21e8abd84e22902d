# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make bench-dataplane``: figures and ratios of routers and of programming them. It prints; it never fails on a time.

Usage: python -m tests.bench.dataplane [forwarding] [one-more] [looks] [many]     (all, when none is named)

Needs root: routers are private namespaces. BENCH_PAIRS is the number of pairs in one run (10000), BENCH_ROUNDS the
number of rounds (9).
"""

from __future__ import annotations

import os
import sys

from .forwarding import measure_forwarding
from .many import measure_many
from .one_more import measure_looks, measure_one_more


def main(arguments: list[str]) -> int:
    """Run the parts that are named."""
    numbers = {name: os.environ.get(name, usual) for name, usual in (("BENCH_PAIRS", "10000"), ("BENCH_ROUNDS", "9"))}
    for name, text in numbers.items():
        if not text.isdecimal() or not 1 <= int(text) <= 30_000:
            print(f"bench-dataplane: {name} is a number from 1 to 30000, not {text}", file=sys.stderr)
            return 2
    rounds = int(numbers["BENCH_ROUNDS"])
    parts = {
        "forwarding": lambda: measure_forwarding(rounds),
        "one-more": lambda: measure_one_more(rounds),
        "looks": lambda: measure_looks(rounds),
        "many": lambda: measure_many(int(numbers["BENCH_PAIRS"])),
    }
    unknown = set(arguments) - set(parts)
    if unknown:
        print(__doc__, file=sys.stderr)
        return 2
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n", flush=True)
    for name in arguments or parts:
        parts[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
