# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The head of a message as nearly all are written: cut into lines, and the values that are read seen by one pattern.

It takes less than RFC 3261 allows, and never anything that the careful reading of :mod:`.message` would refuse or
read otherwise; a head that it does not take says nothing about that head. Every line must be whole, and every header
that is read must stand once (but Contact and Via) and be written plainly; then nothing is left to check but numbers
and hosts.

What costs time in Python is the number of steps, hence: no step for a single header, no object for one that nobody
reads, none that can be made when somebody asks (:mod:`.message_facts`). How a message spells the names of its headers
is looked at once, for all messages that spell the same names so, as all phones of one model do.
"""

from __future__ import annotations

import re
from operator import itemgetter
from typing import Any, Callable, Dict, FrozenSet, Optional, Tuple

from .contact import read_contacts
from .grammar import TOKEN
from .head_lines import MAX_HEADERS
from .header import COMPACT, MAX_CSEQ, CSeq, parse_credentials, parse_via
from .message_facts import Message
from .plain_values import ABSENT, MAX_MESSAGE, OWN, READ, SHARED, own_values, shared_values
from .register_headers import stated_by_register
from .remembered import remembered
from .start_line import start_line
from .uri import plain_host

__all__ = ["MAX_MESSAGE", "plain_head"]

#: Longest head that is tried.
_MAX_HEAD = 8192
#: Control characters but HTAB, those that end a line among them.
_CONTROLS = bytes(code for code in (*range(32), 127) if code not in b"\t")
_TOKEN = re.compile(rf"[{TOKEN}]+")
_FOLD = re.compile(r"\r\n[ \t]+")

#: Headers that must be there; those that must not stand twice, though nobody reads them here.
_MANDATORY = frozenset(("via", "from", "to", "call-id", "cseq"))
_ONCE = frozenset(("content-type", "min-expires"))

#: What takes the values of :data:`OWN` and :data:`SHARED`, and those of Authorization and Contact, from the values of
#: all names as they are spelled.
_Pick = Callable[[Dict[Optional[str], str]], Tuple[str, ...]]


def plain_head(head: bytes) -> Optional[Message]:
    """What a head says, None for one that is not plain.

    :param head: up to and with the last header's line end.
    """
    if len(head) > _MAX_HEAD:
        return None
    try:
        return _read(head)
    except ValueError:  # a HandoverError
        return None


def _read(head: bytes) -> Optional[Message]:
    """:raises ValueError: where something is wrong."""
    start, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    # Each line has its CR and its LF: so there is no other, and no other control character.
    if len(head) - len(head.translate(None, _CONTROLS)) != 2 * len(lines):
        return None
    if not 1 < len(lines) < MAX_HEADERS + 2 or lines.pop():
        return None
    if min(lines) < "!":
        # A line that begins with white space goes on with the one before, but the start line is one line.
        if "" in lines or lines[0] < "!":
            return None
        lines = _FOLD.sub(" ", "\r\n".join(lines)).split("\r\n")
    spelled: Dict[Optional[str], str] = {None: ABSENT}
    again = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            return None
        if name in spelled:
            again.append((_name(name), value.strip(" \t")))
        else:
            spelled[name] = value
    picks = _picks(frozenset(spelled))
    if picks is None:
        return None
    own = own_values(picks[0](spelled))
    if own is None:
        return None
    expires, length, require = shared_values(picks[1](spelled))
    authorization, contact = picks[2](spelled)
    transport, sent_by, from_host, scheme, user, to_host, call_id, digits, counted, old_host, old_other = own
    method, uri, status = start_line(start)
    cseq = int(digits)
    if (method is not None and counted != method) or cseq > MAX_CSEQ:
        return None
    plain_host(sent_by)
    plain_host(from_host)
    name = plain_host(to_host)[0]
    if ":" in name:
        name = f"[{name}]"
    contacts = [] if contact == ABSENT else [contact.strip(" \t")]
    for several, value in again:
        if several == "contact":
            contacts.append(value)
        elif several == "via":
            parse_via(value)
        elif several in READ or several in _ONCE:
            return None
    known: Dict[str, Any] = {
        "method": method,
        "uri": uri,
        "status": status,
        "call_id": call_id,
        "cseq": CSeq(cseq, counted),
        "content_length": length,
        "body": b"",
        "_written": (head, spelled, picks[3], again),
    }
    if method != "REGISTER" or (old_host is None and old_other != ABSENT):
        read_contacts(contacts, expires)
    else:
        old = [] if old_host is None else [plain_host(old_host)]
        known["registers"] = said = stated_by_register(contacts, old, require, expires)
        said["aor"] = f"{scheme.lower()}:{name}" if user is None else f"{scheme.lower()}:{user}@{name}"
        said["call_id"], said["cseq"], said["transport"] = call_id, cseq, transport.lower()
        said["claimed_user"] = None
        if authorization != ABSENT:
            said["claimed_user"] = parse_credentials(authorization.strip(" \t")).username
    return Message(known)


@remembered(128)
def _picks(names: FrozenSet[Optional[str]]) -> Optional[Tuple[_Pick, _Pick, _Pick, Dict[str, Optional[str]]]]:
    """How to take what is read from a head whose headers have these names; None for one that is not plain.

    :raises ValueError: where one is no name.
    """
    known: Dict[str, Optional[str]] = {}
    for spelled in names:
        if spelled is None:
            continue
        name = _name(spelled)
        # Spelled in two ways: of some there may be two.
        if name in known and (name in READ or name in _ONCE):
            return None
        known[name] = spelled
    if not known.keys() >= _MANDATORY:
        return None
    own, shared, others = [
        itemgetter(*[known.get(name) for name in group]) for group in (OWN, SHARED, ("authorization", "contact"))
    ]
    return own, shared, others, known


@remembered(256)
def _name(spelled: str) -> str:
    """A header's name in lower case and long form; white space may stand before the colon.

    :raises ValueError: for what is no name.
    """
    name = spelled.rstrip(" \t").lower()
    if _TOKEN.fullmatch(name) is None:
        raise ValueError(name)
    return COMPACT.get(name, name)
