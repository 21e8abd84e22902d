# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Session descriptions: RFC 8866 (and RFC 4566 before it), RFC 3264, RFC 3605, RFC 5761."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sdp import (
    MAX_MEDIA,
    MAX_SDP,
    endpoints,
    parse_sdp,
    sessions_of,
)

from ..growth import LINEAR, TIMES, growth

HEAD = "v=0\no=alice 1 1 IN IP4 1.1.1.20\ns=-\n"


def sdp(*lines: str, head: str = HEAD, common: str = "c=IN IP4 1.1.1.20") -> bytes:
    """A description with these lines behind the session's own."""
    return (head + "".join(f"{line}\n" for line in (common, "t=0 0", *lines) if line)).replace("\n", "\r\n").encode()


def points(*lines: str, common: str = "c=IN IP4 1.1.1.20") -> list[tuple[str, str, int]]:
    """Use, address and port of each endpoint."""
    return [(point.use, str(point.address), point.port) for point in endpoints(parse_sdp(sdp(*lines, common=common)))]


def refused(data: bytes) -> str:
    """The rule that a description breaks."""
    with pytest.raises(HandoverError) as caught:
        parse_sdp(data)
    assert caught.value.code == "bad_sdp"
    return caught.value.rule


def test_rfc_8866_5_the_documents_example() -> None:
    """The description of section 5 of RFC 8866, which is sent to a group: nobody's endpoint, but the video's."""
    text = (
        "v=0\r\no=jdoe 3724394400 3724394405 IN IP4 198.51.100.1\r\ns=Call to John Smith\r\n"
        "i=SDP Offer #1\r\nu=http://www.jdoe.example.com/home.html\r\n"
        "e=Jane Doe <jane@jdoe.example.com>\r\np=+1 617 555-6011\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\n"
        "m=audio 49170 RTP/AVP 0\r\nm=audio 49180 RTP/AVP 0\r\n"
        "m=video 51372 RTP/AVP 99\r\nc=IN IP6 2001:db8::2\r\na=rtpmap:99 h263-1998/90000\r\n"
    )
    media = parse_sdp(text.encode())
    assert [(item.kind, item.port, str(item.address)) for item in media] == [
        ("audio", 49170, "198.51.100.1"),
        ("audio", 49180, "198.51.100.1"),
        ("video", 51372, "2001:db8::2"),
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["m=audio 4000 RTP/AVP 0"], [("rtp", "1.1.1.20", 4000), ("rtcp", "1.1.1.20", 4001)]),
        (["m=audio 4000 RTP/AVP 0", "c=IN IP4 1.1.1.30"], [("rtp", "1.1.1.30", 4000), ("rtcp", "1.1.1.30", 4001)]),
        (["m=audio 4000 UDP/TLS/RTP/SAVPF 0"], [("rtp", "1.1.1.20", 4000), ("rtcp", "1.1.1.20", 4001)]),
        (
            ["m=video 4000/2 RTP/AVP 31"],
            [(use, "1.1.1.20", 4000 + n) for n, use in enumerate(["rtp", "rtcp", "rtp", "rtcp"])],
        ),
        (["m=audio 4000 RTP/AVP 0", "a=rtcp:53020"], [("rtp", "1.1.1.20", 4000), ("rtcp", "1.1.1.20", 53020)]),
        (
            ["m=audio 4000 RTP/AVP 0", "a=rtcp:53020 IN IP4 126.16.64.4"],
            [("rtp", "1.1.1.20", 4000), ("rtcp", "126.16.64.4", 53020)],
        ),
        (["m=audio 4000 RTP/AVP 0", "a=rtcp:53020 IN IP4 224.2.1.1"], [("rtp", "1.1.1.20", 4000)]),
        (["m=audio 4000 RTP/AVP 0", "a=rtcp-mux"], [("rtp", "1.1.1.20", 4000), ("rtcp", "1.1.1.20", 4001)]),
        (["m=audio 65535 RTP/AVP 0"], [("rtp", "1.1.1.20", 65535)]),
        (["m=image 4000 udptl t38"], [("media", "1.1.1.20", 4000)]),
        (["m=application 4000 UDP/DTLS/SCTP webrtc-datachannel"], [("media", "1.1.1.20", 4000)]),
        (["m=message 7394 TCP/MSRP *"], []),
        (["m=audio 0 RTP/AVP 0"], []),
        (["m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0"], []),
        (["m=audio 4000 RTP/AVP 0", "c=IN IP4 233.252.0.1/127/3"], []),
        (["m=audio 4000 RTP/AVP 0", "c=IN IP6 ff15::101/3"], []),
        (["m=audio 4000 RTP/AVP 0", "c=IN IP4 phone.example.com"], []),
        (
            ["m=audio 4000 RTP/AVP 0", "m=video 4000 RTP/AVP 31"],
            [("rtp", "1.1.1.20", 4000), ("rtcp", "1.1.1.20", 4001)],
        ),
        ([], []),
    ],
    ids=lambda value: " ".join(value) if value and isinstance(value[0], str) else "",
)
def test_where_media_is_wanted(lines: list[str], expected: list[tuple[str, str, int]]) -> None:
    """RFC 8866 sections 5.7 and 5.14, RFC 3605 section 2.1, RFC 3264 section 8.4 (hold), RFC 4145."""
    assert points(*lines) == expected


def test_rfc_8866_5_line_ends_and_order() -> None:
    lines = [
        "b=AS:64",
        "t=0 0",
        "r=7d 1h 0 25h",
        "z=0 0",
        "t=0 0",
        "k=prompt",
        "a=x",
        "a=y",
        "m=audio 1 RTP/AVP 0",
        "i=x",
        "b=AS:1",
    ]
    data = sdp(*lines[2:], common="c=IN IP4 1.1.1.20\nb=AS:64")
    assert parse_sdp(data) == parse_sdp(data.replace(b"\r\n", b"\n")) == parse_sdp(data + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "a small letter"),
        (b"\r\n", "a small letter"),
        (b"v=1\r\n", "begins with v=0"),
        (b"o=x\r\nv=0\r\n", "begins with v=0"),
        (b"v=0\r\ns=-\r\nt=0 0\r\n", "v=, o=, s= and t="),
        (sdp("", "x=y"), "in the order"),
        (sdp("s=late"), "in the order"),
        (sdp("c=IN IP4 1.1.1.21", common=""), "in the order"),
        (sdp(head=HEAD + "c=IN IP4 1.1.1.21\n"), "each type once"),
        (sdp("m=audio 1 RTP/AVP 0", "c=IN IP4 1.1.1.1", "c=IN IP4 1.1.1.2"), "each type once"),
        (sdp("m=audio 1 RTP/AVP 0", "a=x", "c=IN IP4 1.1.1.1"), "in the order"),
        (sdp("m=audio 1 RTP/AVP 0", "t=0 0"), "in the order"),
        (sdp("a = x"), "a small letter"),
        (sdp("A=x"), "a small letter"),
        (sdp("a=x\n\na=y"), "a small letter"),
        (sdp("a=x\0"), "control characters"),
        (sdp("a=x\rm=audio 1 RTP/AVP 0"), "CR and LF"),
        (sdp("m=audio 4000 RTP/AVP 0", common=""), "a medium has a c= line"),
        (sdp("m=audio 4000 RTP/AVP"), "m= is"),
        (sdp("m=audio  4000 RTP/AVP 0"), "m= is"),
        (sdp("m=audio -1 RTP/AVP 0"), "m= is"),
        (sdp("m=audio 65536 RTP/AVP 0"), "a port is"),
        (sdp("m=audio " + "9" * 9000 + " RTP/AVP 0"), "a port is"),
        (sdp("m=audio 65535/2 RTP/AVP 0"), "ports up to 65535"),
        (sdp("m=audio 4000/0 RTP/AVP 0"), "ports up to 65535"),
        (sdp("m=audio 4000/17 RTP/AVP 0"), "a number of ports"),
        (sdp("m=audio 4000/2 RTP/AVP 0", "a=rtcp:1"), "at most one a=rtcp"),
        (sdp("m=audio 4000 RTP/AVP 0", "a=rtcp:1", "a=rtcp:2"), "at most one a=rtcp"),
        (sdp("m=audio 4000 RTP/AVP 0", "a=rtcp"), "a=rtcp is"),
        (sdp("m=audio 4000 RTP/AVP 0", "a=rtcp:0"), "a=rtcp is"),
        (sdp("m=audio 4000 RTP/AVP 0", "a=rtcp:70000"), "a port is"),
        (sdp("m=audio 4000 RTP/AVP 0", "a=rtcp:1 IP4 1.1.1.1"), "a=rtcp is"),
        (sdp(common="c=IN IP4 1.1.1.020"), "a host is"),
        (sdp(common="c=IN IP4 2001:db8::1"), "IP4 stands before"),
        (sdp(common="c=IN IP6 1.1.1.1"), "IP4 stands before"),
        (sdp(common="c=IN IP6 [2001:db8::1]"), "a connection is"),
        (sdp(common="c=IN IP4"), "a connection is"),
        (sdp(common="c=IN IP4 1.1.1.1 x"), "a connection is"),
        (sdp(common="c=ATM NSAP 47"), "a connection is"),
        (sdp(*["m=audio 4000 RTP/AVP 0"] * (MAX_MEDIA + 1)), "at most 32"),
        (sdp("a=" + "x" * MAX_SDP), "at most 24576 bytes"),
    ],
    ids=lambda value: repr(value[-30:]) if isinstance(value, bytes) else value,
)
def test_a_description_that_breaks_its_grammar(data: bytes, rule: str) -> None:
    assert rule in refused(data)


def agreed(offer: bytes, answer: bytes) -> list[tuple[str, int, str, int]]:
    """The sessions of the author of the offer."""
    found = sessions_of(parse_sdp(offer), parse_sdp(answer))
    return [(item.protocol, item.port, str(item.correspondent), item.correspondent_port) for item in found]


THERE = "c=IN IP4 3.3.3.20"


def test_rfc_3264_offer_and_answer_make_sessions() -> None:
    offer = sdp("m=audio 4000 RTP/AVP 0 8", "m=video 4002 RTP/AVP 31", "m=image 4004 udptl t38")
    answer = sdp("m=audio 5004 RTP/AVP 8", "m=video 0 RTP/AVP 31", "m=image 5008 UDPTL t38", common=THERE)
    assert agreed(offer, answer) == [
        ("udp", 4000, "3.3.3.20", 5004),
        ("udp", 4001, "3.3.3.20", 5005),
        ("udp", 4004, "3.3.3.20", 5008),
    ]


def test_rfc_5761_5_1_1_rtcp_shares_the_port_only_where_both_want_it() -> None:
    plain, mux = ["m=audio 4000 RTP/AVP 0"], ["m=audio 4000 RTP/AVP 0", "a=rtcp-mux"]
    assert [len(agreed(sdp(*a), sdp(*b, common=THERE))) for a in (plain, mux) for b in (plain, mux)] == [2, 2, 2, 1]


def test_rfc_3605_each_side_has_its_own_port_of_rtcp() -> None:
    offer, answer = sdp("m=audio 4000 RTP/AVP 0", "a=rtcp:4100"), sdp("m=audio 5000 RTP/AVP 0", common=THERE)
    assert agreed(offer, answer)[1] == ("udp", 4100, "3.3.3.20", 5001)
    no_rtcp = sdp("m=audio 5000/2 RTP/AVP 0", "m=audio 65535 RTP/AVP 0", common=THERE)
    offer = sdp("m=audio 4000/2 RTP/AVP 0", "m=audio 4010 RTP/AVP 0")
    assert [(here, there) for _udp, here, _host, there in agreed(offer, no_rtcp)] == [
        (4000, 5000),
        (4001, 5001),
        (4002, 5002),
        (4003, 5003),
        (4010, 65535),
    ]


def test_ends_of_two_families_are_no_session() -> None:
    assert agreed(sdp("m=audio 4000 RTP/AVP 0"), sdp("m=audio 5000 RTP/AVP 0", common="c=IN IP6 2001:db8::1")) == []


@pytest.mark.parametrize(
    "answer", [[], ["m=video 5000 RTP/AVP 0"], ["m=audio 5000 RTP/SAVP 0"], ["m=audio 5000 RTP/AVP 0"] * 2]
)
def test_rfc_3264_6_an_answer_to_another_offer(answer: list[str]) -> None:
    with pytest.raises(HandoverError) as caught:
        agreed(sdp("m=audio 4000 RTP/AVP 0"), sdp(*answer, common=THERE))
    assert caught.value.code == "bad_sdp"


PIECES = st.lists(
    st.sampled_from([*sdp("m=audio 1/2 RTP/AVP 0", "a=rtcp:2 IN IP6 ::1", "a=rtcp-mux").splitlines(keepends=True)])
    | st.sampled_from([b"c=", b"m=", b"a=rtcp:", b"IN IP4 ", b"1.1.1.1", b"/", b" ", b"\r\n", b"\r", b"\0"])
    | st.binary(max_size=5),
    max_size=30,
).map(b"".join)


@given(st.binary() | PIECES, st.binary() | PIECES)
def test_any_bytes_are_read_or_refused(one: bytes, other: bytes) -> None:
    code = "bad_sdp"
    try:
        media = parse_sdp(one)
        assert all(0 < point.port < 65536 for point in endpoints(media))
        sessions_of(media, parse_sdp(other))
    except HandoverError as error:
        code = error.code
    assert code == "bad_sdp"


@pytest.mark.parametrize(
    ("prefix", "piece", "times"),
    [
        ("a=x", "", 0),
        ("a=rtcp-mux", "", 0),
        ("a=", "x", 9000),
        ("t=0 0", "", 0),
        ("r=0", "", 0),
        ("a=rtcp:", "1", 9000),
        ("m=a 1 RTP", "/A", 4000),
    ],
)
def test_a_hostile_description_takes_linear_time(prefix: str, piece: str, times: int) -> None:
    """Many lines, or lines as long as they can be."""

    def work(size: int) -> None:
        line = prefix + piece * (times * size // MAX_SDP)
        # Two lines of the longest fit in; of the shorter ones no more, so that it is they which grow.
        count = 2 if times else (size - 100) // (len(line) + 2)
        data = sdp(*[line] * count)
        assert len(data) <= MAX_SDP
        # Once is too short to measure.
        for _n in range(10):
            with contextlib.suppress(HandoverError):
                parse_sdp(data)

    assert growth(lambda: work(MAX_SDP // TIMES), lambda: work(MAX_SDP)) < LINEAR
