# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies and their parts (RFC 3261 section 7.4, RFC 2046 section 5.1, RFC 5621).

Strict where two readers could see two bodies: a line that only begins like a
delimiter, a delimiter behind the last one, a body without its last delimiter.
SIP carries bodies as they are (RFC 5621 section 3); an encoded part is told as such.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Optional, Tuple

from ..errors import HandoverError
from .grammar import TOKEN, checked_text, skip_space, unfolded
from .name_addr import parse_params

__all__ = ["MAX_NESTING", "MAX_PARTS", "ContentType", "Part", "parse_content_type", "parts_of"]

#: Most parts of one body, multiparts among them.
MAX_PARTS = 16
#: Most multiparts around a part.
MAX_NESTING = 2
#: Most header lines of one part.
_MAX_HEADERS = 16

_TYPE = re.compile(rf"([{TOKEN}]+)[ \t]*/[ \t]*([{TOKEN}]+)")
_NAME = re.compile(rf"([{TOKEN}]+)[ \t]*:".encode())
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")
#: What may follow the boundary in its line (RFC 2046 section 5.1.1: transport padding).
_REST_OF_LINE = re.compile(rb"(--)?[ \t]*(\r\n|\Z)")
#: Names of the encodings that change nothing (RFC 2045 section 6.2, RFC 3261 section 20.12).
_PLAIN = frozenset(("7bit", "8bit", "binary", "identity"))


@dataclass(frozen=True)
class ContentType:
    """A media type.

    :ivar name: type and subtype in lower case, ``application/sdp``.
    :ivar boundary: the parameter of a multipart, or None.
    """

    name: str
    boundary: Optional[str] = None


@dataclass(frozen=True)
class Part:
    """A body, or one part of it, that is no multipart/mixed itself.

    :ivar name: media type in lower case.
    :ivar disposition: Content-Disposition in lower case, without parameters; the empty string for none.
    :ivar encoding: the encoding that has to be undone first, in lower case; the empty string for none.
    """

    name: str
    disposition: str
    encoding: str
    data: bytes


def parse_content_type(text: str) -> ContentType:
    """:raises HandoverError: ``bad_body``."""
    found = _TYPE.match(text)
    if found is None:
        raise HandoverError("bad_body", text, "a Content-Type is type, slash, subtype and parameters")
    try:
        params, end = parse_params(text, skip_space(text, found.end()), "Content-Type")
    except HandoverError as error:
        raise HandoverError("bad_body", text, error.rule) from error
    if end != len(text):
        raise HandoverError("bad_body", text, "a Content-Type is type, slash, subtype and parameters")
    return ContentType(f"{found.group(1)}/{found.group(2)}".lower(), dict(params).get("boundary"))


def parts_of(content_type: str, data: bytes, disposition: str = "", encoding: str = "") -> Tuple[Part, ...]:
    """The parts of a message's body, with every multipart/mixed taken apart, in their order.

    A part that is another multipart stays whole: what its parts are to each other is not ours to say.

    :param content_type: the Content-Type header; the other two likewise, empty for none.
    :raises HandoverError: ``bad_body``.
    """
    found: List[Part] = []
    _take(found, parse_content_type(content_type), data, _word(disposition), _encoding(encoding), 0)
    return tuple(found)


def _take(found: List[Part], kind: ContentType, data: bytes, disposition: str, encoding: str, depth: int) -> None:
    if kind.name != "multipart/mixed":
        found.append(Part(kind.name, disposition, encoding, data))
        if len(found) > MAX_PARTS:
            raise HandoverError("bad_body", kind.name, f"a body has at most {MAX_PARTS} parts")
        return
    if encoding:
        raise HandoverError("bad_body", encoding, "a multipart is not encoded (RFC 2045 section 6.4)")
    if depth == MAX_NESTING:
        raise HandoverError(
            "bad_body", f"{depth + 1} multiparts", f"at most {MAX_NESTING} multiparts stand in each other"
        )
    for part in _split(kind.boundary or "", data):
        headers, content = _headers(part)
        inner = parse_content_type(headers.get("content-type", "text/plain"))
        _take(
            found,
            inner,
            content,
            _word(headers.get("content-disposition", "")),
            _encoding(headers.get("content-transfer-encoding", "")) or _encoding(headers.get("content-encoding", "")),
            depth + 1,
        )


def _split(boundary: str, data: bytes) -> List[bytes]:
    """The parts between the delimiters of a multipart; what stands before the first and behind the last is no part."""
    if _BOUNDARY.fullmatch(boundary) is None:
        raise HandoverError("bad_body", boundary, "a boundary is 1 to 70 of the characters of RFC 2046 section 5.1.1")
    data = b"\r\n" + data
    parts: List[bytes] = []
    start, closed = -1, False
    for found in re.finditer(re.escape(f"\r\n--{boundary}".encode("ascii")), data):
        rest = _REST_OF_LINE.match(data, found.end())
        if closed or rest is None:
            raise HandoverError(
                "bad_body", data[found.start() : found.end() + 40], "no line but the delimiters begins like a delimiter"
            )
        if start > found.start():
            # The line end that closes one delimiter may open the next: an empty part, without headers.
            raise HandoverError("bad_body", boundary, "a part has an empty line behind its headers")
        if start >= 0:
            parts.append(data[start : found.start()])
            if len(parts) > MAX_PARTS:
                raise HandoverError("bad_body", f"{len(parts)} parts", f"a body has at most {MAX_PARTS} parts")
        closed = rest.group(1) is not None
        if not closed and not rest.group(2):
            break
        start = rest.end()
    if not closed or not parts:
        raise HandoverError("bad_body", boundary, "a multipart has parts, and a last delimiter behind them")
    return parts


def _headers(part: bytes) -> Tuple[Dict[str, str], bytes]:
    """The headers of a part by their name in lower case, and its content."""
    if part.startswith(b"\r\n"):
        return {}, part[2:]
    size = part.find(b"\r\n\r\n")
    if size < 0:
        raise HandoverError("bad_body", part[:80], "a part has an empty line behind its headers")
    headers: Dict[str, str] = {}
    lines = unfolded(part[:size]).split(b"\r\n", _MAX_HEADERS)
    if len(lines) > _MAX_HEADERS:
        raise HandoverError("bad_body", part[:80], f"a part has at most {_MAX_HEADERS} headers")
    for line in lines:
        found = _NAME.match(line)
        name = found.group(1).decode("ascii").lower() if found else ""
        if found is None or name in headers:
            raise HandoverError("bad_body", line, "a header of a part is a name, a colon and a value, and stands once")
        try:
            headers[name] = checked_text(line[found.end() :]).strip(" \t")
        except HandoverError as error:
            raise HandoverError("bad_body", line, error.rule) from error
    return headers, part[size + 4 :]


def _word(value: str) -> str:
    return value.partition(";")[0].strip(" \t").lower()


def _encoding(value: str) -> str:
    word = value.strip(" \t").lower()
    return "" if word in _PLAIN else word
