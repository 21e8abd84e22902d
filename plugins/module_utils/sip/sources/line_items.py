# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Items of a text in which each line stands for itself."""

from __future__ import annotations

from typing import Callable, Iterable, Iterator, Optional

from ..refusal import Refusal
from .lines import Finder, Position, lines
from .source import Item

__all__ = ["is_text", "line_items", "not_text"]

#: Findings in a last line without LF that may go away once the rest of it is written.
_UNFINISHED = ("truncated_line", "unreadable_line")

#: Bytes that are looked at together.
_PIECE = 16384


def line_items(
    stream: Iterable[bytes],
    where: str,
    position: Optional[Position],
    read: Callable[[bytes, str], Optional[Item]],
    finder: Optional[Finder] = None,
) -> Iterator[Item]:
    """What ``read`` finds in each line, given its bytes and its place; None for a line that says nothing.

    ``position`` is moved behind each line before its item comes out. A last line that is cut short is reported,
    but not passed: it may still be being written.

    :param finder: see :func:`.lines.lines`.
    """
    position = position if position is not None else Position()
    unreadable = False
    for data, number, end, complete, too_long, ends in lines(stream, position, finder):
        item: Optional[Item] = None
        if too_long:
            item = Refusal("unreadable_line", "a line is longer than 256 KiB", f"{where}:{number}")
        elif ends < 2:
            item = read(data, f"{where}:{number}")
        code = None
        if isinstance(item, Refusal):
            if not complete and item.code == "bad_json":
                item = Refusal("truncated_line", item.reason, item.where)
            code = item.code
        if not complete and not too_long and (item is None or code in _UNFINISHED):
            if item is not None:
                yield item
            return
        position.offset, position.line = end, number + ends
        # A binary file is one finding, not one for each of its lines.
        if item is not None and not (unreadable and code == "unreadable_line"):
            yield item
        unreadable = code == "unreadable_line"


def not_text(data: bytes, where: str) -> Optional[Refusal]:
    """The refusal of a line that is no text, None for one that is."""
    if b"\0" in data:
        return Refusal("unreadable_line", "a log holds text, this line holds NUL", where)
    if not data.isascii():
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            return Refusal("unreadable_line", "a log holds UTF-8 text", where)
    return None


def is_text(block: bytes) -> bool:
    """Whether :func:`not_text` has nothing to say of any line of a block."""
    if b"\0" in block:
        return False
    start = 0 if not block.isascii() else len(block)
    # Few lines are beyond ASCII, and to decode is many times slower than to see that a piece is ASCII. No character
    # goes beyond the end of a line.
    while start < len(block):
        end = block.find(b"\n", start + _PIECE) + 1 or len(block)
        piece = block[start:end]
        if not piece.isascii():
            try:
                piece.decode("utf-8")
            except UnicodeDecodeError:
                return False
        start = end
    return True
