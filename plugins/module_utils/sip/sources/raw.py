# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw SIP in a file: one message, or many one after the other.

Messages follow each other directly or after empty lines. Content-Length frames
a message whose lines end in CRLF. In a text file (LF alone) it counts bytes that
are no longer there; a message there reaches to the next start line, and its body
is read with the line ends that it had on its way.

Such a file says neither who sent a message nor whether a server accepted it, so
a Registration from here has no source, no time and no authenticated user; a
policy must waive those rules by name before one is admitted.
"""

from __future__ import annotations

import re
from typing import Iterable, Iterator, Optional, Tuple

from ...errors import HandoverError
from ..dialog_message import dialog_message_of, tells_of_dialog
from ..message import MAX_MESSAGE, START_LINE, Message, parse_head
from ..refusal import refusal
from ..request import METHODS, registration_of
from .lines import Position
from .source import Item, Source

__all__ = ["SOURCE", "START_LINE", "parse"]

_AT_LINE_START = re.compile(rb"\n(?=" + START_LINE.pattern + rb")")
_TEXT = re.compile(rb"[^ \t\r\n]")
_EMPTY_LINE = re.compile(rb"[ \t]*\r?(?:\n|\Z)")


def parse(stream: Iterable[bytes], where: str, position: Optional[Position] = None) -> Iterator[Item]:
    """Read a file. ``position`` is moved behind each message; one that is cut short at the end stays unread."""
    window = _Window(stream, position if position is not None else Position())
    while window.skip_empty():
        place = f"{where}:{window.position.line}"
        try:
            message, size = _next(window)
        except HandoverError as error:
            yield refusal(error, place)
            if not window.skip_to_start_line(keep_last=error.code == "truncated_message"):
                return
            continue
        window.drop(size)
        try:
            found = registration_of(message, place)
        except HandoverError as error:
            yield refusal(error, place)
            continue
        if found is not None:
            yield found
        told = dialog_message_of(message, place)
        if told is not None:
            yield told


#: A start line begins its line; what quotes one is another format.
SOURCE = Source("sip", parse, telling=re.compile(rb"\A" + START_LINE.pattern))


def _next(window: _Window) -> Tuple[Message, int]:
    """The message at the beginning of the window, and its size."""
    window.fill_line()
    if not START_LINE.match(window.data):
        raise _no_start(window)
    first = window.data.find(b"\n")
    bare_lf = window.data[first - 1 : first] != b"\r"
    blank = b"\n\n" if bare_lf else b"\r\n\r\n"
    size = window.find(blank)
    if size < 0:
        raise HandoverError("truncated_message", bytes(window.data[:80]), "an empty line ends the head of a message")
    message = parse_head(bytes(window.data[: size + len(blank) // 2]), bare_lf)
    size += len(blank)
    if bare_lf or message.content_length is None:
        end = size if message.content_length == 0 else window.find_start_line(size)
        return _with_body(message, window, size, end, bare_lf), end
    if not window.fill(size + message.content_length):
        raise HandoverError(
            "truncated_message", f"Content-Length: {message.content_length}", "a body is as long as Content-Length"
        )
    end = size + message.content_length
    if message.content_length and not window.is_boundary(end):
        raise HandoverError(
            "misframed_message", f"Content-Length: {message.content_length}", "a message ends where its body ends"
        )
    return _with_body(message, window, size, end, bare_lf), end


def _with_body(message: Message, window: _Window, start: int, end: int, bare_lf: bool) -> Message:
    of_dialog = tells_of_dialog(message.method, message.status, message.cseq.method)
    if start == end or not (message.method in METHODS or of_dialog):
        return message
    body = bytes(window.data[start:end])
    return message.with_body(body.replace(b"\n", b"\r\n") if bare_lf else body)


def _no_start(window: _Window) -> HandoverError:
    line = bytes(window.data[:200]).split(b"\n")[0]
    if window.data.find(b"\n") < 0 and window.ended:
        return HandoverError("truncated_message", line, "a message has a start line, headers and an empty line")
    if b"SIP/" in line:
        return HandoverError(
            "bad_start_line", line, "a start line is method, URI and SIP/2.0, or SIP/2.0, code and reason"
        )
    return HandoverError("not_sip", line, "a file of SIP messages holds nothing else")


class _Window:
    """The part of a stream that is looked at: never much more than one message."""

    def __init__(self, stream: Iterable[bytes], position: Position) -> None:
        self.data = bytearray()
        self.position = position
        self.ended = False
        self._chunks = iter(stream)

    def more(self) -> bool:
        """Take one more chunk; False at the end."""
        chunk = next(self._chunks, None)
        if chunk is None:
            self.ended = True
            return False
        self.data += chunk
        return True

    def fill(self, size: int) -> bool:
        """Whether there are ``size`` bytes."""
        while len(self.data) < size and self.more():
            pass
        return len(self.data) >= size

    def fill_line(self) -> None:
        """Take chunks until a line is there, or more than a message may have."""
        self.find(b"\n", strict=False)

    def find(self, text: bytes, strict: bool = True) -> int:
        """Where ``text`` first occurs, -1 when the stream ends before.

        :raises HandoverError: ``message_too_large`` when it does not occur within the size of a message.
        """
        start = 0
        while True:
            found = self.data.find(text, start)
            if 0 <= found <= MAX_MESSAGE:
                return found
            if len(self.data) > MAX_MESSAGE:
                if strict:
                    raise HandoverError(
                        "message_too_large", bytes(self.data[:80]), f"a message has at most {MAX_MESSAGE} bytes"
                    )
                return -1
            start = max(0, len(self.data) - len(text))
            if not self.more():
                return -1

    def find_start_line(self, start: int) -> int:
        """Where the next message begins, from ``start``, or the end of the stream."""
        while True:
            self.fill(start + MAX_MESSAGE)
            # The empty line before ``start`` ends in the LF that the pattern begins with.
            found = _AT_LINE_START.search(self.data, start - 1)
            if found:
                return found.start() + 1
            if self.ended:
                return len(self.data)
            raise HandoverError(
                "message_too_large", bytes(self.data[:80]), f"a message has at most {MAX_MESSAGE} bytes"
            )

    def is_boundary(self, start: int) -> bool:
        """Whether a message may end at ``start``: the end, an empty line or a start line follows."""
        # No more than the next line: a file that is followed may not have it yet, and nothing behind it.
        while self.data.find(b"\n", start) < 0 and len(self.data) < start + MAX_MESSAGE and self.more():
            pass
        return _EMPTY_LINE.match(self.data, start) is not None or START_LINE.match(self.data, start) is not None

    def drop(self, size: int) -> None:
        """Pass ``size`` bytes."""
        self.position.offset += size
        self.position.line += self.data.count(b"\n", 0, size)
        del self.data[:size]

    def skip_empty(self) -> bool:
        """Pass empty lines; whether anything follows."""
        while True:
            found = _TEXT.search(self.data)
            self.drop(self.data.rfind(b"\n", 0, found.start() if found else len(self.data)) + 1)
            if found:
                return True
            if len(self.data) > MAX_MESSAGE:
                self.drop(len(self.data) - 1)
            if not self.more():
                return False

    def skip_to_start_line(self, keep_last: bool) -> bool:
        """Pass what cannot be read, up to the next start line behind the first line; whether there is one.

        :param keep_last: where there is none, pass nothing: the rest may still be being written.
        """
        start = 0
        while True:
            found = _AT_LINE_START.search(self.data, start)
            if found:
                self.drop(found.start() + 1)
                return True
            # The last line may be the beginning of a start line; what stands before it has been looked at.
            start = max(self.data.rfind(b"\n"), start)
            if len(self.data) > 2 * MAX_MESSAGE:
                keep_last = False
                self.drop(start if len(self.data) - start <= MAX_MESSAGE else len(self.data) - 1)
                start = 0
            if not self.more():
                if not keep_last:
                    self.drop(len(self.data))
                return False
