# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of several parts: RFC 2046 section 5.1, RFC 5621, and what hostile ones try."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.mime import (
    MAX_NESTING,
    MAX_PARTS,
    ContentType,
    Part,
    parse_content_type,
    parts_of,
)

from ..growth import LINEAR, TIMES, growth

MIXED = "multipart/mixed;boundary=b"


def mixed(*parts: bytes, boundary: bytes = b"b") -> bytes:
    """A multipart with these parts, each with its own headers and empty line."""
    return b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts) + b"--%b--\r\n" % boundary


def read(data: bytes, content_type: str = MIXED) -> list[tuple[str, bytes]]:
    """Type and content of each part."""
    return [(part.name, part.data) for part in parts_of(content_type, data)]


def refused(data: bytes, content_type: str = MIXED) -> str:
    """The rule that a body breaks."""
    with pytest.raises(HandoverError) as caught:
        parts_of(content_type, data)
    assert caught.value.code == "bad_body"
    return caught.value.rule


def outcome(content_type: str, data: bytes) -> tuple[Part, ...] | str:
    """The parts of a body, or the code of its refusal."""
    try:
        return parts_of(content_type, data)
    except HandoverError as error:
        return error.code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("application/sdp", ContentType("application/sdp")),
        ("Application / SDP ; charset=utf-8", ContentType("application/sdp")),
        ("multipart/mixed;boundary=unique-1", ContentType("multipart/mixed", "unique-1")),
        ('multipart/mixed; Boundary="a b:c"', ContentType("multipart/mixed", "a b:c")),
        ("application/vnd.sipmobility.sessions+json", ContentType("application/vnd.sipmobility.sessions+json")),
    ],
)
def test_rfc_3261_20_15_content_type(text: str, expected: ContentType) -> None:
    assert parse_content_type(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text",
        "text/",
        "/plain",
        "text/plain x",
        "text/plain;",
        "a/b;boundary=x;BOUNDARY=y",
        "a/b, c/d",
        "a/b (comment)",
    ],
)
def test_a_content_type_that_is_none(text: str) -> None:
    refused(b"", text)


def test_a_body_of_another_type_is_one_part() -> None:
    assert parts_of("Application/SDP", b"v=0\r\n") == (Part("application/sdp", "", "", b"v=0\r\n"),)


def test_rfc_2046_5_1_1_parts_their_headers_and_what_stands_around_them() -> None:
    body = (
        b"This is the preamble, which is no part.\r\n"
        b"--b \t\r\n"
        b"Content-Type: application/sdp\r\n"
        b"CONTENT-DISPOSITION : Session;\r\n handling=required\r\n"
        b"\r\n"
        b"v=0\r\n\r\n"
        b"--b\r\n"
        b"\r\n"
        b"plain text\r\n"
        b"--b--  \r\n"
        b"This is the epilogue.\r\n"
    )
    assert parts_of(MIXED, body) == (
        Part("application/sdp", "session", "", b"v=0\r\n"),
        Part("text/plain", "", "", b"plain text"),
    )


def test_the_line_end_before_a_delimiter_is_the_delimiters() -> None:
    assert read(mixed(b"\r\na\r\n")) == [("text/plain", b"a\r\n")]
    assert read(b"--b\r\n\r\na\r\n--b--") == [("text/plain", b"a")]
    assert read(b"--b\r\n\r\n\r\n--b--") == [("text/plain", b"")]


def test_rfc_5621_a_multipart_in_a_multipart() -> None:
    inner = b"Content-Type: multipart/mixed;boundary=in\r\n\r\n" + mixed(b"\r\none", b"\r\ntwo", boundary=b"in")
    assert read(mixed(inner, b"\r\nthree")) == [("text/plain", word) for word in (b"one", b"two", b"three")]


def test_another_multipart_stays_whole() -> None:
    assert [name for name, _data in read(mixed(b"Content-Type: multipart/alternative;boundary=z\r\n\r\nx"))] == [
        "multipart/alternative"
    ]


@pytest.mark.parametrize("value", ["7bit", "8BIT", "binary"])
def test_rfc_5621_3_an_encoding_that_changes_nothing(value: str) -> None:
    (part,) = parts_of(MIXED, mixed(f"Content-Transfer-Encoding: {value}\r\n\r\nx".encode()))
    assert part.encoding == ""


@pytest.mark.parametrize("header", ["Content-Transfer-Encoding: base64", "Content-Encoding: gzip"])
def test_an_encoded_part_is_told_as_such(header: str) -> None:
    (part,) = parts_of(MIXED, mixed(f"{header}\r\n\r\nx".encode()))
    assert part.encoding == header.partition(": ")[2]


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "a last delimiter"),
        (b"no delimiter", "a last delimiter"),
        (b"--b--\r\n", "a last delimiter"),
        (b"--b", "a last delimiter"),
        (b"--b\r\n\r\nx\r\n", "a last delimiter"),
        (b"--b\r\n\r\nx\r\n--b\r\n", "a last delimiter"),
        (b"--b\n\nx\n--b--\n", "no line but the delimiters"),
        (b"--b\r\n\r\nx\n--b--\n", "a last delimiter"),
        (b"--bb\r\n\r\nx\r\n--bb--", "no line but the delimiters"),
        (b"--b\r\n\r\nx\r\n--bx\r\n--b--", "no line but the delimiters"),
        (b"--b\r\n\r\nx\r\n--b-\r\n--b--", "no line but the delimiters"),
        (mixed(b"\r\nx") + mixed(b"\r\nhidden"), "no line but the delimiters"),
        (b"--b\r\n--b--", "an empty line behind its headers"),
        (b"--b\r\n--b\r\n\r\nx\r\n--b--", "an empty line behind its headers"),
        (mixed(b"Content-Type: text/plain"), "an empty line behind its headers"),
        (mixed(b"no header\r\n\r\nx"), "a header of a part"),
        (mixed(b"Content-Type: a/b\r\ncontent-type: c/d\r\n\r\nx"), "stands once"),
        (mixed(b"Content-Type: a/b\rContent-Type: c/d\r\n\r\nx"), "CR and LF"),
        (mixed(b"Content-Type: a/b\nX: y\r\n\r\nx"), "CR and LF"),
        (mixed(b"Content-Type: a/b\0\r\n\r\nx"), "control characters"),
        (mixed(b"Content-Type: nothing\r\n\r\nx"), "type, slash, subtype"),
        (mixed(b"X: y\r\n" * 17 + b"\r\nx"), "at most 16 headers"),
        (mixed(*[b"\r\nx"] * (MAX_PARTS + 1)), "at most 16 parts"),
        (
            mixed(
                b"Content-Type: multipart/mixed;boundary=in\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                + mixed(b"\r\nx", boundary=b"in")
            ),
            "a multipart is not encoded",
        ),
        (
            mixed(b"Content-Type: multipart/mixed;boundary=bb\r\n\r\n" + mixed(b"\r\nx", boundary=b"bb")),
            "no line but the delimiters",
        ),
    ],
    ids=lambda value: repr(value[:50]) if isinstance(value, bytes) else value,
)
def test_a_body_that_two_readers_could_take_apart_in_two_ways(data: bytes, rule: str) -> None:
    assert rule in refused(data)


@pytest.mark.parametrize("boundary", ["", "boundary=x" * 8, "bad^sign", '"trailing "', '"a\u00e9"'])
def test_rfc_2046_5_1_1_a_boundary_that_is_none(boundary: str) -> None:
    refused(mixed(b"\r\nx"), f"multipart/mixed;boundary={boundary}" if boundary else "multipart/mixed")


def nested(depth: int) -> bytes:
    """A text in so many multiparts."""
    data = b"\r\nx"
    for level in range(depth):
        name = b"m%d-" % level
        data = b"Content-Type: multipart/mixed;boundary=%b\r\n\r\n%b" % (name, mixed(data, boundary=name))
    return data


def test_nesting_is_bounded() -> None:
    assert read(mixed(nested(MAX_NESTING - 1))) == [("text/plain", b"x")]
    for depth in (MAX_NESTING, 500):
        assert "at most 2 multiparts" in refused(mixed(nested(depth)))


def test_parts_are_counted_over_all_multiparts() -> None:
    inner = b"Content-Type: multipart/mixed;boundary=in\r\n\r\n" + mixed(*[b"\r\nx"] * 9, boundary=b"in")
    assert "at most 16 parts" in refused(mixed(inner, inner))


@pytest.mark.parametrize("piece", [b"\r\n--b", b"\r\n", b"--b\r\n\r\n", b"\r\n--b--", b"X: y\r\n", b"\r\n --b", b"-"])
def test_a_hostile_body_takes_linear_time(piece: bytes) -> None:
    def work(size: int) -> None:
        many = piece * (size // len(piece))
        for data in (many, b"--b\r\n" + many + b"\r\n--b--"):
            outcome(MIXED, data)

    assert growth(lambda: work(60000 // TIMES), lambda: work(60000)) < LINEAR


PIECES = st.lists(
    st.sampled_from(
        [b"--b", b"--b--", b"--in", b"\r\n", b"\n", b"\r", b"Content-Type: ", MIXED.encode(), b"a/b", b"\0", nested(1)]
    )
    | st.binary(max_size=6),
    max_size=30,
).map(b"".join)


@given(st.binary() | PIECES, st.sampled_from([MIXED, "a/b"]) | st.text())
def test_any_body_is_taken_apart_or_refused(data: bytes, content_type: str) -> None:
    found = outcome(content_type, data)
    if isinstance(found, str):
        assert found == "bad_body"
    else:
        assert 0 < len(found) <= MAX_PARTS
        assert sum(len(part.data) for part in found) <= len(data)


CONTENTS = st.lists(st.binary(max_size=20).filter(lambda data: b"--b" not in data), min_size=1, max_size=MAX_PARTS)


@given(CONTENTS)
def test_what_is_put_together_is_taken_apart(contents: list[bytes]) -> None:
    assert [data for _name, data in read(mixed(*[b"\r\n" + data for data in contents]))] == contents
