# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""URIs (RFC 3261 sections 19.1 and 25.1; RFC 3986 for IPv6 literals, as RFC 5118 section 4.10 asks)."""

from __future__ import annotations

import re
from typing import NamedTuple, Optional, Tuple

from ..errors import HandoverError
from .grammar import Address, canonical_ipv6, host_address, port_number
from .remembered import remembered

__all__ = ["Params", "Uri", "address_of_record", "canonical_user", "host_of", "parse_uri", "plain_host", "reported_aor"]

Params = Tuple[Tuple[str, Optional[str]], ...]

_SIP = re.compile(
    r"([sS][iI][pP][sS]?):"
    r"(?:([A-Za-z0-9\-_.!~*'()%&=+$,;?/]+)(?::[A-Za-z0-9\-_.!~*'()%&=+$,]*)?@)?"
    r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-]+)"
    r"(?::([0-9]+))?"
    r"((?:;[A-Za-z0-9\-_.!~*'()%\[\]/:&+$]+(?:=[A-Za-z0-9\-_.!~*'()%\[\]/:&+$]+)?)*)"
    r"(?:\?([A-Za-z0-9\-_.!~*'()%\[\]/?:+$]+=[A-Za-z0-9\-_.!~*'()%\[\]/?:+$]*"
    r"(?:&[A-Za-z0-9\-_.!~*'()%\[\]/?:+$]+=[A-Za-z0-9\-_.!~*'()%\[\]/?:+$]*)*))?"
)
#: An address of record as most servers write it: without escapes, password, port and parameters.
_PLAIN_AOR = re.compile(r"(?:sip:)?([A-Za-z0-9\-_.!~*'()&=+$,;?/]+)@(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-]+)")
_OTHER = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*):(?P<opaque>[A-Za-z0-9\-_.!~*'();/?:@&=+$,%]+)")
_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})")
_MAX_REMEMBERED = 128
#: Characters that mean the same in a user part with and without the escape.
_PLAIN_IN_USER = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()&=+$,;?/")


class Uri(NamedTuple):
    """A URI, taken apart where its scheme is ``sip`` or ``sips``.

    :ivar text: as received.
    :ivar scheme: in lower case.
    :ivar user: user part with its escapes, or None.
    :ivar host: host in lower case, an IPv6 address without brackets; empty for other schemes.
    :ivar address: the host as an address, None for a hostname.
    :ivar port: port, or None where none is written.
    :ivar params: URI parameters, names in lower case; None for a parameter without value.
    :ivar headers: what stands behind the question mark, or the empty string.
    :ivar opaque: what stands behind the scheme of other URIs, else empty.
    """

    text: str
    scheme: str
    user: Optional[str] = None
    host: str = ""
    address: Optional[Address] = None
    port: Optional[int] = None
    params: Params = ()
    headers: str = ""
    opaque: str = ""

    @property
    def is_sip(self) -> bool:
        """Whether the scheme is ``sip`` or ``sips``."""
        return self.scheme in ("sip", "sips")


def parse_uri(text: str) -> Uri:
    """Take a URI apart.

    :raises HandoverError: ``bad_uri``, ``bad_number`` for a port that is none.
    """
    # From and To mostly name one URI, and a phone's next message names the same again.
    return _remembered(text) if len(text) <= _MAX_REMEMBERED else _parsed(text)


def _parsed(text: str) -> Uri:
    found = _SIP.fullmatch(text)
    if found is None:
        return _other_scheme(text)
    if "%" in text and _BAD_ESCAPE.search(text):
        raise HandoverError("bad_uri", text, "a percent sign in a URI is followed by two hexadecimal digits")
    scheme, user, host, port, params, headers = found.groups()
    return Uri(
        text,
        scheme.lower(),
        user,
        *host_of(host),
        None if port is None else port_number(port),
        _params(params, text) if params else (),
        headers or "",
    )


_remembered = remembered(1024)(_parsed)


def host_of(host: str) -> Tuple[str, Optional[Address]]:
    """What :class:`Uri` says of a host: its text, and its address or None.

    :raises HandoverError: ``bad_uri``.
    """
    return plain_host(host) if len(host) <= _MAX_REMEMBERED else _host_of(host)


def _host_of(host: str) -> Tuple[str, Optional[Address]]:
    plain = canonical_ipv6(host)
    if plain is not None:
        return host[1:-1], plain
    address = host_address(host)
    if address is None:
        return host.lower().rstrip("."), None
    return (host if host[0] != "[" else str(address)), address


#: :func:`host_of` of a text that :data:`.plain_uri.HOST` has matched: it is short enough to be remembered.
plain_host = remembered(4096)(_host_of)


def address_of_record(uri: Uri) -> str:
    """The canonical address of record (RFC 3261 section 10.3 step 5): scheme, user, host in lower case.

    Password, port and parameters are dropped; needless escapes in the user part are undone, so that two
    spellings of one user compare equal.
    """
    if not uri.is_sip:
        return f"{uri.scheme}:{uri.opaque}"
    host = f"[{uri.host}]" if ":" in uri.host else uri.host
    return f"{uri.scheme}:{canonical_user(uri.user)}@{host}" if uri.user is not None else f"{uri.scheme}:{host}"


def reported_aor(text: str, domain: bool = True) -> str:
    """The canonical address of record that a server writes as a SIP URI or as ``user@domain``.

    :param domain: whether there must be one. Some servers keep users without their domain; then the user's name
        alone is the result.
    :raises HandoverError: ``bad_uri``, ``bad_number``.
    """
    plain = _PLAIN_AOR.fullmatch(text) if len(text) <= _MAX_REMEMBERED else None
    if plain is not None:
        user, host = plain.groups()
        name = host_of(host)[0]
        return f"sip:{user}@[{name}]" if ":" in name else f"sip:{user}@{name}"
    if not domain and "@" not in text:
        user = text.partition(":")[2] if text[:5].lower().startswith(("sip:", "sips:")) else text
        parse_uri(f"sip:{user}@domain.invalid")
        return canonical_user(user)
    uri = parse_uri(text if text[:5].lower().startswith(("sip:", "sips:")) else f"sip:{text}")
    if uri.user is None:
        raise HandoverError("bad_uri", text, "an address of record names a user and a domain")
    return address_of_record(uri)


def canonical_user(user: str) -> str:
    """A user part without needless escapes, the others in upper case."""
    return _ESCAPE.sub(_canonical_escape, user) if "%" in user else user


def _canonical_escape(found: re.Match[str]) -> str:
    char = chr(int(found.group(1), 16))
    return char if char in _PLAIN_IN_USER else found.group().upper()


def _other_scheme(text: str) -> Uri:
    found = _OTHER.fullmatch(text)
    if found is None or found.group("scheme").lower() in ("sip", "sips") or _BAD_ESCAPE.search(text):
        raise HandoverError("bad_uri", text, "a URI follows RFC 3261 section 25.1")
    return Uri(text, found.group("scheme").lower(), opaque=found.group("opaque"))


def _params(text: str, whole: str) -> Params:
    params = []
    for part in text[1:].split(";"):
        name, equals, value = part.partition("=")
        params.append((name.lower(), value if equals else None))
    if len(params) > 1 and len(dict(params)) != len(params):
        raise HandoverError("bad_uri", whole, "a URI parameter stands once")
    return tuple(params)
