# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Strict reading of plain data from outside: mappings key by key, values type by type."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, Callable, Dict, List, Mapping, Optional, TypeVar

from .errors import HandoverError
from .mobility.model import Address

__all__ = [
    "Reader",
    "address",
    "count",
    "flag",
    "interface",
    "items",
    "optional",
    "owner",
    "seconds",
    "text",
    "time_from_text",
    "time_to_text",
]

_T = TypeVar("_T")
_REQUIRED = object()
_TIME = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z")


class Reader:
    """Takes the keys of a mapping one by one, and refuses what is left.

    :param what: what the mapping describes, for the errors.
    :raises HandoverError: ``bad_record``.
    """

    def __init__(self, record: object, what: str) -> None:
        if not isinstance(record, (dict, Mapping)):  # dict first: to ask for a Mapping is slow
            raise HandoverError("bad_record", record, f"a {what} is a mapping")
        self._left: Dict[Any, Any] = dict(record)
        self._what = what

    def take(self, key: str, read: Callable[[Any], _T], default: object = _REQUIRED) -> _T:
        """The value of a key, read by ``read``, or the default.

        :raises HandoverError: ``bad_record``, naming key and value.
        """
        value = self._left.pop(key, _REQUIRED)
        if value is _REQUIRED:
            if default is _REQUIRED:
                raise HandoverError("bad_record", key, f"a {self._what} has this key")
            return default  # type: ignore[return-value]
        try:
            return read(value)
        except HandoverError:
            raise
        except (TypeError, ValueError) as error:
            raise HandoverError("bad_record", f"{key}: {value}", f"a {self._what}'s {key}: {error}") from error

    def done(self) -> None:
        """Refuse keys that nobody took.

        :raises HandoverError: ``bad_record``, naming them.
        """
        if self._left:
            raise HandoverError("bad_record", ", ".join(map(str, self._left)), f"a {self._what} has no such key")


def address(value: object) -> Address:
    """An IPv4 or IPv6 address from its text.

    :raises HandoverError: ``bad_address``.
    """
    if not isinstance(value, str) or "%" in value:
        raise HandoverError("bad_address", value, "an address is written as text, without a zone")
    try:
        return _address(value)
    except ValueError as error:
        raise HandoverError("bad_address", value, "an address is an IPv4 or IPv6 literal") from error


#: Records name the same few addresses and times again and again. What is remembered stays in a service for good.
_address = lru_cache(maxsize=4096)(ip_address)


@lru_cache(maxsize=1024)
def time_to_text(value: int) -> str:
    """Unix seconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(value, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def time_from_text(value: object) -> int:
    """Unix seconds from a number, or from ISO 8601 in UTC."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise TypeError("a time is Unix seconds, or YYYY-MM-DDTHH:MM:SSZ")
    if isinstance(value, str):
        value = _time(value)
    if not 0 <= value < 2**37:
        raise ValueError("a time lies between 1970 and the year 6000")
    return int(value)


@lru_cache(maxsize=1024)
def _time(value: str) -> float:
    found = _TIME.fullmatch(value)
    if found is None:
        raise ValueError(f"{value!r} is not written YYYY-MM-DDTHH:MM:SSZ")
    year, month, day, hour, minute, second = map(int, found.groups())
    return datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc).timestamp()


def text(value: object) -> str:
    """Text, without halves of surrogate pairs, which no file or router can take."""
    if not isinstance(value, str):
        raise TypeError("text is wanted")
    value.encode()
    return value


def owner(value: object) -> str:
    """The id of a handover, or the empty string of a remnant that no router knows the handover of."""
    name = text(value)
    if name and not (name.isascii() and name.isalnum() and len(name) <= 32):
        raise ValueError("a handover id has 1 to 32 letters and digits")
    return name


def optional(read: Callable[[object], _T]) -> Callable[[object], Optional[_T]]:
    """A reader that lets None pass."""
    return lambda value: None if value is None else read(value)


def interface(value: object) -> str:
    """The name of an interface; nothing in it means anything to a shell or a router's command line."""
    name = text(value)
    if not name or len(name) > 64 or not all(char.isascii() and (char.isalnum() or char in "._-/:@") for char in name):
        raise ValueError("an interface is named by letters, digits and . _ - / : @")
    return name


def items(value: object) -> List[Any]:
    """A list."""
    if not isinstance(value, (list, tuple)):
        raise HandoverError("bad_record", value, "a list is wanted")
    return list(value)


def flag(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise TypeError("true or false is wanted")
    return value


def count(value: object) -> int:
    """A whole number, zero or more, of 18 digits at most."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**18:
        raise TypeError("a whole number of up to 18 digits is wanted")
    return value


def seconds(value: object) -> float:
    """Seconds, less than an hour."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 3600:
        raise ValueError("seconds below an hour are wanted")
    return float(value)
