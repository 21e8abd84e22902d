# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A big Kamailio log: our time as a ratio to ``grep -c REGISTER`` on it, and how much memory we take."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.sip.kamailio_log import EVERY, write_log

__all__ = ["measure"]

_ROOT = Path(__file__).resolve().parents[3]
_ROUNDS = 5
_COMMAND = (
    sys.executable,
    "-c",
    "import sys; from ansible_collections.sipmobility.handover.agent.cli import main; sys.exit(main())",
    "pairs",
    "--format",
    "kamailio",
    "--policy",
    "none",
    "--json",
)


@dataclass(frozen=True)
class _Run:
    """One child process: seconds by the clock, and its largest resident set."""

    seconds: float
    peak_mib: float


def measure(size_mib: int) -> None:
    """Make the log, run both commands on it in turns, print."""
    log = _ROOT / ".build" / "bench" / "kamailio.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    _say(f"writing {log.relative_to(_ROOT)}, {size_mib} MiB")
    registrations = write_log(log, size_mib << 20)
    try:
        _run(("grep", "-c", "REGISTER", str(log)))  # the file is in memory from here on, for both
        ours, grep = [], []
        for number in range(_ROUNDS):
            _say(f"log, round {number + 1} of {_ROUNDS}")
            ours.append(_run((*_COMMAND, str(log))))
            grep.append(_run(("grep", "-c", "REGISTER", str(log))))
        with (log.parent / "pairs.json").open("rb") as file:
            found = json.load(file)
    finally:
        log.unlink()
    (cursor,) = found["cursor"].values()
    size = cursor["offset"]
    took, took_grep = (statistics.median(run.seconds for run in runs) for runs in (ours, grep))
    ratio = statistics.median(a.seconds / b.seconds for a, b in zip(ours, grep, strict=True))
    print(
        f"Kamailio log of {size / 2**20:.0f} MiB, {cursor['line'] - 1:,} lines, one registration in {EVERY}:"
        f" {registrations:,} registrations, {len(found['address_pairs']):,} pairs, {len(found['refused'])} refused\n"
        f"  sip-handover pairs --policy none --json   {took:6.2f} s   {size / 2**20 / took:6.0f} MiB/s"
        f"   peak memory {max(run.peak_mib for run in ours):.0f} MiB\n"
        f"  grep -c REGISTER                          {took_grep:6.2f} s\n"
        f"  ratio, median of {_ROUNDS} turns: {ratio:.1f}"
    )


def _run(command: Sequence[str]) -> _Run:
    """Run a command to its end; its output goes to ``pairs.json``.

    :raises SystemExit: when it fails.
    """
    out = _ROOT / ".build" / "bench" / ("pairs.json" if command[0] != "grep" else "grep.txt")
    started = time.perf_counter()
    with out.open("wb") as file:
        process = subprocess.Popen(command, stdout=file)
        _pid, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"bench-sip: {command[0]} ended with status {process.returncode}")
    return _Run(seconds, usage.ru_maxrss / 1024)


def _say(text: str) -> None:
    print(f"bench-sip: {text}", file=sys.stderr, flush=True)
