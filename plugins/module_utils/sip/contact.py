# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contact header lines, as far as they concern bindings (RFC 3261 section 20.10, RFC 5626)."""

from __future__ import annotations

import re
from typing import List, Optional, Sequence, Tuple

from ..errors import HandoverError
from .grammar import QUOTED, TOKEN, Address, unquoted
from .name_addr import NameAddr, parse_name_addrs
from .plain_uri import DISPLAY, HOST, MAX_PLAIN, PORT, URI_BEGIN, URI_PARAM
from .uri import plain_host

__all__ = ["ContactValue", "instance_of", "is_asterisk", "read_contact_values", "value_of"]

_EQUALS, _ENDS = r"[ \t]*=[ \t]*", r"[ \t]*(?:[;,]|\Z)"
#: A header parameter: one of those that phones write most, as they write it and once; the group behind them is any
#: other. That a known one ends is seen before its group is set, so that no group holds what was not taken.
_HEADER_PARAM = (
    rf"(?:\+sip\.instance(?(6)(?!)){_EQUALS}(?=\"<[!#-;=?-\[\]-~]*>\"{_ENDS})\"<([^>]*)>\""
    rf"|expires(?(7)(?!)){_EQUALS}(?=[0-9]+{_ENDS})([0-9]+)"
    rf"|reg-id(?(8)(?!)){_EQUALS}(?=[0-9]{{1,10}}{_ENDS})([0-9]+)"
    rf"|q(?(9)(?!)){_EQUALS}(?=[0-9.]+{_ENDS})([0-9.]+)"
    rf"|([{TOKEN}]+)(?:{_EQUALS}(?:{QUOTED}|[{TOKEN}]+))?)"
)
#: One address of a line and the comma or the end behind it: URI, host, port, name of the URI's last parameter, header
#: parameters, and of these what is known. What begins no such address is all the rest, without a URI.
_PLAIN = re.compile(
    rf"[ \t]*{DISPLAY}<({URI_BEGIN}({HOST})(?::({PORT}))?"
    # No later parameter of this URI has the same name.
    rf"(?:;([{URI_PARAM}]+)(?![{URI_PARAM}])(?![^>]*;(?i:\4)(?![{URI_PARAM}]))(?:=[{URI_PARAM}]+)?){{0,8}})>"
    rf"((?:[ \t]*;[ \t]*{_HEADER_PARAM})*)[ \t]*(?:,(?!\Z)|\Z)|(?s:.+)",
    re.ASCII,
)
_PARAM = re.compile(rf"([{TOKEN}]+)(?:[ \t]*=[ \t]*({QUOTED}|[{TOKEN}]+))?")

#: One address of a Contact header, as far as it concerns bindings: the URI as received; the host as text, in lower
#: case, IPv6 without brackets; the host as an address, None for a hostname; the port; the ``expires`` parameter as it
#: is written, which nobody has checked; the ``+sip.instance`` (RFC 5626), a URN without brackets; the ``reg-id``.
ContactValue = Tuple[str, str, Optional[Address], Optional[int], Optional[str], Optional[str], Optional[int]]


def read_contact_values(lines: Sequence[str]) -> Tuple[Tuple[ContactValue, ...], bool]:
    """The addresses of all Contact lines, and whether they are the asterisk.

    :raises HandoverError: ``bad_address``, ``bad_uri``, ``bad_number``; ``bad_contact`` for an asterisk beside
        addresses.
    """
    if is_asterisk(lines):
        return (), True
    found: List[ContactValue] = []
    for line in lines:
        plain = _plain_values(line) if len(line) <= MAX_PLAIN else None
        found += [value_of(address) for address in parse_name_addrs(line, "Contact")] if plain is None else plain
    return tuple(found), False


def is_asterisk(lines: Sequence[str]) -> bool:
    """Whether the Contact is ``*`` (RFC 3261 section 10.2.2).

    :raises HandoverError: ``bad_contact`` for an asterisk beside addresses.
    """
    if "*" not in lines:
        return False
    if len(lines) > 1:
        raise HandoverError("bad_contact", ", ".join(lines), "an asterisk is the only Contact")
    return True


def instance_of(text: Optional[str]) -> Optional[str]:
    """A ``+sip.instance`` without quotes and angle brackets, in lower case; None for none."""
    # RFC 4122 UUIDs, which RFC 5626 section 4.1 asks for, compare without case.
    stripped = (text or "").strip(' "<>').lower()
    return stripped or None


def _plain_values(line: str) -> Optional[List[ContactValue]]:
    """The addresses of a line as nearly all are written. None for any other line, good or bad."""
    found: List[ContactValue] = []
    for uri, host, port, _name, params, urn, seconds, flow, _q, other in _PLAIN.findall(line):
        if not uri:
            return None
        try:
            host_text, address = plain_host(host)
        except HandoverError:
            return None
        expires, instance, reg_id = seconds or None, urn.lower() or None, int(flow) if flow else None
        if other:
            # Nothing here depends on case, and names must not.
            pairs = _PARAM.findall(params.lower())
            said = dict(pairs)
            if len(said) != len(pairs) or not params.isascii():
                return None
            # A parameter without a value says nothing.
            expires, instance, reg_id = said.get("expires"), said.get("+sip.instance"), said.get("reg-id")
            if expires and not expires.isdigit():
                return None  # to be refused as it is written
            expires = expires or None
            instance = instance_of(unquoted(instance)) if instance else None
            reg_id = _reg_id(unquoted(reg_id)) if reg_id else None
        found.append((uri, host_text, address, int(port) if port else None, expires, instance, reg_id))
    return found or None


def value_of(address: NameAddr) -> ContactValue:
    """What of an address concerns bindings."""
    uri, params = address.uri, dict(address.params)
    instance = params.get("+sip.instance")
    return (
        uri.text,
        uri.host,
        uri.address,
        uri.port,
        params.get("expires"),
        None if instance is None else instance_of(instance),
        _reg_id(params.get("reg-id")),
    )


def _reg_id(text: Optional[str]) -> Optional[int]:
    good = text is not None and text.isascii() and text.isdigit() and len(text) < 11
    return int(text) if good and text is not None else None
