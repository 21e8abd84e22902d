# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a next run goes on: a place in a file, and what tells that it is still the same file, or a copy of it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Dict, Mapping, Optional

from ...errors import HandoverError
from .lines import Position

__all__ = [
    "HEAD_SIZE",
    "Cursor",
    "FileFacts",
    "cursor_after",
    "cursor_from_record",
    "cursor_to_record",
    "is_copy",
    "is_same",
    "resume",
]

#: Bytes at the beginning of a file by which it is known again: a log that was truncated in place keeps its inode.
#: One event line with its time, or a message with its Call-ID, fits in.
HEAD_SIZE = 1024


@dataclass(frozen=True)
class FileFacts:
    """What a skin sees of a file when it opens it.

    :ivar size: in bytes; None where it is compressed, for nobody knows before it is read.
    :ivar head: the first :data:`HEAD_SIZE` bytes of what it holds.
    """

    device: int
    inode: int
    size: Optional[int]
    head: bytes


@dataclass(frozen=True)
class Cursor:
    """How far a file was read.

    :ivar format: the format it was read as.
    :ivar offset: bytes from the beginning of what the file holds, compressed or not.
    :ivar line: number of the line that begins there.
    :ivar head_size: how many bytes ``head`` covers.
    :ivar head: SHA-256 of the file's first bytes, hexadecimal.
    """

    format: str
    offset: int
    line: int
    device: int
    inode: int
    head_size: int
    head: str


def resume(cursor: Optional[Cursor], file: FileFacts) -> Position:
    """Where to begin reading: at the cursor, or at the beginning of a file that is another one by now."""
    if cursor is None or not is_same(cursor, file):
        return Position()
    return Position(cursor.offset, cursor.line)


def is_same(cursor: Cursor, file: FileFacts) -> bool:
    """Whether a file is the one that a cursor stands in, under whatever name."""
    return (cursor.device, cursor.inode) == (file.device, file.inode) and _fits(cursor, file)


def is_copy(cursor: Cursor, file: FileFacts) -> bool:
    """Whether a file may hold what the cursor's file held: it was copied or compressed since."""
    return cursor.head_size > 0 and _fits(cursor, file)


def cursor_after(format_name: str, position: Position, file: FileFacts) -> Cursor:
    """The cursor for a file that was read up to ``position``."""
    head = file.head[: position.offset]
    return Cursor(format_name, position.offset, position.line, file.device, file.inode, len(head), _digest(head))


def cursor_to_record(cursor: Cursor) -> Dict[str, object]:
    """A cursor as plain data."""
    return dict(vars(cursor))


def cursor_from_record(record: object) -> Cursor:
    """A cursor from plain data.

    :raises HandoverError: ``bad_cursor``.
    """
    texts, numbers = ("format", "head"), ("offset", "line", "device", "inode", "head_size")
    good = (
        isinstance(record, Mapping)
        and set(record) == {*texts, *numbers}
        and all(isinstance(record[key], str) for key in texts)
        and not any(isinstance(record[key], bool) for key in numbers)
        and all(isinstance(record[key], int) and 0 <= record[key] < 2**64 for key in numbers)
    )
    if not good or not isinstance(record, Mapping):
        raise HandoverError("bad_cursor", record, "a cursor is what an earlier run returned, unchanged")
    return Cursor(**record)


def _fits(cursor: Cursor, file: FileFacts) -> bool:
    long_enough = file.size is None or cursor.offset <= file.size
    return long_enough and cursor.head == _digest(file.head[: cursor.head_size])


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()
