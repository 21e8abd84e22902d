# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fragments of IP datagrams put together (RFC 791 section 3.2, RFC 8200 section 4.5).

An overlap is hostile: two readers would read two datagrams. RFC 5722 has hosts
drop such an IPv6 datagram with all its fragments, those to come included; here
it holds for IPv4 as well. A fragment that comes twice, the same to the last byte,
is a copy (RFC 8200 lets a host ignore it; captures on several interfaces have one).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from typing import Iterator, List, NamedTuple, Optional, Tuple, Union

from ..message import START_LINE
from ..oldest import oldest
from .ip import UDP, IpPacket
from .packet import Fault, Place

__all__ = ["MAX_AGE", "MAX_DATAGRAMS", "MAX_HELD", "Fragments"]

#: Seconds that a datagram's other fragments are waited for: ``net.ipv4.ipfrag_time`` of Linux.
MAX_AGE = 30.0
#: Datagrams that may be waited for at a time.
MAX_DATAGRAMS = 1024
#: Bytes of all of them, with what each part costs besides.
MAX_HELD = 4 * 1024 * 1024

_PART_COST = 128
_MAX_DATAGRAM = 65535
_INCOMPLETE = "fragments are missing from a datagram"
_OVERLAP = "fragments overlap: two readers would read two datagrams (RFC 5722)"


class Whole(NamedTuple):
    """A datagram, and where its first fragment came."""

    packet: IpPacket
    place: Place


class _Pending:
    """The fragments of one datagram; refused ones stay until their time is over, to swallow what follows."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.first: Optional[IpPacket] = None
        self.parts: List[Tuple[int, bytes]] = []
        self.held = 0
        self.end: Optional[int] = None
        self.refused = False

    @property
    def cost(self) -> int:
        return self.held + _PART_COST * len(self.parts)

    @property
    def sip(self) -> bool:
        """Whether a SIP message begins in it, as far as the first fragment tells."""
        first = self.first
        return first is not None and first.protocol == UDP and START_LINE.match(first.payload, 8) is not None

    def add(self, start: int, data: bytes, more: bool) -> bool:
        """Take a part; whether it fits what is there."""
        end = start + len(data)
        # Only the last may have a length that is no multiple of eight, and none reaches beyond a datagram.
        if end > _MAX_DATAGRAM or not data or (more and len(data) % 8):
            return False
        at = bisect_left(self.parts, (start,))
        if at < len(self.parts) and self.parts[at][0] == start:
            return self.parts[at][1] == data and more == (self.end != end)
        before = self.parts[at - 1][0] + len(self.parts[at - 1][1]) if at else 0
        after = self.parts[at][0] if at < len(self.parts) else _MAX_DATAGRAM + 1
        if start < before or end > after or (self.end is not None and (not more or end > self.end)):
            return False
        if not more and at < len(self.parts):
            return False
        self.parts.insert(at, (start, data))
        self.held += len(data)
        if not more:
            self.end = end
        return True


class Fragments:
    """Takes fragments in the order of the capture, and gives back whole datagrams."""

    def __init__(self) -> None:
        # In the order in which they began, so that the oldest is the first.
        self._pending: OrderedDict[bytes, _Pending] = OrderedDict()
        self._held = 0

    def take(self, packet: IpPacket, place: Place) -> Iterator[Union[Whole, Fault]]:
        """Take one fragment, which the capture has whole."""
        fragment = packet.fragment
        if fragment is None:
            raise TypeError("whole packets do not come here")
        yield from self._expire(place.time)
        pending = self._pending.get(fragment.key)
        if pending is None:
            pending = self._pending[fragment.key] = _Pending(place)
        if pending.refused:
            return
        before = pending.cost
        fits = pending.add(fragment.offset, packet.payload, fragment.more)
        self._held += pending.cost - before
        if fragment.offset == 0 and pending.first is None:
            pending.first = packet
        if not fits:
            yield Fault("conflicting_packets", _OVERLAP, place.number, pending.sip)
            self._empty(pending)
        elif pending.held == pending.end and pending.first is not None:
            data = b"".join(part for _start, part in pending.parts)
            self._drop(fragment.key)
            yield Whole(pending.first._replace(payload=data, fragment=None), pending.place)
        while len(self._pending) > MAX_DATAGRAMS or self._held > MAX_HELD:
            yield from self._give_up(oldest(self._pending))

    def finish(self) -> Iterator[Fault]:
        """The capture ends: what was waited for does not come any more."""
        for key in list(self._pending):
            yield from self._give_up(key)

    def _expire(self, now: Optional[float]) -> Iterator[Fault]:
        while now is not None and self._pending:
            key = oldest(self._pending)
            since = self._pending[key].place.time
            if since is None or abs(now - since) <= MAX_AGE:
                return
            yield from self._give_up(key)

    def _give_up(self, key: bytes) -> Iterator[Fault]:
        pending = self._pending[key]
        if not pending.refused:
            yield Fault("fragments_incomplete", _INCOMPLETE, pending.place.number, pending.sip)
        self._drop(key)

    def _drop(self, key: bytes) -> None:
        self._held -= self._pending.pop(key).cost

    def _empty(self, pending: _Pending) -> None:
        self._held -= pending.cost
        pending.refused, pending.held, pending.parts, pending.first = True, 0, [], None
