# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fuzz every target for a bounded time each: python -m tests.fuzz [TARGET ...].

FUZZ_SECONDS is the time per target (60); FUZZ_TOTAL_SECONDS, the time for all, goes before it. What a target learns
is kept in .build/fuzz and used by the next run. An input that breaks a rule is written to tests/fuzz/findings/TARGET:
mend the code, keep the file. Exit status 1 when there was one.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.targets import FINDINGS, SECONDS_PER_INPUT, TARGETS, seeds

_ROOT = Path(__file__).resolve().parents[2]
_BUILD = _ROOT / ".build" / "fuzz"
#: Python, the instrumented code and libFuzzer take some 100 MiB; an input may not add much.
_RSS_MIB = 512
_MAX_BYTES = 16 * 1024
_PROGRESS = re.compile(r"#(\d+).*?cov: (\d+).*?corp: (\d+)")


def main(names: list[str]) -> int:
    """Run the targets that are named, or all; return the exit status."""
    if unknown := sorted(set(names) - set(TARGETS)):
        print(f"fuzz: no target {', '.join(unknown)}; there are {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    chosen = names or list(TARGETS)
    total = os.environ.get("FUZZ_TOTAL_SECONDS")
    seconds = max(1, int(total) // len(chosen)) if total else int(os.environ.get("FUZZ_SECONDS", "60"))
    failed = [name for name in chosen if not _fuzz(name, seconds)]
    if failed:
        print(f"fuzz: failed: {', '.join(failed)}; the inputs are in {FINDINGS.relative_to(_ROOT)}")
    return int(bool(failed))


def _fuzz(name: str, seconds: int) -> bool:
    """Whether every input held."""
    corpus, kept = _BUILD / name, FINDINGS / name
    corpus.mkdir(parents=True, exist_ok=True)
    for data in seeds(name):
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    kept.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "tests.fuzz.harness",
        name,
        f"-max_total_time={seconds}",
        f"-timeout={SECONDS_PER_INPUT}",
        f"-rss_limit_mb={_RSS_MIB}",
        f"-max_len={_MAX_BYTES}",
        "-print_final_stats=1",
        f"-artifact_prefix={kept}/",
        str(corpus),
    ]
    print(f"fuzz: {name}, {seconds} s", flush=True)
    tail: list[str] = []
    runs, coverage, inputs, shown = 0, 0, 0, time.monotonic()
    with subprocess.Popen(
        command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        for text in process.stdout:
            tail = [*tail[-60:], text]
            if found := _PROGRESS.match(text):
                runs, coverage, inputs = (int(number) for number in found.groups())
            elif text.startswith("stat::number_of_executed_units:"):
                runs = int(text.split()[-1])
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                print(f"fuzz:   {runs:,} inputs, {coverage} places reached, {inputs} kept", flush=True)
    if not any(kept.iterdir()):
        kept.rmdir()
    good = process.returncode == 0
    print(f"fuzz:   {'held' if good else 'BROKEN'}: {runs:,} inputs, {coverage} places reached", flush=True)
    if not good:
        print("".join(tail))
    return good


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
