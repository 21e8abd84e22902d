# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIP messages: bytes in, :class:`Message` out (RFC 3261 sections 7, 18.3 and 25).

Strict on purpose. What this reader believes ends up in routers, and the
SIP server read the same bytes before it: wherever two readers could see two
messages (a bare CR, a second CSeq, a number too large), the message is refused.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple

from ..errors import HandoverError
from .grammar import TOKEN, number
from .head_lines import MAX_HEADERS, head_lines
from .header import (
    SINGLE,
    CSeq,
    Via,
    parse_call_id,
    parse_cseq,
    parse_date,
    parse_expires,
    parse_option_tags,
    parse_via,
)
from .name_addr import NameAddr, parse_name_addr, parse_name_addrs
from .uri import Uri, parse_uri

__all__ = [
    "MAX_HEADERS",
    "MAX_MESSAGE",
    "START_LINE",
    "Message",
    "parse_head",
    "parse_message",
    "read_contacts",
    "read_option_tags",
]

#: Largest message, in bytes: what one UDP datagram can carry.
MAX_MESSAGE = 65535
#: A line that begins a message, as far as one can tell without reading it.
START_LINE = re.compile(rb"(?:[A-Za-z0-9.!%*_+`'~-]+ +[^ \t\r\n]+ +SIP/[0-9]|SIP/[0-9.]+ [0-9]{3,})[^\n]*\n")

_REQUEST_LINE = re.compile(rf"([{TOKEN}]+) ([^ \t]+) [sS][iI][pP]/([0-9]+\.[0-9]+)")
_STATUS_LINE = re.compile(r"[sS][iI][pP]/([0-9]+\.[0-9]+) ([1-6][0-9]{2}) .*")
_MANDATORY = ("via", "from", "to", "call-id", "cseq")
#: Longest start line that is remembered; a server's phones send few that differ.
_MAX_REMEMBERED = 128


class Message(NamedTuple):
    """One request or response; what is read from it is checked, the other headers are kept as they are.

    :ivar method: method of a request; None for a response.
    :ivar uri: Request-URI; None for a response.
    :ivar status: status code of a response; None for a request.
    :ivar headers: names in lower case and long form, and the values of each, in order.
    :ivar contacts: the Contact addresses; empty where there is none, or only the asterisk.
    :ivar contact_asterisk: whether the Contact is ``*`` (RFC 3261 section 10.2.2).
    :ivar expires: seconds of the Expires header, None without one.
    :ivar require: option tags of Require, in lower case.
    :ivar body: Content-Length bytes, or all that follow the head.
    """

    method: Optional[str]
    uri: Optional[Uri]
    status: Optional[int]
    headers: Mapping[str, List[str]]
    vias: Tuple[Via, ...]
    from_: NameAddr
    to: NameAddr
    call_id: str
    cseq: CSeq
    contacts: Tuple[NameAddr, ...]
    contact_asterisk: bool
    expires: Optional[int]
    require: Tuple[str, ...]
    content_length: Optional[int]
    body: bytes

    def values(self, name: str) -> List[str]:
        """The values of the header lines of this name (any case, long form)."""
        return list(self.headers.get(name.lower(), ()))


def parse_message(data: bytes, bare_lf: bool = False) -> Message:
    """Read one message. Empty lines before it (section 7.5) and what follows its body (section 18.3) are dropped.

    :param bare_lf: lines end in LF alone, as in a text file; then a CR anywhere is refused.
    :raises HandoverError: one of the codes of :data:`..refusal.CODES` for messages.
    """
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
    return message._replace(body=body) if body else message


def parse_head(head: bytes, bare_lf: bool = False) -> Message:
    """Read start line and headers, up to and with the last header's line end; the body stays empty.

    :raises HandoverError: as :func:`parse_message`.
    """
    start, headers = head_lines(head, bare_lf)
    method, uri, status = _remembered_start(start) if len(start) <= _MAX_REMEMBERED else _start_line(start)
    held = {name: [value] for name, value in headers}
    if len(held) != len(headers):
        held = _gathered(headers)
    try:
        vias, (from_,), (to,), (call_id,), (counted,) = [held[name] for name in _MANDATORY]
    except KeyError as error:
        raise HandoverError("missing_header", start, f"a message has a {error.args[0]} header") from None
    cseq = parse_cseq(counted)
    if method is not None and cseq.method != method:
        raise HandoverError("method_mismatch", f"{method}, CSeq {cseq.method}", "CSeq names the method of the request")
    if "date" in held:
        parse_date(held["date"][0])
    if "max-forwards" in held:
        number(held["max-forwards"][0], 255, "Max-Forwards")
    contacts, asterisk = read_contacts(held.get("contact", []))
    return Message(
        method=method,
        uri=uri,
        status=status,
        headers=held,
        vias=tuple([hop for value in vias for hop in parse_via(value)]),
        from_=parse_name_addr(from_, "From"),
        to=parse_name_addr(to, "To"),
        call_id=parse_call_id(call_id),
        cseq=cseq,
        contacts=contacts,
        contact_asterisk=asterisk,
        expires=parse_expires(held["expires"][0]) if "expires" in held else None,
        require=read_option_tags(held.get("require", [])),
        content_length=_content_length(held.get("content-length")),
        body=b"",
    )


def read_contacts(values: List[str]) -> Tuple[Tuple[NameAddr, ...], bool]:
    """The addresses of all Contact lines, and whether they are the asterisk.

    :raises HandoverError: ``bad_address``, ``bad_uri``; ``bad_contact`` for an asterisk beside addresses.
    """
    if "*" in values:
        if len(values) > 1:
            raise HandoverError("bad_contact", ", ".join(values), "an asterisk is the only Contact")
        return (), True
    return tuple([contact for value in values for contact in parse_name_addrs(value, "Contact")]), False


def read_option_tags(values: List[str]) -> Tuple[str, ...]:
    """The option tags of all Require lines, in lower case.

    :raises HandoverError: ``bad_header``.
    """
    return tuple([tag for value in values for tag in parse_option_tags(value)])


def _gathered(headers: List[Tuple[str, str]]) -> Dict[str, List[str]]:
    """The values of each name.

    :raises HandoverError: ``duplicate_header``.
    """
    held: Dict[str, List[str]] = {}
    for name, value in headers:
        held.setdefault(name, []).append(value)
    for name, values in held.items():
        if len(values) > 1 and name in SINGLE:
            raise HandoverError("duplicate_header", "; ".join(values), f"{name} stands once in a message")
    return held


def _start_line(line: str) -> Tuple[Optional[str], Optional[Uri], Optional[int]]:
    request = _REQUEST_LINE.fullmatch(line)
    if request is not None:
        method, target, version = request.groups()
        _check_version(version, line)
        uri = parse_uri(target)
        if uri.headers:
            raise HandoverError("bad_uri", uri.text, "a Request-URI has no headers (RFC 3261 section 19.1.1)")
        return method, uri, None
    status = _STATUS_LINE.fullmatch(line)
    if status is None:
        raise HandoverError(
            "bad_start_line", line, "a start line is method, URI and SIP/2.0, or SIP/2.0, code and reason"
        )
    _check_version(status.group(1), line)
    return None, None, int(status.group(2))


_remembered_start = lru_cache(maxsize=256)(_start_line)


def _check_version(version: str, line: str) -> None:
    if version != "2.0":
        raise HandoverError("unsupported_version", line, "the version is SIP/2.0")


def _content_length(values: Optional[List[str]]) -> Optional[int]:
    return number(values[0], MAX_MESSAGE, "a Content-Length") if values else None
