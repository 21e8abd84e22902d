# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover pairs`` as a process: following a log, writing lines and cursors as they come, in flat memory."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.agent.cli import main

from ..sip.messages import NOW, line

COMMAND = [sys.executable, "-m", "ansible_collections.sipmobility.handover.agent.cli", "pairs"]
ENV = {**os.environ, "PYTHONPATH": ":".join(path for path in sys.path if path)}


def event(number: int) -> bytes:
    """An event line of a phone of its own, with a time of its own."""
    return line(cseq=number, aor=f"sip:u{number}@example.com", time=NOW + number)


class Follower:
    """``pairs --follow --json`` on a log, and what it has written so far."""

    def __init__(self, log: Path, *args: str) -> None:
        command = [*COMMAND, "--policy", "none", "--format", "kamailio", "--follow", "--json", *args, str(log)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV, text=True)

    def next(self) -> dict[str, Any]:
        """The next line."""
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def pair(self) -> str:
        """The address of record of the next pair, whatever stands before it."""
        while True:
            found = self.next()
            if found["outcome"] == "address_pair":
                aor: str = found["aor"]
                return aor

    def cursor(self) -> dict[str, Any]:
        """The next cursor."""
        while True:
            found = self.next()
            if found["outcome"] == "cursor":
                cursor: dict[str, Any] = found["cursor"]
                return cursor

    def end(self, number: signal.Signals) -> tuple[list[dict[str, Any]], str, int]:
        """Send a signal; the rest of the output, standard error, and the exit status."""
        self.process.send_signal(number)
        assert self.process.stdout is not None
        # communicate() would pass over what readline() has taken from the pipe already.
        out = self.process.stdout.read()
        _nothing, errors = self.process.communicate(timeout=60)
        return [json.loads(text) for text in out.splitlines()], errors, self.process.returncode


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "register.jsonl"
    path.write_bytes(event(1))
    return path


@pytest.fixture
def follower(log: Path, tmp_path: Path) -> Iterator[Follower]:
    found = Follower(log, "--cursor-out", str(tmp_path / "cursor"))
    yield found
    found.process.kill()
    found.process.communicate()


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_following_ends_cleanly_with_the_cursor_written(
    log: Path, follower: Follower, tmp_path: Path, number: signal.Signals
) -> None:
    assert follower.pair() == "sip:u1@example.com"
    append(log, event(2))
    assert follower.pair() == "sip:u2@example.com"
    append(log, event(3)[:40])
    rest, errors, status = follower.end(number)
    assert (errors, status) == ("", 0)
    written = json.loads((tmp_path / "cursor").read_text())
    # Nothing is said of the piece of a line: the next run reads it with its rest.
    assert [item["outcome"] for item in rest] == ["change", "cursor"]
    assert rest[-1]["cursor"] == written
    assert written[str(log)]["offset"] == len(event(1) + event(2))


def test_following_goes_through_rotation_and_truncation(log: Path, follower: Follower) -> None:
    assert follower.pair() == "sip:u1@example.com"
    append(log, event(2))
    log.rename(log.with_name("register.jsonl.1"))
    append(log, event(3))
    assert [follower.pair(), follower.pair()] == ["sip:u2@example.com", "sip:u3@example.com"]
    log.with_name("register.jsonl.2").write_bytes(log.read_bytes())
    log.write_bytes(event(4))
    assert follower.pair() == "sip:u4@example.com"
    rest, errors, status = follower.end(signal.SIGTERM)
    assert (errors, status, [item for item in rest if item["outcome"] == "refused"]) == ("", 0, [])


def test_a_cursor_comes_behind_what_it_covers(log: Path, follower: Follower) -> None:
    assert follower.pair() == "sip:u1@example.com"
    assert follower.next()["outcome"] == "change"
    assert follower.cursor()[str(log)]["offset"] == len(event(1))


def test_a_run_goes_on_where_following_was_killed(log: Path, follower: Follower, tmp_path: Path) -> None:
    """Written in one step at a time when all before it was printed, a cursor file survives whatever kills the run."""
    assert follower.pair() == "sip:u1@example.com"
    follower.cursor()
    cursor = tmp_path / "cursor"
    until = time.monotonic() + 60
    while not cursor.exists() and time.monotonic() < until:
        time.sleep(0.01)
    follower.process.kill()
    follower.process.wait()
    append(log, event(2))
    done = subprocess.run(
        [*COMMAND, "--policy", "none", "--cursor", cursor, "--cursor-out", cursor, "--jsonl", log],
        capture_output=True,
        check=True,
        env=ENV,
    )
    found = [json.loads(text) for text in done.stdout.splitlines()]
    assert [(item["outcome"], item.get("aor")) for item in found[:-1]] == [
        ("address_pair", "sip:u2@example.com"),
        ("change", "sip:u2@example.com"),
    ]
    assert found[-1] == {"outcome": "cursor", "cursor": json.loads(cursor.read_text())}


def test_text_comes_at_once_too(log: Path) -> None:
    command = [*COMMAND, "--policy", "none", "--follow", str(log)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENV, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("moved     sip:u1@example.com 1.1.1.20 -> 2.2.2.20")
    finally:
        process.terminate()
        try:
            _out, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (errors, process.returncode) == ("1 address pairs, 1 changes, 0 refused\n", 0)


@pytest.mark.parametrize("args", [["-"], ["one", "two"]])
def test_following_takes_one_file(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pairs", "--policy", "none", "--follow", *args]) == 2
    assert "one FILE" in capsys.readouterr().err


def test_following_a_log_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pairs", "--policy", "none", "--follow", "--json", str(tmp_path / "none")]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[0])["code"] == "unreadable_input"


def test_the_handlers_of_the_caller_are_left_as_they_were(log: Path) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    assert main(["pairs", "--policy", "none", "--follow", str(log / "no")]) == 1
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_lines_have_the_keys_of_the_object(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    append(log, line(rc=-1))
    assert main(["pairs", "--policy", "none", "--json", str(log)]) == 0
    whole = json.loads(capsys.readouterr().out)
    assert main(["pairs", "--policy", "none", "--jsonl", str(log)]) == 0
    lines = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    keys = {"address_pair": "address_pairs", "change": "changes", "refused": "refused"}
    for item in lines[:-1]:
        (known,) = whole[keys[item.pop("outcome")]]
        known.pop("current", None)
        assert item == known
    assert lines[-1] == {"outcome": "cursor", "cursor": whole["cursor"]}


def test_no_cursor_is_written_unasked_or_where_reading_was_told_only(log: Path, tmp_path: Path) -> None:
    cursor = tmp_path / "cursor"
    assert main(["pairs", "--policy", "none", "--cursor-out", str(cursor), str(log)]) == 0
    kept = cursor.read_text()
    append(log, event(2))
    assert main(["pairs", "--policy", "none", "--cursor", str(cursor), str(log)]) == 0
    assert cursor.read_text() == kept
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cursor", "register.jsonl"]


def test_a_cursor_file_that_is_not_there_is_an_error_but_for_a_first_run(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cursor = str(tmp_path / "cursor")
    assert main(["pairs", "--policy", "none", "--cursor", cursor, str(log)]) == 2
    assert "bad_cursor" in capsys.readouterr().err
    assert main(["pairs", "--policy", "none", "--cursor", cursor, "--cursor-out", cursor, str(log)]) == 0


def test_a_cursor_that_cannot_be_written_is_a_failure(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pairs", "--policy", "none", "--cursor-out", str(log / "no"), str(log)]) == 1
    assert "cursor" in capsys.readouterr().err


@pytest.mark.parametrize("packed", [False, True])
def test_standard_input_may_be_compressed(log: Path, packed: bool) -> None:
    data = gzip.compress(log.read_bytes()) if packed else log.read_bytes()
    command = [*COMMAND, "--policy", "none", "--json", "-"]
    done = subprocess.run(command, input=data, capture_output=True, check=True, env=ENV)
    assert len(json.loads(done.stdout)["address_pairs"]) == 1


def test_damaged_standard_input_is_a_failure(log: Path) -> None:
    command = [*COMMAND, "--policy", "none", "--json", "-"]
    data = gzip.compress(log.read_bytes())[:-9]
    done = subprocess.run(command, input=data, capture_output=True, check=False, env=ENV)
    assert done.returncode == 1
    assert [item["code"] for item in json.loads(done.stdout)["refused"]][-1] == "unreadable_input"


def test_progress_is_told_on_standard_error(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pairs", "--policy", "none", "--progress", "--jsonl", str(log)]) == 0
    told = capsys.readouterr().err
    assert told.startswith(f"{log}: ")
    assert "(100%), 1 lines" in told
    assert main(["pairs", "--policy", "none", "--jsonl", str(log)]) == 0
    assert capsys.readouterr().err == ""


def test_memory_is_flat_however_much_is_found(tmp_path: Path) -> None:
    """Ten times as many outcomes take no more memory."""
    peaks = []
    for number in (2_000, 20_000):
        log = tmp_path / str(number)
        log.write_bytes((line() + line(rc=-1)) * number)
        # Peak resident size from /proc: getrusage would count the process that started this one.
        code = (
            "import sys; from ansible_collections.sipmobility.handover.agent.cli import main; main(sys.argv[1:]); "
            "words = open('/proc/self/status').read().split(); "
            "print(words[words.index('VmHWM:') + 1], file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, "pairs", "--policy", "none", "--jsonl", log],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=True,
            env=ENV,
        )
        peaks.append(int(done.stderr))
    assert peaks[1] < peaks[0] + 3_000
