# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIP messages and event lines for tests: the patent's REGISTER, and changes to it."""

from __future__ import annotations

import json
from collections.abc import Sequence

TAG = "com.cisco.TerminalMobilityUsingNat"

#: 2026-11-24T04:00:00Z
NOW = 1795492800.0

#: The REGISTER of the patent's figure: the phone is at 2.2.2.20 now and was at 1.1.1.20.
REGISTER: tuple[tuple[str, str], ...] = (
    ("Via", "SIP/2.0/TLS 2.2.2.20:5061;branch=z9hG4bK776asdhds"),
    ("Max-Forwards", "70"),
    ("From", "LittleGuy <sip:alice@example.com>;tag=456248"),
    ("To", "LittleGuy <sip:alice@example.com>"),
    ("Call-ID", "843817637684230@998sdasdh09"),
    ("CSeq", "1826 REGISTER"),
    ("Contact", "LittleGuy <sip:alice@2.2.2.20>"),
    ("Expires", "3600"),
    ("Require", TAG),
    (TAG, "LittleGuy <sip:alice@1.1.1.20>"),
    ("Content-Length", "0"),
)

Headers = Sequence[tuple[str, str]]


def message(headers: Headers, start: str = "REGISTER sip:example.com SIP/2.0", body: bytes = b"") -> bytes:
    """A message with these headers, lines ending in CRLF. Characters are Latin-1 bytes; write UTF-8 as such."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"{start}\r\n{head}\r\n".encode("latin-1") + body


def changed(headers: Headers, **values: str | None) -> list[tuple[str, str]]:
    """These headers with some replaced in place, or dropped for None. ``call_id`` is Call-ID, ``tag`` our header.

    ``from_`` is From, which is a word of Python.
    """
    by_name = {("tag" if name == TAG else name.lower().replace("-", "_")): name for name, _value in headers}
    wanted = {by_name[key.rstrip("_")]: value for key, value in values.items()}
    return [(name, wanted.get(name, value) or "") for name, value in headers if wanted.get(name, value) is not None]


def register(**values: str | None) -> bytes:
    """The patent's REGISTER with some headers replaced or, for None, left out."""
    return message(changed(REGISTER, **values))


#: The list of sessions of the phone in the patent's figure, as its body.
SESSIONS: dict[str, object] = {
    "version": 1,
    "old": "1.1.1.20",
    "sessions": [
        {"protocol": "tcp", "port": 40001, "correspondent": "3.3.3.20", "correspondent_port": 7100},
        {"protocol": "udp", "port": 4000, "correspondent": "3.3.3.20", "correspondent_port": 5004},
    ],
}
SESSIONS_TYPE = "application/vnd.sipmobility.sessions+json"


def sessions(**values: object) -> bytes:
    """The body of :data:`SESSIONS` with some keys replaced; ``...`` drops one."""
    return json.dumps({key: value for key, value in {**SESSIONS, **values}.items() if value is not ...}).encode()


def with_body(headers: Headers, content_type: str, body: bytes, **start: str) -> bytes:
    """A message with these headers and a body, framed by its Content-Length."""
    kept = [(name, value) for name, value in headers if name != "Content-Length"]
    added = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    return message([*kept, *added], body=body, **start)


def event(**values: object) -> dict[str, object]:
    """The event of the patent's REGISTER as Kamailio tells it; keyword arguments replace keys, ``...`` drops one.

    ``contact``, ``tag`` and ``require`` take lists of header values and become ``contact_hex`` and so on;
    ``call_id``, ``content_type`` and ``body`` likewise.
    """
    found: dict[str, object] = {
        "v": 1,
        "event": "register",
        "time": NOW,
        "src_ip": "2.2.2.20",
        "src_port": 5061,
        "transport": "tls",
        "local_ip": "2.2.2.10",
        "auth_user": "alice",
        "auth_realm": "example.com",
        "aor": "sip:alice@example.com",
        "call_id_hex": _hex("843817637684230@998sdasdh09"),
        "cseq": 1826,
        "contact_hex": [_hex("LittleGuy <sip:alice@2.2.2.20>")],
        "tag_hex": [_hex("LittleGuy <sip:alice@1.1.1.20>")],
        "require_hex": [_hex(TAG)],
        "expires": 3600,
        "before": [binding("1.1.1.20")],
        "rc": 1,
        "user_agent_hex": None,
    }
    return _told(found, values)


def binding(host: str, **values: object) -> dict[str, object]:
    """A binding that the registrar held before, as an event of Kamailio lists it."""
    found = {"contact": f"sip:alice@{host}", "received": None, "expires": 600, "call_id": "843817637684230@998sdasdh09"}
    return {**found, "cseq": 1800, "instance": None, **values}


def line(**values: object) -> bytes:
    """The event of :func:`event` as one line of a log."""
    return json.dumps(event(**values)).encode() + b"\n"


def request_event(**values: object) -> dict[str, object]:
    """The event of an INVITE in which the phone tells one correspondent's server of its move, as :func:`event`."""
    found: dict[str, object] = {
        **event(aor=..., expires=..., rc=..., before=...),
        "event": "request",
        "method": "INVITE",
        "status": 200,
        "from_hex": _hex("LittleGuy <sip:alice@example.com>;tag=456248"),
        "to_hex": _hex("<sip:bob@example.org>;tag=7"),
        "ruri": "sip:bob@3.3.3.20:5060",
    }
    return _told(found, values)


def request_line(**values: object) -> bytes:
    """The event of :func:`request_event` as one line of a log."""
    return json.dumps(request_event(**values)).encode() + b"\n"


def _told(found: dict[str, object], values: dict[str, object]) -> dict[str, object]:
    for key, value in values.items():
        if key in ("contact", "tag", "require"):
            assert isinstance(value, list)
            found[f"{key}_hex"] = [_hex(item) for item in value]
        elif key in ("call_id", "content_type", "body", "from_", "to"):
            found[f"{key.rstrip('_')}_hex"] = _hex(value)
        elif value is ...:
            del found[key]
        else:
            found[key] = value
    return found


def _hex(value: object) -> str:
    return (value if isinstance(value, bytes) else str(value).encode()).hex()
