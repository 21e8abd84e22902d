# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recognising a format, and going on where the last run stopped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import open_source
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.cursor import (
    HEAD_SIZE,
    Cursor,
    FileFacts,
    cursor_after,
    cursor_from_record,
    cursor_to_record,
    is_copy,
    resume,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.lines import Position

from .messages import line, register


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (line(), "kamailio"),
        (b"Nov 24 pcscf kamailio[7]: INFO: started\n" * 100 + line(), "kamailio"),
        (line()[:40], "kamailio"),
        (register(), "sip"),
        (b"\r\n\r\n" + register(), "sip"),
        (register().replace(b"\r\n", b"\n"), "sip"),
        (b"SIP/2.0 200 OK\r\n", "sip"),
        (b"", "auto"),
        (b"hello\n", "auto"),
    ],
)
@pytest.mark.parametrize("chunk", [1, 1 << 16])
def test_auto_looks_at_the_first_telling_line(data: bytes, name: str, chunk: int) -> None:
    chunks = [data[start : start + chunk] for start in range(0, len(data), chunk)]
    found, items = open_source("auto", chunks, "f")
    assert found == name
    stated = list(open_source(name, chunks, "f")[1])
    assert list(items) == stated


def test_an_input_that_nothing_fits_is_refused_and_not_passed() -> None:
    position = Position()
    (found,) = open_source("auto", [b"hello\n"], "f", position)[1]
    assert isinstance(found, Refusal)
    assert (found.code, found.where, position) == ("unknown_format", "f", Position())
    assert list(open_source("auto", [b" \n\r\n"], "f")[1]) == []


def test_a_format_that_is_none() -> None:
    with pytest.raises(HandoverError, match="unknown_format"):
        open_source("pdf", [], "f")


LOG = line() * 3
FACTS = FileFacts(device=1, inode=2, size=len(LOG), head=LOG[:HEAD_SIZE])
CURSOR = cursor_after("kamailio", Position(len(line()), 2), FACTS)


def test_a_run_goes_on_at_the_cursor() -> None:
    assert resume(CURSOR, FACTS) == Position(len(line()), 2)
    assert resume(CURSOR, replace(FACTS, size=len(LOG) * 9)) == Position(len(line()), 2)
    assert resume(None, FACTS) == Position()


@pytest.mark.parametrize(
    "facts",
    [
        replace(FACTS, inode=3),
        replace(FACTS, device=3),
        replace(FACTS, size=len(line()) - 1),
        replace(FACTS, head=b"Nov" + LOG[: HEAD_SIZE - 3]),
    ],
    ids=["rotated", "another disk", "truncated", "truncated and grown again"],
)
def test_another_file_is_read_from_its_beginning(facts: FileFacts) -> None:
    assert resume(CURSOR, facts) == Position()


def test_a_short_file_that_grew_is_the_same_file() -> None:
    short = replace(FACTS, size=10, head=LOG[:10])
    assert resume(cursor_after("kamailio", Position(10, 1), short), FACTS) == Position(10, 1)


def test_a_copy_is_known_by_what_it_begins_with() -> None:
    copy = replace(FACTS, inode=9, device=9)
    assert is_copy(CURSOR, copy)
    assert is_copy(CURSOR, replace(copy, size=None))  # compressed: nobody knows how long it is
    assert not is_copy(CURSOR, replace(copy, size=1))
    assert not is_copy(CURSOR, replace(copy, head=b"x" + LOG))
    # A cursor at the very beginning has seen nothing to know a file by.
    assert not is_copy(cursor_after("kamailio", Position(), FACTS), copy)


def test_a_cursor_travels_as_plain_data() -> None:
    assert cursor_from_record(cursor_to_record(CURSOR)) == CURSOR


@pytest.mark.parametrize(
    "record",
    [
        None,
        [],
        {},
        {**cursor_to_record(CURSOR), "more": 1},
        {**cursor_to_record(CURSOR), "offset": -1},
        {**cursor_to_record(CURSOR), "offset": "7"},
        {**cursor_to_record(CURSOR), "line": True},
        {**cursor_to_record(CURSOR), "head": 7},
    ],
)
def test_a_cursor_that_is_none(record: object) -> None:
    with pytest.raises(HandoverError, match="bad_cursor"):
        cursor_from_record(record)


def test_cursor_fields() -> None:
    assert Cursor(**vars(CURSOR)) == CURSOR
    assert CURSOR.head_size == min(HEAD_SIZE, len(line()))
