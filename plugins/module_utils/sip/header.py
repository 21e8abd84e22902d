# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Header fields that are read, one function each (RFC 3261 sections 20 and 25.1)."""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional, Sequence, Tuple

from ..errors import HandoverError
from .grammar import (
    QUOTED,
    TOKEN,
    Address,
    host_address,
    ip_literal,
    number,
    port_number,
    skip_space,
    unquoted,
)
from .name_addr import next_name_addr, parse_params
from .plain_uri import DISPLAY, HOST, MAX_PLAIN, URI_BEGIN, URI_END
from .remembered import remembered
from .uri import Params, plain_host

__all__ = [
    "CALL_ID",
    "COMPACT",
    "DATE",
    "OPTION_TAG",
    "SINGLE",
    "CSeq",
    "Credentials",
    "Via",
    "claimed_user",
    "option_tags_in",
    "parse_call_id",
    "parse_credentials",
    "parse_cseq",
    "parse_date",
    "parse_expires",
    "parse_old_addresses",
    "parse_option_tags",
    "parse_via",
    "read_option_tags",
]

#: The patent's option tag in Require, which is also the name of its header (US 7,082,118).
OPTION_TAG = "com.cisco.TerminalMobilityUsingNat"

#: Compact forms (RFC 3261 section 7.3.3, and the registry that RFC 3261 section 27.3 began).
COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "n": "identity-info",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}

#: Headers that may stand only once; a second one could be read by another server than the first.
SINGLE = frozenset(
    (
        "call-id",
        "content-length",
        "content-type",
        "cseq",
        "date",
        "expires",
        "from",
        "max-forwards",
        "min-expires",
        "to",
    )
)

#: RFC 3261 section 20.19.
MAX_EXPIRES = 2**32 - 1
#: RFC 3261 section 8.1.1.5: less than 2**31.
MAX_CSEQ = 2**31 - 1

_CSEQ = re.compile(rf"([0-9]+)[ \t]+([{TOKEN}]+)")
_WORD = rf"[{TOKEN}()<>:\\\"/\[\]?{{}}]+"
CALL_ID = rf"{_WORD}(?:@{_WORD}|)"
_CALL_ID = re.compile(CALL_ID)
_OPTION_TAGS = re.compile(rf"[{TOKEN}]+(?:[ \t]*,[ \t]*[{TOKEN}]+)*")
_VIA = re.compile(
    rf"[{TOKEN}]+[ \t]*/[ \t]*[{TOKEN}]+[ \t]*/[ \t]*([{TOKEN}]+)[ \t]+"
    r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-]+)[ \t]*(?::[ \t]*([0-9]+)[ \t]*)?"
)
_CREDENTIALS = re.compile(rf"([{TOKEN}]+)[ \t]+")
#: A parameter and the comma before the next one, or the end. What begins no such thing is all the rest, without a name.
_AUTH_PARAM = re.compile(rf"([{TOKEN}]+)[ \t]*=[ \t]*({QUOTED}|[^\", \t]+)[ \t]*(?:,[ \t]*(?!\Z)|\Z)|.+", re.DOTALL)
DATE = (
    "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} "
    "[0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
)
_DATE = re.compile(DATE)
_DIGEST_PARAMS = ("username", "realm", "nonce", "uri", "response", "algorithm", "cnonce", "opaque", "qop", "nc")
_ONE_NAME_ADDR = re.compile(rf"{DISPLAY}<{URI_BEGIN}({HOST}){URI_END}>")
_NAME_ADDR_BEGINS = ("<", '"')
_BARE_HOST = re.compile(r"[ \t]*(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-]+|[0-9A-Fa-f:.]+)([ \t]*)(?=,|\Z)")


class CSeq(NamedTuple):
    """Sequence number and method of a CSeq header."""

    number: int
    method: str


class Via(NamedTuple):
    """One hop of a Via header. ``transport`` is in lower case."""

    transport: str
    host: str
    port: Optional[int]
    params: Params


class Credentials(NamedTuple):
    """An Authorization header: who the sender says he is. Nobody has checked it yet."""

    scheme: str
    username: Optional[str]
    realm: Optional[str]


def parse_cseq(text: str) -> CSeq:
    """:raises HandoverError: ``bad_header``, ``bad_number``."""
    found = _CSEQ.fullmatch(text)
    if found is None:
        raise HandoverError("bad_header", text, "CSeq is a number and a method")
    return CSeq(number(found.group(1), MAX_CSEQ, "a CSeq"), found.group(2))


def parse_call_id(text: str) -> str:
    """:raises HandoverError: ``bad_header``."""
    if _CALL_ID.fullmatch(text) is None:
        raise HandoverError("bad_header", text, "a Call-ID is a word, or two joined by an at sign")
    return text


def parse_expires(text: str) -> int:
    """Seconds of an Expires header or an ``expires`` parameter.

    RFC 3261 section 20.10 lets a server read a malformed value as 3600; we refuse it, because no router
    should hold anything for a time that nobody stated.

    :raises HandoverError: ``bad_number``.
    """
    return number(text, MAX_EXPIRES, "an expiry")


def parse_date(text: str) -> str:
    """:raises HandoverError: ``bad_header`` (RFC 3261 section 20.17: GMT and no other zone)."""
    if _DATE.fullmatch(text) is None:
        raise HandoverError("bad_header", text, "a Date is an RFC 1123 date in GMT")
    return text


def parse_option_tags(text: str) -> List[str]:
    """Option tags of a Require header, in lower case (tokens compare without case, RFC 3261 section 7.3.1).

    :raises HandoverError: ``bad_header``.
    """
    if _OPTION_TAGS.fullmatch(text) is None:
        raise HandoverError("bad_header", text, "Require is a list of option tags")
    return option_tags_in(text)


def option_tags_in(text: str) -> List[str]:
    """The same of a text that is known to be such a list."""
    text = text.lower()
    return [tag.strip(" \t") for tag in text.split(",")] if "," in text else [text]


def read_option_tags(values: Sequence[str]) -> Tuple[str, ...]:
    """The option tags of all Require lines, in lower case.

    :raises HandoverError: ``bad_header``.
    """
    return tuple([tag for value in values for tag in parse_option_tags(value)])


def parse_via(text: str) -> List[Via]:
    """The hops of one Via header line, newest first.

    :raises HandoverError: ``bad_header``, ``bad_uri``, ``bad_number``.
    """
    hops: List[Via] = []
    start = 0
    while True:
        found = _VIA.match(text, start)
        if found is None:
            raise HandoverError("bad_header", text, "Via names protocol, host and parameters")
        transport, host, port = found.groups()
        host_address(host)
        params, end = parse_params(text, found.end(), "Via")
        hops.append(Via(transport.lower(), host, port_number(port), params))
        if end == len(text):
            return hops
        if text[end] != ",":
            raise HandoverError("bad_header", text, "Via names protocol, host and parameters")
        start = skip_space(text, end + 1)


def _pattern_of_digest() -> re.Pattern[str]:
    once = []
    for group, name in enumerate(_DIGEST_PARAMS, 1):
        # A group that has matched does not match again.
        once.append(rf"{name}(?({group})(?!))=(\"[^\"]*\"|[{TOKEN}]+)")
    return re.compile(rf"(?i:digest)[ \t]+(?:(?:{'|'.join(once)})[ \t]*(?:,[ \t]*(?=[a-z])|\Z))+")


#: Digest credentials that hold these alone, each once, with their names in lower case, as nearly all do. There is no
#: backslash in them, so that a quoted string ends at the next quote.
_PLAIN_DIGEST = _pattern_of_digest()


def _plain_digest(text: str) -> Optional[Credentials]:
    """Credentials without a backslash, as nearly all are; None for any other.

    What stands between the quotes is the phone's own and may be anything; the rest is what all phones of one model
    write, and is looked at once.
    """
    parts = text.split('"')
    places = _quoted_in('""'.join(parts[::2])) if len(parts) % 2 else None
    if places is None:
        return None
    username, realm = places
    return Credentials("digest", parts[username], parts[realm])


@remembered(256)
def _quoted_in(emptied: str) -> Optional[Tuple[int, int]]:
    """Which part of the text, cut at its quotes, is the username and which the realm. None for others than plain
    credentials, and for those where one of the two is missing, or not quoted.

    :param emptied: the text with empty quoted strings.
    """
    found = _PLAIN_DIGEST.fullmatch(emptied)
    if found is None or found.group(1, 2) != ('""', '""'):
        return None
    username, realm = [emptied.count('"', 0, found.start(group)) + 1 for group in (1, 2)]
    return username, realm


def parse_credentials(text: str) -> Credentials:
    """User name and realm of an Authorization header; None for both where the scheme is not Digest.

    :raises HandoverError: ``bad_header``.
    """
    plain = None if "\\" in text or len(text) > MAX_PLAIN else _plain_digest(text)
    if plain is not None:
        return plain
    found = _CREDENTIALS.match(text)
    if found is None:
        raise HandoverError("bad_header", text, "Authorization is a scheme and its parameters")
    scheme = found.group(1).lower()
    if scheme != "digest":
        return Credentials(scheme, None, None)
    pairs = _AUTH_PARAM.findall(text, found.end())
    params = {name.lower(): value for name, value in pairs}
    if not pairs or "" in params or len(params) != len(pairs):
        raise HandoverError("bad_header", text, "Digest credentials are a list of parameters, each once")
    username, realm = params.get("username"), params.get("realm")
    return Credentials(
        scheme, None if username is None else unquoted(username), None if realm is None else unquoted(realm)
    )


def claimed_user(values: Sequence[str]) -> Optional[str]:
    """The first user name in the values of Authorization headers, None where none has one. All are read.

    :raises HandoverError: ``bad_header``.
    """
    names = [parse_credentials(value)[1] for value in values]
    return names[0] if len(names) == 1 else next((name for name in names if name is not None), None)


def parse_old_addresses(text: str) -> List[Tuple[str, Optional[Address]]]:
    """The hosts in one line of the patent's header, each with its address, or None for a hostname.

    The patent writes a name-addr. A plain host and an addr-spec are taken too: senders differ, and none of
    the three can be mistaken for another.

    :raises HandoverError: ``bad_old_address``.
    """
    plain = _ONE_NAME_ADDR.fullmatch(text) if len(text) <= MAX_PLAIN else None
    hosts: List[Tuple[str, Optional[Address]]] = []
    end = -1
    try:
        if plain is not None:
            return [plain_host(plain.group(1))]
        while end < len(text):
            host, address, end = _old_address(text, end + 1)
            hosts.append((host, address))
            if end < len(text) and text[end] != ",":
                raise HandoverError("bad_address", text[end:], "a comma stands between two values")
    except HandoverError as error:
        raise HandoverError(
            "bad_old_address", text, f"{OPTION_TAG} holds an address, or a SIP URI with one ({error.rule})"
        ) from error
    return hosts


def _old_address(text: str, start: int) -> Tuple[str, Optional[Address], int]:
    bare = None if text[start : start + 1] in _NAME_ADDR_BEGINS else _BARE_HOST.match(text, start)
    if bare:
        host = bare.group(1)
        address = ip_literal(host)
        return host, host_address(host) if address is None else address, bare.end(1) + len(bare.group(2))
    item, end = next_name_addr(text, start, OPTION_TAG)
    if not item.uri.is_sip:
        raise HandoverError("bad_uri", item.uri.text, "the old address stands in a SIP URI")
    return item.uri.host, item.uri.address, end
