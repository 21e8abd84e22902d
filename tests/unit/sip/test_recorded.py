# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Event lines that a real Kamailio wrote (``lab/kamailio/record.py``), read."""

from __future__ import annotations

import json
from ipaddress import ip_address
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Expired, Registration
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sessions_body import ListedSession
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import Item, kamailio

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "kamailio"


def read(name: str) -> list[Item]:
    """The items of a recording."""
    return list(kamailio.parse([(FIXTURES / f"{name}.jsonl").read_bytes()], name))


def test_every_line_of_the_session_is_read() -> None:
    kinds = [type(item) for item in read("session")]
    assert kinds == [Registration] * (len(kinds) - 1) + [Expired]
    assert len(kinds) == len(list(FIXTURES.glob("*_*.jsonl"))) + 1


@pytest.mark.parametrize(
    ("name", "method", "qop"),
    [
        ("register_sessions", "REGISTER", "auth-int"),
        ("register_sessions_auth", "REGISTER", "auth"),
        ("notify_sessions", "NOTIFY", "auth-int"),
    ],
)
def test_a_list_of_sessions(name: str, method: str, qop: str) -> None:
    (found,) = read(name)
    assert isinstance(found, Registration)
    assert (found.method, found.aor, found.authenticated_qop) == (method, "sip:alice@visited.example", qop)
    assert found.listed is not None
    assert (found.listed.old,) == found.old_addresses == (ip_address("198.18.10.50"),)
    assert found.listed.sessions == (
        ListedSession("tcp", 40001, ip_address("198.51.100.10"), 7100),
        ListedSession("udp", 4000, ip_address("198.51.100.10"), 5004),
    )
    assert (found.correspondent.aor if found.correspondent else None) == (
        "sip:bob@visited.example" if method == "NOTIFY" else None
    )


def test_a_registration_without_a_body() -> None:
    (found,) = read("register_tagged")
    assert isinstance(found, Registration)
    assert (found.tagged, found.listed, found.body_refused, found.authenticated_qop) == (True, None, (), "auth")


def test_lines_from_before_bodies_were_told_are_read_as_ever() -> None:
    """``journal.jsonl`` was recorded then: the keys of a body make no new version."""
    lines = (FIXTURES / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    log = "".join(json.loads(line)["MESSAGE"].rstrip() + "\n" for line in lines).encode()
    assert b"body_hex" not in log
    found = list(kamailio.parse([log], "journal"))
    assert len(found) == len(lines)
    assert all(isinstance(item, (Registration, Expired)) for item in found)
