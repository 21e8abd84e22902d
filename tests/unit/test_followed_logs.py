# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs that are followed while they are written and rotated."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.log_files import LogReader
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import Item

from .rotating_log import ROTATIONS, Log, cseqs, event


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


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
