# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIP messages in a byte stream, framed by Content-Length (RFC 3261 section 18.3)."""

from __future__ import annotations

import re
from typing import Iterator, NamedTuple, Optional, Union

from ..message import MAX_MESSAGE, START_LINE
from .packet import Fault, Place

__all__ = ["Framed", "Framing"]

# One that goes on in a folded line is none that all readers read alike.
_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:([^\n]*)\n(?![ \t])", re.IGNORECASE | re.MULTILINE)
_DIGITS = re.compile(rb"[ \t]*([0-9]{1,9})[ \t]*\r?")
#: Longest start line that is waited for.
_MAX_LINE = 8192


class Framed(NamedTuple):
    """One message, and the packet that it begins in."""

    data: bytes
    place: Place


class Framing:
    """Cuts one direction of one connection into messages.

    A stream that does not begin with a message is not SIP and not looked at. Once it has been SIP, whatever cannot be
    framed is refused, and the stream is taken up again where a segment begins with a start line: inside a segment,
    what looks like one may be the body of a message.

    :param midway: the capture does not have the beginning of the stream, so that one is looked for.
    """

    def __init__(self, midway: bool) -> None:
        self._data = bytearray()
        self._place: Optional[Place] = None
        # Whether the next segment may be the middle of a message.
        self._lost = midway
        self._scanned = 0
        self._size: Optional[int] = None
        #: Whether a message was ever seen here; None as long as nothing tells.
        self.sip: Optional[bool] = None

    @property
    def held(self) -> int:
        """Bytes of the message that is being put together."""
        return len(self._data)

    @property
    def lost(self) -> bool:
        """Whether what comes is passed over, up to a segment that begins with a message."""
        return self._lost

    @property
    def dead(self) -> bool:
        """Whether nothing that follows will be read."""
        return self.sip is False

    def feed(self, data: bytes, place: Place) -> Iterator[Union[Framed, Fault]]:
        """Take the data of one segment, which follows what came before."""
        if self.dead or not data:
            return
        if self._lost:
            if START_LINE.match(data) is None:
                return
            self._lost = False
        if not self._data:
            self._place = place
        self._data += data
        while True:
            found = self._next()
            if found is None:
                return
            yield found
            self._place = place
            if isinstance(found, Fault):
                return

    def lose(self, reason: str, number: int) -> Iterator[Fault]:
        """Bytes are missing from here: what began before them is lost."""
        if self.sip and not self._lost:
            yield Fault("stream_gap", reason, number if self._place is None else self._place.number, sip=True)
        self._forget()

    def finish(self) -> Iterator[Fault]:
        """The stream ends."""
        if self.sip and self._data.strip(b"\r\n") and self._place is not None:
            yield Fault("truncated_message", "a connection ends within a message", self._place.number, sip=True)
        self._forget()

    def die(self) -> None:
        """Read nothing any more."""
        self.sip = False
        self._forget()

    def _forget(self) -> None:
        self._data.clear()
        self._lost, self._scanned, self._size, self._place = True, 0, None, None

    def _next(self) -> Union[Framed, Fault, None]:
        """The message at the beginning; None where more is needed."""
        if not self._scanned and self._data.startswith((b"\r", b"\n")):
            # Empty lines before a message (section 7.5), and the keep-alive of RFC 5626 section 4.4.1.
            self._data = self._data.lstrip(b"\r\n")
        if not self._data:
            return None
        if not self._scanned:
            if self._data.find(b"\n", 0, _MAX_LINE) < 0 and len(self._data) < _MAX_LINE:
                return None
            if START_LINE.match(self._data) is None:
                return self._no_message()
            self.sip = True
        if self._size is None:
            fault = self._measure()
            if fault is not None:
                return fault
        if self._size is None or len(self._data) < self._size:
            return None
        data = bytes(self._data[: self._size])
        del self._data[: self._size]
        self._scanned, self._size = 0, None
        return Framed(data, self._where())

    def _measure(self) -> Optional[Fault]:
        """Find out the size of the message, once its head is there."""
        end = self._data.find(b"\r\n\r\n", max(0, self._scanned - 3), MAX_MESSAGE)
        self._scanned = len(self._data)
        if end < 0 and self._scanned <= MAX_MESSAGE:
            return None
        length = None if end < 0 else _content_length(bytes(self._data[: end + 2]))
        if end >= 0 and length is None:
            rule = "in a stream a message has one Content-Length, and its lines end in CRLF"
            return self._unframed("misframed_message", rule)
        if length is None or end + 4 + length > MAX_MESSAGE:
            return self._unframed("message_too_large", f"a message has at most {MAX_MESSAGE} bytes")
        self._size = end + 4 + length
        return None

    def _no_message(self) -> Optional[Fault]:
        if self.sip is None:
            self.die()
            return None
        return self._unframed("misframed_message", "a message begins where the one before it ends")

    def _unframed(self, code: str, reason: str) -> Fault:
        fault = Fault(code, reason, self._where().number, sip=True)
        self._forget()
        return fault

    def _where(self) -> Place:
        return Place(0, None) if self._place is None else self._place


def _content_length(head: bytes) -> Optional[int]:
    """None where two readers could read two lengths."""
    lengths = _LENGTH.findall(head)
    found = _DIGITS.fullmatch(lengths[0]) if len(lengths) == 1 else None
    ends = head.count(b"\r\n")
    return None if found is None or (head.count(b"\n"), head.count(b"\r")) != (ends, ends) else int(found.group(1))
