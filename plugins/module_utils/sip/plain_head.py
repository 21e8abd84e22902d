# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The head of a message as nearly all are written: lines are cut, and the value of each is seen by one short pattern.

It takes less than RFC 3261 allows, and never anything that the careful reading of :mod:`.message` would refuse or
read otherwise; a head that it does not take says nothing about that head. Every line must be whole, and every header
that is read must stand once (but Contact and Via) and be written plainly; then nothing is left to check but numbers
and hosts.

What costs time in Python is the number of steps, hence: no object for a header that nobody reads, none that can be
made when somebody asks (:mod:`.message_facts`), and values that all phones share (``Expires: 3600``) are remembered.
"""

from __future__ import annotations

import re
from functools import lru_cache
from operator import itemgetter
from typing import Any, Dict, List, Optional, Tuple

from ..errors import HandoverError
from .contact import read_contact_values
from .grammar import TOKEN, number
from .head_lines import MAX_HEADERS, NAMES
from .header import CALL_ID, COMPACT, MAX_CSEQ, MAX_EXPIRES, OPTION_TAG, CSeq, parse_date, parse_option_tags, parse_via
from .message_facts import Written
from .plain_uri import DISPLAY, HOST, PORT, URI_BEGIN, URI_END
from .start_line import start_line
from .uri import plain_host

__all__ = ["MAX_MESSAGE", "plain_head"]

#: Largest message, in bytes: what one UDP datagram can carry.
MAX_MESSAGE = 65535

#: Longest head that is tried.
_MAX_HEAD = 8192
#: Control characters but HTAB, those that end a line among them.
_CONTROLS = bytes(code for code in (*range(32), 127) if code not in b"\t")

_TAG = OPTION_TAG.lower()
#: Headers that are read, and those that must be there. The value of the others is nobody's business here.
_MANDATORY = itemgetter("via", "from", "to", "call-id", "cseq")
_READ = frozenset(
    "via from to call-id cseq contact require expires content-length authorization max-forwards date content-type "
    f"min-expires {_TAG}".split()
)
#: Of these there may be several lines.
_SEVERAL = ("via", "contact")
#: How many values of a header are remembered.
_REMEMBERED = 256

_TOKEN = re.compile(rf"[{TOKEN}]+")
_SPACE = r"[ \t]*"
#: Parameters of a Via as they are mostly written. The group of a name says that the name was there: it comes once.
_VIA_PARAMS = "|".join(
    rf"{name}(?({group})(?!))({_SPACE})"
    for group, name in enumerate(("branch", "rport", "received", "alias", "keep"), start=3)
)
#: Transport and host.
_VIA = re.compile(
    rf"{_SPACE}[{TOKEN}]+/[{TOKEN}]+/([{TOKEN}]+)[ \t]+({HOST})(?::(?:{PORT}))?"
    rf"(?:{_SPACE};{_SPACE}(?:{_VIA_PARAMS})(?:={_SPACE}[{TOKEN}]+)?(?={_SPACE}(?:;|\Z)))*{_SPACE}"
)
_PARAMS = rf"(?:{_SPACE};{_SPACE}(?i:tag){_SPACE}={_SPACE}[{TOKEN}]+)?{_SPACE}"
#: Host.
_FROM = re.compile(rf"{_SPACE}{DISPLAY}<{URI_BEGIN}({HOST}){URI_END}>{_PARAMS}")
#: Scheme, user, host.
_TO = re.compile(
    rf"{_SPACE}{DISPLAY}<([sS][iI][pP][sS]?):(?:([A-Za-z0-9\-_.!~*'()&=+$,;?/]+)@)?({HOST}){URI_END}>{_PARAMS}"
)
_CALL_ID = re.compile(rf"{_SPACE}({CALL_ID}){_SPACE}")
_CSEQ = re.compile(rf"{_SPACE}([0-9]{{1,10}})[ \t]+([{TOKEN}]+){_SPACE}")


#: Names of headers as they are mostly written, and what they are to this reading.
_SPELLED = {spelled: name if name in _READ else "" for spelled, name in NAMES.items()}


def plain_head(head: bytes) -> Optional[Tuple[Dict[str, Any], Written]]:
    """What a head says, as :class:`.message_facts.Message` is made of it. None for a head that is not plain.

    :param head: up to and with the last header's line end.
    """
    cut = _cut(head) if len(head) <= _MAX_HEAD else None
    if cut is None:
        return None
    try:
        return _read(head, *cut)
    except (HandoverError, KeyError):
        return None


def _cut(head: bytes) -> Optional[Tuple[str, Dict[str, str], List[Tuple[str, str]]]]:
    """The start line, the value of each header that is read, and of those that may stand again all further lines."""
    start, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    # Each line has its CR and its LF: so there is no other, and no other control character.
    if len(head) - len(head.translate(None, _CONTROLS)) != 2 * len(lines) or len(lines) > MAX_HEADERS + 1:
        return None
    if not lines or lines.pop():
        return None
    values: Dict[str, str] = {}
    again: List[Tuple[str, str]] = []
    known = _SPELLED.get
    for line in lines:
        written, colon, value = line.partition(":")
        name = known(written)
        if name is None:
            name = _name(written)
        if name is None or not colon:
            return None
        if not name:
            continue
        if name not in values:
            values[name] = value
        elif name in _SEVERAL:
            again.append((name, value))
        else:
            return None
    return start, values, again


def _read(
    head: bytes, start: str, values: Dict[str, str], again: List[Tuple[str, str]]
) -> Optional[Tuple[Dict[str, Any], Written]]:
    """:raises HandoverError: where a value is wrong; ``KeyError``: where a header is missing. None: for the others."""
    via_line, from_line, to_line, call_id_line, cseq_line = _MANDATORY(values)
    via, from_, to = _VIA.fullmatch(via_line), _FROM.fullmatch(from_line), _TO.fullmatch(to_line)
    call_id, counted = _CALL_ID.fullmatch(call_id_line), _CSEQ.fullmatch(cseq_line)
    if via is None or from_ is None or to is None or call_id is None or counted is None:
        return None
    method, uri, status = start_line(start)
    digits, method_counted = counted.groups()
    cseq = int(digits)
    if (method is not None and method_counted != method) or cseq > MAX_CSEQ:
        return None
    transport, sent_by = via.group(1, 2)
    plain_host(sent_by)
    plain_host(from_.group(1))
    get = values.get
    contact = get("contact")
    contacts = [] if contact is None else [contact.strip(" \t")]
    for name, value in again:
        if name == "contact":
            contacts.append(value.strip(" \t"))
        else:
            parse_via(value.strip(" \t"))
    contact_values, asterisk = read_contact_values(contacts)
    scheme, user, host = to.groups()
    name, _address = plain_host(host)
    name = f"[{name}]" if ":" in name else name
    expires, length, require = get("expires"), get("content-length"), get("require")
    if "max-forwards" in values:
        _number(values["max-forwards"], 255)
    if "date" in values:
        parse_date(values["date"].strip(" \t"))
    old, authorization = get(_TAG), get("authorization")
    return {
        "method": method,
        "uri": uri,
        "status": status,
        "transport": transport.lower(),
        "aor": f"{scheme.lower()}:{name}" if user is None else f"{scheme.lower()}:{user}@{name}",
        "call_id": call_id.group(1),
        "cseq": CSeq(cseq, method_counted),
        "contact_values": contact_values,
        "contact_asterisk": asterisk,
        "old_address_lines": [] if old is None else [old.strip(" \t")],
        "authorization": [] if authorization is None else [authorization.strip(" \t")],
        "expires": None if expires is None else _number(expires, MAX_EXPIRES),
        "require": () if require is None else _option_tags(require),
        "content_length": None if length is None else _number(length, MAX_MESSAGE),
        "body": b"",
    }, Written(head, values, again)


@lru_cache(maxsize=_REMEMBERED)
def _name(written: str) -> Optional[str]:
    """As :data:`_SPELLED`; None for what is no name."""
    name = written.rstrip(" \t").lower()
    if _TOKEN.fullmatch(name) is None:
        return None
    name = COMPACT.get(name, name)
    return name if name in _READ else ""


@lru_cache(maxsize=_REMEMBERED)
def _number(text: str, maximum: int) -> int:
    return number(text.strip(" \t"), maximum, "")


@lru_cache(maxsize=_REMEMBERED)
def _option_tags(text: str) -> Tuple[str, ...]:
    return tuple(parse_option_tags(text.strip(" \t")))
