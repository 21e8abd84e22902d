"""Run the stages of `make test`, show progress, add everything up.

Usage: python -m tools.run_tests [GROUP ...]    groups: unit kernel standins fuzz lint sanity ...; none: all

A failing stage hides no later one. Of a stage that talks to real servers, up to three tests that failed are run once
more, by themselves, since a busy machine can fail them; the summary names those that needed it, and their logs stay.
Lanes run side by side: the lab's lane is shown as it goes; each stage of the
others is shown in one piece when it is done (its log is in .build/logs meanwhile). The last line says
"N passed, N failed": every test that pytest ran, and each other stage as one test. Exit status 1 if anything failed.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree

from tools.stages import LANES, LOGS, ROOT, Stage, stages

#: More than this many failures in one stage are no matter of a busy machine.
SECOND_RUNS_AT_MOST = 3

_screen = threading.Lock()
_stopped = threading.Event()
_running: set[subprocess.Popen[str]] = set()


@dataclass(frozen=True)
class Outcome:
    """What one stage gave: counts of tests, how long it took, and which tests passed only when run once more."""

    stage: Stage
    passed: int
    failed: int
    skipped: int
    seconds: float
    unsteady: tuple[str, ...] = ()


def main(arguments: list[str] | None = None) -> int:
    """Run the groups that are named, or all; return the exit status."""
    parser = argparse.ArgumentParser(prog="tools.run_tests")
    parser.add_argument("groups", nargs="*", metavar="GROUP")
    wanted = parser.parse_args(arguments).groups
    known = {stage.group for stage in stages()}
    if unknown := sorted(set(wanted) - known):
        parser.error(f"no such group: {', '.join(unknown)} (there are {', '.join(sorted(known))})")
    return run([stage for stage in stages() if not wanted or stage.group in wanted], LOGS)


def run(chosen: Sequence[Stage], logs: Path) -> int:
    """Run stages, each lane in its order; print the summary; return 1 if anything failed, 130 if interrupted."""
    logs.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    lanes = [[stage for stage in chosen if stage.lane == lane] for lane in LANES]
    rows = [row for row in lanes if row]
    live = rows[0]  # one lane is shown as it goes: the lab's, or the only one
    with ThreadPoolExecutor(len(rows)) as pool:
        running = [pool.submit(_run_lane, row, logs, row is live, len(rows) > 1) for row in rows]
        try:
            outcomes = [outcome for lane in running for outcome in lane.result()]
        except KeyboardInterrupt:
            _stopped.set()
            for process in list(_running):
                os.killpg(process.pid, signal.SIGTERM)
            return 130
    return _report(outcomes, time.monotonic() - started)


def _run_lane(row: Sequence[Stage], logs: Path, live: bool, shared: bool) -> list[Outcome]:
    return [_settle(stage, logs, live, nice=shared and not live) for stage in row if not _stopped.is_set()]


def _settle(stage: Stage, logs: Path, live: bool, nice: bool) -> Outcome:
    """Run a stage, and what failed of it once more where that is allowed."""
    first = _run(stage, logs, live, nice)
    if stage.again is None or not 0 < first.failed <= SECOND_RUNS_AT_MOST or _stopped.is_set():
        return first
    names = _failures(stage)
    if not names:
        return first
    second = _run(stage.again, logs, live, nice)
    seconds = first.seconds + second.seconds
    if second.failed or second.passed < len(names):
        return replace(first, seconds=seconds)
    return Outcome(stage, first.passed + len(names), 0, first.skipped, seconds, names)


def _run(stage: Stage, logs: Path, live: bool, nice: bool) -> Outcome:
    log = logs / f"{stage.name.replace(' ', '-')}.log"
    if stage.junit:
        stage.junit.unlink(missing_ok=True)
    if live:
        _show(_header(stage.name))
    started = time.monotonic()
    status = _execute(stage, log, live, nice)
    seconds = time.monotonic() - started
    outcome = _count(stage, status, seconds)
    word = "FAILED" if outcome.failed else "passed"
    body = "" if live else _header(stage.name) + _excerpt(log, bool(outcome.failed))
    _show(f"{body}{word}: {stage.name}, {seconds:.1f} s\n")
    return outcome


def _execute(stage: Stage, log: Path, live: bool, nice: bool) -> int:
    """Run the command of a stage in a process group of its own, which ends with it; return its exit status."""
    command = (["nice", "-n", "10"] if nice else []) + list(stage.command)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with log.open("w", encoding="utf-8") as record:
        try:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
        except OSError as problem:
            message = f"{stage.name}: cannot start {command[0]}: {problem}\n"
            record.write(message)
            if live:
                _show(message)
            return 127
        _running.add(process)
        limit = threading.Timer(stage.limit_s, _end, (process, record.name, stage.limit_s))
        limit.start()
        assert process.stdout is not None
        for line in process.stdout:
            record.write(line)
            record.flush()
            if live:
                _show(line)
        status = process.wait()
        limit.cancel()
        _running.discard(process)
        return status


def _end(process: subprocess.Popen[str], log: str, limit_s: int) -> None:
    _show(f"ended after {limit_s} s, its limit; see {log}\n")
    os.killpg(process.pid, signal.SIGKILL)


def _count(stage: Stage, status: int, seconds: float) -> Outcome:
    """A gate is one test. pytest is what its report says, and one failure more if it failed without saying which."""
    if stage.junit is None:
        return Outcome(stage, int(status == 0), int(status != 0), 0, seconds)
    total = bad = skipped = 0
    if stage.junit.exists():
        for suite in ElementTree.parse(stage.junit).getroot().iter("testsuite"):
            total += int(suite.get("tests", 0))
            bad += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped += int(suite.get("skipped", 0))
    unexplained = int(status != 0 and bad == 0)
    return Outcome(stage, total - bad - skipped, bad + unexplained, skipped, seconds)


def _failures(stage: Stage) -> tuple[str, ...]:
    """What failed, by name; nothing where the stage did not come so far as to say."""
    if stage.junit is None:
        return (stage.name,)
    if not stage.junit.exists():
        return ()
    cases = ElementTree.parse(stage.junit).getroot().iter("testcase")
    bad = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    return tuple(dict.fromkeys(f"{case.get('classname')}::{case.get('name')}" for case in bad))


def _report(outcomes: list[Outcome], seconds: float) -> int:
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(outcome.failed for outcome in outcomes)
    lines = [_header("summary")]
    for outcome in outcomes:
        name = outcome.stage.name
        lines.append(f"{name:<20} {outcome.passed:>5} passed {outcome.failed:>4} failed {outcome.seconds:>8.1f} s")
        if outcome.skipped:
            lines.append(f" ({outcome.skipped} skipped)")
        lines.append("\n")
    for outcome in outcomes:
        lines += [f"passed only when run once more: {name} ({outcome.stage.name}.log)\n" for name in outcome.unsteady]
    lines.append(f"total {seconds:.0f} s\n{passed} passed, {failed} failed\n")
    _show("".join(lines))
    return int(failed > 0)


def _excerpt(log: Path, whole: bool) -> str:
    """The log of a stage that failed; of one that passed, its last line."""
    text = log.read_text(encoding="utf-8")
    return text if whole else "".join(text.rstrip().splitlines(keepends=True)[-1:]) + "\n" * bool(text.strip())


def _header(name: str) -> str:
    return f"\n== {name} {'=' * (74 - len(name))}\n"


def _show(text: str) -> None:
    with _screen:
        sys.stdout.write(text)
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
