# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenSIPS's contact events: the JSON-RPC notifications of ``event_datagram``, ``event_stream`` and their like.

``E_UL_CONTACT_INSERT`` and ``E_UL_CONTACT_UPDATE`` tell of an accepted REGISTER, ``E_UL_CONTACT_DELETE`` of a binding
that is gone, whoever ended it. ``E_UL_CONTACT_REFRESH`` asks a sleeping phone to register: the binding is held, nobody
registered. Other events are skipped.

OpenSIPS hands on neither the headers of the REGISTER nor who was authenticated. What a script wants to tell, it
writes into ``attr`` before ``save()``, as ``name=value`` pairs with semicolons between them::

    time=<Unix seconds>;user=<authenticated user>;realm=<its realm>;old=<value of the patent's header>

All may be missing. ``time`` is that of the REGISTER, and so says nothing of a later ``DELETE``. ``old`` comes last and
reaches to the end, semicolons and all: a phone chooses that text, and must not be able to write the others with it. The
script writes it only where Require names the option tag.

``received`` is the packet's source where the script stores it (``fix_nated_register()``). ``expires`` is the Unix time
of the end; without ``time`` the seconds that are left are not known.
"""

from __future__ import annotations

import re
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

from ...errors import HandoverError
from ..grammar import Address
from ..header import MAX_CSEQ, parse_call_id
from ..refusal import refusal
from ..registration import DEFAULT_EXPIRES, Expired
from ..reported import contact_host, reported, reported_contact
from ..uri import parse_uri, reported_aor
from .json_objects import object_items
from .json_values import MAX_TIME, Object, integer, optional_string, parse_object, string, time
from .lines import Position
from .source import Item, Source

__all__ = ["SOURCE", "parse"]

_REGISTERED = ("E_UL_CONTACT_INSERT", "E_UL_CONTACT_UPDATE")
_HELD = "E_UL_CONTACT_REFRESH"
_GONE = "E_UL_CONTACT_DELETE"
#: What an ``expires`` is: a time from here on, seconds left below.
_ABSOLUTE = 1_000_000_000
_ATTRIBUTES = ("time", "user", "realm")


def parse(stream: Iterable[bytes], where: str, position: Optional[Position] = None) -> Iterator[Item]:
    """Read notifications, as :func:`.json_objects.object_items` does."""
    return object_items(stream, where, position, _read)


SOURCE = Source("opensips", parse, telling=re.compile(rb'"method"[ \t]*:[ \t]*"E_UL_'))


def _read(data: bytes, where: str) -> List[Item]:
    try:
        event = parse_object(data)
        method = event.get("method")
        if method not in (*_REGISTERED, _HELD, _GONE):
            return []
        params = event.get("params")
        if not isinstance(params, dict):
            raise HandoverError("bad_value", f"params: {params!r:.100}", "the parameters of an event are an object")
        return [_item(str(method), params, where)]
    except HandoverError as error:
        return [refusal(error, where)]


def _item(method: str, params: Object, where: str) -> Item:
    aor = reported_aor(string(params, "aor"), domain=False)
    uri = string(params, "uri")
    call_id = optional_string(params, "callid")
    attributes, old = _attributes(optional_string(params, "attr") or "")
    moment = _moment(attributes)
    if method == _GONE:
        # attr stands as it was when the phone registered; nothing tells when the binding went.
        return Expired(aor, uri, contact_host(uri)[0], call_id, None, None, where)
    held = method == _HELD
    seconds = _seconds_left(params, None if held else moment)
    return reported(
        aor,
        (reported_contact(uri, DEFAULT_EXPIRES if seconds is None else seconds),),
        where,
        old_line=None if held else old,
        call_id=None if call_id is None else parse_call_id(call_id),
        cseq=None if params.get("cseq") is None else integer(params, "cseq", 0, MAX_CSEQ),
        expires_stated=seconds is not None,
        source=_source(optional_string(params, "received")),
        transport=_transport(optional_string(params, "socket")),
        authenticated=(attributes.get("user"), attributes.get("realm")),
        received_at=None if held else moment,
        snapshot=held,
        held_since=moment if held else None,
    )


def _attributes(text: str) -> Tuple[Dict[str, str], Optional[str]]:
    """The script's pairs, and the patent's header. A text that does not begin like one is another script's."""
    found: Dict[str, str] = {}
    while text:
        name, equals, rest = text.partition("=")
        if name == "old" and equals:
            return found, rest
        if name not in _ATTRIBUTES or not equals:
            if not found:
                return {}, None
            raise HandoverError("bad_value", f"attr: {text}", "attr holds time, user, realm and, as the last, old")
        if name in found:
            raise HandoverError("bad_value", f"attr: {text}", "a name stands once in attr")
        found[name], _semicolon, text = rest.partition(";")
    return found, None


def _moment(attributes: Dict[str, str]) -> Optional[float]:
    text = attributes.get("time")
    if text is None:
        return None
    try:
        return time({"time": float(text[:32])})
    except ValueError as error:
        if isinstance(error, HandoverError):
            raise
        raise HandoverError("bad_value", f"attr: time={text}", "time is Unix seconds") from error


def _seconds_left(params: Object, moment: Optional[float]) -> Optional[int]:
    if params.get("expires") is None:
        return None
    expires = integer(params, "expires", 0, MAX_TIME)
    if expires < _ABSOLUTE:
        return expires
    return None if moment is None else max(0, expires - int(moment))


def _source(received: Optional[str]) -> Tuple[Optional[Address], Optional[int]]:
    if received is None:
        return None, None
    uri = parse_uri(received)
    return uri.address, uri.port


def _transport(socket: Optional[str]) -> Optional[str]:
    """``udp`` of ``udp:198.51.100.5:5060``."""
    name, colon, _rest = (socket or "").partition(":")
    return name.lower() if colon and name.isalpha() else None
