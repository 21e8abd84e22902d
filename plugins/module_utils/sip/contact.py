# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contact header lines, as far as they concern bindings (RFC 3261 section 20.10, RFC 5626)."""

from __future__ import annotations

import re
from typing import List, Optional, Sequence, Tuple

from ..errors import HandoverError
from .grammar import QUOTED, TOKEN, unquoted
from .header import MAX_EXPIRES, parse_expires
from .name_addr import NameAddr, parse_name_addrs
from .plain_uri import DISPLAY, HOST, MAX_PLAIN, PORT, URI_BEGIN, URI_PARAM
from .registration import DEFAULT_EXPIRES, Contact
from .stated import stated
from .uri import plain_host

__all__ = ["Contacts", "instance_of", "is_asterisk", "read_contacts"]

_EQUALS, _ENDS = r"[ \t]*=[ \t]*", r"[ \t]*(?:[;,]|\Z)"
#: A header parameter: one of those that phones write most, as they write it and once; the group behind them is any
#: other. That a known one ends is seen before its group is set, so that no group holds what was not taken.
_HEADER_PARAM = (
    rf"(?:\+sip\.instance(?(6)(?!)){_EQUALS}(?=\"<[!#-;=?-\[\]-~]*>\"{_ENDS})\"<([^>]*)>\""
    rf"|expires(?(7)(?!)){_EQUALS}(?=[0-9]{{1,10}}{_ENDS})([0-9]+)"
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


#: What the Contact lines of a REGISTER say: the addresses; whether they are the asterisk; seconds of the longest-lived
#: one, of none :data:`DEFAULT_EXPIRES`; whether one of them says for how long; the instance of the first that stays,
#: else of the first.
Contacts = Tuple[Tuple[Contact, ...], bool, int, bool, Optional[str]]


def read_contacts(lines: Sequence[str], expires: Optional[int]) -> Contacts:
    """What Contact lines say.

    :param expires: of the Expires header, for addresses that say nothing of it.
    :raises HandoverError: ``bad_address``, ``bad_uri``, ``bad_number``; ``bad_contact`` for an asterisk beside
        addresses, or without ``Expires: 0``.
    """
    if is_asterisk(lines):
        if expires != 0:
            raise HandoverError("bad_contact", f"* with Expires {expires}", "the asterisk needs Expires: 0")
        return (), True, 0, False, None
    default = DEFAULT_EXPIRES if expires is None else expires
    found: List[Contact] = []
    stated_expires = False
    for line in lines:
        plain = _plain_contacts(line, default) if len(line) <= MAX_PLAIN else None
        if plain is None:
            plain = _any_contacts(parse_name_addrs(line, "Contact"), default)
        found += plain[0]
        stated_expires = stated_expires or plain[1]
    if len(found) == 1:
        (one,) = found
        return (one,), False, one.expires, stated_expires, one.instance
    if not found:
        return (), False, DEFAULT_EXPIRES, False, None
    first = next((one for one in found if one.expires), found[0])
    return tuple(found), False, max([one.expires for one in found]), stated_expires, first.instance


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


def _plain_contacts(line: str, default: int) -> Optional[Tuple[List[Contact], bool]]:
    """The addresses of a line as nearly all are written, and whether one says for how long. None for any other line,
    good or bad."""
    found: List[Contact] = []
    stated_expires = False
    for uri, host, port, _name, params, urn, seconds, flow, _q, other in _PLAIN.findall(line):
        if not uri:
            return None
        if other:
            # Nothing here depends on case, and names must not.
            pairs = _PARAM.findall(params.lower())
            said = dict(pairs)
            if len(said) != len(pairs) or not params.isascii():
                return None
            # A parameter without a value says nothing.
            seconds, urn, flow = said.get("expires"), said.get("+sip.instance"), said.get("reg-id")
            urn = instance_of(unquoted(urn)) if urn else None
            flow = unquoted(flow) if flow else None
            if seconds and not (seconds.isdigit() and len(seconds) < 11):
                return None  # to be read or refused as it is written
        expires = default
        if seconds:
            expires, stated_expires = int(seconds), True
            if expires > MAX_EXPIRES:
                return None
        try:
            host_text, address = plain_host(host)
        except HandoverError:
            return None
        found.append(
            stated(
                Contact,
                {
                    "uri": uri,
                    "host_text": host_text,
                    "host": address,
                    "port": int(port) if port else None,
                    "expires": expires,
                    "instance": urn.lower() if urn else None,
                    "reg_id": _reg_id(flow) if flow else None,
                },
            )
        )
    return (found, stated_expires) if found else None


def _any_contacts(addresses: Sequence[NameAddr], default: int) -> Tuple[List[Contact], bool]:
    """The same of addresses that have been read.

    :raises HandoverError: ``bad_number``.
    """
    found, stated_expires = [], False
    for address in addresses:
        uri, params = address.uri, dict(address.params)
        said, instance = params.get("expires"), params.get("+sip.instance")
        expires = default
        if said is not None:
            expires, stated_expires = parse_expires(said), True
        urn = None if instance is None else instance_of(instance)
        found.append(Contact(uri.text, uri.host, uri.address, uri.port, expires, urn, _reg_id(params.get("reg-id"))))
    return found, stated_expires


def _reg_id(text: Optional[str]) -> Optional[int]:
    good = text is not None and text.isascii() and text.isdigit() and len(text) < 11
    return int(text) if good and text is not None else None
