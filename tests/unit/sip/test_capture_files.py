# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Capture files and link layers: clocks, and what is wrong with a file (draft-ietf-opsawg-pcap, -pcapng)."""

from __future__ import annotations

import struct

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.capture.packet import MAX_PACKET
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Registration

from .messages import NOW
from .packets import (
    PHONE,
    PHONE6,
    RAW,
    SERVER,
    SERVER6,
    block,
    enhanced,
    ethernet,
    exchange,
    interface,
    ip,
    items,
    numbered,
    pcap,
    read,
    reply,
    section,
    udp,
)

ONE, TWO = [ethernet(packet) for packet in exchange(1)], [ethernet(packet) for packet in exchange(2)]


def received(data: bytes) -> list[float | None]:
    return [item.received_at for item in items(data) if isinstance(item, Registration)]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nano", [False, True])
def test_byte_order_and_fractions_follow_the_magic_number(order: str, nano: bool) -> None:
    data = bytearray(pcap(ONE, order=order, nano=nano))
    struct.pack_into(order + "I", data, 28, 250_000_000 if nano else 250_000)
    assert received(bytes(data)) == [NOW + 0.25]


def option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


@pytest.mark.parametrize(
    ("options", "units", "offset"),
    [
        (b"", 10**6, 0),
        (option(9, b"\x06"), 10**6, 0),
        (option(9, b"\x09"), 10**9, 0),
        (option(9, b"\x00"), 1, 0),
        (option(9, b"\x8a"), 2**10, 0),
        (option(1, b"a comment") + option(9, b"\x03") + option(0, b""), 10**3, 0),
        (option(9, b"\x09") + option(14, struct.pack("<q", 1_000_000_000)), 10**9, 1_000_000_000),
        # What stands behind the end of the options is none.
        (option(0, b"") + option(9, b"\x09"), 10**6, 0),
    ],
)
def test_an_interface_has_its_own_clock(options: bytes, units: int, offset: int) -> None:
    """if_tsresol and if_tsoffset, pcapng section 4.2."""
    data = section() + interface(options=options)
    data += b"".join(enhanced(frame, int((NOW - offset) * units)) for frame in ONE)
    assert received(data) == [NOW]


@pytest.mark.parametrize(("resolution", "year"), [(0x00, None), (0x7F, 1970), (0xFF, 1970)])
def test_the_end_of_a_clock(resolution: int, year: int | None) -> None:
    """All 64 bits, at the coarsest and the finest resolutions: no time, or one before any registration."""
    data = section() + interface(options=option(9, bytes([resolution])))
    (found,) = received(data + b"".join(enhanced(frame, 2**64 - 1) for frame in ONE))
    assert (found is None) if year is None else (found is not None and 0 < found < 1)


def test_packet_blocks_without_time_and_of_old() -> None:
    simple = b"".join(block(3, struct.pack("<I", len(frame)) + frame) for frame in ONE)
    old = [struct.pack("<HHIIII", 0, 9, 0, 0, len(frame), len(frame)) + frame for frame in TWO]
    assert read(section() + interface() + simple + b"".join(block(2, body) for body in old)) == [1, 2]
    assert received(section() + interface() + simple) == [None]


def test_a_simple_packet_is_as_long_as_the_snap_length() -> None:
    frame = ONE[0]
    (found,) = items(section() + interface(snaplen=100) + block(3, struct.pack("<I", len(frame)) + frame[:100]))
    assert isinstance(found, Refusal)
    assert (found.code, found.where) == ("truncated_capture", "f:1")


def bad_blocks() -> list[tuple[bytes, str]]:
    frame = ONE[0]
    long = struct.pack("<IIIII", 0, 0, 0, len(frame) + 99, len(frame) + 99) + frame
    return [
        (enhanced(frame, 0, number=1), "bad_packet"),
        (block(6, long), "bad_packet"),
        (block(6, b"1234"), "bad_packet"),
        (block(3, b""), "bad_packet"),
        (block(1, b"12"), "bad_packet"),
        (block(6, struct.pack("<IIIII", 0, 0, 0, 9, 5) + bytes(12)), "bad_packet"),
        (enhanced(frame[:13], 0), "bad_packet"),
        (enhanced(ethernet(b"\x45" + bytes(9)), 0), "truncated_capture"),
        (enhanced(ethernet(b"\x65" + bytes(60)).replace(b"\x86\xdd", b"\x08\x00"), 0), "bad_packet"),
        (interface(105) + enhanced(frame, 0, number=1), "unsupported_link_type"),
    ]


@pytest.mark.parametrize(("bad", "code"), bad_blocks())
def test_the_packets_around_a_bad_one_are_still_read(bad: bytes, code: str) -> None:
    ticks = int(NOW * 10**6)
    one, two = (b"".join(enhanced(frame, ticks) for frame in frames) for frames in (ONE, TWO))
    assert read(section() + interface() + one + bad + two) == [1, 2, code]


def test_an_interface_that_cannot_be_read_keeps_its_number() -> None:
    packets = b"".join(enhanced(frame, int(NOW * 10**6), number=1) for frame in ONE)
    assert read(section() + block(1, b"1234") + interface() + packets) == [1, "bad_packet"]


@pytest.mark.parametrize(("part", "captured", "length"), [(1_000_000, 60, 60), (0, 60, 59)])
def test_a_record_of_a_pcap_file_that_contradicts_itself(part: int, captured: int, length: int) -> None:
    bad = struct.pack("<IIII", int(NOW), part, captured, length) + bytes(captured)
    assert read(pcap(ONE) + bad + pcap(TWO)[24:]) == [1, 2, "bad_packet"]


@pytest.mark.parametrize("length", [7, 2000])
def test_a_datagram_that_is_not_as_long_as_it_says(length: int) -> None:
    bad = bytearray(udp(numbered(9)))
    struct.pack_into("!H", bad, 4, length)
    assert read(pcap([ethernet(ip(bytes(bad))), *ONE])) == [1, "bad_packet"]


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (struct.pack("<IIII", int(NOW), 0, MAX_PACKET + 1, MAX_PACKET + 1), "bad_capture"),
        (struct.pack("<IIII", int(NOW), 0, 60, 60) + bytes(59), "truncated_capture"),
        (b"half a header", "truncated_capture"),
    ],
)
def test_a_pcap_file_is_read_up_to_where_a_length_cannot_be_believed(damage: bytes, found: str) -> None:
    assert read(pcap(ONE) + damage) == [1, found]


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (block(6, bytes(40))[:-1] + b"\xff", "bad_capture"),
        (struct.pack("<II", 6, 13) + bytes(40), "bad_capture"),
        (struct.pack("<II", 6, 8) + bytes(40), "bad_capture"),
        (b"\x0a\x0d\x0d\x0a\x1c\0\0\0\1\2\3\4" + bytes(16), "bad_capture"),
        (block(6, bytes(40))[:-1], "truncated_capture"),
        (block(6, bytes(40))[:20], "truncated_capture"),
        (struct.pack("<II", 5, 0x7FFFFFFC) + bytes(40), "truncated_capture"),
        (b"1234", "truncated_capture"),
    ],
)
def test_a_pcapng_file_is_read_up_to_where_a_length_cannot_be_believed(damage: bytes, found: str) -> None:
    data = section() + interface() + b"".join(enhanced(frame, int(NOW * 10**6)) for frame in ONE)
    assert read(data + damage) == [1, found]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xd4\xc3\xb2\xa1\1", "truncated_capture"),
        (b"\xd4\xc3\xb2\xa1" + struct.pack("<HHIIII", 1, 0, 0, 0, 0, 1), "bad_capture"),
        (b"GIF89a" + bytes(60), "bad_capture"),
    ],
)
def test_a_file_that_is_no_capture(data: bytes, code: str) -> None:
    assert read(data) == [code]
    assert read(b"") == []


def test_what_is_not_read_is_counted_and_told_once() -> None:
    """A capture may hold a million packets of no interest; one refusal tells of all of them."""
    found = list(items(pcap([b"short"] * 1000 + ONE)))
    assert [item.code for item in found if isinstance(item, Refusal)] == ["bad_packet"]
    assert isinstance(found[1], Refusal)
    assert "1000 packets" in found[1].reason
    assert found[1].where == "f:1"


def test_a_capture_of_other_things_holds_nothing() -> None:
    arp = bytes(12) + b"\x08\x06" + bytes(28)
    rtp = ethernet(ip(udp(b"\x80\x00" + bytes(170), 40000, 40002)))
    icmp = ethernet(ip(b"\x03\x03" + bytes(6) + ip(udp(numbered(1))), protocol=1))
    esp = ethernet(ip(bytes(50), PHONE6, SERVER6, protocol=50))
    assert read(pcap([arp, rtp, icmp, esp, ethernet(ip(udp(b"\r\n\r\n"))), bytes(12) + b"\x00\x26" + bytes(38)])) == []


@pytest.mark.parametrize(
    "tags",
    [
        [(0x8100, 5)],
        [(0x88A8, 5), (0x8100, 6)],
        [(0x9100, 5), (0x9200, 6), (0x8100, 7), (0x8100, 8)],
    ],
)
def test_vlan_tags(tags: list[tuple[int, int]]) -> None:
    assert read(pcap([ethernet(packet, *tags) for packet in exchange(1)])) == [1]


def test_more_tags_than_anybody_stacks_are_no_ip() -> None:
    assert read(pcap([ethernet(packet, *[(0x8100, 1)] * 5) for packet in exchange(1)])) == []


def test_a_vlan_tag_behind_a_cooked_header() -> None:
    """As libpcap has it: before the protocol in v1; the tag's number in the header of v2. Not recorded."""
    v1 = [bytes(14) + b"\x81\x00\x00\x07\x08\x00" + packet for packet in exchange(1)]
    v2 = [b"\x81\x00" + bytes(18) + b"\x00\x07\x08\x00" + packet for packet in exchange(1)]
    assert read(pcap(v1, 113)) == read(pcap(v2, 276)) == [1]


def test_padding_behind_a_short_packet_is_none_of_it() -> None:
    request = numbered(1)
    frames = [ethernet(packet) + b"\xee" * 17 for packet in (ip(udp(request)), ip(udp(reply(request)), SERVER, PHONE))]
    assert read(pcap(frames)) == [1]


HOP, DESTINATION = b"\0\0" + bytes(6), b"\0\1" + bytes(14)


@pytest.mark.parametrize(
    "extensions",
    [
        [(0, HOP)],
        [(0, HOP), (60, DESTINATION), (43, b"\0\0\4\0" + bytes(4)), (51, b"\0\4" + bytes(22)), (60, HOP)],
        [(44, bytes(8))],
    ],
)
def test_extension_headers(extensions: list[tuple[int, bytes]]) -> None:
    """RFC 8200 section 4; the last is the atomic fragment of RFC 6946."""
    request = numbered(1)
    packets = [
        ip(udp(request), PHONE6, SERVER6, extensions=extensions),
        ip(udp(reply(request)), SERVER6, PHONE6, extensions=extensions),
    ]
    assert read(pcap(packets, RAW)) == [1]


@pytest.mark.parametrize("extensions", [[(0, HOP)] * 17, [(43, b"\0\0\0\1" + bytes(4))], [(60, b"\0\xff" + bytes(6))]])
def test_a_chain_of_headers_that_does_not_lead_to_a_message(extensions: list[tuple[int, bytes]]) -> None:
    assert read(pcap([ip(udp(numbered(1)), PHONE6, SERVER6, extensions=extensions)], RAW)) == ["bad_packet"]


@pytest.mark.parametrize("version", [4, 6])
def test_a_length_of_zero_is_a_segment_that_the_card_would_have_cut(version: int) -> None:
    """TCP segmentation offload: Linux hands such packets to a capture."""
    request = numbered(1)
    phone, server = [(PHONE, SERVER), (PHONE6, SERVER6)][version == 6]
    found = []
    for packet in (ip(udp(request), phone, server), ip(udp(reply(request)), server, phone)):
        at = 2 if version == 4 else 4
        found.append(packet[:at] + b"\0\0" + packet[at + 2 :])
    assert read(pcap(found, RAW)) == [1]
