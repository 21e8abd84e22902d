# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contact header lines, as far as they concern bindings (RFC 3261 section 20.10, RFC 5626)."""

from __future__ import annotations

import re
from functools import partial
from typing import Callable, List, Optional, Sequence, Tuple

from ..errors import HandoverError
from .grammar import QUOTED, TOKEN, unquoted
from .header import MAX_EXPIRES, parse_expires
from .name_addr import NameAddr, parse_name_addrs
from .plain_uri import DISPLAY, HOST, MAX_PLAIN, PORT, URI_BEGIN, URI_PARAM, URI_PARAMS
from .registration import DEFAULT_EXPIRES, Contact
from .remembered import remembered
from .uri import plain_host

__all__ = ["Contacts", "instance_of", "is_asterisk", "read_contacts"]

_EQUALS = r"[ \t]*=[ \t]*"
_MORE_URI_PARAMS = rf"(?:;[{URI_PARAM}]+(?:=[{URI_PARAM}]+|)){{0,7}}"
#: One address, and the comma behind it or the end of its line: URI, host, port, URI parameters behind the first; then
#: the header parameters as text that :func:`_known_params` looks at: in front of an instance, the instance in its
#: quotes, behind it, and from another quoted string on. What begins no such address is all the rest, without a URI.
#: Each part ends where no other can begin: there are not two ways to divide what a phone writes.
_PLAIN = re.compile(
    rf"[ \t]*{DISPLAY}<({URI_BEGIN}({HOST})(?::({PORT})|){URI_PARAMS}({_MORE_URI_PARAMS}))>"
    r"([^\",\n]*)(?:(\"<[!#-;=?-\[\]-~]*>\")([^\",\n]*)|)(\"[^\"\\\n]*\"[^\",\n]*|)"
    r"(?:,(?!\n|\Z)|\n(?!\Z)|\Z)|(?s:.+)"
)
#: Stands for an instance, which is the phone's own: no header holds this character but behind a backslash.
_INSTANCE = "\0"
_PARAM = re.compile(rf"[ \t]*;[ \t]*([{TOKEN}]+)(?:{_EQUALS}({QUOTED}|[{TOKEN}]+|{_INSTANCE})|)[ \t]*")

#: A Contact of all its fields: its own constructor takes twice the time.
_contact: Callable[[Tuple[object, ...]], Contact] = partial(tuple.__new__, Contact)

#: What the Contact lines of a REGISTER say: the addresses; whether they are the asterisk; seconds of the longest-lived
#: one, of none :data:`DEFAULT_EXPIRES`; whether one of them says for how long; the instance of the first that stays,
#: else of the first.
Contacts = Tuple[Tuple[Contact, ...], bool, int, bool, Optional[str]]


def read_contacts(lines: Sequence[str], expires: Optional[int]) -> Contacts:
    """What Contact lines say.

    :param expires: of the Expires header, for addresses that say nothing of it.
    :raises HandoverError: ``bad_address``, ``bad_uri``, ``bad_number``; ``bad_contact`` for an asterisk beside
        addresses, or without ``Expires: 0``, and for an instance that is no URN.
    """
    if "*" in lines and is_asterisk(lines):
        if expires != 0:
            raise HandoverError("bad_contact", f"* with Expires {expires}", "the asterisk needs Expires: 0")
        return (), True, 0, False, None
    default = DEFAULT_EXPIRES if expires is None else expires
    plain = _plain_contacts("\n".join(lines), default) if lines else ([], False)
    if plain is None:
        plain = _any_contacts([one for line in lines for one in parse_name_addrs(line, "Contact")], default)
    found, stated_expires = plain
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
    """A ``+sip.instance`` without quotes and angle brackets, in lower case; None for none.

    :raises HandoverError: ``bad_contact``.
    """
    if text is None:
        return None
    if not text.isascii():
        raise HandoverError("bad_contact", text, "an instance is a URN, in ASCII (RFC 5626, RFC 8141)")
    # RFC 4122 UUIDs, which RFC 5626 section 4.1 asks for, compare without case.
    return text.strip(' "<>').lower() or None


def _plain_contacts(lines: str, default: int) -> Optional[Tuple[List[Contact], bool]]:
    """The addresses of lines as nearly all are written, and whether one says for how long. None where a line is
    another, good or bad.

    :param lines: joined by LF, which stands in none.
    """
    if len(lines) > MAX_PLAIN:
        return None
    found: List[Contact] = []
    stated_expires = False
    for uri, host, port, more, params, quoted, between, string in _PLAIN.findall(lines):
        if not uri or (more and not _stand_once(uri)):
            return None
        expires, instance, flow = default, None, None
        if quoted or params or string:
            known = _known_params(f"{params}{_INSTANCE}{between}{string}" if quoted else params + string)
            if known is None:
                return None
            seconds, flow = known
            if seconds is not None:
                expires, stated_expires = seconds, True
            if quoted:
                instance = quoted[2:-2].lower() or None
        try:
            host_text, address = plain_host(host)
        except HandoverError:
            return None
        found.append(_contact((uri, host_text, address, int(port) if port else None, expires, instance, flow)))
    return (found, stated_expires) if found else None


@remembered(512)
def _known_params(text: str) -> Optional[Tuple[Optional[int], Optional[int]]]:
    """``expires`` and ``reg-id`` in header parameters, None for what is not there. None for parameters that are not
    written as nearly all are: they are to be read or refused one by one.

    Phones of one model write the same but for the instance; so this is looked at once.

    :param text: with :data:`_INSTANCE` in the place of an instance.
    """
    pairs = _PARAM.findall(text)
    said = {name.lower(): value for name, value in pairs}
    if _PARAM.sub("", text).strip(" \t") or len(said) != len(pairs):
        return None
    if said.pop("+sip.instance", _INSTANCE) != _INSTANCE or _INSTANCE in said.values():
        return None
    seconds = said.get("expires")
    if seconds and not (seconds.isdigit() and len(seconds) < 11 and int(seconds) <= MAX_EXPIRES):
        return None
    return int(seconds) if seconds else None, _reg_id(unquoted(said.get("reg-id", "")))


def _stand_once(uri: str) -> bool:
    """Whether no parameter of a URI stands twice."""
    params = uri.rpartition("@")[2].split(";")[1:]
    return len({param.partition("=")[0].lower() for param in params}) == len(params)


def _any_contacts(addresses: Sequence[NameAddr], default: int) -> Tuple[List[Contact], bool]:
    """The same of addresses that have been read.

    :raises HandoverError: ``bad_contact``, ``bad_number``.
    """
    found, stated_expires = [], False
    for address in addresses:
        uri, params = address.uri, dict(address.params)
        said, instance = params.get("expires"), params.get("+sip.instance")
        expires = default
        if said is not None:
            expires, stated_expires = parse_expires(said), True
        urn = instance_of(instance)
        found.append(Contact(uri.text, uri.host, uri.address, uri.port, expires, urn, _reg_id(params.get("reg-id"))))
    return found, stated_expires


def _reg_id(text: Optional[str]) -> Optional[int]:
    good = text is not None and text.isascii() and text.isdigit() and len(text) < 11
    return int(text) if good and text is not None else None
