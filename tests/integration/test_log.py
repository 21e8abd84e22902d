# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""handover.yml with a log: what is bad is refused with its code, the good lines count, and what is over goes."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from lab import Lab

from .operator import Routers, leftovers, playbook


@pytest.fixture
def setting(at_home: Lab, routers: Routers) -> dict[str, Any]:
    """The variables of a run beside the log: the policy of the lab, and one correspondent."""
    topology = at_home.topology
    networks = {name: [str(lan.gateway.v4.network)] for name, lan in topology.lans.items()}
    return {
        "handover_policy": {"managed_networks": networks, "require_secure_transport": False},
        "handover_scope": "correspondent",
        "handover_correspondents": [str(topology.address("cn").v4.ip)],
    }


def event(lab: Lab, *old: str, new: str = "", call: str = "one", expires: int = 600, **more: Any) -> str:
    """A line as the lab's Kamailio writes it, for alice's phone at B."""
    new = new or str(lab.topology.address("mn", "b").v4.ip)
    line = {
        "v": 1,
        "event": "register",
        "time": time.time(),
        "src_ip": new,
        "src_port": 5060,
        "transport": "udp",
        "local_ip": str(lab.topology.address("pcscf").v4.ip),
        "auth_user": "alice",
        "auth_realm": "visited.example",
        "aor": "sip:alice@visited.example",
        "call_id_hex": call.encode().hex(),
        "cseq": 2,
        "contact_hex": [f"<sip:alice@{new}:5060>".encode().hex()],
        "tag_hex": [f"<sip:alice@{text}>".encode().hex() for text in old],
        "require_hex": [b"com.cisco.TerminalMobilityUsingNat".hex()],
        "expires": expires,
        "before": [{"contact": f"sip:alice@{text}:5060", "expires": int(time.time()) + 60} for text in old[:1]],
        "rc": 2,
    }
    return json.dumps({**line, **more})


def test_bad_lines_are_told_and_the_good_one_is_carried_out(
    at_home: Lab, setting: dict[str, Any], tmp_path: Path
) -> None:
    lab, log = at_home, tmp_path / "registrations.jsonl"
    old = str(lab.topology.address("mn").v4.ip)
    good = event(lab, old, call="good")
    log.write_text(
        "\n".join(
            [
                event(lab, old, call="cut")[:-40],
                event(lab, old, old, call="two"),
                good,
                event(lab, "phone.example.com", call="name"),
                event(lab, "203.0.113.200", call="away", new="198.51.100.77")[:-1] + ', "src_ip": "198.51.100.77"}',
                event(lab, "192.168.7.7", call="unmanaged"),
            ]
        )
        + "\n"
    )
    done = playbook("handover", {**setting, "handover_log": str(log)})
    assert done.status == 0, done.output
    for code in ("truncated_line", "several_old_addresses", "old_not_ip_literal", "bad_json", "old_not_managed"):
        assert code in done.output, code
    assert set(leftovers(lab)) == {"rb", "rc"}
    assert old in leftovers(lab)["rb"]


def test_a_log_that_cannot_be_read(at_home: Lab, setting: dict[str, Any], tmp_path: Path) -> None:
    done = playbook("handover", {**setting, "handover_log": str(tmp_path / "missing.jsonl")})
    assert done.status != 0
    assert "missing.jsonl cannot be read" in done.output
    assert leftovers(at_home) == {}


def test_a_log_without_anything_good(at_home: Lab, setting: dict[str, Any], tmp_path: Path) -> None:
    log = tmp_path / "registrations.jsonl"
    log.write_bytes(b"\x00\xff\xfe" * 1000)
    done = playbook("handover", {**setting, "handover_log": str(log)})
    assert done.status == 0, done.output
    assert "unknown_format" in done.output
    assert leftovers(at_home) == {}


def test_a_registration_that_ends_takes_the_handover_away(
    at_home: Lab, setting: dict[str, Any], tmp_path: Path
) -> None:
    """The same log, a line later: the phone unregisters from B."""
    log, old = tmp_path / "registrations.jsonl", str(at_home.topology.address("mn").v4.ip)
    log.write_text(event(at_home, old, cseq=1) + "\n")
    variables = {**setting, "handover_log": str(log)}
    assert playbook("handover", variables).status == 0
    assert set(leftovers(at_home)) == {"rb", "rc"}
    with log.open("a") as more:
        more.write(event(at_home, cseq=2, expires=0, require_hex=[]) + "\n")
    done = playbook("handover", variables)
    assert done.status == 0, done.output
    assert leftovers(at_home) == {}
