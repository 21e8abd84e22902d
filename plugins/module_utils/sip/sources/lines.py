# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of a stream, with flat memory and a place to go on from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Iterator, List

__all__ = ["MAX_LINE", "Line", "Position", "lines"]

#: Longest line, in bytes. Kamailio's ``xlog`` buffer is at most 65,535 characters by our advice.
MAX_LINE = 256 * 1024


@dataclass
class Position:
    """How far a source has been read: the parser moves it, the caller keeps it.

    :ivar offset: bytes from the beginning of the input.
    :ivar line: number of the line that begins there, from 1.
    """

    offset: int = 0
    line: int = 1


@dataclass(frozen=True)
class Line:
    """One line.

    :ivar data: without its LF; only the first :data:`MAX_LINE` bytes of a longer one.
    :ivar number: from 1.
    :ivar end: offset behind its LF.
    :ivar complete: whether the LF is there; only the last line of an input may lack it.
    :ivar too_long: whether ``data`` is only its beginning.
    """

    data: bytes
    number: int
    end: int
    complete: bool = True
    too_long: bool = False


def lines(stream: Iterable[bytes], position: Position) -> Iterator[Line]:
    """Split a stream that stands at ``position``, in chunks of any size, into lines."""
    number, offset = position.line, position.offset
    pending: List[bytes] = []
    length = 0
    for chunk in stream:
        start = 0
        end = chunk.find(b"\n")
        while end >= 0:
            pending.append(chunk[start:end])
            length += end - start
            offset += length + 1
            yield _line(pending, number, offset, True, length)
            number += 1
            pending, length = [], 0
            start = end + 1
            end = chunk.find(b"\n", start)
        if start < len(chunk):
            # Of a line that is too long, what lies beyond the limit is counted and dropped.
            if length <= MAX_LINE:
                pending.append(chunk[start:])
            length += len(chunk) - start
    if length:
        yield _line(pending, number, offset + length, False, length)


def _line(pending: List[bytes], number: int, end: int, complete: bool, length: int) -> Line:
    data = pending[0] if len(pending) == 1 else b"".join(pending)
    if length > MAX_LINE:
        return Line(data[:MAX_LINE], number, end, complete, too_long=True)
    return Line(data, number, end, complete)
