# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kamailio's event line: one JSON object a line, written by ``xlog`` after ``save()`` accepted the REGISTER.

A line may carry a log prefix before its brace. Lines without a JSON object are
other programs' and skipped. Header values come as hexadecimal digits, because
Kamailio's JSON functions cut a value at a NUL and drop one that is not UTF-8.

The object must reach the end of its line, and no key may stand twice: a phone
chooses the text that some log prefixes quote (Call-ID), and must not be able to
write an event of its own with it. Give the events a log facility of their own,
so that nothing else that a phone chooses ends up at the end of a line.

Keys of ``"event": "register"``::

    v 1 | time | src_ip | src_port | transport | aor | call_id_hex | cseq | rc
    contact_hex [..] | tag_hex [..] | require_hex [..]      one value a header line
    expires                                                 the Expires header, null for none
    auth_user | auth_realm | local_ip | before [..]         may be null or missing
    qop                                                     auth or auth-int, what the digest covered; may be null
    content_type_hex | body_hex                             may be null or missing

Keys of ``"event": "request"``, an INVITE or NOTIFY that carries the tag: those above without aor, expires, rc and
before, and::

    method | status                                         the final answer that the server gave or saw
    from_hex | to_hex | ruri                                the two headers' values, and the Request-URI
    require_hex [..]                                        the lines of Require and of Proxy-Require

Keys of ``"event": "dialog"``, each request and each final answer of a dialog that passes the server::

    v 1 | time | transport | call_id_hex | cseq | method     method is that of CSeq
    status                                                  null for a request
    from_hex | to_hex                                       the two headers' values
    content_type_hex | body_hex                             may be null or missing
    src_ip | src_port | local_ip | local_port | rseq        may be null or missing

Keys of ``"event": "expired"``: v, time, aor, contact; call_id and instance where known.
"""

from __future__ import annotations

import re
from typing import Callable, Iterable, Iterator, List, Optional, Tuple

from ...errors import HandoverError
from ..body import EMPTY, Body, read_body
from ..contact import instance_of
from ..dialog_message import METHODS, DialogMessage, dialog_message
from ..grammar import header_text
from ..header import MAX_CSEQ, MAX_EXPIRES, parse_call_id
from ..name_addr import parse_name_addr
from ..refusal import Refusal, refusal
from ..register_headers import Stated, headers_of_dialog_request, headers_of_register
from ..registration import Binding, Contact, Correspondent, Expired, Registration
from ..reported import contact_host
from ..request import IN_DIALOG, parties
from ..stated import stated
from ..uri import parse_uri, reported_aor
from .json_values import (
    MAX_TIME,
    Object,
    address,
    integer,
    items,
    optional_address,
    optional_string,
    parse_object,
    string,
    time,
)
from .kamailio_plain import bound, plain_registration
from .line_items import is_text, line_items, not_text
from .lines import Position
from .source import Item, Source

__all__ = ["EVENT", "SOURCE", "event_in", "parse"]

#: Where an event's object begins in a line.
EVENT = re.compile(rb'\{[ \t]*"')
_COLON, _BRACE = b":{"
_BLANKS = b" \t"
_BRACE_OR_BLANKS = b"{ \t"


def parse(stream: Iterable[bytes], where: str, position: Optional[Position] = None) -> Iterator[Item]:
    """Read a log, as :func:`.line_items.line_items` does."""
    return line_items(stream, where, position, event_in, _telling)


def _telling(block: bytes) -> Callable[[int], int]:
    """The lines that :func:`event_in` could say something about: all of a block that is not text; else those with a
    mark that an event, or what is left of one, has."""
    if not is_text(block):
        return lambda start: start

    next_of = block.find

    def find(start: int) -> int:
        # Every mark has a quote, of which a log has few: leaping from one to the next is twice as fast as searching
        # for the marks. What stands before a quote is looked at as far as the quote before it: linear time.
        quote = next_of(b'"', start)
        while quote >= 0:
            # A block ends with LF, so that something follows each quote.
            if block[quote + 1] == _COLON:
                return quote
            before = block[quote - 1]
            if before in _BRACE_OR_BLANKS and (before == _BRACE or block[quote - 2] in _BRACE_OR_BLANKS):
                brace = block.rfind(b"{", start, quote)
                if brace >= 0 and not block[brace + 1 : quote].strip(_BLANKS):
                    return quote
            start = quote + 1
            quote = next_of(b'"', start)
        return -1

    return find


def event_in(data: bytes, where: str) -> Optional[Item]:
    """The event in a line, None for a line that has none and is no piece of one."""
    found = EVENT.search(data)
    if found is None:
        return not_text(data, where) or _piece(data, where)
    data = data[found.start() :]
    plain = plain_registration(data, where)
    if plain is not None:
        return plain
    try:
        event = parse_object(data)
        kind = (event.get("v"), event.get("event"))
        if kind == (1, "register"):
            return _registration(event, where)
        if kind == (1, "expired"):
            return _expired(event, where)
        if kind == (1, "request"):
            return _request(event, where)
        if kind == (1, "dialog"):
            return _dialog(event, where)
        raise HandoverError(
            "unknown_event", kind, "an event line is v 1 and event register, request, dialog or expired"
        )
    except HandoverError as error:
        return refusal(error, where)


SOURCE = Source("kamailio", parse, telling=EVENT)


def _piece(data: bytes, where: str) -> Optional[Refusal]:
    if b'_hex":' in data or b'"event":' in data:
        return Refusal("truncated_line", "the beginning of an event line is missing", where)
    return None


def _registration(event: Object, where: str) -> Registration:
    if integer(event, "rc", -(2**31), 2**31) <= 0:
        raise HandoverError("not_accepted", f"rc {event['rc']}", "save() returns a positive number when it accepts")
    expires = event.get("expires")
    headers = headers_of_register(
        _header_lines(event, "contact_hex", escapes=True),
        _header_lines(event, "tag_hex"),
        _header_lines(event, "require_hex"),
        None if expires is None else integer(event, "expires", 0, MAX_EXPIRES),
    )
    return _fact(event, where, "REGISTER", headers, reported_aor(string(event, "aor")), None)


def _request(event: Object, where: str) -> Optional[Registration]:
    status, method = integer(event, "status", 100, 699), string(event, "method")
    if not 200 <= status < 300:
        raise HandoverError("not_accepted", f"status {status}", "a request that was accepted is answered with 2xx")
    if method not in IN_DIALOG:
        raise HandoverError("bad_value", f"method: {method}", "the method is " + " or ".join(IN_DIALOG))
    headers = headers_of_dialog_request(
        _header_lines(event, "contact_hex", escapes=True),
        _header_lines(event, "tag_hex"),
        _header_lines(event, "require_hex"),
    )
    if not headers["old_hosts"] and not headers["tag_required"]:
        return None
    aor, correspondent = parties(
        parse_name_addr(_hex(string(event, "from_hex"), escapes=True), "From"),
        parse_name_addr(_hex(string(event, "to_hex"), escapes=True), "To"),
        parse_uri(string(event, "ruri")),
    )
    return _fact(event, where, method, headers, aor, correspondent)


def _fact(
    event: Object,
    where: str,
    method: str,
    fields: Stated,
    aor: str,
    correspondent: Optional[Correspondent],
) -> Registration:
    """The Registration of a request's event: what both kinds of event say in the same way.

    :param fields: what the header lines say, to be filled in.
    """
    fields["aor"] = aor
    fields["received_at"] = received_at = time(event)
    body = _body(event, where, offer=method == "INVITE") if fields["tag_required"] and fields["old_hosts"] else None
    fields["call_id"] = parse_call_id(_hex(string(event, "call_id_hex")))
    fields["cseq"] = integer(event, "cseq", 0, MAX_CSEQ)
    fields["source_address"] = address(event, "src_ip")
    fields["source_port"] = integer(event, "src_port", 1, 65535)
    fields["transport"] = string(event, "transport").lower()
    fields["authenticated_user"] = optional_string(event, "auth_user")
    fields["authenticated_realm"] = optional_string(event, "auth_realm")
    if method == "REGISTER":
        fields["bindings_before"] = _before(event, received_at, fields["contacts"])
    fields["server_address"] = optional_address(event, "local_ip")
    fields["where"], fields["method"], fields["correspondent"] = where, method, correspondent
    fields["authenticated_qop"] = _qop(event)
    if body is not None:
        fields["listed"], fields["media"], fields["body_refused"] = body.listed, body.media, body.refused
    return stated(Registration, fields)


def _dialog(event: Object, where: str) -> DialogMessage:
    method = string(event, "method")
    if method not in METHODS:
        raise HandoverError("bad_value", f"method: {method}", "the method is " + ", ".join(sorted(METHODS)))
    content_type, body = optional_string(event, "content_type_hex"), optional_string(event, "body_hex")
    found = dialog_message(
        parse_call_id(_hex(string(event, "call_id_hex"))),
        integer(event, "cseq", 0, MAX_CSEQ),
        method,
        None if event.get("status") is None else integer(event, "status", 100, 699),
        parse_name_addr(_hex(string(event, "from_hex"), escapes=True), "From"),
        parse_name_addr(_hex(string(event, "to_hex"), escapes=True), "To"),
        where,
        content_type=None if content_type is None else _hex(content_type),
        body=b"" if body is None else _bytes(body),
        reliable=event.get("rseq") is not None,
    )
    # What came from one side is told, not what is handed on to the other, so that no hop is known.
    return found._replace(
        source=optional_address(event, "src_ip"),
        source_port=None if event.get("src_port") is None else integer(event, "src_port", 1, 65535),
        destination=optional_address(event, "local_ip"),
        destination_port=None if event.get("local_port") is None else integer(event, "local_port", 1, 65535),
        transport=string(event, "transport").lower(),
        time=time(event),
    )


def _body(event: Object, where: str, offer: bool) -> Body:
    content_type, body = optional_string(event, "content_type_hex"), optional_string(event, "body_hex")
    if content_type is not None and body is None:
        told = HandoverError("bad_body", "body_hex is missing", "the event of a request with a body holds the body")
        return Body(refused=(refusal(told, where),))
    if body is None:
        return EMPTY
    return read_body(None if content_type is None else _hex(content_type), _bytes(body), where, offer=offer)


def _qop(event: Object) -> Optional[str]:
    qop = optional_string(event, "qop")
    if qop not in (None, "auth", "auth-int"):
        raise HandoverError("bad_value", f"qop: {qop}", "the quality of protection is auth or auth-int")
    return qop


def _expired(event: Object, where: str) -> Expired:
    contact = string(event, "contact")
    return Expired(
        aor=reported_aor(string(event, "aor"), domain=False),
        contact=contact,
        host=contact_host(contact)[0],
        call_id=optional_string(event, "call_id"),
        instance=instance_of(optional_string(event, "instance")),
        received_at=time(event),
        where=where,
    )


def _before(event: Object, now: float, contacts: Tuple[Contact, ...]) -> Tuple[Binding, ...]:
    found = []
    for item in items(event, "before") if event.get("before") is not None else ():
        if not isinstance(item, dict):
            raise HandoverError("bad_value", item, "before is a list of objects")
        found.append(
            bound(
                string(item, "contact"),
                optional_string(item, "received"),
                None if item.get("expires") is None else integer(item, "expires", -MAX_TIME, MAX_TIME),
                optional_string(item, "call_id"),
                None if item.get("cseq") is None else integer(item, "cseq", 0, MAX_CSEQ),
                optional_string(item, "instance"),
                now,
                contacts,
            )
        )
    return tuple(found)


def _header_lines(event: Object, key: str, escapes: bool = False) -> List[str]:
    found: List[str] = []
    if event.get(key) == []:
        return found
    for item in items(event, key):
        if not isinstance(item, str):
            raise HandoverError("bad_value", f"{key}: {item!r:.100}", "a header value comes as hexadecimal digits")
        text = _hex(item, escapes)
        if text != "<null>":
            found.append(text)
    return found


def _hex(digits: str, escapes: bool = False) -> str:
    return header_text(_bytes(digits), escapes)


def _bytes(digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError as error:
        raise HandoverError("bad_value", digits, "header values and bodies come as hexadecimal digits") from error
