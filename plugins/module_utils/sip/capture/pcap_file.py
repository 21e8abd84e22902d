# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Capture files of libpcap: pcap and pcapng, in either byte order (draft-ietf-opsawg-pcap, -pcapng)."""

from __future__ import annotations

import struct
from typing import Iterator, Tuple, Union

from . import pcapng_file
from .feed import Feed
from .packet import MAX_PACKET, Fault, Packet, seconds_or_none

__all__ = ["MAGIC", "packets"]

#: First four bytes: byte order, and fractions of a second.
_MAGIC = {
    b"\xd4\xc3\xb2\xa1": ("<", 10**6),
    b"\xa1\xb2\xc3\xd4": (">", 10**6),
    b"\x4d\x3c\xb2\xa1": ("<", 10**9),
    b"\xa1\xb2\x3c\x4d": (">", 10**9),
}


#: The first bytes of a capture file, one of these.
MAGIC: Tuple[bytes, ...] = (*_MAGIC, pcapng_file.SECTION)


def packets(feed: Feed) -> Iterator[Union[Packet, Fault]]:
    """The packets of a capture file.

    What is wrong inside one record is a fault and the next is read. Where a length cannot be believed the rest is
    not read: whatever looks like a packet there may be the text of one.
    """
    magic = feed.peek(4)
    if magic == pcapng_file.SECTION:
        yield from pcapng_file.packets(feed)
    elif magic in _MAGIC:
        yield from _packets(feed, *_MAGIC[magic])
    elif magic:
        yield Fault("bad_capture", "a capture file begins with the magic number of pcap or pcapng", 0)


def _packets(feed: Feed, order: str, fraction: int) -> Iterator[Union[Packet, Fault]]:
    header = feed.take(24)
    if len(header) < 24:
        yield Fault("truncated_capture", "the file ends within its header", 0)
        return
    major, _minor, _zone, _digits, _snaplen, link = struct.unpack(order + "HHIIII", header[4:])
    if major != 2:
        yield Fault("bad_capture", f"version {major} of the pcap format is not known", 0)
        return
    # The upper half says whether frames end in a check sequence, which nothing here reads.
    yield from _records(feed, struct.Struct(order + "IIII"), fraction, link & 0xFFFF)


def _records(feed: Feed, layout: struct.Struct, fraction: int, link: int) -> Iterator[Union[Packet, Fault]]:
    number = 0
    while True:
        header = feed.take(layout.size)
        if not header:
            return
        number += 1
        if len(header) < layout.size:
            yield Fault("truncated_capture", "the file ends within a packet", number)
            return
        seconds, part, captured, length = _fields(layout, header)
        if captured > MAX_PACKET:
            yield Fault("bad_capture", f"a packet of {captured} bytes: the rest of the file is not read", number)
            return
        data = feed.take(captured)
        if len(data) < captured:
            yield Fault("truncated_capture", "the file ends within a packet", number)
            return
        if part >= fraction or captured > length:
            yield Fault("bad_packet", "the header of a packet contradicts itself", number)
            continue
        yield Packet(number, seconds_or_none(seconds + part / fraction), link, data, length)


def _fields(layout: struct.Struct, header: bytes) -> Tuple[int, int, int, int]:
    seconds, part, captured, length = layout.unpack(header)
    return seconds, part, captured, length
