# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Terminals of the SIP grammar (RFC 3261 section 25.1).

Text here is what :func:`header_text` makes of bytes: UTF-8 with every byte
that is not UTF-8 kept as a surrogate (PEP 383). The RFC wants UTF-8; phones
send Latin-1 display names all the same, and nobody reads those names here.
Everything that is read (tokens, URIs, numbers) is ASCII by its own rule, so no
such byte gets past a display name, a quoted string or a header without meaning to us.

No pattern in this package nests one repetition in another over the same
characters, and none is searched for from every position: all are linear.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import Optional, Union

from ..errors import HandoverError

__all__ = [
    "Address",
    "canonical_ipv6",
    "checked_text",
    "header_text",
    "host_address",
    "ip_literal",
    "number",
    "port_number",
    "skip_space",
    "unfolded",
    "unquoted",
]

Address = Union[IPv4Address, IPv6Address]

#: Characters of ``token``, for use inside a character class.
TOKEN = r"A-Za-z0-9\-.!%*_+`'~"

#: ``quoted-string``. A control character is legal only behind a backslash, and CR and LF never.
QUOTED = r'"[^"\\\x00-\x08\x0a-\x1f\x7f]*(?:\\[\x00-\x09\x0b\x0c\x0e-\x7f][^"\\\x00-\x08\x0a-\x1f\x7f]*)*"'

_SPACE = re.compile(r"[ \t]*")
_FOLD = re.compile(rb"\r?\n[ \t]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IP = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|\[[0-9A-Fa-f:.]+\]")
_GROUP = "[1-9a-f][0-9a-f]{0,3}"
_GROUPS = rf"{_GROUP}(?::{_GROUP}){{0,4}}"
#: An IPv6 address in brackets as RFC 5952 writes it, and as ``str`` of the address object does: no group is 0, none
#: begins with 0, and the two colons stand for two groups or more (:func:`canonical_ipv6` counts them).
_CANONICAL_IPV6 = re.compile(rf"\[({_GROUPS})::({_GROUPS})?\]")
#: The longest IPv6 address, in brackets.
_MAX_LITERAL = 47
_HOSTNAME = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.?",
)
_MAX_HOST = 255


def checked_text(value: bytes, escapes: bool = False) -> str:
    """Bytes of one line as text, refused where they hold control characters.

    :param escapes: whether the header may hold quoted strings, in which a control character may stand
        behind a backslash (RFC 3261 ``quoted-pair``; RFC 4475 section 3.1.1.2 has such a message).
        The grammar of the header must then place it.
    :raises HandoverError: ``bad_line_ending``, ``control_character``.
    """
    found = _CONTROL.search(value)
    while found:
        if found.group() in b"\r\n":
            raise HandoverError("bad_line_ending", value, "CR and LF stand only together, at the end of a line")
        if not escapes or value[found.start() - 1 : found.start()] != b"\\":
            raise HandoverError("control_character", value, "a header holds no control characters")
        found = _CONTROL.search(value, found.end())
    return value.decode("utf-8", "surrogateescape")


def header_text(value: bytes, escapes: bool = False) -> str:
    """One header field value as a server hands it on: folding undone, surrounding white space off.

    :raises HandoverError: as :func:`checked_text`.
    """
    text = value.decode("utf-8", "surrogateescape")
    # Printable text holds no control character, and so nothing folded.
    return (text if text.isprintable() else checked_text(unfolded(value), escapes)).strip(" \t")


def unfolded(value: bytes) -> bytes:
    """Folded lines joined by one space (RFC 3261 section 7.3.1)."""
    return _FOLD.sub(b" ", value) if b"\n" in value else value


def skip_space(text: str, start: int) -> int:
    """The first position from ``start`` that holds no white space."""
    found = _SPACE.match(text, start)
    return found.end() if found is not None else start


def unquoted(text: str) -> str:
    """What a ``quoted-string`` says; any other text as it is."""
    if not text.startswith('"'):
        return text
    inner = text[1:-1]
    return _ESCAPE.sub(r"\1", inner) if "\\" in inner else inner


def number(text: str, maximum: int, what: str) -> int:
    """A decimal number from 0 to ``maximum``, which has at most ten digits.

    :raises HandoverError: ``bad_number``.
    """
    # The length is looked at first: int() of a long string is quadratic, and limited since Python 3.11.
    if text.isascii() and text.isdigit():
        if len(text) > 10:
            text = text.lstrip("0") or "0"
        value = int(text) if len(text) <= 10 else maximum + 1
        if value <= maximum:
            return value
    raise HandoverError("bad_number", text, f"{what} is a decimal number from 0 to {maximum}")


def port_number(text: Optional[str]) -> Optional[int]:
    """A port from 1 to 65535; None for None.

    :raises HandoverError: ``bad_number``.
    """
    if text is None:
        return None
    port = number(text, 65535, "a port")
    if port == 0:
        raise HandoverError("bad_number", text, "a port is a decimal number from 1 to 65535")
    return port


def ip_literal(text: str) -> Optional[Address]:
    """An IPv4 address, or an IPv6 address with or without brackets; None for anything else.

    Leading zeros and zone indices are refused: two readers would read two addresses.
    """
    return _ip_literal(text) if len(text) <= _MAX_LITERAL else None


@lru_cache(maxsize=4096)
def _ip_literal(text: str) -> Optional[Address]:
    # The pattern says what an octet is; an address object takes three times as long to see it, and before Python
    # 3.9.5 took leading zeros.
    if _IP.fullmatch(text) is None:
        return None
    if text[0] != "[" and ":" not in text:
        first, second, third, fourth = text.split(".")
        return IPv4Address(int(first) << 24 | int(second) << 16 | int(third) << 8 | int(fourth))
    try:
        return canonical_ipv6(text) or IPv6Address(text.strip("[]"))
    except AddressValueError:
        return None


def canonical_ipv6(text: str) -> Optional[IPv6Address]:
    """The IPv6 address in brackets that its own text names, where that has two colons; None for any other text.

    Phones come with more IPv6 addresses than can be remembered, and this takes a third of the time that the address
    object needs to read a text, and spares its own text.
    """
    found = _CANONICAL_IPV6.fullmatch(text)
    if found is None:
        return None
    before, after = found.group(1).split(":"), (found.group(2) or "0").split(":")
    if len(before) + len(after) > 6:
        return None
    high = low = 0
    for group in before:
        high = high << 16 | int(group, 16)
    for group in after:
        low = low << 16 | int(group, 16)
    return IPv6Address(high << 16 * (8 - len(before)) | low)


def host_address(host: str) -> Optional[Address]:
    """The address that ``host`` (IPv4address, IPv6reference in its brackets, or hostname) spells; None for a hostname.

    :raises HandoverError: ``bad_uri`` when it is none of the three.
    """
    return _remembered_host(host) if len(host) <= _MAX_HOST else _host_address(host)


def _host_address(host: str) -> Optional[Address]:
    address = ip_literal(host)
    if address is not None and (address.version == 4 or host[0] == "["):
        return address
    if len(host) <= _MAX_HOST and _HOSTNAME.fullmatch(host):
        return None
    raise HandoverError("bad_uri", host, "a host is a hostname, an IPv4 address or an IPv6 address in brackets")


_remembered_host = lru_cache(maxsize=4096)(_host_address)
