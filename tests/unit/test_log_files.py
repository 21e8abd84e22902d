# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs as files: whatever rotation does between two runs, no line is lost and none is read twice."""

from __future__ import annotations

import gzip
import os
import shutil
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.log_files import LogReader
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Registration
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import Item
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.cursor import Cursor
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.gzip_stream import inflated

from .sip.messages import NOW, line


class Log:
    """A log that a server writes, and the runs that read it, each from the cursor of the one before."""

    def __init__(self, directory: Path, name: str = "register.jsonl") -> None:
        self.path = directory / name
        self.written = 0
        self.cursor: Cursor | None = None
        # Rotation is told by time; the clock of a file system is coarser than a test.
        self._clock = count(1_700_000_000)
        self.path.touch()

    def write(self, lines: int = 1) -> None:
        """Append event lines, numbered by their CSeq."""
        with self.path.open("ab") as file:
            for _n in range(lines):
                self.written += 1
                file.write(event(self.written))
        self.touch(self.path)

    def touch(self, path: Path) -> None:
        """Give a file the next moment."""
        moment = next(self._clock)
        os.utime(path, (moment, moment))

    def beside(self, name: str) -> Path:
        """A file beside the log."""
        return self.path.with_name(name)

    def rotate(self, create: bool = True) -> None:
        """As logrotate does: log.1 to log.2, log to log.1."""
        for number in range(8, 0, -1):
            for end in ("", ".gz"):
                old = self.beside(f"{self.path.name}.{number}{end}")
                if old.exists():
                    old.rename(self.beside(f"{self.path.name}.{number + 1}{end}"))
        self.path.rename(self.beside(f"{self.path.name}.1"))
        if create:
            self.path.touch()

    def compress(self, name: str) -> None:
        """As gzip does: a new file with the times of the old."""
        old, new = self.beside(name), self.beside(name + ".gz")
        with old.open("rb") as source, gzip.open(new, "wb") as target:
            shutil.copyfileobj(source, target)
        shutil.copystat(old, new)
        old.unlink()

    def copy_and_truncate(self) -> None:
        """As logrotate's copytruncate does."""
        copy = self.beside(f"{self.path.name}.1")
        shutil.copy(self.path, copy)
        self.touch(copy)
        os.truncate(self.path, 0)
        self.touch(self.path)

    def run(self) -> tuple[list[int | None], list[str]]:
        """CSeqs and refusal codes of one run, which goes on where the last one stopped."""
        reader = LogReader(str(self.path), cursor=self.cursor)
        found = list(reader)
        self.cursor = reader.cursor
        return cseqs(found), [item.code for item in found if isinstance(item, Refusal)]


def event(number: int) -> bytes:
    """The line of an event, with a time of its own: by the first one a file is known again."""
    return line(cseq=number, time=NOW + number)


def cseqs(items: list[Item]) -> list[int | None]:
    return [item.cseq for item in items if isinstance(item, Registration)]


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def _rotated(log: Log) -> None:
    log.rotate()


def _rotated_by_date(log: Log) -> None:
    log.path.rename(log.beside("register.jsonl-20261124"))
    log.path.touch()


def _rotated_by_date_before_the_suffix(log: Log) -> None:
    log.path.rename(log.beside("register-20261124.jsonl"))
    log.path.touch()


def _compressed(log: Log) -> None:
    log.rotate()
    log.compress("register.jsonl.1")


def _copied(log: Log) -> None:
    log.copy_and_truncate()


ROTATIONS: list[Callable[[Log], None]] = [
    _rotated,
    _rotated_by_date,
    _rotated_by_date_before_the_suffix,
    _compressed,
    _copied,
]


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


def test_a_compressed_log_is_read_like_a_plain_one(log: Log) -> None:
    log.write(3)
    plain = list(LogReader(str(log.path)))
    data = log.path.read_bytes()
    # Two members, and the padding that tar and tapes leave.
    log.path.write_bytes(gzip.compress(data[:500]) + gzip.compress(data[500:]) + bytes(512))
    reader = LogReader(str(log.path))
    assert list(reader) == plain
    assert reader.cursor is not None
    assert reader.cursor.offset == len(data)
    assert list(LogReader(str(log.path), cursor=reader.cursor)) == []


@pytest.mark.parametrize("damage", ["cut", "flipped", "followed"])
def test_damaged_compression_is_told_after_what_could_be_read(log: Log, damage: str) -> None:
    log.write(200)
    data = bytearray(gzip.compress(log.path.read_bytes()))
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "flipped":
        data[-8] ^= 1  # the checksum
    else:
        data += b"and so on"
    log.path.write_bytes(data)
    found = list(LogReader(str(log.path)))
    read = cseqs(found)
    assert read == list(range(1, len(read) + 1))
    assert len(read) > 10
    last = found[-1]
    assert isinstance(last, Refusal)
    assert (last.code, last.where) == ("unreadable_input", str(log.path))


@given(st.binary(max_size=300), st.integers(1, 20), st.integers(1, 300))
def test_inflated_does_not_care_for_chunks(data: bytes, size: int, split: int) -> None:
    whole = gzip.compress(data[:split]) + gzip.compress(data[split:])
    for stream in (whole, data if not data.startswith(b"\x1f\x8b") else b""):
        chunks = [stream[start : start + size] for start in range(0, len(stream), size)]
        assert b"".join(inflated(chunks)) == (data if stream == whole else stream)


def test_a_compressed_log_that_is_larger_than_memory_takes_none(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _n in range(300):
            file.write(line() + b"x" * 200_000 + b"\n")
    assert path.stat().st_size < 1_000_000
    tracemalloc.start()
    try:
        number = sum(isinstance(item, Registration) for item in LogReader(str(path), "kamailio"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert number == 300
    assert peak < 3_000_000


class Script:
    """What happens to a log while it is followed: an action at each look that finds nothing new, then the end."""

    def __init__(self, actions: Iterator[Callable[[], None]]) -> None:
        self._actions = actions
        self._over = False

    def is_set(self) -> bool:
        return self._over

    def wait(self, timeout: float) -> bool:
        assert 0 < timeout < 1
        action = next(self._actions, None)
        if action is None:
            self._over = True
        else:
            action()
        return self._over


def followed(log: Log, *actions: Callable[[], None]) -> tuple[LogReader, list[Item]]:
    reader = LogReader(str(log.path), "kamailio", follow=Script(iter(actions)))
    return reader, list(reader)


@pytest.mark.parametrize("rotate", ROTATIONS[:3] + ROTATIONS[4:])
def test_following_survives_rotation(log: Log, rotate: Callable[[Log], None]) -> None:
    def rotate_with_a_last_line() -> None:
        log.write(2)
        rotate(log)
        log.write()

    log.write(1)
    reader, found = followed(log, log.write, rotate_with_a_last_line, log.write)
    assert cseqs(found) == list(range(1, log.written + 1))
    assert [item for item in found if isinstance(item, Refusal)] == []
    assert reader.cursor is not None
    assert reader.cursor.offset == log.path.stat().st_size


def test_following_waits_while_the_log_is_away_or_empty(log: Log) -> None:
    old = log.path.open("ab")
    log.written = 2

    def late() -> None:
        old.write(event(2))
        old.close()

    old.write(event(1))
    old.flush()
    _reader, found = followed(log, lambda: log.rotate(create=False), log.path.touch, late, log.write)
    assert cseqs(found) == [1, 2, 3]


def test_following_survives_truncation_without_a_copy(log: Log) -> None:
    def truncate() -> None:
        os.truncate(log.path, 0)
        log.write()

    log.write(3)
    _reader, found = followed(log, truncate, log.write)
    assert cseqs(found) == [1, 2, 3, 4, 5]
    assert [item.code for item in found if isinstance(item, Refusal)] == ["lost_input"]


def test_following_sees_a_log_that_was_overwritten_to_the_same_size(log: Log) -> None:
    log.write(2)

    def overwrite() -> None:
        log.path.write_bytes(event(3) + event(4) + event(5))

    _reader, found = followed(log, overwrite)
    assert cseqs(found) == [1, 2, 3, 4, 5]


def test_a_line_is_told_when_it_is_whole_and_a_piece_never(log: Log) -> None:
    whole = event(1)

    def add(piece: bytes) -> Callable[[], None]:
        def action() -> None:
            log.path.write_bytes(log.path.read_bytes() + piece)

        return action

    log.path.write_bytes(whole[:10])
    reader, found = followed(log, add(whole[10:99]), add(whole[99:] + whole[:50]))
    assert cseqs(found) == [1]
    # The piece at the end is neither lost nor refused: the next run reads it with its rest.
    assert len(found) == 1
    assert reader.cursor is not None
    assert reader.cursor.offset == len(whole)


def test_a_run_that_is_stopped_goes_on_in_the_file_where_it_was(log: Log) -> None:
    log.write(3)
    reader = LogReader(str(log.path), cursor=None, follow=Script(iter(())))
    assert cseqs(list(reader)) == [1, 2, 3]
    log.cursor = reader.cursor
    log.write(1)
    log.rotate()
    log.write(1)
    script = Script(iter(()))
    script.wait(0.1)
    stopped = LogReader(str(log.path), cursor=log.cursor, follow=script)
    assert list(stopped) == []
    log.cursor = stopped.cursor
    assert log.run() == ([4, 5], [])


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(LogReader(str(tmp_path / "none")))


def test_a_piece_at_the_end_of_a_file_that_was_rotated_away_is_told_once(log: Log) -> None:
    def rotate_with_a_piece() -> None:
        with log.path.open("ab") as file:
            file.write(event(2)[:50])
        log.rotate()
        log.write()

    log.write(1)
    _reader, found = followed(log, rotate_with_a_piece, log.write)
    assert cseqs(found) == [1, 2, 3]
    assert [item.code for item in found if isinstance(item, Refusal)] == ["truncated_line"]
