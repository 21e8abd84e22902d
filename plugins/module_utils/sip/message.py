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
from dataclasses import dataclass, replace
from typing import Dict, List, Optional, Tuple, Union

from ..errors import HandoverError
from .grammar import TOKEN, checked_text, number, unfolded
from .header import (
    COMPACT,
    OPTION_TAG,
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
#: Most header lines of one message.
MAX_HEADERS = 256
#: A line that begins a message, as far as one can tell without reading it.
START_LINE = re.compile(rb"(?:[A-Za-z0-9.!%*_+`'~-]+ +[^ \t\r\n]+ +SIP/[0-9]|SIP/[0-9.]+ [0-9]{3,})[^\n]*\n")

_REQUEST_LINE = re.compile(rf"([{TOKEN}]+) ([^ \t]+) [sS][iI][pP]/([0-9]+\.[0-9]+)")
_STATUS_LINE = re.compile(r"[sS][iI][pP]/([0-9]+\.[0-9]+) ([1-6][0-9]{2}) .*")
_TOKEN = re.compile(rf"[{TOKEN}]+")
#: Control characters but HTAB and those at the end of a line.
_CONTROLS = bytes(code for code in (*range(32), 127) if code not in b"\t\r\n")
_MANDATORY = ("via", "from", "to", "call-id", "cseq")
#: Headers that most messages have, as they are mostly written, in lower case and long form.
_NAMES = {
    spelled: COMPACT.get(name.lower(), name.lower())
    for name in (
        "Accept Allow Allow-Events Authorization Call-ID Contact Content-Length Content-Type CSeq Date Event Expires "
        "From Max-Forwards Path Proxy-Authorization Require Route Subject Supported To User-Agent Via "
        f"{OPTION_TAG} c e f i k l m o s t v"
    ).split()
    for spelled in (name, name.lower(), name.upper())
}
#: Headers whose grammar places quoted strings, so that a backslash may hide a control character in them.
_ESCAPES = frozenset(("contact", "from", "to"))


@dataclass(frozen=True)
class Message:
    """One request or response; what is read from it is checked, the other headers are kept as they are.

    :ivar method: method of a request; None for a response.
    :ivar uri: Request-URI; None for a response.
    :ivar status: status code of a response; None for a request.
    :ivar headers: name in lower case and long form, and value, in order.
    :ivar contacts: the Contact addresses; empty where there is none, or only the asterisk.
    :ivar contact_asterisk: whether the Contact is ``*`` (RFC 3261 section 10.2.2).
    :ivar expires: seconds of the Expires header, None without one.
    :ivar require: option tags of Require, in lower case.
    :ivar body: Content-Length bytes, or all that follow the head.
    """

    method: Optional[str]
    uri: Optional[Uri]
    status: Optional[int]
    headers: Tuple[Tuple[str, str], ...]
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
        name = name.lower()
        return [value for header, value in self.headers if header == name]


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
    return replace(message, body=body) if body else message


def parse_head(head: bytes, bare_lf: bool = False) -> Message:
    """Read start line and headers, up to and with the last header's line end; the body stays empty.

    :raises HandoverError: as :func:`parse_message`.
    """
    start, headers = _lines(head, bare_lf)
    method, uri, status = _start_line(start)
    held: Dict[str, List[str]] = {}
    for name, value in headers:
        if name in held:
            held[name].append(value)
        else:
            held[name] = [value]
    if len(held) != len(headers):
        for name, values in held.items():
            if len(values) > 1 and name in SINGLE:
                raise HandoverError("duplicate_header", "; ".join(values), f"{name} stands once in a message")
    for name in _MANDATORY:
        if name not in held:
            raise HandoverError("missing_header", start, f"a message has a {name} header")
    cseq = parse_cseq(held["cseq"][0])
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
        headers=tuple(headers),
        vias=tuple([hop for value in held["via"] for hop in parse_via(value)]),
        from_=parse_name_addr(held["from"][0], "From"),
        to=parse_name_addr(held["to"][0], "To"),
        call_id=parse_call_id(held["call-id"][0]),
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


def _lines(head: bytes, bare_lf: bool) -> Tuple[str, List[Tuple[str, str]]]:
    """The start line, and the headers as :attr:`Message.headers` has them."""
    end = b"\n" if bare_lf else b"\r\n"
    ends = head.count(end)
    if head.count(b"\n") != ends or head.count(b"\r") != (0 if bare_lf else ends):
        raise HandoverError("bad_line_ending", head[:80], "every line of a message ends in the same way, CRLF")
    if b"\n " in head or b"\n\t" in head:
        if head[head.find(end) + len(end) :][:1] in (b" ", b"\t"):
            raise HandoverError("bad_start_line", head[:80], "the start line is one line")
        head = unfolded(head)
        ends = head.count(end)
    if ends > MAX_HEADERS + 1:
        raise HandoverError("too_many_headers", f"{ends - 1} lines", f"a message has at most {MAX_HEADERS}")
    if len(head.translate(None, _CONTROLS)) != len(head):
        return _with_controls(head.split(end)[:-1])
    lines = head.decode("utf-8", "surrogateescape").split("\n" if bare_lf else "\r\n")
    headers = []
    for line in lines[1:-1]:
        name, colon, value = line.partition(":")
        headers.append((_NAMES.get(name) or _name(name, line), value.strip(" \t")))
        if not colon:
            raise _no_header(line)
    return lines[0], headers


def _with_controls(lines: List[bytes]) -> Tuple[str, List[Tuple[str, str]]]:
    """The same where there are control characters, which some headers may hold behind a backslash."""
    headers = []
    for line in lines[1:]:
        written, colon, value = line.partition(b":")
        name = _name(written.decode("utf-8", "surrogateescape"), line)
        if not colon:
            raise _no_header(line)
        headers.append((name, checked_text(value, name in _ESCAPES).strip(" \t")))
    return checked_text(lines[0]), headers


def _name(written: str, line: Union[str, bytes]) -> str:
    """A header's name in lower case and long form; white space may stand before the colon."""
    name = written.rstrip(" \t").lower()
    if _TOKEN.fullmatch(name) is None:
        raise _no_header(line)
    return COMPACT.get(name, name)


def _no_header(line: Union[str, bytes]) -> HandoverError:
    shown = line.encode("utf-8", "surrogateescape") if isinstance(line, str) else line
    return HandoverError("bad_header", shown, "a header line is a name, a colon and a value")


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


def _check_version(version: str, line: str) -> None:
    if version != "2.0":
        raise HandoverError("unsupported_version", line, "the version is SIP/2.0")


def _content_length(values: Optional[List[str]]) -> Optional[int]:
    return number(values[0], MAX_MESSAGE, "a Content-Length") if values else None
