# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON objects in a stream: one a line, over several lines, or one right behind the other.

Text between them is passed. Memory stays below two objects of the largest size, whatever comes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, Iterable, Iterator, Optional

from ..refusal import Refusal
from .lines import MAX_LINE, Position
from .source import Item

__all__ = ["MAX_OBJECT", "object_items"]

#: Largest object, in bytes.
MAX_OBJECT = MAX_LINE

#: The beginning of an object; no match is longer than _LONGEST.
_BEGIN = re.compile(rb'\{(?=[ \t\r\n]{0,32}")')
_LONGEST = 128
_IN_STRING = re.compile(rb'["\\\n]')
_OUTSIDE = re.compile(rb'["{}\n]')

_REASONS = {
    "truncated_line": "an object is cut short",
    "unreadable_line": "an object is larger than 256 KiB",
}


def object_items(
    stream: Iterable[bytes],
    where: str,
    position: Optional[Position],
    read: Callable[[bytes, str], Iterable[Item]],
    key: Optional[str] = None,
) -> Iterator[Item]:
    """What ``read`` finds in each object, given its bytes and its place.

    An object that begins a line, or follows another one, may go on over lines that do not begin with a brace; behind
    a log prefix it ends on its own line. What breaks that is refused, and reading goes on with the next line.
    ``position`` is moved behind each object before its items come out; one that is cut short by the end of the
    stream is reported, but not passed.

    :param key: read the objects that are values of this key, instead of whole ones. What stands around them must be
        whole, too, or its end is reported as cut; strings there hold no braces.
    """
    position = position if position is not None else Position()
    for piece in _pieces(_Scan(position, key), stream):
        place = f"{where}:{piece.number}"
        if piece.problem is None:
            yield from read(piece.data, place)
        else:
            yield Refusal(piece.problem, _REASONS[piece.problem], place)


@dataclass(frozen=True)
class _Piece:
    """An object, or what is wrong with one that begins in line ``number``."""

    data: bytes
    number: int
    problem: Optional[str] = None


def _pieces(scan: _Scan, stream: Iterable[bytes]) -> Iterator[_Piece]:
    for chunk in stream:
        scan.data += chunk
        while scan.find_begin():
            piece = scan.find_end()
            if piece is None:
                break
            yield piece
    if scan.find_begin() or scan.ends_inside():
        yield _Piece(b"", scan.position.line, "truncated_line")


class _Scan:
    """The part of a stream that is looked at. ``position`` is that of ``data[0]``."""

    def __init__(self, position: Position, key: Optional[str]) -> None:
        self.data = bytearray()
        self.position = position
        self._begin = _BEGIN
        if key is not None:
            quoted = re.escape(f'"{key}"'.encode())
            self._begin = re.compile(quoted + rb"[ \t\r\n]{0,32}:[ \t\r\n]{0,32}(?=\{)")
        self._anywhere = key is not None
        self._at = 0
        self._open = False
        self._prefixed = False
        self._skipping = False
        self._in_string = False
        self._depth = 0
        self._around = 0
        self._lost = False

    def ends_inside(self) -> bool:
        """Pass the rest of a stream in which only values of a key are read; whether what stands around them is cut."""
        if self._anywhere:
            self._pass(len(self.data))
        return self._anywhere and self._around != 0 and not self._lost

    def find_begin(self) -> bool:
        """Whether an object begins; then it begins at ``data[0]``."""
        if self._open:
            return True
        if self._skipping and not self._skip_line():
            return False
        found = self._begin.search(self.data, self._at)
        if found is None:
            self._at = max(0, len(self.data) - _LONGEST)
            self._pass(self.data.rfind(b"\n", 0, self._at) + 1)
            if len(self.data) > MAX_OBJECT:
                self._prefixed = True
                self._pass(self._at)
            return False
        begin = found.end() if self._anywhere else found.start()
        line = self.data.rfind(b"\n", 0, begin) + 1
        before = self.data[line:begin].strip()
        self._prefixed = not self._anywhere and (bool(before) or (self._prefixed and line == 0))
        self._pass(begin)
        self._open, self._in_string, self._depth = True, False, 0
        return True

    def find_end(self) -> Optional[_Piece]:
        """The object that begins at ``data[0]``, or what is wrong with it; None when there is more to come."""
        data = self.data
        while True:
            found = (_IN_STRING if self._in_string else _OUTSIDE).search(data, self._at, MAX_OBJECT)
            if found is None:
                self._at = max(self._at, min(len(data), MAX_OBJECT))
                return self._broken("unreadable_line", MAX_OBJECT) if len(data) >= MAX_OBJECT else None
            at, what = found.start(), found.group()
            self._at = at + 1
            if what == b"\n" and (self._in_string or self._prefixed):
                return self._broken("truncated_line", at + 1)
            if what == b"\\":
                # The character behind a backslash is never the end of the string; a line break is always its end.
                if at + 1 == len(data):
                    self._at = at
                    return self._broken("unreadable_line", MAX_OBJECT) if len(data) >= MAX_OBJECT else None
                self._at = at + 1 if data[at + 1] == 0x0A else at + 2
            elif what == b'"':
                self._in_string = not self._in_string
            elif what == b"{":
                if self._depth and data[at - 1] == 0x0A:
                    return self._broken("truncated_line", at)
                self._depth += 1
            elif what == b"}":
                self._depth -= 1
                if self._depth == 0:
                    piece = _Piece(bytes(data[: at + 1]), self.position.line)
                    self._close(at + 1)
                    return piece

    def _broken(self, problem: str, end: int) -> _Piece:
        piece = _Piece(b"", self.position.line, problem)
        self._close(end)
        self._lost = True
        self._skipping = problem == "unreadable_line" and not self._anywhere
        return piece

    def _close(self, end: int) -> None:
        self._drop(end)
        self._at, self._open, self._prefixed = 0, False, False

    def _skip_line(self) -> bool:
        end = self.data.find(b"\n")
        self._drop(end + 1 if end >= 0 else len(self.data))
        self._skipping, self._at = end < 0, 0
        return end >= 0

    def _pass(self, size: int) -> None:
        """Drop what stands between objects."""
        self._around += self.data.count(b"{", 0, size) - self.data.count(b"}", 0, size)
        self._drop(size)

    def _drop(self, size: int) -> None:
        self.position.offset += size
        self.position.line += self.data.count(b"\n", 0, size)
        self._at = max(0, self._at - size)
        del self.data[:size]
