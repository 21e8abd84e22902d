# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``name-addr`` and ``addr-spec`` with their header parameters (RFC 3261 sections 20.10 and 25.1)."""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional, Tuple

from ..errors import HandoverError
from .grammar import QUOTED, TOKEN, ip_literal, unquoted
from .uri import Params, Uri, parse_uri

__all__ = ["NameAddr", "next_name_addr", "parse_name_addr", "parse_name_addrs", "parse_params"]

# Outside angle brackets a comma, semicolon or question mark would belong to the header, not to the URI.
_NAME_ADDR = re.compile(
    rf"[ \t]*(?:({QUOTED}[ \t]*|[{TOKEN}][{TOKEN} \t]*)?<([^<>\" \t]*)>|([^<>\"?;, \t]+))[ \t]*(;?)"
)
# A value is a token, a host or a quoted string; received may be IPv6 without brackets (RFC 5118 section 4.5).
_VALUE = rf"{QUOTED}|\[[0-9A-Fa-f:.]+\]|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*|[{TOKEN}]+"
_PARAM = re.compile(rf";[ \t]*([{TOKEN}]+)[ \t]*(?:=[ \t]*({_VALUE})[ \t]*)?")


class NameAddr(NamedTuple):
    """One address of a From, To or Contact header.

    :ivar display: display name, quoting undone; the empty string for none.
    :ivar uri: the URI.
    :ivar params: header parameters, names in lower case, values without their quotes.
    """

    display: str
    uri: Uri
    params: Params = ()

    def param(self, name: str) -> Optional[str]:
        """The value of a parameter (name in lower case), None where it is absent or has no value."""
        return dict(self.params).get(name)


def parse_name_addr(text: str, what: str) -> NameAddr:
    """Exactly one address; ``what`` names the header in errors.

    :raises HandoverError: ``bad_address``, ``bad_uri``, ``bad_number``.
    """
    found, end = next_name_addr(text, 0, what)
    if end != len(text):
        raise _bad(text, what)
    return found


def parse_name_addrs(text: str, what: str) -> List[NameAddr]:
    """The addresses of a comma-separated list.

    :raises HandoverError: ``bad_address``, ``bad_uri``, ``bad_number``.
    """
    addresses = []
    end = -1
    while end < len(text):
        address, end = next_name_addr(text, end + 1, what)
        if end < len(text) and text[end] != ",":
            raise _bad(text, what)
        addresses.append(address)
    return addresses


def parse_params(text: str, start: int, what: str) -> Tuple[Params, int]:
    """The ``;name=value`` list from ``start``, and where it ends.

    :raises HandoverError: ``bad_address`` when a parameter stands twice, or its value is none.
    """
    params = []
    match = _PARAM.match
    found = match(text, start)
    while found:
        name, value = found.groups()
        name = name.lower()
        if value is not None:
            if value[0] == '"':
                value = unquoted(value)
            elif ":" in value and (ip_literal(value) is None or (value[0] != "[" and name != "received")):
                raise _bad(text, what)
        params.append((name, value))
        start = found.end()
        found = match(text, start)
    if len(params) > 1 and len(dict(params)) != len(params):
        raise HandoverError("bad_address", text, f"a parameter of {what} stands once (RFC 3261 section 7.3.1)")
    return tuple(params), start


def next_name_addr(text: str, start: int, what: str) -> Tuple[NameAddr, int]:
    """The address that begins at ``start``, and the position behind it: a comma, the end, or an error of the caller's.

    :raises HandoverError: ``bad_address``, ``bad_uri``.
    """
    found = _NAME_ADDR.match(text, start)
    if found is None:
        raise _bad(text, what)
    display, uri, spec, semicolon = found.groups()
    end = found.end()
    params: Params = ()
    if semicolon:
        params, end = parse_params(text, end - 1, what)
    name = unquoted(display.strip(" \t")) if display else ""
    return NameAddr(name, parse_uri(spec if uri is None else uri), params), end


def _bad(text: str, what: str) -> HandoverError:
    return HandoverError("bad_address", text, f"{what} holds name-addr or addr-spec (RFC 3261 section 25.1)")
