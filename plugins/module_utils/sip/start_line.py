# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first line of a message (RFC 3261 sections 7.1 and 7.2)."""

from __future__ import annotations

import re
from typing import Optional, Tuple

from ..errors import HandoverError
from .grammar import TOKEN
from .remembered import remembered
from .uri import Uri, parse_uri

__all__ = ["START_LINE", "start_line"]

#: A line that begins a message, as far as one can tell without reading it.
START_LINE = re.compile(rb"(?:[A-Za-z0-9.!%*_+`'~-]+ +[^ \t\r\n]+ +SIP/[0-9]|SIP/[0-9.]+ [0-9]{3,})[^\n]*\n")

_REQUEST_LINE = re.compile(rf"([{TOKEN}]+) ([^ \t]+) [sS][iI][pP]/([0-9]+\.[0-9]+)")
_STATUS_LINE = re.compile(r"[sS][iI][pP]/([0-9]+\.[0-9]+) ([1-6][0-9]{2}) .*")
#: Longest start line that is remembered; a server's phones send few that differ.
_MAX_REMEMBERED = 128

_Parts = Tuple[Optional[str], Optional[Uri], Optional[int]]


def start_line(line: str) -> _Parts:
    """Method and Request-URI of a request, or the status code of a response; None for the others.

    :raises HandoverError: ``bad_start_line``, ``bad_uri``, ``bad_number``, ``unsupported_version``.
    """
    return _remembered(line) if len(line) <= _MAX_REMEMBERED else _read(line)


def _read(line: str) -> _Parts:
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


_remembered = remembered(256)(_read)


def _check_version(version: str, line: str) -> None:
    if version != "2.0":
        raise HandoverError("unsupported_version", line, "the version is SIP/2.0")
