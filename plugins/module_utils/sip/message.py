# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIP messages: bytes in, :class:`Message` out (RFC 3261 sections 7, 18.3 and 25).

Strict on purpose. What this reader believes ends up in routers, and the
SIP server read the same bytes before it: wherever two readers could see two
messages (a bare CR, a second CSeq, a number too large), the message is refused.

There are two readings. The plain one is quick, takes nearly all messages, and has no say on the others: those the
careful one reads, or refuses with the reason. What both take, both read alike; tests/unit/sip/test_plain_head.py
holds that.
"""

from __future__ import annotations

from typing import List, Optional

from ..errors import HandoverError
from .contact import is_asterisk
from .grammar import number
from .head_lines import MAX_HEADERS, head_lines, held_headers
from .header import (
    parse_call_id,
    parse_cseq,
    parse_date,
    parse_expires,
    parse_via,
    read_option_tags,
)
from .message_facts import Message, Written
from .name_addr import parse_name_addr, parse_name_addrs
from .plain_head import MAX_MESSAGE, plain_head
from .start_line import START_LINE, start_line

__all__ = ["MAX_HEADERS", "MAX_MESSAGE", "START_LINE", "Message", "parse_head", "parse_message"]

_MANDATORY = ("via", "from", "to", "call-id", "cseq")
#: Of a message of which everything has been made.
_NOTHING_LEFT: Written = (b"", {}, {}, ())


def parse_message(data: bytes, bare_lf: bool = False) -> Message:
    """Read one message. Empty lines before it (section 7.5) and what follows its body (section 18.3) are dropped.

    :param bare_lf: lines end in LF alone, as in a text file; then a CR anywhere is refused.
    :raises HandoverError: one of the codes of :data:`..refusal.CODES` for messages.
    """
    if data.endswith(b"\r\n\r\n") and not bare_lf:  # nearly all REGISTERs: a head and no body
        message = plain_head(data[:-2])
        if message is not None and not message.content_length:
            return message
    data = data.lstrip(b"\r\n")
    end = b"\n\n" if bare_lf else b"\r\n\r\n"
    size = data.find(end, 0, MAX_MESSAGE)
    if size < 0 and len(data) > MAX_MESSAGE:
        raise HandoverError("message_too_large", data[:80], f"a message has at most {MAX_MESSAGE} bytes")
    if size < 0:
        raise HandoverError("truncated_message", data[-80:], "an empty line ends the head of a message")
    message = parse_head(data[: size + len(end) // 2], bare_lf)
    body = data[size + len(end) :]
    length = message.content_length
    if length is not None and length > len(body):
        raise HandoverError(
            "truncated_message", f"Content-Length: {length}, {len(body)} there", "a body is as long as Content-Length"
        )
    if length is not None:
        body = body[:length]
    if size + len(end) + len(body) > MAX_MESSAGE:
        raise HandoverError("message_too_large", data[:80], f"a message has at most {MAX_MESSAGE} bytes")
    return message.with_body(body) if body else message


def parse_head(head: bytes, bare_lf: bool = False) -> Message:
    """Read start line and headers, up to and with the last header's line end; the body stays empty.

    :raises HandoverError: as :func:`parse_message`.
    """
    plain = _plain(head, bare_lf)
    return _careful(head, bare_lf) if plain is None else plain


def _careful(head: bytes, bare_lf: bool) -> Message:
    """Any message, each header by its own grammar.

    :raises HandoverError: as :func:`parse_message`.
    """
    start, lines = head_lines(head, bare_lf)
    method, uri, status = start_line(start)
    held = held_headers(lines)
    try:
        via_lines, (from_line,), (to_line,), (call_id,), (counted,) = [held[name] for name in _MANDATORY]
    except KeyError as error:
        raise HandoverError("missing_header", start, f"a message has a {error.args[0]} header") from None
    cseq = parse_cseq(counted)
    if method is not None and cseq.method != method:
        raise HandoverError("method_mismatch", f"{method}, CSeq {cseq.method}", "CSeq names the method of the request")
    if "date" in held:
        parse_date(held["date"][0])
    if "max-forwards" in held:
        number(held["max-forwards"][0], 255, "Max-Forwards")
    contact_lines = held.get("contact", [])
    asterisk = is_asterisk(contact_lines)
    contacts = () if asterisk else tuple([one for line in contact_lines for one in parse_name_addrs(line, "Contact")])
    vias = tuple([hop for line in via_lines for hop in parse_via(line)])
    from_, to = parse_name_addr(from_line, "From"), parse_name_addr(to_line, "To")
    return Message(
        {
            "method": method,
            "uri": uri,
            "status": status,
            "headers": held,
            "vias": vias,
            "from_": from_,
            "to": to,
            "call_id": parse_call_id(call_id),
            "cseq": cseq,
            "contacts": contacts,
            "contact_asterisk": asterisk,
            "expires": parse_expires(held["expires"][0]) if "expires" in held else None,
            "require": read_option_tags(held.get("require", [])),
            "content_length": _content_length(held.get("content-length")),
            "body": b"",
            "_written": _NOTHING_LEFT,
        }
    )


def _plain(head: bytes, bare_lf: bool) -> Optional[Message]:
    """A message as nearly all are written. None for any other, good or bad."""
    if bare_lf:
        if b"\r" in head:
            return None
        head = head.replace(b"\n", b"\r\n")
    return plain_head(head)


def _content_length(values: Optional[List[str]]) -> Optional[int]:
    return number(values[0], MAX_MESSAGE, "a Content-Length") if values else None
