# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Phones as their SIP server tells of them: Kamailio's event lines, with the sessions that a phone lists."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session

__all__ = ["DOMAIN", "Phone"]

DOMAIN = "visited.example"
_TAG = "com.cisco.TerminalMobilityUsingNat"
_TYPE = "application/vnd.sipmobility.sessions+json"


@dataclass
class Phone:
    """One phone; each method is one REGISTER, as the event line that it leads to."""

    user: str
    cseq: int = 0
    bindings: list[dict[str, Any]] = field(default_factory=list)

    def register(
        self, at: object, old: object = None, sessions: Sequence[Session] = (), *, expires: int = 600
    ) -> bytes:
        """With a Contact at an address; with the tag where an old address is given. Expires 0 removes the binding."""
        self.cseq += 1
        contact = f"<sip:{self.user}@{_host(at)}:5060>"
        body = b"" if not sessions else json.dumps(_listed(old, sessions)).encode()
        now = time.time()
        event = {
            "v": 1,
            "event": "register",
            "time": round(now, 6),
            "src_ip": str(at),
            "src_port": 5060,
            "transport": "tls",
            "local_ip": "198.18.0.31",
            "aor": f"sip:{self.user}@{DOMAIN}",
            "auth_user": self.user,
            "auth_realm": DOMAIN,
            "qop": "auth-int",
            "call_id_hex": f"{self.user}-call".encode().hex(),
            "cseq": self.cseq,
            "rc": 2 if self.bindings else 1,
            "expires": expires,
            "contact_hex": [contact.encode().hex()],
            "tag_hex": [] if old is None else [f"<sip:{self.user}@{_host(old)}>".encode().hex()],
            "require_hex": [] if old is None else [_TAG.encode().hex()],
            "before": self.bindings,
            "content_type_hex": _TYPE.encode().hex() if body else None,
            "body_hex": body.hex() if body else None,
        }
        self.bindings = [
            {
                "contact": contact[1:-1],
                "received": None,
                "expires": expires,
                "call_id": f"{self.user}-call",
                "cseq": self.cseq,
                "instance": None,
            }
        ]
        return json.dumps(event).encode() + b"\n"

    def lost(self, at: object) -> bytes:
        """The server dropped its binding."""
        contact = f"sip:{self.user}@{_host(at)}:5060"
        event = {"v": 1, "event": "expired", "time": time.time(), "aor": f"sip:{self.user}@{DOMAIN}"}
        return (
            json.dumps({**event, "contact": contact, "call_id": f"{self.user}-call", "cseq": self.cseq}).encode()
            + b"\n"
        )


def _listed(old: object, sessions: Sequence[Session]) -> dict[str, Any]:
    listed = [
        {
            "protocol": session.protocol,
            "port": session.port,
            "correspondent": str(session.correspondent),
            "correspondent_port": session.correspondent_port,
        }
        for session in sessions
    ]
    return {"version": 1, "old": str(old), "sessions": listed}


def _host(address: object) -> str:
    return f"[{address}]" if ":" in str(address) else str(address)
