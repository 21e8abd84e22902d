# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every input: nothing but our error, one meaning for every spelling, no line lost beside a bad one."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.message import MAX_MESSAGE, parse_message
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import CODES, Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Registration
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import FORMATS, open_source, recognise
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.lines import Position

from ..growth import LINEAR, TIMES, growth
from .messages import REGISTER, SESSIONS_TYPE, TAG, event, line, message, register, request_event, sessions, with_body
from .reading import FIXTURES, WRITTEN, items, of_registrations

#: An input of each format that says something, begins at a line and ends one.
WHOLE = {
    "sip": register(),
    "kamailio": line(),
    "journal": (FIXTURES / "kamailio" / "journal.jsonl").read_bytes(),
    "kamailio_dump": (FIXTURES / "kamailio_dump" / "plain.txt").read_bytes(),
    "opensips": (WRITTEN / "opensips.jsonl").read_bytes(),
    "freeswitch": (WRITTEN / "freeswitch.jsonl").read_bytes(),
    "asterisk": (WRITTEN / "asterisk.log").read_bytes() + (WRITTEN / "asterisk_ami.txt").read_bytes(),
    "ios_ccsip": (WRITTEN / "ios_ccsip.txt").read_bytes(),
    "pcap": (FIXTURES / "captures" / "ipv6.pcap").read_bytes(),
    "hep": (FIXTURES / "captures" / "kamailio.hep").read_bytes(),
}

MIXED = with_body(
    REGISTER,
    "multipart/mixed;boundary=b",
    b"--b\r\nContent-Type: %b\r\n\r\n%b\r\n--b--" % (SESSIONS_TYPE.encode(), sessions()),
)

#: Pieces that SIP and event lines are made of, and pieces that break them.
PIECES = st.lists(
    st.sampled_from(
        [
            *register().splitlines(keepends=True),
            *MIXED.splitlines(keepends=True),
            register(),
            MIXED,
            line(),
            line()[:60],
            *WHOLE.values(),
            *(data[:100] for data in WHOLE.values()),
            *(piece for data in WHOLE.values() for piece in data.splitlines(keepends=True)[:40]),
            *b'\r \n \0 \xff \xc3 : ; , < > " \\ @ [ ] { } % = * SIP/2.0 sip:a@b'.split(b" "),
            b" ",
            b"\r\n\r\n",
        ]
    )
    | st.binary(max_size=8),
    max_size=40,
).map(b"".join)


@given(st.binary() | PIECES, st.booleans())
@example(b"REGISTER sip:a SIP/2.0\r\n\r\n", False)
def test_a_message_is_read_or_refused_with_a_documented_code(data: bytes, bare_lf: bool) -> None:
    code = "none"
    try:
        parse_message(data, bare_lf)
    except HandoverError as error:
        code = error.code
    assert code in {"none", *CODES}


@given(st.binary() | PIECES, st.sampled_from(["auto", *FORMATS]), st.integers(1, 64))
def test_a_source_never_raises_and_does_not_care_for_chunks(data: bytes, format_name: str, chunk: int) -> None:
    found = items(format_name, data)
    assert found == items(format_name, data, chunk)
    assert all(item.code in CODES for item in found if isinstance(item, Refusal))


@given(st.data())
def test_an_event_with_any_value_is_read_or_refused(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([event, request_event]))(content_type=SESSIONS_TYPE, body=sessions(), qop="auth")
    key = data.draw(st.sampled_from(sorted(whole)))
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary().map(bytes.hex)
    value = data.draw(scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.text(), scalars, max_size=2))
    found = items("kamailio", json.dumps({**whole, key: value}).encode() + b"\n")
    assert len(found) == 1
    refused = found[0].body_refused if isinstance(found[0], Registration) else found
    assert all(item.code in CODES for item in refused if isinstance(item, Refusal))


LONG_AND_SHORT = {"Via": "v", "From": "f", "To": "t", "Call-ID": "i", "Contact": "m", "Content-Length": "l"}
SPACE = st.sampled_from([" ", "\t", "  ", "\r\n ", " \r\n\t ", "\r\n  \r\n "])
CASE: list[Callable[[str], str]] = [str.lower, str.upper, str.title, str]


@st.composite
def spellings(draw: st.DrawFn) -> bytes:
    """The patent's REGISTER in another legal spelling: case, compact forms, folding, space, order of headers."""
    headers = []
    for name, value in draw(st.permutations(REGISTER)):
        spelled = draw(st.sampled_from(CASE))(draw(st.sampled_from([name, LONG_AND_SHORT.get(name, name)])))
        colon = draw(st.sampled_from(["", " ", "\t "])) + ":" + draw(SPACE | st.just(""))
        text = draw(SPACE).join(value.split(" ")) if name not in ("From", "To", "Contact", TAG) else value
        if name == "Require":
            text = draw(st.sampled_from(CASE))(text)
        headers.append(f"{spelled}{colon}{text}{draw(SPACE)}".encode())
    return b"REGISTER sip:example.com SIP/2.0\r\n" + b"\r\n".join(headers) + b"\r\n\r\n"


def facts(data: bytes) -> Registration:
    """The one registration in an input."""
    (found,) = items("sip", data)
    assert isinstance(found, Registration)
    return replace(found, where="")


@given(spellings())
def test_every_spelling_of_one_register_is_one_fact(data: bytes) -> None:
    assert facts(data) == facts(register())


LINES = [line(cseq=n, call_id=f"call-{n}@host") for n in range(4)]


@given(st.integers(0, sum(map(len, LINES))))
def test_a_log_cut_anywhere_loses_only_the_cut_line(cut: int) -> None:
    log = b"".join(LINES)
    position = Position()
    first = items("kamailio", log[:cut], position=position)
    whole = log[:cut].count(b"\n") + (log[:cut].endswith(b"}"))
    assert [item.cseq for item in first if isinstance(item, Registration)] == list(range(whole))
    assert [item.code for item in first if isinstance(item, Refusal)] in ([], ["truncated_line"])
    # The next run, with the rest of the line there, goes on without a gap and without a repetition.
    rest = items("kamailio", log[position.offset :], position=position)
    assert [item.cseq for item in rest if isinstance(item, Registration)] == list(range(whole, len(LINES)))
    assert position == Position(len(log), len(LINES) + 1)


@given(st.integers(0, sum(map(len, LINES)) - 1), st.integers(1, 40))
def test_a_hole_in_a_log_loses_only_the_lines_it_touches(start: int, size: int) -> None:
    log = b"".join(LINES)
    ends = [sum(map(len, LINES[: n + 1])) for n in range(len(LINES))]
    # A hole that ends at the end of a line, and did not begin at one, glues the next line to what is left of it.
    glued = start + size if start not in (0, *ends) else -1
    begins = [0, *ends]
    safe = {n for n, end in enumerate(ends) if end <= start or (begins[n] >= start + size and begins[n] != glued)}
    found = items("kamailio", log[:start] + log[start + size :])
    assert safe <= {item.cseq for item in found if isinstance(item, Registration)}


#: What a line between two inputs of a format may be, and no more than itself be lost by it.
JUNK = st.sampled_from(
    [b"", b"INFO: started", b"{", b'{"', b'{"a": 1', b'{"v": 1, "event": "register"', b"}", b"\xff\xfe", b"a\0b"]
)


#: Formats without lines: where a record begins, only the one before it tells.
BINARY = {"hep", "pcap"}


@pytest.mark.parametrize("format_name", sorted(set(FORMATS) - {"sip"} - BINARY))
@given(JUNK, st.integers(1, 200))
def test_good_lines_around_a_bad_one_are_read(format_name: str, junk: bytes, chunk: int) -> None:
    good = WHOLE[format_name]
    alone = [replace(item, where="") for item in of_registrations(items(format_name, good))]
    found = items(format_name, good + junk + b"\n" + good, chunk)
    known = [replace(item, where="") for item in of_registrations(found) if not isinstance(item, Refusal)]
    assert known == alone + alone


@pytest.mark.parametrize("format_name", sorted(set(FORMATS) - {"kamailio_dump"} - BINARY))
@given(st.data())
def test_an_input_that_grows_is_read_once(format_name: str, data: st.DataObject) -> None:
    whole = WHOLE[format_name] * 2
    first_cut = data.draw(st.integers(0, len(whole)))
    position = Position()
    found = items(format_name, whole[:first_cut], 4096, position)
    second_cut = data.draw(st.integers(position.offset, len(whole)))
    found += items(format_name, whole[position.offset : second_cut], 4096, position)
    found += items(format_name, whole[position.offset :], 4096, position)
    known = [item for item in found if not isinstance(item, Refusal)]
    assert known == [item for item in items(format_name, whole) if not isinstance(item, Refusal)]


@pytest.mark.parametrize("format_name", sorted(FORMATS))
def test_each_format_is_recognised(format_name: str) -> None:
    for chunk in (1, 1 << 16):
        data = WHOLE[format_name]
        chunks = [data[start : start + chunk] for start in range(0, len(data), chunk)]
        assert recognise(chunks)[0] == format_name


def test_recognising_takes_no_more_than_it_needs() -> None:
    """A log that is followed has no more to give."""

    def chunks() -> Iterator[bytes]:
        yield b"INFO: started\n" + line()
        raise AssertionError("one event line is enough")

    assert recognise(chunks())[0] == "kamailio"


MESSAGES = [register(cseq=f"{n} REGISTER") for n in range(4)]


@given(st.integers(0, sum(map(len, MESSAGES))), st.sampled_from([1, 7, 1000]))
def test_a_file_of_messages_cut_anywhere_loses_only_the_cut_one(cut: int, chunk: int) -> None:
    data = b"".join(MESSAGES)
    position = Position()
    first = items("sip", data[:cut], chunk, position)
    rest = items("sip", data[position.offset :], chunk, position)
    assert [item.cseq for item in [*first, *rest] if isinstance(item, Registration)] == [0, 1, 2, 3]
    assert [item.code for item in first if isinstance(item, Refusal)] in ([], ["truncated_message"])
    assert [item for item in rest if isinstance(item, Refusal)] == []


@pytest.mark.parametrize(
    ("name", "prefix", "piece", "times", "suffix"),
    [
        ("Contact", "", " ", 60000, "x y"),
        ("Contact", '"', "\\", 60000, ""),
        ("Contact", "", "a ", 30000, ""),
        ("Contact", "<sip:", "a", 60000, ""),
        ("Contact", "<sip:a@", "a-", 30000, ">"),
        ("Contact", "<sip:a@b>", ";a", 30000, "="),
        ("Contact", "", "<sip:a@b>,", 6000, "!"),
        ("Contact", "sip:a@b", ";x=", 20000, ""),
        ("Via", "SIP/2.0/UDP a;", " ", 60000, "="),
        ("Via", "", "SIP/2.0/UDP a,", 4000, ""),
        ("Require", "", "a , ", 15000, ""),
        ("Call-ID", "", "@", 60000, ""),
        (TAG, "", "1.1.1.1,", 8000, ""),
        (TAG, "", ":", 60000, ""),
        ("Subject", "", "\r\n ", 20000, ""),
        ("Subject", "", " ", 60000, ""),
        ("CSeq", "1", " ", 60000, ""),
        ("Authorization", "Digest ", "a=b,", 15000, ""),
        ("Authorization", 'Digest a="', "\\a", 29000, ""),
    ],
    ids=lambda value: repr(value) if isinstance(value, str) else "",
)
def test_a_hostile_header_takes_linear_time(name: str, prefix: str, piece: str, times: int, suffix: str) -> None:
    kept = [item for item in REGISTER if item[0] != name]

    def work(times: int) -> None:
        data = message([*kept, (name, prefix + piece * times + suffix)])
        assert len(data) <= MAX_MESSAGE
        assert len(items("sip", data)) == 1

    assert growth(lambda: work(times // TIMES), lambda: work(times)) < LINEAR


def read_through(format_name: str, piece: bytes, size: int, count: int) -> None:
    """Read so many chunks of this size, made of one piece."""
    chunk = piece * (size // len(piece))
    for _item in open_source(format_name, (chunk for _n in range(count)), "log")[1]:
        pass


GARBAGE = [b"x", b" ", b"\n", b"{", b"\0", b"REGISTER sip:a SIP/2.0\r\n", b'{"', b"{ {\n"]


@pytest.mark.parametrize("format_name", sorted(FORMATS))
@pytest.mark.parametrize("piece", GARBAGE)
def test_endless_garbage_takes_flat_memory(format_name: str, piece: bytes) -> None:
    # A line, and a message, is held up to its limit: there has to be much more. Of short lines there are enough in
    # less, and to trace what is allocated for each takes long.
    size, count = 65536, 26
    if b"\n" in piece:
        size, count = 4096, 96 if format_name == "sip" else 16
    tracemalloc.start()
    try:
        read_through(format_name, piece, size, count)
        assert tracemalloc.get_traced_memory()[1] < size * count / 2
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("format_name", sorted(FORMATS))
@pytest.mark.parametrize("piece", GARBAGE)
def test_endless_garbage_takes_linear_time(format_name: str, piece: bytes) -> None:
    def work(count: int) -> None:
        read_through(format_name, piece, 4096, count)

    # Beyond the longest line.
    assert growth(lambda: work(12), lambda: work(12 * TIMES)) < LINEAR


@pytest.mark.parametrize("piece", [b'{"\n', b'":\n', b"{\n"])
def test_a_big_chunk_takes_linear_time(piece: bytes) -> None:
    """Looking through the rest of a chunk for each of its lines would be quadratic."""
    big = 256 * 1024
    small = big // TIMES
    assert (
        growth(lambda: read_through("kamailio", piece, small, 1), lambda: read_through("kamailio", piece, big, 1))
        < LINEAR
    )
