# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs as files: whatever rotation does between two runs, no line is lost and none is read twice."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .rotating_log import ROTATIONS, Log, event


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


@pytest.mark.parametrize("rotate", ROTATIONS)
def test_the_rest_of_the_old_file_is_read_first(log: Log, rotate: Callable[[Log], None]) -> None:
    log.write(2)
    assert log.run() == ([1, 2], [])
    log.write(2)
    rotate(log)
    log.write(2)
    assert log.run() == ([3, 4, 5, 6], [])
    assert log.run() == ([], [])


@pytest.mark.parametrize("rotate", ROTATIONS)
def test_nothing_is_read_twice_after_a_rotation(log: Log, rotate: Callable[[Log], None]) -> None:
    log.write(2)
    assert log.run() == ([1, 2], [])
    rotate(log)
    assert log.run() == ([], [])
    log.write()
    assert log.run() == ([3], [])


def test_several_rotations_between_two_runs(log: Log) -> None:
    log.write(2)
    log.run()
    for _n in range(3):
        log.write(2)
        log.rotate()
    log.compress("register.jsonl.2")
    log.compress("register.jsonl.3")
    log.write()
    assert log.run() == (list(range(3, 10)), [])


def test_the_writer_still_has_the_old_file_open(log: Log) -> None:
    log.write(2)
    log.run()
    with log.path.open("ab") as old:
        log.rotate()
        # Between rename and the signal to reopen: the new log is there, and empty.
        assert log.run() == ([], [])
        old.write(event(3))
    log.written = 3
    log.write()
    assert log.run() == ([3, 4], [])


def test_the_log_is_away_for_a_moment(log: Log) -> None:
    log.write(1)
    log.run()
    log.write(1)
    log.rotate(create=False)
    assert log.run() == ([2], [])
    log.write(1)
    assert log.run() == ([3], [])


def test_a_line_that_rotation_completed_is_read_once(log: Log) -> None:
    log.write(1)
    whole = event(2)
    with log.path.open("ab") as file:
        file.write(whole[:70])
    assert log.run() == ([1], ["truncated_line"])
    with log.path.open("ab") as file:
        file.write(whole[70:])
    log.rotate()
    log.written = 2
    log.write()
    assert log.run() == ([2, 3], [])


def test_a_file_that_is_gone_is_told(log: Log) -> None:
    log.write(3)
    log.run()
    log.path.unlink()
    log.write(1)
    assert log.run() == ([4], ["lost_input"])
    assert log.run() == ([], [])


def test_another_log_beside_it_is_left_alone(log: Log) -> None:
    log.write(2)
    log.run()
    log.beside("registers.jsonl").write_bytes(event(77))
    log.beside("register.jsonl.lock").write_bytes(b"")
    log.beside("register.jsonl.d").mkdir()
    log.rotate()
    log.write()
    assert log.run() == ([3], [])


def test_a_copy_that_is_being_compressed_is_read_once(log: Log) -> None:
    log.write(2)
    log.run()
    log.write(2)
    log.rotate()
    # gzip has begun: its file is there, newer than the original, and not whole.
    log.beside("register.jsonl.1.gz").write_bytes(gzip.compress(log.beside("register.jsonl.1").read_bytes())[:60])
    log.write()
    assert log.run() == ([3, 4, 5], [])


OPERATIONS = st.lists(
    st.sampled_from(["write", "write", "run", "rotate", "rotate away", "compress", "copy"]), min_size=1, max_size=25
)


@given(OPERATIONS)
def test_no_line_is_lost_and_none_is_read_twice(
    tmp_path_factory: pytest.TempPathFactory, operations: list[str]
) -> None:
    log = Log(tmp_path_factory.mktemp("log"))
    log.write()
    found, refused = log.run()
    for operation in [*operations, "write", "run"]:
        # A file with nothing in it that the cursor could know it by is nothing to rotate: logrotate has notifempty.
        filled = log.path.exists() and log.path.stat().st_size > 0
        if operation == "write":
            log.write(2)
        elif operation == "run" and (log.path.exists() or log.beside("register.jsonl.1").exists()):
            more, codes = log.run()
            found += more
            refused += codes
        elif operation.startswith("rotate") and filled and not log.beside("register.jsonl.8").exists():
            log.rotate(create=operation == "rotate")
        elif operation == "compress" and log.beside("register.jsonl.1").exists():
            log.compress("register.jsonl.1")
        elif operation == "copy" and filled and not list(log.path.parent.glob("register.jsonl.1*")):
            log.copy_and_truncate()
    assert (found, refused) == (list(range(1, log.written + 1)), [])
