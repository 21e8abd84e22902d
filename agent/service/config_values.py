# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of values in a configuration, read strictly. Each reader takes a value and its key, for messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_address
from typing import Any, TypeVar

from ...plugins.module_utils.errors import HandoverError

__all__ = [
    "Endpoint",
    "bad_value",
    "endpoint",
    "flag",
    "loopback",
    "read_mapping",
    "seconds",
    "text",
    "texts",
    "whole",
    "word",
]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Endpoint:
    """An address and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_mapping(
    data: object, kind: type, prefix: str, readers: Mapping[str, Callable[[Any, str], Any]]
) -> dict[str, Any]:
    """The keys of one mapping, each by its reader.

    :param kind: the dataclass whose attributes are the keys.
    :param prefix: what messages put before a key.
    :raises HandoverError: ``unknown_config_key``, or ``bad_config``, whose subject begins with the key.
    """
    if not isinstance(data, Mapping):
        raise bad_value(prefix.rstrip("."), data, "this is a mapping")
    known = [item.name for item in fields(kind)]
    found = {}
    for key, value in data.items():
        if key not in known:
            raise HandoverError("unknown_config_key", f"{prefix}{key}", f"the keys here are {', '.join(known)}")
        found[key] = readers[key](value, prefix + key)
    return found


def text(value: object, key: str) -> str:
    """Text that can be printed."""
    if not isinstance(value, str) or not value or not value.isprintable():
        raise bad_value(key, value, "the value is text")
    return value


def texts(value: object, key: str) -> tuple[str, ...]:
    """One text, or a list of them."""
    if not isinstance(value, list):
        return (text(value, key),)
    if not value:
        raise bad_value(key, value, "the list is not empty")
    return tuple(text(item, f"{key}.{number}") for number, item in enumerate(value))


def flag(value: object, key: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise bad_value(key, value, "the value is true or false")
    return value


def whole(least: int, most: int) -> Callable[[object, str], int]:
    """A whole number between two, both included."""

    def read(value: object, key: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise bad_value(key, value, f"the value is a whole number from {least} to {most}")
        return value

    return read


def seconds(least: float) -> Callable[[object, str], float]:
    """Seconds, at most those of a day."""

    def read(value: object, key: str) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= 86400:
            raise bad_value(key, value, f"the value is a number of seconds, from {least:g} to 86400")
        return float(value)

    return read


def word(read: Callable[[str], _T], words: tuple[str, ...]) -> Callable[[object, str], _T]:
    """One of some words, as what it stands for."""

    def chosen(value: object, key: str) -> _T:
        if value not in words:
            raise bad_value(key, value, f"the value is one of {', '.join(words)}")
        return read(str(value))

    return chosen


def endpoint(value: object, key: str) -> Endpoint:
    """``ADDRESS:PORT``."""
    host, colon, port = text(value, key).rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise bad_value(key, value, "the value is ADDRESS:PORT")
    return Endpoint(host, int(port))


def loopback(value: object, key: str) -> Endpoint:
    """Whoever reaches this may state what the SIP server has authenticated, or read what the service knows."""
    found = endpoint(value, key)
    try:
        inside = ip_address(found.host).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise bad_value(key, value, "the address is one of the loopback, 127.0.0.1 or ::1")
    return found


def bad_value(key: str, value: object, rule: str) -> HandoverError:
    """The refusal of a value, by the rule that it breaks."""
    return HandoverError("bad_config", f"{key}: {value}" if key else value, rule)
