# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cisco IOS and CUBE, ``debug ccsip messages``: every SIP message as text, as received and as sent.

A message stands behind a line that ends in ``/SIP/Msg/ccsipDisplayMsg:`` and one that says ``Received:`` or ``Sent:``,
up to the next line of a debug. Lines end in LF, whatever they ended in on the wire. Only a REGISTER that was received
counts, and a tagged INVITE or NOTIFY.

The debug has neither the packet's source nor who was authenticated, and does not say whether the REGISTER was
accepted. It has a time here only with ``service timestamps debug datetime msec show-timezone year`` and the clock in
UTC; one whose clock is not set (``*``) or not synchronised (``.``) has none.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timezone
from typing import Iterable, Iterator, List, Optional

from ...errors import HandoverError
from ..message import MAX_MESSAGE, Message, parse_head
from ..refusal import Refusal, refusal
from ..registration import Registration
from ..request import METHODS, registration_of
from .lines import Line, Position, lines
from .source import Item, Source

__all__ = ["SOURCE", "parse"]

#: Any line that a debug begins with: sequence number, time, call and leg, area.
_DEBUG = re.compile(
    rb"(?:[0-9]{1,10}: )?"
    rb"(?P<time>[*.]?(?:[A-Z][a-z]{2} {1,2}[0-9]{1,2} (?:[0-9]{4} )?)?[0-9:.wdh]{2,16}(?: [A-Z]{1,5})?: )?"
    rb"(?://-?[0-9]+/[0-9A-Za-z]{1,32}/[A-Za-z]|%[A-Z0-9_]+-[0-7]-)"
)
_SHOWN = re.compile(rb"/SIP/Msg/ccsipDisplayMsg:[ \t\r]*\Z")
_TIME = re.compile(
    rb"(?P<date>[A-Z][a-z]{2} {1,2}[0-9]{1,2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2})(?P<part>\.[0-9]{3})? (?:UTC|GMT)"
)
_REQUEST = re.compile("(?:{})[ \\t]".format("|".join(sorted(METHODS))).encode())


def parse(stream: Iterable[bytes], where: str, position: Optional[Position] = None) -> Iterator[Item]:
    """Read a debug.

    ``position`` is moved behind each message. One whose end is not there when the input ends is refused, but not
    passed: it may still be being written.
    """
    position = position if position is not None else Position()
    reader = _Reader(where)
    for line in lines(stream, position):
        if not line.complete and not line.too_long:
            break
        item = reader.take(line)
        if not reader.inside:
            position.offset, position.line = line.end, line.number + line.complete
        if item is not None:
            yield item
    if reader.cut is not None:
        yield reader.cut


SOURCE = Source("ios_ccsip", parse, telling=re.compile(rb"/SIP/Msg/ccsipDisplayMsg:[ \t\r]*\n"))


class _Reader:
    """What has been seen of one message.

    :ivar inside: whether a message has begun that is not whole yet.
    """

    def __init__(self, where: str) -> None:
        self.inside = False
        self._where = where
        self._shown = False
        self._time: Optional[float] = None
        self._lines: Optional[List[bytes]] = None
        self._message: Optional[Message] = None
        self._place = where
        self._size = 0

    @property
    def cut(self) -> Optional[Refusal]:
        """What to say of a message that the end of the input cut; None where there is none."""
        if not self.inside or not (self._lines or self._message):
            return None
        rule = "a body is as long as Content-Length" if self._message else "an empty line ends the head of a message"
        return Refusal("truncated_message", rule, self._place)

    def take(self, line: Line) -> Optional[Item]:
        """Take a line; the item of the message that it completes, or that it shows to be cut."""
        data = line.data.rstrip(b"\r")
        head = _DEBUG.match(data)
        if head is not None:
            item = self.cut
            self._end()
            self._shown = _SHOWN.search(data) is not None
            self._time = _moment((head.group("time") or b"")[:-2])
            self.inside = self._shown
            return item
        if self._shown:
            self._shown = False
            self.inside = data.strip() == b"Received:"
            self._lines = [] if self.inside else None
        elif self._lines is not None:
            return self._message_line(line, data)
        return None

    def _message_line(self, line: Line, data: bytes) -> Optional[Item]:
        if self._lines is None or not (data or self._lines or self._message):
            return None  # IOS may leave an empty line before the message
        if not self._lines and self._message is None:
            self._place = f"{self._where}:{line.number}"
            if not _REQUEST.match(data):
                self._end()
                return None
        self._size += len(data) + 2  # as it was, with CRLF
        if line.too_long or self._size > MAX_MESSAGE:
            self._end()
            return Refusal("message_too_large", f"a message has at most {MAX_MESSAGE} bytes", self._place)
        self._lines.append(data)
        if self._message is not None:
            return self._with_body(self._message)
        return None if data else self._with_head()

    def _with_head(self) -> Optional[Item]:
        """The message whose head has ended; None as well where a body is to come that matters, beside the tag only."""
        try:
            message = parse_head(b"\n".join(self._lines or []), bare_lf=True)
            found = registration_of(message, self._place)
        except HandoverError as error:
            self._end()
            return refusal(error, self._place)
        if found is not None and found.tagged and message.content_length:
            self._message, self._lines, self._size = message, [], 0
            return None
        return self._found(found)

    def _with_body(self, message: Message) -> Optional[Item]:
        """The message, once its body is there; Content-Length counts the line ends that it had on its way."""
        if self._size < (message.content_length or 0):
            return None
        body = b"".join(line + b"\r\n" for line in self._lines or [])
        return self._found(registration_of(message.with_body(body[: message.content_length]), self._place))

    def _found(self, found: Optional[Registration]) -> Optional[Item]:
        self._end()
        return None if found is None else replace(found, received_at=self._time)

    def _end(self) -> None:
        self.inside, self._lines, self._message, self._size = False, None, None, 0


def _moment(text: bytes) -> Optional[float]:
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    try:
        moment = datetime.strptime(" ".join(found.group("date").decode("ascii").split()), "%b %d %Y %H:%M:%S")
    except ValueError:
        return None
    return moment.replace(tzinfo=timezone.utc).timestamp() + float(found.group("part") or 0)
