# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw SIP in files: framing, and going on after what cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Registration
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.lines import Position
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.raw import parse

from .messages import REGISTER, changed, message, register
from .reading import of_registrations

INVITE = message(
    changed(REGISTER, cseq="1 INVITE", content_length="5", tag=None, require=None), "INVITE sip:b@h SIP/2.0", b"v=0\r\n"
)
ANSWER = message(changed(REGISTER), "SIP/2.0 200 OK")


def read(data: bytes, position: Position | None = None) -> list[tuple[int | str | None, int]]:
    """CSeq of each registration or code of each refusal, with its line."""
    found: list[tuple[int | str | None, int]] = []
    for item in of_registrations(parse([data], "f", position)):
        assert isinstance(item, (Registration, Refusal))
        what = item.code if isinstance(item, Refusal) else item.cseq
        found.append((what, int(item.where.rpartition(":")[2])))
    return found


def numbered(number: int, **headers: str | None) -> bytes:
    """The patent's REGISTER with this CSeq."""
    return register(cseq=f"{number} REGISTER", **headers)


@pytest.mark.parametrize("between", [b"", b"\r\n", b"\r\n\r\n\r\n", b"\n", b" \t\r\n"])
def test_messages_follow_each_other_or_empty_lines(between: bytes) -> None:
    found = read(between + between.join([numbered(1), INVITE, ANSWER, numbered(2)]) + between)
    assert [what for what, _line in found] == [1, 2]


def test_where_names_the_line_of_the_start_line() -> None:
    assert read(b"\r\n" + numbered(1) + numbered(2)) == [(1, 2), (2, 2 + numbered(1).count(b"\n"))]


def test_content_length_frames_a_body_that_looks_like_a_message() -> None:
    inner = numbered(9)
    outer = message(changed(REGISTER, content_length=str(len(inner))), body=inner)
    assert [what for what, _line in read(outer + numbered(1))] == [1826, 1]


def test_without_content_length_a_message_ends_at_the_next_start_line() -> None:
    assert [what for what, _line in read(numbered(1, content_length=None) + b"body\r\n" + numbered(2))] == [1, 2]
    assert [what for what, _line in read(numbered(1, content_length=None))] == [1]


def test_a_text_file_has_no_carriage_returns() -> None:
    text = (numbered(1) + INVITE + numbered(2)).replace(b"\r\n", b"\n")
    assert [what for what, _line in read(text)] == [1, 2]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b"junk\r\nmore junk\r\n", "not_sip"),
        (b"\x00\xff\x01\n", "not_sip"),
        (numbered(7).replace(b"REGISTER ", b"REGISTER  ", 1), "bad_start_line"),
        (numbered(7).replace(b"SIP/2.0", b"SIP/3.0", 1), "unsupported_version"),
        (numbered(7, tag="x y"), "bad_old_address"),
        (numbered(7).replace(b"Call-ID", b"Call ID"), "bad_header"),
        (numbered(7, content_length="5") + b"v=0\r\nv=0\r\n", "misframed_message"),
        (numbered(7, content_length="9999"), "truncated_message"),
        (numbered(7, content_length="99999"), "bad_number"),
        (numbered(7)[:-2], "bad_header"),
        (numbered(7)[:100] + b"\r\n", "bad_header"),
        (numbered(7, call_id="x" * 70000), "message_too_large"),
        (b"x" * 200000 + b"\r\n", "not_sip"),
        (b"REGISTER sip:a SIP/2.0\r\n" + b"x" * 200000 + b"\r\n", "message_too_large"),
    ],
)
def test_the_good_messages_around_a_bad_one_are_still_used(bad: bytes, code: str) -> None:
    found = read(numbered(1) + bad + numbered(2) + numbered(3))
    assert [what for what, _line in found] == [1, code, 2, 3]


@pytest.mark.parametrize("chunk", [1, 13, 4096])
def test_a_message_that_is_still_being_written_is_read_next_time(chunk: int) -> None:
    data = numbered(1) + numbered(2)
    position = Position()
    assert [what for what, _line in read(data[:-1], position)] == [1, "truncated_message"]
    assert position.offset == len(numbered(1))
    rest = data[position.offset :]
    again = parse((rest[n : n + chunk] for n in range(0, len(rest), chunk)), "f", position)
    assert [item.cseq for item in again if isinstance(item, Registration)] == [2]
    assert position.offset == len(data)


def test_an_empty_file_holds_nothing() -> None:
    assert read(b"") == read(b"\r\n \n") == []


def test_a_message_with_a_body_needs_no_more_than_the_next_line() -> None:
    """A file that is followed has no more to give yet."""

    def chunks() -> Iterator[bytes]:
        yield INVITE + numbered(2) + b"\r\n"
        raise AssertionError("the messages are whole")

    (found,) = islice((item for item in parse(chunks(), "f") if isinstance(item, Registration)), 1)
    assert isinstance(found, Registration)
    assert found.cseq == 2
