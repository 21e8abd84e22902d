# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""handover.yml and withdraw.yml as an operator runs them: idempotent, foretold by check mode, complete."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_to_record
from lab import Lab
from lab.snapshot import differences
from lab.traffic import Traffic

from .operator import ROUTERS, Routers, handover, leftovers, playbook


@pytest.fixture
def record(prepared: Lab) -> dict[str, Any]:
    """The phone moved from A to B, with two sessions to CN."""
    mn, cn, new = prepared.topology.address("mn"), prepared.topology.address("cn"), prepared.topology.address("mn", "b")
    peer = cn.v4.ip
    sessions = [Session("tcp", 40000, peer, 7101), Session("udp", 7102, peer, 7102)]
    return handover_to_record(handover(mn.v4.ip, new.v4.ip, sessions))


def both(changed: dict[str, int]) -> dict[str, int]:
    """The changes on the two routers concerned, B and C."""
    return {name: changed[name] for name in ("rb", "rc")}


def test_second_run_changes_nothing(prepared: Lab, routers: Routers, record: dict[str, Any]) -> None:
    first = playbook("handover", {"handover_records": [record]})
    assert first.status == 0, first.output
    assert both(first.changed) == {"rb": 2, "rc": 2}
    held = routers.states()
    second = playbook("handover", {"handover_records": [record]})
    assert second.status == 0, second.output
    assert both(second.changed) == {"rb": 0, "rc": 0}
    assert routers.states() == held


def test_withdrawal_leaves_the_routers_as_they_were(prepared: Lab, routers: Routers, record: dict[str, Any]) -> None:
    before = {name: prepared.snapshot(name) for name in ROUTERS}
    assert playbook("handover", {"handover_records": [record]}).status == 0
    assert differences(before["rb"], prepared.snapshot("rb")), "a handover shows in the snapshot"
    done = playbook("withdraw", {"handover_withdraw": [record["old"]]})
    assert done.status == 0, done.output
    for name in ROUTERS:
        assert differences(before[name], prepared.snapshot(name)) == []


def test_check_mode_foretells_the_run_and_writes_nothing(
    prepared: Lab, routers: Routers, record: dict[str, Any], tmp_path: Path
) -> None:
    with monitored(prepared) as heard:
        foretold = playbook("handover", {"handover_records": [record]}, "--check", "--diff")
    assert foretold.status == 0, foretold.output
    assert {name: text for name, text in heard.items() if text} == {}
    assert leftovers(prepared) == {}
    done = playbook("handover", {"handover_records": [record]}, "--diff")
    assert done.status == 0, done.output
    assert diffs(foretold.output) == diffs(done.output) != []
    assert both(foretold.changed) == both(done.changed)


def test_check_mode_of_a_withdrawal_foretells_it(prepared: Lab, routers: Routers, record: dict[str, Any]) -> None:
    assert playbook("handover", {"handover_records": [record]}).status == 0
    variables = {"handover_withdraw": [record["old"]]}
    foretold = playbook("withdraw", variables, "--check", "--diff")
    assert foretold.status == 0, foretold.output
    done = playbook("withdraw", variables, "--diff")
    assert diffs(foretold.output) == diffs(done.output) != []


def test_monitor_sees_a_run(prepared: Lab, routers: Routers, record: dict[str, Any]) -> None:
    with monitored(prepared) as heard:
        assert playbook("handover", {"handover_records": [record]}).status == 0
    assert "add element ip sipmobility" in heard["rb"]


def test_report_names_every_step(routers: Routers, record: dict[str, Any], tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    assert playbook("handover", {"handover_records": [record], "handover_report": str(report)}).status == 0
    told = json.loads(report.read_text())
    assert [step["id"] for step in told["steps"]] == [
        "01-decode-rb",
        "01-decode-rc",
        "02-encode-rb",
        "02-encode-rc",
    ]
    assert all(step["ms"] > 0 for step in told["steps"])


def test_ten_moves_under_one_session(at_home: Lab, routers: Routers, tmp_path: Path) -> None:
    """A to B to D and home again, three times and one more, each programmed by handover.yml."""
    lab = at_home
    home, peer = lab.topology.address("mn").v4.ip, lab.topology.address("cn").v4.ip
    sessions = [Session("tcp", 40000, peer, 7101), Session("udp", 7102, peer, 7102)]
    with Traffic(lab, home, peer, tmp_path, seconds=900) as traffic:  # at most; it ends with the block
        first = None
        for place in ("b", "d", "a", "b", "d", "a", "b", "d", "b", "a"):
            move = lab.move("mn", place)
            first = first or move
            done = playbook(
                "handover",
                {
                    "handover_records": [handover_to_record(handover(home, move.new[0], sessions))],
                    "handover_drain": 1.0,
                },
            )
            assert done.status == 0, done.output
        traffic.settle(300)  # ten playbooks without a word between them
    streams = traffic.result(first.down if first else 0.0)
    assert streams["tcp"]["alive"], streams
    assert streams["udp"]["alive"], streams
    assert leftovers(lab) == {}


def test_ten_thousand_mappings_in_one_step_over_ssh(prepared: Lab, routers: Routers, tmp_path: Path) -> None:
    mn, new, peer = (prepared.topology.address(*who).v4.ip for who in (("mn",), ("mn", "b"), ("cn",)))
    sessions = [Session("tcp", 40000 + index // 5000, peer, 1024 + index % 5000) for index in range(10_000)]
    path = tmp_path / "handovers.json"
    path.write_text(json.dumps([handover_to_record(handover(mn, new, sessions))]))
    done = playbook("handover", {"handover_src": str(path)})
    assert done.status == 0, done.output[-3000:]
    for router, kind in (("rb", "inbound_dst"), ("rc", "outbound_dst"), ("rc", "inbound_src"), ("rb", "outbound_src")):
        listed = json.loads(
            prepared.run(router, ["nft", "-j", "list", "map", "ip", "sipmobility", f"session_{kind}"]).stdout
        )
        held = next(item["map"] for item in listed["nftables"] if "map" in item)
        assert len(held["elem"]) == 10_000


@contextmanager
def monitored(lab: Lab) -> Iterator[dict[str, str]]:
    """What ``nft monitor`` hears on B and C meanwhile."""
    heard: dict[str, str] = {}
    listening = {
        name: subprocess.Popen(
            ["nsenter", "-t", str(lab.pids[name]), "-n", "nft", "monitor"], stdout=subprocess.PIPE, text=True
        )
        for name in ("rb", "rc")
    }
    time.sleep(0.5)
    try:
        yield heard
    finally:
        time.sleep(0.5)
        for name, process in listening.items():
            process.terminate()
            heard[name] = process.communicate(timeout=60)[0]


def diffs(output: str) -> list[str]:
    """The lines of the diffs that a run printed, without the times that differ from run to run."""
    lines = [line for line in output.splitlines() if re.match(r"[+-]\{", line)]
    return sorted(lines)
