# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenSIPS's contact events, written from its documentation."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any

import pytest

from .reading import WRITTEN, codes, items, registrations, told

DATA = (WRITTEN / "opensips.jsonl").read_bytes()
INSERT = json.loads(DATA.splitlines()[1])


def event(method: str = "E_UL_CONTACT_INSERT", **params: Any) -> bytes:
    """The first insertion with other parameters; ``...`` drops one."""
    kept = {key: value for key, value in {**INSERT["params"], **params}.items() if value is not ...}
    return json.dumps({**INSERT, "method": method, "params": kept}).encode() + b"\n"


def test_the_events_of_a_move() -> None:
    assert told(items("auto", DATA)) == [
        "2 registered sip:alice@visited.example sip:alice@198.51.100.50:5060 600",
        "3 registered sip:alice@visited.example sip:alice@203.0.113.50:5060 600",
        "3 gone sip:alice@visited.example sip:alice@198.51.100.50:5060",
        "4 registered bob sip:bob@198.51.100.51 3600",
        "5 held bob sip:bob@198.51.100.51;pn-provider=apns;pn-prid=1 3600",
    ]


def test_what_an_event_with_our_pairs_tells() -> None:
    moved = registrations(items("opensips", DATA))[1]
    assert moved.tagged
    assert moved.old_addresses == (ip_address("198.51.100.50"),)
    assert (moved.call_id, moved.cseq, moved.received_at, moved.transport) == ("one@phone", 5, 1795492860.0, "tls")
    assert (moved.source_address, moved.source_port) == (ip_address("203.0.113.50"), 5060)
    assert (moved.authenticated_user, moved.authenticated_realm) == ("alice", "visited.example")
    assert moved.expires_stated


def test_what_an_event_cannot_tell_is_none() -> None:
    (found,) = registrations(items("opensips", event(attr="", callid="", cseq=...)))
    assert (found.call_id, found.cseq, found.received_at, found.source_address) == (None, None, None, None)
    assert (found.authenticated_user, found.tagged, found.half_tagged) == (None, False, False)
    # The end is a time, and nobody knows how far off it is.
    assert not found.expires_stated


def test_an_expiry_may_be_in_seconds() -> None:
    (found,) = registrations(items("opensips", event(attr="", expires=120)))
    assert (found.expires, found.expires_stated) == (120, True)


@pytest.mark.parametrize(
    "old", ["198.51.100.9", "<sip:a@198.51.100.9>;x=1", '"a;user=eve;realm=x" <sip:a@198.51.100.9>']
)
def test_a_phone_cannot_write_the_scripts_pairs(old: str) -> None:
    (found,) = registrations(items("opensips", event(attr=f"user=alice;realm=r;old={old}")))
    assert (found.authenticated_user, found.authenticated_realm) == ("alice", "r")
    assert found.old_addresses == (ip_address("198.51.100.9"),)


def test_the_attributes_of_another_script_are_none_of_ours() -> None:
    (found,) = registrations(items("opensips", event(attr="vip;old=198.51.100.9;user=eve")))
    assert (found.tagged, found.authenticated_user) == (False, None)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"aor": ...}, "missing_key"),
        ({"aor": 7}, "bad_value"),
        ({"aor": "a b"}, "bad_uri"),
        ({"uri": "sip:a@1.2.3.400"}, "bad_uri"),
        ({"uri": "sip:a@h\u0000"}, "bad_value"),
        ({"expires": "soon"}, "bad_value"),
        ({"expires": -1}, "bad_value"),
        ({"cseq": 2**31}, "bad_value"),
        ({"callid": "a b"}, "bad_header"),
        ({"received": "here"}, "bad_uri"),
        ({"attr": "time=soon"}, "bad_value"),
        ({"attr": "time=nan"}, "bad_value"),
        ({"attr": "user=a;user=b"}, "bad_value"),
        ({"attr": "user=a;vip=1"}, "bad_value"),
        ({"attr": "old=somewhere there"}, "bad_old_address"),
    ],
)
def test_a_bad_event_is_refused_and_the_others_are_read(params: dict[str, Any], code: str) -> None:
    found = items("opensips", event(cseq=1) + event(**params) + event(cseq=3))
    assert codes(found) == [(code, 2)]
    assert [item.cseq for item in registrations(found)] == [1, 3]


@pytest.mark.parametrize("params", ["none", [], 7])
def test_parameters_are_an_object(params: object) -> None:
    data = json.dumps({**INSERT, "params": params}).encode()
    assert codes(items("opensips", data)) == [("bad_value", 1)]


def test_objects_may_go_over_lines_and_follow_each_other() -> None:
    one, two = (json.dumps(json.loads(event(cseq=n)), indent=2).encode() for n in (1, 2))
    for data in (one + b"\n" + two, one + two, one + event(cseq=2)):
        assert [item.cseq for item in registrations(items("opensips", data))] == [1, 2]


def test_a_log_prefix_does_not_matter() -> None:
    data = b"Nov 24 04:00:00 proxy relay[7]: " + event(cseq=1) + b"Nov 24 {noise\n" + event(cseq=2)
    assert [item.cseq for item in registrations(items("auto", data))] == [1, 2]


def test_an_object_behind_a_prefix_ends_on_its_line() -> None:
    prefix = b"Nov 24 04:00:00 proxy relay[7]: "
    cut = prefix + b'{"jsonrpc": "2.0", "params": {\n'
    found = items("opensips", prefix + event(cseq=1) + cut + prefix + event(cseq=2))
    assert [item.cseq for item in registrations(found)] == [1, 2]
    assert codes(found) == [("truncated_line", 2)]


@pytest.mark.parametrize("agent", ['x"', 'x" {', "x} \\", '\\"', "}{", '\\\\"{"'])
@pytest.mark.parametrize("chunk", [1, 3, 1 << 16])
def test_braces_and_quotes_in_a_string_are_text(agent: str, chunk: int) -> None:
    found = items("opensips", event(user_agent=agent, cseq=1) + event(cseq=2), chunk)
    assert [item.cseq for item in registrations(found)] == [1, 2]
    assert codes(found) == []
