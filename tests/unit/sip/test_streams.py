# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP: any split, order and repetition gives the stream (RFC 9293), cut into messages as RFC 3261 section 18.3 says."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.capture import tcp as tcp_module
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.capture.tcp import MAX_HELD, MAX_WAITING
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import open_source
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import pcap as source
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.exchange import Doubt, Recorded

from .packets import PHONE, RAW, SERVER, exchange, ip, items, numbered, pcap, read, reply, tcp

FIN, SYN, RST, ACK = 1, 2, 4, 16
#: Its data wraps around the end of the sequence numbers.
ISN = 2**32 - 500


def out(data: bytes, place: int, flags: int = 0x18) -> bytes:
    """A segment of the phone; ``place`` counts from the first byte of its stream."""
    return ip(tcp(data, ISN + 1 + place, flags), protocol=6)


def back(data: bytes, place: int = 0, acknowledged: int = 0, flags: int = 0x18) -> bytes:
    """A segment of the server, which has ``acknowledged`` bytes of the phone's stream."""
    return ip(tcp(data, 9001 + place, flags, ISN + 1 + acknowledged, back=True), SERVER, PHONE, 6)


OPENING = [ip(tcp(b"", ISN, SYN), protocol=6), back(b"", -1, -1 + 1, SYN | ACK)]


def seen(frames: list[bytes], step: int = 1) -> list[bytes | str]:
    """Messages, and codes of refusals."""
    found = source.messages([pcap(frames, RAW, step=step)], "f")
    return [item.data if isinstance(item, Recorded) else item.code for item in found if not isinstance(item, Doubt)]


MESSAGES = [numbered(n, size) for n, size in enumerate((0, 700, 0, 3))]
STREAM = b"\r\n\r\n" + MESSAGES[0] + MESSAGES[1] + b"\r\n\r\n" + MESSAGES[2] + MESSAGES[3]


@st.composite
def segments(draw: st.DrawFn) -> list[tuple[int, bytes]]:
    """The stream in pieces, some of them sent again in other pieces, in an order that a network may make of it."""
    cuts = sorted({0, len(STREAM), *draw(st.lists(st.integers(0, len(STREAM)), max_size=12))})
    pieces = [(start, STREAM[start:end]) for start, end in pairwise(cuts)]
    for start in draw(st.lists(st.integers(0, len(STREAM) - 1), max_size=4)):
        pieces.append((start, STREAM[start : start + draw(st.integers(1, 900))]))
    return draw(st.permutations(pieces))


@given(segments(), st.booleans())
def test_any_split_order_and_repetition_gives_the_messages(pieces: list[tuple[int, bytes]], fin: bool) -> None:
    """Against the simplest model: the messages that were put in."""
    frames = [*OPENING, *(out(data, start) for start, data in pieces)]
    if fin:
        frames.insert(5, out(b"", len(STREAM), FIN | ACK))
    assert seen(frames) == MESSAGES


@given(segments(), st.integers(0, len(STREAM) - 1))
def test_other_bytes_for_the_same_place_make_the_stream_unreadable(pieces: list[tuple[int, bytes]], place: int) -> None:
    """The server may have dropped either (a checksum, a TTL): no registration of the connection is believed.

    Whether the false bytes come first or last, and although the server answers each request with 200.
    """
    true = [out(data, start) for start, data in pieces]
    false = out(bytes([STREAM[place] ^ 1]) + b"#", place)
    answers = b"".join(map(reply, MESSAGES))
    for frames in ([*true, false], [false, *true]):
        found = read(pcap([*OPENING, *frames, back(answers)], RAW))
        assert "conflicting_packets" in found
        assert [item for item in found if isinstance(item, int)] == []
    assert read(pcap([*OPENING, *true, back(answers)], RAW)) == [0, 1, 2, 3]


def test_a_conflict_ends_a_connection_and_not_the_next() -> None:
    request = numbered(2)
    again = [ip(tcp(b"", 77, SYN), protocol=6), ip(tcp(request, 78), protocol=6), back(reply(request), 0, 0)]
    conflict = [out(MESSAGES[0][:50], 0), out(MESSAGES[0][:49] + b"#", 0), out(MESSAGES[0][50:], 50)]
    found = read(pcap([*OPENING, *conflict, *again], RAW))
    assert found == ["conflicting_packets", 2]


def test_a_keep_alive_with_a_byte_of_garbage_is_no_conflict() -> None:
    """RFC 9293 section 3.8.4; Windows sends a zero."""
    frames = [*OPENING, out(MESSAGES[0], 0), out(b"\0", len(MESSAGES[0]) - 1), out(MESSAGES[1], len(MESSAGES[0]))]
    assert seen(frames) == MESSAGES[:2]


LOST = len(MESSAGES[0])
BEHIND = LOST + len(MESSAGES[1])


def test_what_was_acknowledged_and_is_missing_will_not_come() -> None:
    """The stream is read on behind the gap as soon as the server has shown that it has the bytes."""
    frames = [
        *OPENING,
        out(MESSAGES[0], 0),
        out(MESSAGES[2], BEHIND),
        back(b"", acknowledged=BEHIND),
        out(MESSAGES[3], BEHIND + len(MESSAGES[2])),
    ]
    assert seen(frames) == [MESSAGES[0], "stream_gap", MESSAGES[2], MESSAGES[3]]
    # The acknowledgement may have come before.
    frames[3:5] = [frames[4], frames[3]]
    assert seen(frames) == [MESSAGES[0], "stream_gap", MESSAGES[2], MESSAGES[3]]


def test_a_request_behind_a_gap_is_known_before_its_answer() -> None:
    """The segment that acknowledges it may be the one that has the answer."""
    everything = BEHIND + len(MESSAGES[2])
    frames = [*OPENING, out(MESSAGES[2], BEHIND), back(reply(MESSAGES[2]), acknowledged=everything)]
    assert read(pcap(frames, RAW)) == [2]


def test_what_is_sent_again_after_the_end_is_nothing_new() -> None:
    """Not even where it looks like the beginning of a message."""
    middle = MESSAGES[0].index(b"ISTER")
    frames = [*OPENING, out(MESSAGES[0], 0, FIN | ACK), out(MESSAGES[0][middle:], middle), out(MESSAGES[0], 0)]
    assert seen(frames) == MESSAGES[:1]
    assert seen([*frames, out(MESSAGES[2], LOST + 1)]) == MESSAGES[:1]


def test_without_an_acknowledgement_a_gap_stays_open() -> None:
    frames = [*OPENING, out(MESSAGES[0], 0), out(MESSAGES[2], BEHIND), out(MESSAGES[1], LOST)]
    assert seen(frames) == MESSAGES[:3]


def test_a_segment_far_ahead_that_nobody_acknowledges_blinds_nobody() -> None:
    """A stranger's guess at the connection: the server drops it, and so do we."""
    spoofed = out(numbered(99), 1 << 20)
    quiet = [out(b"", 0, ACK)] * 40
    frames = [*OPENING, spoofed, *quiet, out(MESSAGES[0], 0), out(MESSAGES[1], LOST)]
    found = [item for item in seen(frames) if item != "stream_gap"]
    assert found == MESSAGES[:2]


def test_after_a_gap_only_the_beginning_of_a_segment_is_believed() -> None:
    """What looks like a message inside a segment may be the body of one, which its sender chose."""
    smuggled = b"v=0\r\n" + numbered(66)
    frames = [
        *OPENING,
        out(MESSAGES[0], 0),
        out(smuggled, BEHIND),
        back(b"", acknowledged=BEHIND + len(smuggled)),
        out(MESSAGES[2], BEHIND + len(smuggled)),
    ]
    assert seen(frames) == [MESSAGES[0], "stream_gap", MESSAGES[2]]


def test_a_stream_without_its_beginning_is_read_from_the_next_message_on() -> None:
    assert (
        seen(
            [
                out(MESSAGES[0][40:], 0),
                out(MESSAGES[2], 5000),
                back(b"", acknowledged=5000),
                out(MESSAGES[3], 5000 + len(MESSAGES[2])),
            ]
        )
        == MESSAGES[2:]
    )


def test_bytes_that_snaplen_cut_are_a_gap() -> None:
    frames = [
        *OPENING,
        out(MESSAGES[1], 0),
        back(b"", acknowledged=len(MESSAGES[1])),
        out(MESSAGES[0], len(MESSAGES[1])),
    ]
    found = source.messages([pcap(frames, RAW, cut=len(MESSAGES[0]) + 40)], "f")
    assert [getattr(item, "data", None) or getattr(item, "code", None) for item in found] == ["stream_gap", MESSAGES[0]]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"content_length": None}, "misframed_message"),
        ({"content_length": "0\r\nl: 5"}, "misframed_message"),
        ({"content_length": "0\r\n 5"}, "misframed_message"),
        ({"content_length": "-1"}, "misframed_message"),
        ({"content_length": "0x10"}, "misframed_message"),
        ({"expires": "3600\nX: y"}, "misframed_message"),
        ({"content_length": "65535"}, "message_too_large"),
        ({"call_id": "x" * 70000}, "message_too_large"),
    ],
)
def test_where_two_readers_could_see_two_messages_none_is_seen(headers: dict[str, str | None], code: str) -> None:
    """Both ends of a stream must agree where a message ends, or the next may be the text of the one before it."""
    bad = numbered(1, 0, **headers)
    pieces = [bad[at : at + 1400] for at in range(0, len(bad), 1400)]
    frames = [*OPENING]
    place = 0
    for piece in [*pieces, MESSAGES[2]]:
        frames.append(out(piece, place))
        place += len(piece)
    assert seen(frames) == [code, MESSAGES[2]]


def test_a_message_that_is_refused_is_framed_all_the_same() -> None:
    bad = numbered(1, size=5, contact="<<>>")
    assert read(pcap([*OPENING, out(bad + MESSAGES[2], 0), back(reply(MESSAGES[2]))], RAW)) == ["bad_address", 2]


def test_garbage_between_messages_is_refused() -> None:
    frames = [*OPENING, out(MESSAGES[0] + b"garbage\r\n", 0), out(MESSAGES[2], LOST + 9)]
    assert seen(frames) == [MESSAGES[0], "misframed_message", MESSAGES[2]]


def test_other_protocols_are_passed() -> None:
    tls = b"\x16\x03\x01\x02\x00" + bytes(512)
    http = b"POST / HTTP/1.1\r\nContent-Length: 400\r\n\r\n" + MESSAGES[0]
    for data in (tls, http, b"\0" * 9000):
        assert seen([*OPENING, out(data, 0), out(MESSAGES[0], len(data))]) == []


@pytest.mark.parametrize(("flags", "place"), [(FIN | ACK, 100), (RST, 100)])
def test_a_connection_that_ends_within_a_message(flags: int, place: int) -> None:
    frames = [*OPENING, out(MESSAGES[0][:100], 0), out(b"", place, flags), *exchange(5)]
    assert read(pcap(frames, RAW)) == ["truncated_message", 5]


def test_a_reset_that_the_server_would_not_believe_either() -> None:
    """RFC 5961 section 3.2: only the very next sequence number resets a connection."""
    frames = [*OPENING, out(MESSAGES[0][:100], 0), out(b"", 5000, RST), out(MESSAGES[0][100:], 100)]
    assert seen(frames) == MESSAGES[:1]


def test_ports_may_be_used_again() -> None:
    again = [ip(tcp(b"", 77, SYN), protocol=6), ip(tcp(MESSAGES[2], 78), protocol=6)]
    assert seen([*OPENING, out(MESSAGES[0], 0), *again]) == [MESSAGES[0], MESSAGES[2]]


def test_the_place_of_a_message_is_the_packet_that_it_begins_in() -> None:
    frames = [*OPENING, out(MESSAGES[0] + MESSAGES[1][:9], 0), out(MESSAGES[1][9:] + MESSAGES[2], LOST + 9)]
    found = source.messages([pcap(frames, RAW)], "f")
    assert [item.where for item in found if isinstance(item, Recorded)] == ["f:3", "f:3", "f:4"]


@pytest.mark.parametrize("size", [1, 1400])
def test_a_flood_of_streams_is_bounded(size: int) -> None:
    """Half-sent messages of many connections, each byte of which could be needed; some wait behind a gap."""
    start = numbered(1, size=60000)[:size]
    frames = []
    for number in range(12000):
        source_ip = f"2.3.{number >> 8 & 255}.{number & 255}"
        frames.append(ip(tcp(b"", 0, SYN), source_ip, protocol=6))
        frames.append(ip(tcp(start, 1 + number % 2 * 5), source_ip, protocol=6))
    data = pcap(frames, RAW, step=0)
    del frames
    tracemalloc.start()
    try:
        for _item in open_source("pcap", [data], "f")[1]:
            pass
        assert tracemalloc.get_traced_memory()[1] < len(data) + 3 * MAX_HELD
    finally:
        tracemalloc.stop()


def test_what_waits_behind_a_gap_is_bounded() -> None:
    piece = b"x" * 1000
    frames = [*OPENING, out(MESSAGES[0], 0)]
    frames += [out(piece, LOST + 1 + n * 1000) for n in range(MAX_WAITING // 1000 + 10)]
    # Had it been kept, it would contradict the true data.
    found = seen([*frames, out(MESSAGES[1], LOST)], step=0)
    assert found[:3] == [MESSAGES[0], "stream_gap", MESSAGES[1]]
    assert "conflicting_packets" not in found


def test_the_quietest_stream_is_given_up_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_module, "MAX_STREAMS", 2)
    others = [ip(tcp(b"", 1, SYN), f"2.2.2.{n}", protocol=6) for n in (30, 31)]
    (found,) = items(pcap([OPENING[0], out(MESSAGES[0][:100], 0), *others], RAW))
    assert isinstance(found, Refusal)
    assert (found.code, found.where) == ("truncated_message", "f:2")
