# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A log is read in blocks, and means what it means line by line: the same items, at the same places."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from unittest.mock import patch

from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import Item, kamailio
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.lines import (
    MAX_LINE,
    Line,
    Position,
    lines,
)

from .messages import line

#: Lines that a Kamailio log may hold: events, what is left of cut ones, other programs' lines, and no text at all.
_EVENT = line().rstrip()
LINES = [
    _EVENT,
    b"Nov 24 04:00:00 pcscf kamailio[7]: NOTICE: " + _EVENT,
    b"{1 7 REGISTER a@b} " + _EVENT,
    _EVENT + b" \r",
    _EVENT[:200],
    _EVENT[-200:],
    _EVENT[40:],
    _EVENT.replace(b'{"v"', b'{ \t"v"'),
    b'{"',
    b"{",
    b'{ "a": 1}',
    b'x "event": y',
    b'cut_hex": ["aa"]}',
    b'a ": b',
    b'"',
    b"plain text, REGISTER sip:a@b",
    b"caf\xc3\xa9",
    b"\xc3",
    b"\xa9 half a character",
    b"latin-1 \xe9",
    b"nul \0",
    b'nul and event \0 {"v": 1}',
    b"",
    b"\r",
    b"x" * 300,
]
LOGS = st.lists(st.sampled_from(LINES) | st.binary(max_size=12), max_size=60).map(b"\n".join)


def read(log: bytes, chunk: int) -> tuple[list[tuple[Item, Position]], Position]:
    """Each item with the position at which it came, and the last position."""
    position = Position()
    chunks = (log[start : start + chunk] for start in range(0, len(log), chunk))
    found = [(item, replace(position)) for item in kamailio.parse(chunks, "k.log", position)]
    return found, position


def every_line(_block: bytes) -> Callable[[int], int]:
    """Passes nothing over."""
    return lambda start: start


def line_by_line(log: bytes) -> tuple[list[tuple[Item, Position]], Position]:
    """The same, with every line looked at by itself."""
    with patch.object(kamailio, "_telling", every_line):
        return read(log, len(log) or 1)


@given(LOGS, st.integers(1, 4000))
@example(b"\n" * 5, 2)
@example(b"a\n\xc3\n\xa9\nb", 4)
def test_blocks_and_lines_say_the_same(log: bytes, chunk: int) -> None:
    expected = line_by_line(log)
    assert read(log, chunk) == expected
    assert read(log, len(log) or 1) == expected


@given(LOGS, st.integers(0, 3), st.sampled_from([1000, 65536, MAX_LINE, 3 * MAX_LINE]))
def test_a_line_too_long_is_found_in_any_chunk(log: bytes, more: int, chunk: int) -> None:
    long = b"x" * (MAX_LINE - 1 + more)
    log = log + b"\n" + long + b"\n" + _EVENT + b"\n" + log
    found, position = read(log, chunk)
    assert (found, position) == line_by_line(log)
    codes = [getattr(item, "code", None) for item, _at in found]
    # MAX_LINE bytes are the most that a line may have.
    assert ("unreadable_line" in codes) or more < 2


@given(LOGS, st.integers(1, 300))
def test_what_is_passed_over_is_counted(log: bytes, chunk: int) -> None:
    chunks = [log[start : start + chunk] for start in range(0, len(log), chunk)]
    read_lines = list(lines(chunks, Position(), lambda block: lambda start: block.find(b"{", start)))
    every = list(lines(chunks, Position()))
    assert _with_brace(read_lines) == _with_brace(every)
    assert [_reach(piece) for piece in read_lines[-1:]] == [_reach(piece) for piece in every[-1:]]


def _with_brace(found: list[Line]) -> list[Line]:
    return [piece for piece in found if b"{" in piece.data]


def _reach(last: Line) -> tuple[int, int]:
    """Where the last line ends, and the number of the one behind it."""
    return last.end, last.number + last.ends
