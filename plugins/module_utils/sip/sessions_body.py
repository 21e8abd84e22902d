# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The body in which a mobile node lists its sessions: ``application/vnd.sipmobility.sessions+json``.

docs/sessions-body.md says what it means, docs/schemas/vnd.sipmobility.sessions.json how it looks. It is small,
flat and closed: a key that is not known, a second one of a name, a number with a fraction are refused, because
each could be read in two ways, and what is read here ends up in routers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Dict, List, NoReturn, Tuple

from ..errors import HandoverError
from .grammar import Address, ip_literal

__all__ = [
    "MAX_BODY",
    "MAX_SESSIONS",
    "MEDIA_TYPE",
    "PROTOCOLS",
    "ListedSession",
    "SessionList",
    "parse_sessions",
    "sessions_to_body",
]

MEDIA_TYPE = "application/vnd.sipmobility.sessions+json"
#: Most bytes of a body: in hexadecimal digits it fits into Kamailio's longest log line, with the rest of its event.
MAX_BODY = 24 * 1024
#: Most sessions of a body.
MAX_SESSIONS = 200
#: Transport protocols whose header begins with the two ports.
PROTOCOLS = ("tcp", "udp", "sctp", "udplite", "dccp")

_VERSION = 1
_KEYS = frozenset(("version", "old", "sessions"))
_SESSION_KEYS = frozenset(("protocol", "port", "correspondent", "correspondent_port"))


@dataclass(frozen=True)
class ListedSession:
    """One transport session as the mobile node sees it.

    :ivar port: the mobile node's port.
    :ivar correspondent: the other end's address as it arrives at the mobile node: behind a masquerading router, that
        router's outside address.
    :ivar correspondent_port: its port, seen there.
    """

    protocol: str
    port: int
    correspondent: Address
    correspondent_port: int


@dataclass(frozen=True)
class SessionList:
    """What one body says.

    :ivar old: the mobile node's address that all these sessions were opened with.
    """

    old: Address
    sessions: Tuple[ListedSession, ...]


def parse_sessions(data: bytes) -> SessionList:
    """Read a body.

    :raises HandoverError: ``bad_sessions``.
    """
    if len(data) > MAX_BODY:
        raise _bad(data[:80], f"a list of sessions has at most {MAX_BODY} bytes")
    body = _object(_json(data), _KEYS, "a list of sessions")
    if not _is_integer(body["version"]) or body["version"] != _VERSION:
        raise _bad(f"version: {body['version']!r:.100}", f"the version is {_VERSION}")
    old = _address(body["old"], "old")
    items = body["sessions"]
    if not isinstance(items, list) or not 0 < len(items) <= MAX_SESSIONS:
        raise _bad(f"sessions: {items!r:.100}", f"a body lists 1 to {MAX_SESSIONS} sessions")
    sessions = tuple(_session(item, old) for item in items)
    if len(set(sessions)) != len(sessions):
        raise _bad(f"{len(sessions)} sessions", "a session is listed once")
    return SessionList(old, sessions)


def sessions_to_body(listed: SessionList) -> bytes:
    """The body that says so, as a phone sends it."""
    sessions = [{**vars(one), "correspondent": str(one.correspondent)} for one in listed.sessions]
    return json.dumps({"version": _VERSION, "old": str(listed.old), "sessions": sessions}).encode()


def _session(item: object, old: Address) -> ListedSession:
    record = _object(item, _SESSION_KEYS, "a session")
    protocol = record["protocol"]
    if not isinstance(protocol, str) or protocol not in PROTOCOLS:
        raise _bad(f"protocol: {protocol!r:.100}", "the protocol is one of " + ", ".join(PROTOCOLS))
    correspondent = _address(record["correspondent"], "correspondent")
    if correspondent.version != old.version:
        raise _bad(f"{old} {correspondent}", "both ends of a session are of one family")
    return ListedSession(
        protocol,
        _port(record["port"], "port"),
        correspondent,
        _port(record["correspondent_port"], "correspondent_port"),
    )


def _json(data: bytes) -> object:
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_once,
            parse_int=_integer,
            parse_float=_no_number,
            parse_constant=_no_number,
        )
    # RecursionError: nesting; ValueError: syntax and UTF-8.
    except (RecursionError, ValueError) as error:
        if isinstance(error, HandoverError):
            raise
        raise _bad(data[:80], "a list of sessions is one JSON object in UTF-8") from error


def _once(pairs: List[Tuple[str, object]]) -> Dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _bad([key for key, _value in pairs], "a key stands once in an object")
    return found


def _integer(digits: str) -> int:
    # No number here has more than five digits; int() of a long text is quadratic.
    if len(digits) > 5:
        raise _bad(digits, "a number is a version or a port")
    return int(digits)


def _no_number(text: str) -> NoReturn:
    raise _bad(text, "a number is whole, without exponent")


def _object(value: object, keys: frozenset[str], what: str) -> Dict[str, object]:
    if not isinstance(value, dict) or value.keys() != keys:
        given = sorted(value) if isinstance(value, dict) else value
        raise _bad(f"{given!r:.150}", f"{what} is an object with the keys " + ", ".join(sorted(keys)))
    return value


def _address(value: object, key: str) -> Address:
    # Brackets belong to URIs.
    address = ip_literal(value) if isinstance(value, str) and value[:1] != "[" else None
    if address is None:
        raise _bad(f"{key}: {value!r:.100}", "an address is an IPv4 or IPv6 literal, without brackets and zone")
    return address


def _is_integer(value: object) -> bool:
    # True and False are no numbers, though Python's bool is an int.
    return isinstance(value, int) and not isinstance(value, bool)


def _port(value: object, key: str) -> int:
    if not isinstance(value, int) or not _is_integer(value) or not 0 < value < 65536:
        raise _bad(f"{key}: {value!r:.100}", "a port is a number from 1 to 65535")
    return value


def _bad(subject: object, rule: str) -> HandoverError:
    return HandoverError("bad_sessions", subject, rule)
