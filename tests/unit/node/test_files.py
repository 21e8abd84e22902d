# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the client reads and writes: configuration, the user agent's calls, its own state."""

from __future__ import annotations

import json
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.sipmobility.handover.node.config import Config, load_config
from ansible_collections.sipmobility.handover.node.dialogs_file import MAX_SIZE, parse_dialogs, read_dialogs
from ansible_collections.sipmobility.handover.node.locate import Where, parse_where
from ansible_collections.sipmobility.handover.node.model import Endpoint, State
from ansible_collections.sipmobility.handover.node.state_file import read_states, write_states
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError

from .world import CALL, HOME, RTP, VISITED

TOLD: dict[str, Any] = {"user": "alice", "domain": "home.example", "password_file": "/etc/x/password"}
STREAM = {
    "local": str(HOME),
    "protocol": "udp",
    "port": 4000,
    "correspondent": str(RTP.correspondent),
    "correspondent_port": 5004,
}
DIALOG: dict[str, Any] = {
    "call_id": CALL.call_id,
    "local_tag": "here",
    "remote_tag": "there",
    "local_uri": CALL.local_uri,
    "remote_uri": CALL.remote_uri,
    "remote_target": CALL.remote_target,
    "cseq": 30,
    "media": [STREAM],
}


def config(tmp_path: Path, **changes: object) -> Config:
    path = tmp_path / "node.yml"
    path.write_text(yaml.safe_dump({**TOLD, **changes}, sort_keys=False), encoding="utf-8")
    return load_config(str(path))


def test_three_keys_are_enough(tmp_path: Path) -> None:
    found = config(tmp_path)
    assert (found.profile.aor, found.profile.auth_user) == ("sip:alice@home.example", "alice")
    assert found.server_at(HOME) == Where("home.example")


def test_servers_by_place(tmp_path: Path) -> None:
    places = [
        {"network": "203.0.113.0/24", "server": "203.0.113.5"},
        {"network": "2001:db8::/32", "server": "b.example:5070"},
    ]
    found = config(tmp_path, servers=places, server="tcp:sip.example")
    assert found.server_at(VISITED) == Where("203.0.113.5")
    assert found.server_at(ip_address("2001:db8::1")) == Where("b.example", 5070)
    assert found.server_at(HOME) == Where("sip.example", None, "tcp")


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"usr": "x"}, "usr"),
        ({"user": "a b"}, "node.yml:1: user"),
        ({"domain": "home.example>;x"}, "home.example>;x"),
        ({"expires": 1}, "node.yml:4: expires"),
        ({"expires": True}, "expires"),
        ({"poll": "soon"}, "poll"),
        ({"password_file": "password"}, "node.yml:3: password_file"),
        ({"versions": [5]}, "versions"),
        ({"servers": [{"network": "203.0.113.1/24", "server": "x"}]}, "network"),
        ({"servers": [{"network": "203.0.113.0/24"}]}, "server"),
        ({"server": "http://x"}, "http://x"),
        ({"interfaces": ["eth0; id"]}, "interfaces"),
        ({"instance": 'urn:uuid:1">'}, "instance"),
        ({"enabled": "yes"}, "enabled"),
        ({"auth_user": 'a"b'}, "auth_user"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, changes: dict[str, object], where: str) -> None:
    with pytest.raises(HandoverError) as wrong:
        config(tmp_path, **changes)
    assert wrong.value.code == "bad_config"
    assert where in wrong.value.subject


def test_the_password(tmp_path: Path) -> None:
    path = tmp_path / "password"
    told = config(tmp_path, password_file=str(path))
    for text in (None, "", "\n", "a\nb"):
        if text is not None:
            path.write_text(text, encoding="utf-8")
        with pytest.raises(HandoverError) as wrong:
            told.password()
        assert wrong.value.code == "bad_password"
    path.write_text("a word\n", encoding="utf-8")
    assert told.password() == "a word"
    assert "a word" not in repr(told)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("2001:db8::5", Where("2001:db8::5")),
        ("[2001:db8::5]:5070", Where("2001:db8::5", 5070)),
        ("tls:sip.example:5061", Where("sip.example", 5061, "tls")),
    ],
)
def test_how_a_server_is_written(text: str, where: Where) -> None:
    assert parse_where(text) == where


@pytest.mark.parametrize("text", ["", "sip:x", "x:0", "x:99999", "x y", None, 5, "x/../y", "[x]"])
def test_how_it_is_not(text: object) -> None:
    with pytest.raises(HandoverError) as wrong:
        parse_where(text)
    assert wrong.value.code == "bad_server"


def dialogs(**changes: object) -> bytes:
    return json.dumps({"version": 1, "dialogs": [{**DIALOG, **changes}]}).encode()


def test_the_calls_of_a_user_agent() -> None:
    assert parse_dialogs(dialogs()) == (CALL,)


def test_no_file_is_no_call(tmp_path: Path) -> None:
    assert read_dialogs(tmp_path / "none") == ()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[" * 100000,
        b"x" * (MAX_SIZE + 1),
        b'{"version": 2, "dialogs": []}',
        dialogs(call_id="a b"),
        dialogs(call_id="a\r\nEvil: x"),
        dialogs(local_tag="x;y"),
        dialogs(remote_target="sip:bob@x?Evil=1"),
        dialogs(remote_target="tel:+1"),
        dialogs(remote_uri="sip:bob@x>;tag=1"),
        dialogs(route=["<sip:p.example;lr>\r\nEvil: x"]),
        dialogs(route=["p.example"]),
        dialogs(cseq=2**31),
        dialogs(cseq=-1),
        dialogs(more=1),
        dialogs(media=[{**STREAM, "port": 0}]),
        dialogs(media=[{**STREAM, "protocol": "icmp"}]),
        dialogs(media=[{**STREAM, "local": "2001:db8::1"}]),
        json.dumps({"version": 1, "dialogs": [DIALOG] * 65}).encode(),
    ],
)
def test_what_is_no_file_of_calls(data: bytes) -> None:
    with pytest.raises(HandoverError) as wrong:
        parse_dialogs(data)
    assert wrong.value.code == "bad_dialogs"


def test_state_survives(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    assert read_states(path) == {}
    states = {
        4: State("id@x", "urn:uuid:1", 9, VISITED, (HOME,), Endpoint(VISITED, 5061, "tls", "x.example"), (("c", 3),)),
        6: State("id@y", "urn:uuid:2"),
    }
    write_states(path, states)
    assert read_states(path) == states
    assert [item.name for item in tmp_path.iterdir()] == ["state.json"]


def test_a_call_may_be_called_as_a_family_is(tmp_path: Path) -> None:
    """Call-IDs are the user agent's: any word (RFC 3261 section 25.1)."""
    path = tmp_path / "state.json"
    states = {4: State("id@x", "urn:uuid:1", noticed=(("ipv6", 3),))}
    write_states(path, states)
    assert read_states(path) == states


@pytest.mark.parametrize(
    "text", ["", "{", '{"version": 2}', '{"version": 1, "ipv4": {}}', '{"version": 1, "x": 1}', "[]"]
)
def test_a_state_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(HandoverError) as wrong:
        read_states(path)
    assert wrong.value.code == "bad_state"
