# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP segments, and the two streams of each connection put together (RFC 9293).

The first data for a place wins, and other data for the same place makes the
stream unreadable: a capture does not tell which of the two the server read.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from typing import Iterator, List, NamedTuple, Optional, Tuple, Union

from ..oldest import oldest
from .framing import Framed, Framing
from .ip import IpPacket, short
from .packet import Fault, Place, Segment

__all__ = ["MAX_GAP_AGE", "MAX_HELD", "MAX_STREAMS", "MAX_WAITING", "Streams", "TcpSegment", "parse_tcp"]

#: Streams (two a connection) that are followed at a time.
MAX_STREAMS = 8192
#: Bytes of all of them, with what each part costs besides.
MAX_HELD = 16 * 1024 * 1024
#: Bytes of one stream that may wait for an earlier segment.
MAX_WAITING = 128 * 1024
#: Seconds that an earlier segment is waited for.
MAX_GAP_AGE = 30.0

_PART_COST = 128
#: Bytes of what was read already that are kept, to compare with what is sent again.
_HISTORY = 8192
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_GAP = "bytes of a stream are missing from the capture"
_CONFLICT = "a stream was sent twice with different bytes: it is not read on"

Found = Union[Framed, Fault]
_Key = Tuple[bytes, int, bytes, int]


class TcpSegment(NamedTuple):
    """One segment. ``data.missing`` bytes stand behind its payload on the wire."""

    data: Segment
    sequence: int
    acknowledged: Optional[int]
    flags: int


def parse_tcp(packet: IpPacket) -> TcpSegment:
    """The segment in an IP packet.

    :raises HandoverError: ``bad_packet``; ``truncated_capture`` where the capture ends within the header.
    """
    data = packet.payload
    if len(data) < 20:
        raise short(packet, "TCP")
    size = (data[12] >> 4) * 4
    if size < 20 or len(data) < size:
        raise short(packet, "TCP")
    flags = data[13]
    segment = Segment(
        packet.source,
        data[0] << 8 | data[1],
        packet.destination,
        data[2] << 8 | data[3],
        data[size:],
        packet.missing,
    )
    acknowledged = int.from_bytes(data[8:12], "big") if flags & _ACK else None
    return TcpSegment(segment, int.from_bytes(data[4:8], "big"), acknowledged, flags)


class Streams:
    """All connections of a capture."""

    def __init__(self) -> None:
        # The one that was quiet for longest is the first.
        self._streams: OrderedDict[_Key, _Stream] = OrderedDict()
        self._held = 0

    def take(self, segment: TcpSegment, place: Place) -> Iterator[Tuple[Found, Segment]]:
        """Take one segment; each message or fault comes with a segment that has its addresses."""
        data = segment.data
        key = (data.source, data.source_port, data.destination, data.destination_port)
        back = (data.destination, data.destination_port, data.source, data.source_port)
        if segment.acknowledged is not None and back in self._streams:
            # The receiver has these bytes; what is not in the capture by now will not come.
            yield from self._run(back, self._streams[back].acknowledge(segment.acknowledged))
        stream = self._streams.get(key)
        syn = segment.flags & _SYN != 0
        if stream is not None and syn and not stream.begins_at(segment.sequence + 1):
            yield from self._close(key)
            stream = None
        if stream is None:
            if segment.flags & _RST:
                return
            stream = self._streams[key] = _Stream(segment.sequence + syn, syn, place)
        self._streams.move_to_end(key)
        yield from self._run(key, stream.take(segment, place))
        if stream.ended:
            # It stays, so that what is sent again is not taken for the middle of another.
            yield from self._run(key, stream.finish())
        while len(self._streams) > MAX_STREAMS or self._held > MAX_HELD:
            yield from self._close(oldest(self._streams))

    def finish(self) -> Iterator[Tuple[Found, Segment]]:
        """The capture ends."""
        for key in list(self._streams):
            yield from self._close(key)

    def _run(self, key: _Key, found: Iterator[Found]) -> Iterator[Tuple[Found, Segment]]:
        stream = self._streams[key]
        before = stream.held
        for item in found:
            yield item, Segment(*key, b"", 0)
        self._held += stream.held - before

    def _close(self, key: _Key) -> Iterator[Tuple[Found, Segment]]:
        yield from self._run(key, self._streams[key].finish())
        self._held -= self._streams.pop(key).held


class _Stream:
    """One direction of one connection. Places in it are counted from its beginning, so that nothing wraps around.

    :param first: sequence number of its first byte.
    :param whole: whether the capture has its beginning.
    """

    def __init__(self, first: int, whole: bool, place: Place) -> None:
        self._first = first & 0xFFFFFFFF
        self._framing = Framing(midway=not whole)
        self._next = 0
        self._acknowledged = 0
        self._history = bytearray()
        # Start, data and packet of what waits for earlier data: in order, without overlaps.
        self._waiting: List[Tuple[int, bytes, Place]] = []
        self._waiting_size = 0
        self._end: Optional[int] = None
        self._closed = False
        self._last = place

    @property
    def held(self) -> int:
        """Bytes that it costs."""
        return len(self._history) + self._framing.held + self._waiting_cost

    @property
    def ended(self) -> bool:
        """Whether nothing more of it will be read: everything up to its FIN is there, or it was reset."""
        return self._end is not None and (self._next >= self._end or self._framing.dead)

    @property
    def _waiting_cost(self) -> int:
        return self._waiting_size + _PART_COST * len(self._waiting)

    def begins_at(self, sequence: int) -> bool:
        """Whether this is the sequence number of its first byte."""
        return self._first == sequence & 0xFFFFFFFF

    def take(self, segment: TcpSegment, place: Place) -> Iterator[Found]:
        """Take a segment of this direction."""
        self._last = place
        start = self._place_of(segment.sequence + (segment.flags & _SYN != 0))
        payload = segment.data.payload
        end = start + len(payload) + segment.data.missing
        # RFC 5961 section 3.2: a reset elsewhere is not believed by the receiver either.
        if (segment.flags & _FIN and end >= self._next) or (segment.flags & _RST and start == self._next):
            self._end = end if self._end is None else self._end
        # RFC 9293 section 3.8.4: a keep-alive may carry one byte of garbage that was acknowledged long ago.
        if self._framing.dead or not payload or (len(payload) == 1 and start == self._next - 1):
            return
        if not self._agrees(start, payload):
            sip = self._framing.sip is True
            self._drop()
            yield Fault("conflicting_packets", _CONFLICT, place.number, sip)
            return
        if self._closed:
            return
        self._insert(start, payload, place)
        yield from self._deliver()
        yield from self._jump_acknowledged()
        if self._waiting and self._is_overdue(place.time):
            # Nobody acknowledged what came before: the receiver may not have taken this either.
            yield from self._framing.lose(_GAP, place.number)
            self._waiting, self._waiting_size = [], 0

    def acknowledge(self, sequence: int) -> Iterator[Found]:
        """The receiver has everything before this sequence number."""
        self._acknowledged = max(self._acknowledged, self._place_of(sequence))
        yield from self._jump_acknowledged()

    def finish(self) -> Iterator[Found]:
        """Nothing more comes."""
        self._closed = True
        while self._waiting:
            yield from self._jump()
        if self._end is not None and self._next < self._end:
            yield from self._framing.lose(_GAP, self._last.number)
        yield from self._framing.finish()

    def _place_of(self, sequence: int) -> int:
        """The place of a sequence number: of all that it could mean, the one nearest to what comes next."""
        distance = (sequence - self._first - self._next) & 0xFFFFFFFF
        return self._next + (distance - 0x100000000 if distance >= 0x80000000 else distance)

    def _agrees(self, start: int, data: bytes) -> bool:
        """Whether the data is the same as what is there already, where there is any."""
        parts = [(at, part) for at, part, _place in self._near(start, len(data))]
        if start < self._next:
            parts.append((self._next - len(self._history), bytes(self._history)))
        for at, part in parts:
            low, high = max(start, at), min(start + len(data), at + len(part))
            if low < high and data[low - start : high - start] != part[low - at : high - at]:
                return False
        return True

    def _near(self, start: int, size: int) -> List[Tuple[int, bytes, Place]]:
        """What waits and may overlap."""
        low = max(0, bisect_left(self._waiting, (start,)) - 1)
        return self._waiting[low : bisect_left(self._waiting, (start + size,))]

    def _insert(self, start: int, data: bytes, place: Place) -> None:
        """Put what is new of the data among what waits."""
        at, end = max(start, self._next), start + len(data)
        taken = [(begin, begin + len(part)) for begin, part, _place in self._near(start, len(data))]
        for begin, after in [*taken, (end, end)]:
            if at < min(begin, end):
                piece = (at, data[at - start : min(begin, end) - start], place)
                self._waiting.insert(bisect_left(self._waiting, piece[:1]), piece)
                self._waiting_size += len(piece[1])
            at = max(at, after)

    def _deliver(self) -> Iterator[Found]:
        """Hand on what follows without a gap."""
        ready = 0
        while ready < len(self._waiting) and self._waiting[ready][0] == self._next:
            _start, data, place = self._waiting[ready]
            ready += 1
            self._next += len(data)
            self._waiting_size -= len(data)
            yield from self._framing.feed(data, place)
            if self._framing.dead:
                self._drop()
                return
            # Of what is passed over nobody needs to know whether it was sent again unchanged.
            if not self._framing.lost:
                self._history += data
                del self._history[:-_HISTORY]
        del self._waiting[:ready]

    def _jump_acknowledged(self) -> Iterator[Found]:
        """What is missing and acknowledged is missing from the capture alone: it will not be sent again."""
        while self._waiting and self._waiting[0][0] <= self._acknowledged:
            yield from self._jump()

    def _jump(self) -> Iterator[Found]:
        """Give up what is missing, and go on behind it."""
        start, _data, place = self._waiting[0]
        yield from self._framing.lose(_GAP, place.number)
        self._next = start
        self._history.clear()
        yield from self._deliver()

    def _is_overdue(self, now: Optional[float]) -> bool:
        since = self._waiting[0][2].time
        aged = now is not None and since is not None and abs(now - since) > MAX_GAP_AGE
        return aged or self._waiting_cost > MAX_WAITING

    def _drop(self) -> None:
        """Read nothing of this stream any more."""
        self._framing.die()
        self._history.clear()
        self._waiting, self._waiting_size = [], 0
