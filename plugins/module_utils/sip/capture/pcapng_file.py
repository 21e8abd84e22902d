# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pcapng capture files: sections, interfaces and their clocks, packets (draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

import struct
from typing import Dict, Iterator, List, NamedTuple, Optional, Union

from .feed import Feed
from .packet import MAX_PACKET, Fault, Packet, seconds_or_none

__all__ = ["SECTION", "packets"]

#: Type of a Section Header Block, the same in either byte order.
SECTION = b"\x0a\x0d\x0d\x0a"

_ORDER = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _ENHANCED_PACKET = 1, 2, 3, 6
_PACKET_BLOCKS = frozenset((_OLD_PACKET, _SIMPLE_PACKET, _ENHANCED_PACKET))
#: Bytes of a block that is read: a packet, and as much again as a 16-bit option can hold.
_MAX_BLOCK = MAX_PACKET + 65536 + 64
#: Interfaces of one section.
_MAX_INTERFACES = 4096
_OPTION_END, _TSRESOL, _TSOFFSET = 0, 9, 14


class _Interface(NamedTuple):
    """``units`` are ticks a second; ``offset`` is seconds."""

    link: int
    snaplen: int
    units: int
    offset: int


def packets(feed: Feed) -> Iterator[Union[Packet, Fault]]:
    """The packets of a file, numbered through all its sections."""
    section = _Section("<", 0)
    while True:
        head = feed.peek(12)
        if not head:
            return
        if head[:4] == SECTION and len(head) == 12:
            if head[8:] not in _ORDER:
                yield Fault("bad_capture", "a section has no byte order: the rest is not read", section.number)
                return
            section = _Section(_ORDER[head[8:]], section.number)
        if len(head) < 12:
            yield Fault("truncated_capture", "the file ends within a block", section.number)
            return
        kind, length = struct.unpack(section.order + "II", head[:8])
        if length < 12 or length % 4:
            yield Fault("bad_capture", f"a block of {length} bytes: the rest is not read", section.number)
            return
        wanted = kind in _PACKET_BLOCKS or kind == _INTERFACE
        body = b""
        feed.take(8)
        if wanted and length <= _MAX_BLOCK:
            body = feed.take(length - 12)
            there = len(body) == length - 12
        else:
            there = feed.skip(length - 12)
        trailer = feed.take(4)
        if not there or len(trailer) < 4:
            yield Fault("truncated_capture", "the file ends within a block", section.number + (kind in _PACKET_BLOCKS))
            return
        if trailer != head[4:8]:
            yield Fault("bad_capture", "a block's two lengths differ: the rest is not read", section.number)
            return
        if wanted:
            found = section.read(kind, body)
            if found is not None:
                yield found


class _Section:
    """The interfaces of a section, and the packets that refer to them."""

    def __init__(self, order: str, number: int) -> None:
        self.order = order
        self.number = number
        # None holds the number of an interface that could not be read.
        self._interfaces: List[Optional[_Interface]] = []

    def read(self, kind: int, body: bytes) -> Union[Packet, Fault, None]:
        """The packet of a block, or what is wrong with the block; None for an interface."""
        if kind == _INTERFACE:
            return self._add(body)
        self.number += 1
        try:
            if kind == _SIMPLE_PACKET:
                return self._simple(body)
            return self._packet(body, "IIIII" if kind == _ENHANCED_PACKET else "HHIIII")
        except struct.error:
            return Fault("bad_packet", "a packet block is shorter than its fields", self.number)

    def _add(self, body: bytes) -> Optional[Fault]:
        if len(self._interfaces) == _MAX_INTERFACES:
            return Fault("bad_packet", f"a section has at most {_MAX_INTERFACES} interfaces", self.number)
        try:
            self._interfaces.append(self._interface(body))
        except (IndexError, struct.error):
            self._interfaces.append(None)
            return Fault("bad_packet", "an interface block is shorter than its fields", self.number)
        return None

    def _of(self, index: int) -> Optional[_Interface]:
        return self._interfaces[index] if index < len(self._interfaces) else None

    def _packet(self, body: bytes, fields: str) -> Union[Packet, Fault]:
        layout = struct.Struct(self.order + fields)
        values = layout.unpack_from(body)
        index, (high, low, captured, length) = values[0], values[-4:]
        interface = self._of(index)
        if interface is None:
            return Fault("bad_packet", f"interface {index} was not described", self.number)
        data = body[layout.size : layout.size + captured]
        if len(data) < captured or captured > min(length, MAX_PACKET):
            return Fault("bad_packet", "the lengths of a packet block contradict each other", self.number)
        time = (high << 32 | low) / interface.units + interface.offset
        return Packet(self.number, seconds_or_none(time), interface.link, data, length)

    def _simple(self, body: bytes) -> Union[Packet, Fault]:
        interface = self._of(0)
        if interface is None:
            return Fault("bad_packet", "interface 0 was not described", self.number)
        (length,) = struct.unpack_from(self.order + "I", body)
        captured = min(length, interface.snaplen or length, MAX_PACKET)
        data = body[4 : 4 + captured]
        if len(data) < captured:
            return Fault("bad_packet", "the lengths of a packet block contradict each other", self.number)
        return Packet(self.number, None, interface.link, data, length)

    def _interface(self, body: bytes) -> _Interface:
        link, _reserved, snaplen = struct.unpack_from(self.order + "HHI", body)
        options = self._options(body[8:])
        resolution = options.get(_TSRESOL, b"\x06")[0]
        exponent = resolution & 0x7F
        offset = options.get(_TSOFFSET, bytes(8))
        (seconds,) = struct.unpack(self.order + "q", offset)
        return _Interface(link, snaplen, 2**exponent if resolution & 0x80 else 10**exponent, seconds)

    def _options(self, data: bytes) -> Dict[int, bytes]:
        """The options by code, the first of each; a broken list is read up to where it breaks."""
        found: Dict[int, bytes] = {}
        start = 0
        while start + 4 <= len(data):
            code, size = struct.unpack_from(self.order + "HH", data, start)
            if code == _OPTION_END:
                break
            found.setdefault(code, data[start + 4 : start + 4 + size])
            start += 4 + (size + 3) // 4 * 4
        return found
