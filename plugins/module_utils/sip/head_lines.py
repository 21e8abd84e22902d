# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The head of a message as lines: the start line, and the name and value of each header (RFC 3261 section 7.3)."""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Tuple, Union

from ..errors import HandoverError
from .grammar import TOKEN, checked_text
from .header import COMPACT, OPTION_TAG, SINGLE

__all__ = ["MAX_HEADERS", "NAMES", "head_lines", "held_headers"]

#: Most header lines of one message.
MAX_HEADERS = 256

_HeadLines = Tuple[str, List[Tuple[str, str]]]

_TOKEN = re.compile(rf"[{TOKEN}]+")
#: A header line and its CR (RFC 3261 section 7.3.1); white space may stand around the colon. That behind it is left
#: to strip(): a repetition of it before ``.*`` would take quadratic time where there is no CR.
_HEADER = re.compile(rf"^([{TOKEN}]+)[ \t]*:(.*)\r$", re.MULTILINE)
#: Where a line goes on in the next one (RFC 3261 section 7.3.1); the key is whether lines end in LF alone.
_FOLD = {False: re.compile(rb"\r\n[ \t]+"), True: re.compile(rb"\n[ \t]+")}
#: Control characters but HTAB; and without those at the end of a line.
_CONTROLS_AND_ENDS = bytes(code for code in (*range(32), 127) if code not in b"\t")
_CONTROLS = bytes(code for code in _CONTROLS_AND_ENDS if code not in b"\r\n")
#: Headers that most messages have, as they are mostly written, in lower case and long form.
NAMES = {
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


def head_lines(head: bytes, bare_lf: bool) -> Tuple[str, List[Tuple[str, str]]]:
    """The start line; and of each header the name, in lower case and long form, and the value, in order.

    :param head: up to and with the last header's line end.
    :raises HandoverError: ``bad_header``, ``bad_line_ending``, ``bad_start_line``, ``control_character``,
        ``too_many_headers``.
    """
    plain = None if bare_lf else _plain_lines(head)
    return _any_lines(head, bare_lf) if plain is None else plain


def held_headers(headers: List[Tuple[str, str]]) -> Dict[str, List[str]]:
    """The values of each name, in order.

    :raises HandoverError: ``duplicate_header``.
    """
    held = {name: [value] for name, value in headers}
    if len(held) == len(headers):
        return held
    held = {}
    for name, value in headers:
        held.setdefault(name, []).append(value)
    for name, values in held.items():
        if len(values) > 1 and name in SINGLE:
            raise HandoverError("duplicate_header", "; ".join(values), f"{name} stands once in a message")
    return held


def _unfolded_head(head: bytes, bare_lf: bool) -> bytes:
    """The same head with folded lines joined by one space.

    :raises HandoverError: ``bad_start_line`` where that is the start line, which cannot be folded.
    """
    first = head.find(b"\n") + 1
    if head[first : first + 1] in (b" ", b"\t"):
        raise HandoverError("bad_start_line", head[:80], "the start line is one line")
    return _FOLD[bare_lf].sub(b" ", head)


def _plain_lines(head: bytes) -> Optional[_HeadLines]:
    """The lines of a head as nearly all are: nothing folded, no control character, every line a header.

    None for any other, which :func:`_any_lines` reads or refuses.
    """
    start, _end, rest = head.decode("utf-8", "surrogateescape").partition("\r\n")
    found = _HEADER.findall(rest)
    # The start line and each header found have one CR and one LF at the least. No other and no control character
    # anywhere: so these are all lines, and each ends as it should.
    controls = len(head) - len(head.translate(None, _CONTROLS_AND_ENDS))
    if controls != 2 * (len(found) + 1) or len(found) > MAX_HEADERS:
        return None
    known = NAMES.get
    return start, [
        (known(name) or COMPACT.get(name.lower(), name.lower()), value.strip(" \t")) for name, value in found
    ]


def _any_lines(head: bytes, bare_lf: bool) -> _HeadLines:
    end = b"\n" if bare_lf else b"\r\n"
    ends = head.count(end)
    if head.count(b"\n") != ends or head.count(b"\r") != (0 if bare_lf else ends):
        raise HandoverError("bad_line_ending", head[:80], "every line of a message ends in the same way, CRLF")
    if b"\n " in head or b"\n\t" in head:
        head = _unfolded_head(head, bare_lf)
        ends = head.count(end)
        plain = None if bare_lf else _plain_lines(head)
        if plain is not None:
            return plain
    if ends > MAX_HEADERS + 1:
        raise HandoverError("too_many_headers", f"{ends - 1} lines", f"a message has at most {MAX_HEADERS}")
    if len(head.translate(None, _CONTROLS)) != len(head):
        return _with_controls(head.split(end)[:-1])
    lines = head.decode("utf-8", "surrogateescape").split("\n" if bare_lf else "\r\n")
    headers = []
    for line in lines[1:-1]:
        name, colon, value = line.partition(":")
        headers.append((NAMES.get(name) or _name(name, line), value.strip(" \t")))
        if not colon:
            raise _no_header(line)
    return lines[0], headers


def _with_controls(lines: List[bytes]) -> _HeadLines:
    """The lines of a head where there are control characters, which some headers may hold behind a backslash."""
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
