# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make bench-sip``: figures and ratios of the reading side. It prints; it never fails on a time.

Usage: python -m tests.bench.sip PYTHON     where PYTHON has the peers of tests/bench/requirements.txt

BENCH_LOG_MIB is the size of the log (1024).
"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.bench.sip.log_time import measure


def main(arguments: list[str]) -> int:
    """Run both parts."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    size = os.environ.get("BENCH_LOG_MIB", "1024")
    if not size.isdecimal() or not 1 <= int(size) <= 65536:
        print(f"bench-sip: BENCH_LOG_MIB is a number of MiB from 1 to 65536, not {size}", file=sys.stderr)
        return 2
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n", flush=True)
    status = subprocess.run([arguments[0], "-m", "tests.bench.sip.race"], check=False).returncode
    print(flush=True)
    measure(int(size))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
