# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""reconcile.yml --check --diff: what differs on which router, for operators and machines, and nothing is written."""

from __future__ import annotations

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_to_record
from lab import Lab

from .operator import ROUTERS, Routers, handover, playbook


def test_reconcile_tells_drift_and_remembers_what_is_whole(prepared: Lab, routers: Routers) -> None:
    mn, cn = prepared.topology.address("mn"), prepared.topology.address("cn")
    sessions = [Session("tcp", 40000, cn.v4.ip, 7101), Session("udp", 7102, cn.v4.ip, 7102)]
    wanted = handover(mn.v4.ip, prepared.topology.address("mn", "b").v4.ip, sessions)
    begun = playbook("handover", {"handover_records": [handover_to_record(wanted)], "handover_drain": 0})
    assert begun.status == 0, begun.output

    first = playbook("reconcile", {"handover_drain": 0})
    assert first.status == 0, first.output
    again = playbook("reconcile", {"handover_drain": 0}, "--check")
    assert again.status == 0, again.output
    for name in ROUTERS:
        assert f"{name}: as it should be (probe: " in again.output, again.output
    assert "Gather what the routers hold" not in again.output

    prepared.run("rb", ["nft", "flush", "map", "ip", "sipmobility", "session_inbound_dst"])
    prepared.run("rb", ["ip", "rule", "del", "fwmark", "0x6d000000/0xff000000", "table", "7082"])
    before = [prepared.run(name, ["nft", "-s", "list", "ruleset"]).stdout for name in ROUTERS]
    shown = playbook("reconcile", {"handover_drain": 0, "handover_probe": True}, "--check", "--diff")
    after = [prepared.run(name, ["nft", "-s", "list", "ruleset"]).stdout for name in ROUTERS]
    assert before == after
    assert shown.status == 0, shown.output
    assert "rb: missing: inbound_dst tcp" in shown.output, shown.output
    assert "rb: static: IPv4 rule" in shown.output
    assert "rc: as it should be" in shown.output
    assert shown.changed["rb"] >= 1
    assert f"+inbound_dst tcp {cn.v4.ip}:7101" in shown.output

    repaired = playbook("reconcile", {"handover_drain": 0})
    assert "completed" in repaired.output, repaired.output
    assert [entry for entry in routers.states()["rb"] if "inbound_dst" in str(entry)]
    prepared.run("rb", ["ip", "rule", "add", "fwmark", "0x6d000000/0xff000000", "priority", "7082", "table", "7082"])
    whole = playbook("reconcile", {"handover_drain": 0})
    assert "rb: as it should be" in whole.output, whole.output
