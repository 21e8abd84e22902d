# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON objects from outside, and their values, read strictly.

No key may stand twice: a phone chooses the text of many values, and must not be able to say with it
what the server says with another key.
"""

from __future__ import annotations

import json
from typing import Dict, List, NoReturn, Optional, Tuple

from ...errors import HandoverError
from ..grammar import Address, ip_literal

__all__ = [
    "MAX_TIME",
    "Object",
    "address",
    "integer",
    "items",
    "number_of",
    "optional_address",
    "optional_string",
    "parse_object",
    "string",
    "time",
    "value",
]

Object = Dict[str, object]

#: Times beyond the year 2200 are no times.
MAX_TIME = 7258118400
#: Kamailio prints <null> for a variable without value, and [not set] for a field without one.
_NONE = (None, "", "<null>", "[not set]")
_MAX_ITEMS = 64
_MAX_DIGITS = 20


def parse_object(data: bytes) -> Object:
    """The object that these bytes are, white space around it.

    :raises HandoverError: ``truncated_line`` when they do not end in a brace, ``bad_json``.
    """
    text = data.rstrip(b" \t\r\n")
    if not text.endswith(b"}"):
        raise HandoverError("truncated_line", data[-80:], "the object of an event line reaches the end of the line")
    try:
        said = text.decode("utf-8")
        # decode() allows for white space around the object, which costs as much as a small object itself.
        found, end = _DECODER.raw_decode(said) if said[0] == "{" else (None, -1)
        if end != len(said):
            found = _DECODER.decode(said)
    # RecursionError: nesting; ValueError: syntax, UTF-8 and integers of thousands of digits.
    except (RecursionError, ValueError) as error:
        if isinstance(error, HandoverError):
            raise
        raise HandoverError("bad_json", data, "an event line holds one JSON object") from error
    if not isinstance(found, dict):
        raise HandoverError("bad_json", data, "an event line holds one JSON object")
    return found


def value(event: Object, key: str) -> object:
    """:raises HandoverError: ``missing_key``."""
    if key not in event:
        raise HandoverError("missing_key", key, "an event line has all keys of its event")
    return event[key]


def string(event: Object, key: str) -> str:
    """Printable text, not empty.

    :raises HandoverError: ``missing_key``, ``bad_value``.
    """
    found = event.get(key)
    if isinstance(found, str) and found and found.isprintable():
        return found
    raise HandoverError("bad_value", f"{key}: {value(event, key)!r:.200}", "the value is printable text")


def optional_string(event: Object, key: str) -> Optional[str]:
    """Printable text; None where the key is missing, null, empty or ``<null>``.

    :raises HandoverError: ``bad_value``.
    """
    found = event.get(key)
    if found is None or found in _NONE:
        return None
    return found if isinstance(found, str) and found.isprintable() else string(event, key)


def integer(event: Object, key: str, minimum: int, maximum: int) -> int:
    """:raises HandoverError: ``missing_key``, ``bad_value``."""
    found = event.get(key)
    if isinstance(found, int) and not isinstance(found, bool) and minimum <= found <= maximum:
        return found
    rule = f"the value is a number from {minimum} to {maximum}"
    raise HandoverError("bad_value", f"{key}: {value(event, key)!r:.100}", rule)


def number_of(event: Object, key: str, maximum: int) -> Optional[int]:
    """A number from 0, also one that is written as text; None where the key is missing, null or empty.

    :raises HandoverError: ``bad_value``.
    """
    found = event.get(key)
    if found in (None, "", "[not set]"):
        return None
    if isinstance(found, str) and found.isascii() and found.isdigit() and len(found) <= _MAX_DIGITS:
        found = int(found)
    return integer({key: found}, key, 0, maximum)


def time(event: Object, key: str = "time") -> float:
    """Unix seconds UTC.

    :raises HandoverError: ``missing_key``, ``bad_value``.
    """
    found = value(event, key)
    if not isinstance(found, (int, float)) or isinstance(found, bool) or not 0 < found < MAX_TIME:
        raise HandoverError("bad_value", f"{key}: {found!r:.100}", "time is Unix seconds")
    return float(found)


def items(event: Object, key: str) -> List[object]:
    """A list of at most 64 items.

    :raises HandoverError: ``missing_key``, ``bad_value``.
    """
    found = value(event, key)
    if not isinstance(found, list) or len(found) > _MAX_ITEMS:
        raise HandoverError("bad_value", f"{key}: {found!r:.100}", f"the value is a list of at most {_MAX_ITEMS} items")
    return found


def address(event: Object, key: str) -> Address:
    """:raises HandoverError: ``missing_key``, ``bad_value``."""
    text = string(event, key)
    found = ip_literal(text)
    if found is None:
        raise HandoverError("bad_value", f"{key}: {text}", "the value is an IP address")
    return found


def optional_address(event: Object, key: str) -> Optional[Address]:
    """As :func:`address`, None as in :func:`optional_string`."""
    found = event.get(key)
    return None if found is None or found in _NONE else address(event, key)


def _once(pairs: List[Tuple[str, object]]) -> Object:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise HandoverError("bad_json", [key for key, _value in pairs], "a key stands once in an object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise HandoverError("bad_json", name, "JSON has no such number")


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)
