# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FreeSWITCH's registration events: what its event socket sends after ``event json CUSTOM sofia::register ...``.

``sofia::register`` comes after an accepted REGISTER, ``sofia::unregister`` after one that removes its binding,
``sofia::expire`` when a binding's time is over. Headers of the event socket (``Content-Length: ...``) between the
objects and other events are skipped.

An event has the packet's source, the user and realm of the credentials, and the time. It has neither CSeq nor
``+sip.instance`` (unless the contact keeps it) nor the patent's header. Numbers come as text.
"""

from __future__ import annotations

import re
from typing import Iterable, Iterator, List, Optional, Tuple

from ...errors import HandoverError
from ..header import MAX_EXPIRES, parse_call_id
from ..name_addr import parse_name_addrs
from ..refusal import refusal
from ..registration import DEFAULT_EXPIRES, Contact, Expired
from ..reported import reported, reported_contact
from ..uri import reported_aor
from .json_objects import object_items
from .json_values import MAX_TIME, Object, number_of, optional_address, optional_string, parse_object, string
from .lines import Position
from .source import Item, Source

__all__ = ["SOURCE", "parse"]

#: The registrar's word for the transport, e.g. ``Registered(UDP-NAT)``.
_STATUS = re.compile(r"Registered\((?P<transport>[A-Za-z]+)[A-Z-]*\)")


def parse(stream: Iterable[bytes], where: str, position: Optional[Position] = None) -> Iterator[Item]:
    """Read events, as :func:`.json_objects.object_items` does."""
    return object_items(stream, where, position, _read)


SOURCE = Source("freeswitch", parse, telling=re.compile(rb'"Event-(?:Name|Subclass)"[ \t]*:[ \t]*"'))


def _read(data: bytes, where: str) -> List[Item]:
    try:
        event = parse_object(data)
        kind = event.get("Event-Subclass")
        if kind == "sofia::register":
            return [_registered(event, where)]
        if kind == "sofia::unregister":
            return [_unregistered(event, where)]
        if kind == "sofia::expire":
            return [_expired(event, where)]
        return []
    except HandoverError as error:
        return [refusal(error, where)]


def _registered(event: Object, where: str) -> Item:
    expires = number_of(event, "expires", MAX_EXPIRES)
    call_id = optional_string(event, "call-id")
    return reported(
        _aor(event, "from-user", "from-host"),
        _contacts(string(event, "contact"), DEFAULT_EXPIRES if expires is None else expires),
        where,
        call_id=None if call_id is None else parse_call_id(call_id),
        expires_stated=expires is not None,
        source=(optional_address(event, "network-ip"), number_of(event, "network-port", 65535) or None),
        transport=_transport(optional_string(event, "status")),
        authenticated=_authenticated(event),
        received_at=_moment(event),
    )


def _unregistered(event: Object, where: str) -> Item:
    # A web socket that closes ends its binding without a contact, and without a REGISTER.
    contact = optional_string(event, "contact")
    if contact is None:
        aor, call_id = _aor(event, "from-user", "from-host"), optional_string(event, "call-id")
        return Expired(aor, "", None, call_id, None, _moment(event), where)
    call_id = optional_string(event, "call-id")
    return reported(
        _aor(event, "from-user", "from-host"),
        _contacts(contact, 0),
        where,
        call_id=None if call_id is None else parse_call_id(call_id),
        source=(optional_address(event, "network-ip"), number_of(event, "network-port", 65535) or None),
        authenticated=_authenticated(event),
        received_at=_moment(event),
    )


def _expired(event: Object, where: str) -> Item:
    (contact, *_more) = _contacts(string(event, "contact"), 0)
    aor, call_id = _aor(event, "user", "host"), optional_string(event, "call-id")
    return Expired(aor, contact.uri, contact.host, call_id, contact.instance, _moment(event), where)


def _aor(event: Object, user: str, host: str) -> str:
    return reported_aor(f"{string(event, user)}@{string(event, host)}")


def _contacts(text: str, expires: int) -> Tuple[Contact, ...]:
    return tuple(
        reported_contact(contact.uri.text, expires, contact.param("+sip.instance"))
        for contact in parse_name_addrs(text, "contact")
    )


def _authenticated(event: Object) -> Tuple[Optional[str], Optional[str]]:
    # "unknown" stands there for a REGISTER that nobody had to authenticate.
    user, realm = (optional_string(event, key) for key in ("username", "realm"))
    return (None, None) if user in (None, "unknown") else (user, realm)


def _transport(status: Optional[str]) -> Optional[str]:
    found = _STATUS.match(status or "")
    return None if found is None else found.group("transport").lower()


def _moment(event: Object) -> Optional[float]:
    """``Event-Date-Timestamp``, microseconds, as seconds."""
    microseconds = number_of(event, "Event-Date-Timestamp", MAX_TIME * 1_000_000)
    return None if microseconds is None else microseconds / 1_000_000
