# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kamailio's event lines, and what else a log holds."""

from __future__ import annotations

import json
from ipaddress import ip_address

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import (
    Binding,
    Expired,
    Registration,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import Item
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.kamailio import parse
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.lines import MAX_LINE, Position

from .messages import NOW, TAG, binding, event, line


def read(*log: bytes) -> list[Item]:
    """The items of a log."""
    return list(parse([b"".join(log)], "k.log"))


def code(data: bytes) -> str:
    """The code of the only refusal among good lines, which are all still used."""
    before, after = line(cseq=1), line(cseq=3)
    found = read(before, data, after)
    assert [item.cseq for item in found if isinstance(item, Registration)] == [1, 3]
    (refused,) = (item for item in found if isinstance(item, Refusal))
    assert refused.where == "k.log:2"
    assert refused.reason
    return refused.code


def test_the_patents_register() -> None:
    (found,) = read(line())
    assert isinstance(found, Registration)
    assert found.aor == "sip:alice@example.com"
    assert found.old_addresses == (ip_address("1.1.1.20"),)
    assert found.contacts[0].host == found.source_address == ip_address("2.2.2.20")
    assert (found.authenticated_user, found.authenticated_realm) == ("alice", "example.com")
    assert (found.transport, found.source_port, found.server_address) == ("tls", 5061, ip_address("2.2.2.10"))
    assert (found.received_at, found.call_id, found.cseq) == (NOW, "843817637684230@998sdasdh09", 1826)
    assert (found.tagged, found.expires, found.where) == (True, 3600, "k.log:1")


@pytest.mark.parametrize(
    "prefix",
    [b"Nov 24 04:00:00 pcscf kamailio[77]: NOTICE: <script>: ", b"{1 7 REGISTER a@b} ", b"\x1b[32m", b"caf\xc3\xa9 "],
)
def test_a_log_prefix_does_not_matter(prefix: bytes) -> None:
    assert read(prefix + line().replace(b"\n", b" \r\n")) == read(line())


def test_other_lines_are_skipped() -> None:
    assert read(b"INFO: started\n", b"\n", b"   \n", b"DEBUG: {1 7 REGISTER} x\n") == []


def test_raw_bytes_survive_as_hexadecimal_digits() -> None:
    (found,) = read(line(contact=[b'"Andr\xe9 \\\x00" <sip:a@2.2.2.20>,\r\n <sip:b@2.2.2.20>']))
    assert isinstance(found, Registration)
    assert [contact.uri for contact in found.contacts] == ["sip:a@2.2.2.20", "sip:b@2.2.2.20"]


@pytest.mark.parametrize("empty", [None, "", "<null>"])
def test_an_absent_value_is_none(empty: str | None) -> None:
    (found,) = read(line(auth_user=empty, auth_realm=empty, local_ip=empty, require=["<null>"], tag=[]))
    assert isinstance(found, Registration)
    assert (found.authenticated_user, found.authenticated_realm, found.server_address) == (None, None, None)
    assert (found.tagged, found.half_tagged) == (False, False)


def test_bindings_before() -> None:
    binding = {"contact": "sip:alice@1.1.1.20:5070", "received": None, "expires": 60, "call_id": "c", "cseq": 9}
    listed = [{**binding, "instance": '"<URN:x>"'}, {**binding, "expires": int(NOW) + 60}, {**binding, "expires": 0}]
    (found,) = read(line(before=listed))
    assert isinstance(found, Registration)
    expected = Binding("sip:alice@1.1.1.20:5070", ip_address("1.1.1.20"), 5070, None, int(NOW) + 60, "c", 9, "urn:x")
    assert found.bindings_before[0] == expected
    assert found.bindings_before[1].expires == int(NOW) + 60
    assert found.bindings_before[2].expires is None, "a permanent contact"


def test_expired() -> None:
    told = {"v": 1, "event": "expired", "time": NOW, "aor": "alice@Example.com", "contact": "sip:alice@2.2.2.20"}
    (found,) = read(json.dumps(told).encode() + b"\n")
    assert found == Expired(
        "sip:alice@example.com", "sip:alice@2.2.2.20", ip_address("2.2.2.20"), None, None, NOW, "k.log:1"
    )
    (found,) = read(json.dumps({**told, "aor": "alice"}).encode() + b"\n")
    assert isinstance(found, Expired)
    assert found.aor == "alice"


@pytest.mark.parametrize(
    "key", sorted(set(event()) - {"expires", "auth_user", "auth_realm", "local_ip", "before", "user_agent_hex"})
)
def test_a_missing_key(key: str) -> None:
    assert code(line(**{key: ...})) in ("missing_key", "unknown_event")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"v": 2}, "unknown_event"),
        ({"event": "publish"}, "unknown_event"),
        ({"rc": -2}, "not_accepted"),
        ({"rc": 0}, "not_accepted"),
        ({"rc": "1"}, "bad_value"),
        ({"time": "now"}, "bad_value"),
        ({"time": True}, "bad_value"),
        ({"time": -1}, "bad_value"),
        ({"time": 1e300}, "bad_value"),
        ({"src_ip": "pcscf.example.com"}, "bad_value"),
        ({"src_ip": "2.2.2.020"}, "bad_value"),
        ({"src_port": 65536}, "bad_value"),
        ({"transport": ""}, "bad_value"),
        ({"transport": "t\nls"}, "bad_value"),
        ({"auth_user": "\ud800"}, "bad_value"),
        ({"auth_user": 7}, "bad_value"),
        ({"aor": "sip:example.com"}, "bad_uri"),
        ({"aor": "alice"}, "bad_uri"),
        ({"cseq": 2**31}, "bad_value"),
        ({"cseq": 1.5}, "bad_value"),
        ({"expires": -1}, "bad_value"),
        ({"call_id_hex": "zz"}, "bad_value"),
        ({"call_id": "a b"}, "bad_header"),
        ({"contact_hex": "00"}, "bad_value"),
        ({"contact_hex": [7]}, "bad_value"),
        ({"contact_hex": ["0"]}, "bad_value"),
        ({"contact_hex": ["61"] * 65}, "bad_value"),
        ({"contact": ["sip:a@2.2.2.20\r\nX: y"]}, "bad_line_ending"),
        ({"contact": ["sip:a@2.2.2.20\0"]}, "control_character"),
        ({"contact": ["sip:a@"]}, "bad_uri"),
        ({"contact": ["*"]}, "bad_contact"),
        ({"contact": [b'<sip:a@2.2.2.20>;+sip.instance="<urn:\xff>"']}, "bad_contact"),
        ({"contact": ['<sip:a@2.2.2.20>;+sip.instance="<urn:é>"']}, "bad_contact"),
        ({"before": [binding("1.1.1.20", instance="<urn:é>")]}, "bad_contact"),
        ({"contact": ["<sip:a@b>;expires=x"]}, "bad_number"),
        ({"tag": ["1.1.1.256"]}, "bad_old_address"),
        ({"tag": [""]}, "bad_old_address"),
        ({"tag": ['"\\\0" <sip:a@1.1.1.20>']}, "control_character"),
        ({"require": [f"{TAG},"]}, "bad_header"),
        ({"before": {}}, "bad_value"),
        ({"before": ["x"]}, "bad_value"),
        ({"before": [{}]}, "missing_key"),
    ],
)  # fmt: skip
def test_a_bad_value(values: dict[str, object], expected: str) -> None:
    assert code(line(**values)) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (line()[:200] + b"\n", "truncated_line"),
        (line(before=[])[200:], "truncated_line"),
        (line()[:-2] + b" ]}\n", "bad_json"),
        (line().replace(b'"rc": 1', b'"rc": 1, "rc": 1'), "bad_json"),
        (line().replace(b'"rc": 1', b'"rc": NaN'), "bad_json"),
        (line().replace(b'"rc": 1', b'"rc": ' + b"1" * 5000), "bad_json"),
        (line().replace(b'"rc": 1', b'"rc": ' + b"[" * 100000 + b"]" * 100000), "bad_json"),
        (line().replace(b"tls", b"t\xffs"), "bad_json"),
        (line().replace(b"\n", b" and more\n"), "truncated_line"),
        (line().replace(b"\n", b" {}\n"), "bad_json"),
        (b'{"level": "info"}\n', "unknown_event"),
        (b"\x00\x01\x02\n", "unreadable_line"),
        (b"\xff\xfe\n", "unreadable_line"),
        (b"x" * (MAX_LINE + 1) + b"\n", "unreadable_line"),
        (line().replace(b'"rc": 1', b'"rc": 1' + b" " * MAX_LINE), "unreadable_line"),
    ],
)
def test_a_bad_line(data: bytes, expected: str) -> None:
    assert code(data) == expected


def test_a_phone_cannot_write_an_event_through_a_log_prefix() -> None:
    forged = b"{1 7 REGISTER " + line(aor="sip:victim@example.com").strip() + b"} "
    assert code(forged + line()) == "bad_json"
    assert code(b'{"x":"' + forged + b'"}\n') in ("bad_json", "truncated_line")


def test_a_binary_file_is_one_finding() -> None:
    found = read(b"\x00\xff\n" * 1000)
    assert [item.code for item in found if isinstance(item, Refusal)] == ["unreadable_line"]


def test_a_finding_in_a_finished_last_line_is_passed() -> None:
    position = Position()
    (found,) = parse([line(rc=-1).rstrip()], "k.log", position)
    assert isinstance(found, Refusal)
    assert (found.code, position.offset) == ("not_accepted", len(line(rc=-1)) - 1)


def test_the_position_stands_behind_each_item_as_it_comes() -> None:
    position = Position()
    items = parse([line() * 2], "k.log", position)
    next(items)
    assert position == Position(len(line()), 2)
