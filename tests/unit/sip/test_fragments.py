# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fragments: put together in any order, and never against each other (RFC 791, RFC 5722, RFC 8200 section 4.5)."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.capture import fragments
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import open_source

from ..growth import LINEAR, TIMES, growth
from .packets import PHONE, PHONE6, RAW, SERVER, SERVER6, exchange, ip, items, numbered, pcap, read, reply, split, udp

ENDS = [(PHONE, SERVER), (PHONE6, SERVER6)]
LARGE = udp(numbered(1, size=3000))


def answer(ends: tuple[str, str]) -> bytes:
    """The IP packet of the 200."""
    return ip(udp(reply(numbered(1, size=3000)), 5060, 5061), ends[1], ends[0])


def parts(size: int, ends: tuple[str, str], **options: object) -> list[bytes]:
    return split(LARGE, size, source=ends[0], destination=ends[1], **options)


@pytest.mark.parametrize("ends", ENDS)
@given(data=st.data())
def test_fragments_come_in_any_order_and_twice(data: st.DataObject, ends: tuple[str, str]) -> None:
    found = parts(data.draw(st.integers(1, 200)) * 8 + 400, ends)
    copies = data.draw(st.lists(st.sampled_from(found), max_size=4))
    order = data.draw(st.permutations([*found, *copies]))
    assert read(pcap([*order, answer(ends)], RAW))[:1] == [1]


@pytest.mark.parametrize("ends", ENDS)
def test_an_extension_header_in_front_and_behind(ends: tuple[str, str]) -> None:
    """RFC 8200: what stands behind the Fragment header is fragmented with the payload."""
    if ends == ENDS[0]:
        found = parts(1200, ends)
    else:
        whole = bytes([17, 0]) + bytes(6) + LARGE
        found = split(whole, 1200, source=PHONE6, destination=SERVER6, protocol=60, extensions=[(0, bytes(8))])
    assert read(pcap([*found, answer(ends)], RAW)) == [1]


@pytest.mark.parametrize("ends", ENDS)
@given(data=st.data())
def test_an_overlap_discards_the_datagram_with_all_that_follows(data: st.DataObject, ends: tuple[str, str]) -> None:
    """RFC 5722 section 4. Whatever the overlapping bytes say, and wherever in the order the fragment comes."""
    found = parts(400, ends)
    start = data.draw(st.integers(0, len(LARGE) // 8 - 1)) * 8
    length = data.draw(st.integers(1, 100)) * 8
    piece = LARGE[start : start + length]
    if data.draw(st.booleans()):
        piece = b"X" * len(piece)
    more = start + length < len(LARGE)
    hostile = ip(piece, *ends, fragment=(start, more))
    before = data.draw(st.integers(0, len(found)))
    # A tail that comes before the true one makes the datagram whole, for a host as for us; no overlap is left to see.
    assume(more or start % 400 or before > start // 400)
    expected = [1] if hostile in found else []
    if piece and (len(piece) % 8 == 0 or not more):
        told = read(pcap([*found[:before], hostile, *found[before:], answer(ends)], RAW))
        if before < len(found):
            assert [code for code in told if code == 1] == expected
            assert expected or "conflicting_packets" in told
        else:
            # The datagram was whole before; the piece is the beginning of another.
            assert told[:1] == [1]


@pytest.mark.parametrize(
    "bad",
    [
        ip(b"x" * 12, fragment=(800, True)),
        ip(b"", fragment=(800, True)),
        ip(b"x" * 800, fragment=(65000, False)),
        ip(b"x" * 8, fragment=(160, False)),
    ],
    ids=["no multiple of eight", "empty", "beyond 65,535", "an end before the end"],
)
def test_a_fragment_that_cannot_be_one(bad: bytes) -> None:
    found = parts(400, ENDS[0])
    assert read(pcap([*found[:3], bad, *found[3:], answer(ENDS[0]), *exchange(2)], RAW)) == ["conflicting_packets", 2]


@pytest.mark.parametrize("number", [2, -1])
def test_a_copy_that_contradicts_whether_it_is_the_last(number: int) -> None:
    """Of the flags in an IPv4 header the third bit says that more fragments follow."""
    found = parts(400, ENDS[0])
    copy = bytearray(found[number])
    copy[6] ^= 0x20
    frames = [found[0], *found[2:], bytes(copy), found[1], answer(ENDS[0]), *exchange(2)]
    assert read(pcap(frames, RAW)) == ["conflicting_packets", 2]


def test_an_end_in_a_gap_before_what_is_there() -> None:
    found = parts(400, ENDS[0])
    # As many bytes as that end promises are there, and yet not those.
    frames = [found[0], found[3], ip(b"x" * 8, fragment=(800, False)), *found[1:], *exchange(2)]
    assert read(pcap(frames, RAW)) == ["conflicting_packets", 2]


def test_an_atomic_fragment_has_nothing_to_do_with_others() -> None:
    """RFC 6946 section 4: not even with those of the same number."""
    text = numbered(3)
    atomic = ip(udp(text), PHONE6, SERVER6, fragment=(0, False))
    frames = [parts(1200, ENDS[1])[0], atomic, ip(udp(reply(text)), SERVER6, PHONE6)]
    assert read(pcap(frames, RAW)) == [3, "fragments_incomplete"]


def test_a_second_end_elsewhere() -> None:
    found = parts(1600, ENDS[0])
    assert read(pcap([found[-1], ip(b"x" * 80, fragment=(4000, False)), *found], RAW)) == ["conflicting_packets"]


@pytest.mark.parametrize("ends", ENDS)
def test_datagrams_are_told_apart_by_their_number(ends: tuple[str, str]) -> None:
    one, two = (parts(2400, ends, ident=number) for number in (1, 2))
    assert read(pcap([one[0], two[1], one[1], answer(ends), two[0]], RAW)) == [1]


def test_a_message_of_which_a_fragment_is_missing_is_told_by_itself() -> None:
    found = list(items(pcap([*exchange(2), *parts(1200, ENDS[0])[:-1]], RAW)))
    assert isinstance(found[1], Refusal)
    assert (found[1].code, found[1].where) == ("fragments_incomplete", "f:3")
    assert "packets" not in found[1].reason


def test_fragments_without_a_beginning_are_counted() -> None:
    lost = [ip(b"x" * 80, fragment=(800, True), ident=number) for number in range(50)]
    (found,) = items(pcap(lost, RAW))
    assert isinstance(found, Refusal)
    assert found.code == "fragments_incomplete"
    assert "50 packets" in found.reason


def test_fragments_are_waited_for_30_seconds() -> None:
    """pcap() has a packet each second."""
    found = parts(2400, ENDS[0])
    for quiet, expected in ((int(fragments.MAX_AGE) - 1, [1]), (int(fragments.MAX_AGE) + 1, ["fragments_incomplete"])):
        other = [ip(b"x" * 8, protocol=1) for _n in range(quiet)]
        assert read(pcap([found[0], *other, found[1], answer(ENDS[0])], RAW))[:1] == expected


def test_a_fragment_that_the_capture_cut() -> None:
    told = read(pcap(parts(1600, ENDS[0]), RAW, cut=1000))
    assert told == ["truncated_capture", "fragments_incomplete"]


def test_a_flood_of_fragments_is_bounded_and_the_oldest_goes() -> None:
    """Each begins a datagram of its own; what is held stays below the limits, with the cost of Python's objects."""

    def flood() -> bytes:
        frames = [
            ip(b"x" * 8 if number % 2 else b"x" * 1400, fragment=(0, True), ident=number % 65536, source=f"2.2.{net}.9")
            for net in range(2)
            for number in range(4000)
        ]
        return pcap(frames, RAW, step=0)

    data = flood()
    chunks = [data[at : at + 65536] for at in range(0, len(data), 65536)]
    del data
    tracemalloc.start()
    try:
        (found,) = open_source("pcap", iter(chunks), "f")[1]
        assert isinstance(found, Refusal)
        assert "8000 packets" in found.reason
        assert tracemalloc.get_traced_memory()[1] < 3 * fragments.MAX_HELD
    finally:
        tracemalloc.stop()


def tiny(size: int) -> bytes:
    """A capture of a message with a body of this size, in as many fragments as can be, the last one first."""
    text = numbered(1, size=size)
    return pcap([*split(udp(text), 8)[::-1], ip(udp(reply(text)), SERVER, PHONE)], RAW, step=0)


def test_tiny_fragments_of_one_datagram_are_put_together_in_linear_time() -> None:
    """Eight bytes each: the largest message there is, and the most fragments it can have."""
    small, large = (tiny(size) for size in (60000 // TIMES, 60000))

    def work(data: bytes) -> None:
        assert read(data) == [1]

    assert growth(lambda: work(small), lambda: work(large)) < LINEAR
