# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""FreeSWITCH's registration events, written from its documentation."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any

import pytest

from .reading import WRITTEN, codes, items, registrations, told

DATA = (WRITTEN / "freeswitch.jsonl").read_bytes()
REGISTER = json.loads(DATA.splitlines()[3])


def event(**values: Any) -> bytes:
    """The first registration with other values; underscores are hyphens, ``...`` drops a key."""
    changed = {**REGISTER, **{name.replace("_", "-"): value for name, value in values.items()}}
    return json.dumps({key: value for key, value in changed.items() if value is not ...}).encode() + b"\n"


def test_the_events() -> None:
    nat = "sip:bob@198.18.5.7:5060;fs_nat=yes;fs_path=sip%3Abob%40203.0.113.99%3A41000"
    assert told(items("auto", DATA)) == [
        "4 registered sip:alice@visited.example sip:alice@198.51.100.50:5061;transport=tls 600",
        f"5 registered sip:bob@visited.example {nat} 120",
        "6 registered sip:alice@visited.example sip:alice@198.51.100.50:5061;transport=tls 0",
        "7 gone sip:bob@visited.example sip:bob@198.51.100.51:5060",
        "8 gone sip:carol@visited.example",
    ]


def test_what_an_event_tells_and_what_not() -> None:
    first, second, removed = registrations(items("freeswitch", DATA))
    assert (first.source_address, first.source_port) == (ip_address("198.51.100.50"), 5061)
    assert (first.authenticated_user, first.authenticated_realm) == ("alice", "visited.example")
    assert (first.received_at, first.transport, first.call_id) == (1795492800.25, "tls", "one@phone")
    assert (first.cseq, first.instance, first.tagged) == (None, None, False)
    # "unknown" is FreeSWITCH's word for nobody.
    assert (second.authenticated_user, second.transport) == (None, "udp")
    assert removed.removes


def test_an_instance_in_the_contact_is_kept() -> None:
    contact = '<sip:a@198.51.100.50>;+sip.instance="<urn:uuid:F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6>"'
    (found,) = registrations(items("freeswitch", event(contact=contact)))
    assert found.instance == "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"from_user": ...}, "missing_key"),
        ({"from_host": ""}, "bad_value"),
        ({"from_host": "a b"}, "bad_uri"),
        ({"contact": "<sip:a@h"}, "bad_address"),
        ({"contact": ["sip:a@h"]}, "bad_value"),
        ({"expires": "-5"}, "bad_value"),
        ({"expires": "9" * 5000}, "bad_value"),
        ({"expires": "\u0663"}, "bad_value"),
        ({"network_ip": "here"}, "bad_value"),
        ({"network_port": "65536"}, "bad_value"),
        ({"call_id": "a b"}, "bad_header"),
        ({"Event_Date_Timestamp": "99999999999999999999"}, "bad_value"),
    ],
)
def test_a_bad_event_is_refused_and_the_others_are_read(values: dict[str, Any], code: str) -> None:
    found = items("freeswitch", event() + event(**values) + event())
    assert codes(found) == [(code, 2)]
    assert len(registrations(found)) == 2
