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

Keys of ``"event": "expired"``: v, time, aor, contact; call_id and instance where known.
"""

from __future__ import annotations

import json
import re
from typing import Callable, Dict, Iterable, Iterator, List, NoReturn, Optional, Tuple, Union

from ...errors import HandoverError
from ..grammar import Address, header_text, ip_literal
from ..header import MAX_CSEQ, MAX_EXPIRES, parse_call_id
from ..refusal import Refusal, refusal
from ..registration import Binding, Expired, Registration, contact_host, headers_of_register, instance_of
from ..uri import address_of_record, canonical_user, parse_uri
from .lines import Line, Position, lines

__all__ = ["EVENT", "parse"]

#: Where an event's object begins in a line.
EVENT = re.compile(rb'\{[ \t]*"')

#: Times beyond the year 2200 are no times.
_MAX_TIME = 7258118400
#: ``expires`` of a binding before: absolute from here on, seconds left below (nobody registers for 30 years).
_ABSOLUTE = 1_000_000_000
_MAX_ITEMS = 64
#: Findings in a last line without LF that may go away once the rest of it is written.
_UNFINISHED = ("truncated_line", "unreadable_line")

_Object = Dict[str, object]


def parse(
    stream: Iterable[bytes], where: str, position: Optional[Position] = None
) -> Iterator[Union[Registration, Refusal, Expired]]:
    """Read a log.

    ``position`` is moved behind each line before its item comes out. A last line that is cut short is reported,
    but not passed: it may still be being written.
    """
    position = position if position is not None else Position()
    unreadable = False
    for line in lines(stream, position, _telling):
        item = _read(line, f"{where}:{line.number}")
        if isinstance(item, Refusal) and not line.complete and item.code == "bad_json":
            item = Refusal("truncated_line", item.reason, item.where)
        code = item.code if isinstance(item, Refusal) else None
        if not line.complete and not line.too_long and (item is None or code in _UNFINISHED):
            if item is not None:
                yield item
            return
        position.offset, position.line = line.end, line.number + line.count
        # A binary file is one finding, not one for each of its lines.
        if item is not None and not (unreadable and code == "unreadable_line"):
            yield item
        unreadable = code == "unreadable_line"


def _telling(block: bytes) -> Callable[[int], int]:
    """The lines that :func:`_read` could say something about: all of a block that is not text; else those with a mark
    that an event, or what is left of one, has."""
    if b"\0" in block or not _is_utf8(block):
        return lambda start: start

    key = block.find(b'":')

    def find(start: int) -> int:
        nonlocal key
        # Looked for anew only once it is passed: a block of lines that only begin events takes linear time.
        if 0 <= key < start:
            key = block.find(b'":', start)
        event = EVENT.search(block, start, len(block) if key < 0 else key + 1)
        return event.start() if event is not None else key

    return find


def _read(line: Line, where: str) -> Union[Registration, Refusal, Expired, None]:
    if line.too_long:
        return Refusal("unreadable_line", "a line is longer than 256 KiB", where)
    found = EVENT.search(line.data)
    if found is None:
        return _without_event(line.data, where)
    try:
        event = _object(line.data[found.start() :])
        kind = (event.get("v"), event.get("event"))
        if kind == (1, "register"):
            return _registration(event, where)
        if kind == (1, "expired"):
            return _expired(event, where)
        raise HandoverError("unknown_event", kind, "an event line is v 1 and event register or expired")
    except HandoverError as error:
        return refusal(error, where)


def _without_event(data: bytes, where: str) -> Optional[Refusal]:
    if b"\0" in data:
        return Refusal("unreadable_line", "a log holds text, this line holds NUL", where)
    if not _is_utf8(data):
        return Refusal("unreadable_line", "a log holds UTF-8 text", where)
    if b'_hex":' in data or b'"event":' in data:
        return Refusal("truncated_line", "the beginning of an event line is missing", where)
    return None


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _object(data: bytes) -> _Object:
    text = data.rstrip(b" \t\r")
    if not text.endswith(b"}"):
        raise HandoverError("truncated_line", data[-80:], "the object of an event line reaches the end of the line")
    try:
        found = _DECODER.decode(text.decode("utf-8"))
    # RecursionError: nesting; ValueError: syntax, UTF-8 and integers of thousands of digits.
    except (RecursionError, ValueError) as error:
        if isinstance(error, HandoverError):
            raise
        raise HandoverError("bad_json", data, "an event line holds one JSON object") from error
    if not isinstance(found, dict):
        raise HandoverError("bad_json", data, "an event line holds one JSON object")
    return found


def _once(pairs: List[Tuple[str, object]]) -> _Object:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise HandoverError("bad_json", [key for key, _value in pairs], "a key stands once in an object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise HandoverError("bad_json", name, "JSON has no such number")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)


def _registration(event: _Object, where: str) -> Registration:
    if _integer(event, "rc", -(2**31), 2**31) <= 0:
        raise HandoverError("not_accepted", f"rc {event['rc']}", "save() returns a positive number when it accepts")
    time = _time(event)
    expires = event.get("expires")
    headers = headers_of_register(
        _header_lines(event, "contact_hex", escapes=True),
        _header_lines(event, "tag_hex"),
        _header_lines(event, "require_hex"),
        None if expires is None else _integer(event, "expires", 0, MAX_EXPIRES),
    )
    return Registration(
        aor=_aor(event),
        contacts=headers.contacts,
        removes_all=headers.removes_all,
        old_hosts=headers.old_hosts,
        old_addresses=headers.old_addresses,
        tag_required=headers.tag_required,
        call_id=parse_call_id(_hex(_string(event, "call_id_hex"))),
        cseq=_integer(event, "cseq", 0, MAX_CSEQ),
        expires=headers.expires,
        expires_stated=headers.expires_stated,
        instance=headers.instance,
        source_address=_address(_string(event, "src_ip"), "src_ip"),
        source_port=_integer(event, "src_port", 1, 65535),
        transport=_string(event, "transport").lower(),
        authenticated_user=_optional(event, "auth_user"),
        authenticated_realm=_optional(event, "auth_realm"),
        claimed_user=None,
        bindings_before=_before(event, time),
        server_address=_optional_address(event, "local_ip"),
        received_at=time,
        where=where,
    )


def _expired(event: _Object, where: str) -> Expired:
    contact = _string(event, "contact")
    return Expired(
        aor=_aor(event) if "@" in _string(event, "aor") else canonical_user(_string(event, "aor")),
        contact=contact,
        host=contact_host(contact)[0],
        call_id=_optional(event, "call_id"),
        instance=instance_of(_optional(event, "instance")),
        received_at=_time(event),
        where=where,
    )


def _before(event: _Object, time: float) -> Tuple[Binding, ...]:
    found = []
    for item in _list(event, "before") if event.get("before") is not None else []:
        if not isinstance(item, dict):
            raise HandoverError("bad_value", item, "before is a list of objects")
        contact = _string(item, "contact")
        host, port = contact_host(contact)
        expires = None if item.get("expires") is None else _integer(item, "expires", -_MAX_TIME, _MAX_TIME)
        found.append(
            Binding(
                contact=contact,
                host=host,
                port=port,
                received=_optional(item, "received"),
                expires=expires if expires is None or expires >= _ABSOLUTE else int(time) + expires,
                call_id=_optional(item, "call_id"),
                cseq=None if item.get("cseq") is None else _integer(item, "cseq", 0, MAX_CSEQ),
                instance=instance_of(_optional(item, "instance")),
            )
        )
    return tuple(found)


def _aor(event: _Object) -> str:
    text = _string(event, "aor")
    uri = parse_uri(text if text[:4].lower() == "sip:" or text[:5].lower() == "sips:" else f"sip:{text}")
    if uri.user is None:
        raise HandoverError("bad_uri", text, "an address of record names a user and a domain")
    return address_of_record(uri)


def _value(event: _Object, key: str) -> object:
    if key not in event:
        raise HandoverError("missing_key", key, "an event line has all keys of its event")
    return event[key]


def _string(event: _Object, key: str) -> str:
    value = event.get(key)
    if isinstance(value, str) and value and value.isprintable():
        return value
    raise HandoverError("bad_value", f"{key}: {_value(event, key)!r}", "the value is printable text")


def _optional(event: _Object, key: str) -> Optional[str]:
    # Kamailio prints <null> for a variable without value.
    value = event.get(key)
    return None if value is None or value in ("", "<null>") else _string(event, key)


def _integer(event: _Object, key: str, minimum: int, maximum: int) -> int:
    value = event.get(key)
    # True and False are no numbers, though Python's bool is an int.
    if isinstance(value, int) and minimum <= value <= maximum and value is not True and value is not False:
        return value
    shown = f"{key}: {_value(event, key)!r:.100}"
    raise HandoverError("bad_value", shown, f"the value is a number from {minimum} to {maximum}")


def _time(event: _Object) -> float:
    value = _value(event, "time")
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < _MAX_TIME:
        raise HandoverError("bad_value", f"time: {value!r:.100}", "time is Unix seconds")
    return float(value)


def _list(event: _Object, key: str) -> List[object]:
    value = _value(event, key)
    if not isinstance(value, list) or len(value) > _MAX_ITEMS:
        raise HandoverError("bad_value", f"{key}: {value!r:.100}", f"the value is a list of at most {_MAX_ITEMS} items")
    return value


def _header_lines(event: _Object, key: str, escapes: bool = False) -> List[str]:
    found = []
    for item in _list(event, key):
        if not isinstance(item, str):
            raise HandoverError("bad_value", f"{key}: {item!r:.100}", "a header value comes as hexadecimal digits")
        text = _hex(item, escapes)
        if text != "<null>":
            found.append(text)
    return found


def _hex(digits: str, escapes: bool = False) -> str:
    try:
        return header_text(bytes.fromhex(digits), escapes)
    except HandoverError:
        raise
    except ValueError as error:
        raise HandoverError("bad_value", digits, "a header value comes as hexadecimal digits") from error


def _address(text: str, key: str) -> Address:
    address = ip_literal(text)
    if address is None:
        raise HandoverError("bad_value", f"{key}: {text}", "the value is an IP address")
    return address


def _optional_address(event: _Object, key: str) -> Optional[Address]:
    text = _optional(event, key)
    return None if text is None else _address(text, key)
