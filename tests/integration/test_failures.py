# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A router that refuses: the other one is restored, the error names router, step and cause."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_to_record
from lab import Lab
from lab.snapshot import differences

from .operator import ROOT, Routers, handover, leftovers, playbook

STEP_TEMPLATE = "nftables/step.sh.j2"


@pytest.fixture
def record(prepared: Lab, routers: Routers) -> dict[str, Any]:
    """The phone moved from A to B."""
    mn, cn, new = (prepared.topology.address(*who).v4.ip for who in (("mn",), ("cn",), ("mn", "b")))
    return handover_to_record(handover(mn, new, [Session("tcp", 40000, cn, 7101)]))


@pytest.fixture
def sshd(prepared: Lab) -> Iterator[None]:
    """Whatever a test does to the routers' sshd, it runs again afterwards."""
    yield
    for router in ("rb", "rc"):
        prepared.run(router, ["systemctl", "start", "ssh"])


def overridden(directory: Path, at: str, text: str) -> str:
    """A template directory whose step template also says ``text`` where an ``outbound_dst`` is put."""
    ours = (ROOT / "templates" / STEP_TEMPLATE).read_text()
    marker = {"inside": "ELEMENTS\n{% endif %}", "after": "if test -x"}[at]
    assert marker in ours
    condition = "elements.put | selectattr('set', 'equalto', 'session_outbound_dst') | list"
    broken = f"{{% if {condition} %}}\n{text}\n{{% endif %}}\n"
    path = directory / STEP_TEMPLATE
    path.parent.mkdir(parents=True)
    path.write_text(ours.replace(marker, broken + marker))
    return str(directory)


def stop_sshd(lab: Lab, router: str) -> str:
    """A command that makes a router unreachable, sessions that are open included."""
    return f"nsenter -t {lab.pids[router]} -a sh -c 'systemctl stop ssh; pkill -x sshd || true'"


def test_router_unreachable_from_the_start(prepared: Lab, record: dict[str, Any], sshd: None) -> None:
    subprocess.run(stop_sshd(prepared, "rc"), shell=True, check=True)
    done = playbook("handover", {"handover_records": [record]})
    assert done.status != 0
    assert "router_unreachable" in done.output
    assert "rc: unreachable" in done.output
    assert leftovers(prepared) == {}


def test_router_that_is_not_needed_may_be_down(prepared: Lab, record: dict[str, Any]) -> None:
    prepared.run("rd", ["systemctl", "stop", "ssh"])
    try:
        done = playbook("handover", {"handover_records": [record]})
    finally:
        prepared.run("rd", ["systemctl", "start", "ssh"])
    assert done.status == 0, done.output
    assert set(leftovers(prepared)) == {"rb", "rc"}


@pytest.mark.parametrize(
    ("at", "text", "code"),
    [
        pytest.param("inside", "add element ip nonsense", "syntax_refused", id="nft refuses the syntax"),
        pytest.param("after", "echo no such thing >&2; exit 3", "step_refused", id="fails after nft has taken it"),
    ],
)
def test_router_that_refuses_a_step(
    prepared: Lab, record: dict[str, Any], tmp_path: Path, at: str, text: str, code: str
) -> None:
    before = {name: prepared.snapshot(name) for name in ("rb", "rc")}
    variables = {"handover_records": [record], "first_hop_router_template_dir": overridden(tmp_path / "t", at, text)}
    done = playbook("handover", variables)
    assert done.status != 0
    assert code in done.output
    assert "step 02-encode-rc" in done.output
    assert "Taken back on every router" in done.output
    for name, snapshot in before.items():
        assert differences(snapshot, prepared.snapshot(name)) == []


def test_table_held_by_another(prepared: Lab, record: dict[str, Any]) -> None:
    """Another program made a table of our name; its layout is not ours, and it is left alone."""
    held = prepared.run("rc", ["nft", "list", "table", "ip", "sipmobility"]).stdout
    prepared.run("rc", ["nft", "delete", "table", "ip", "sipmobility"])
    prepared.run("rc", ["nft", "add", "table", "ip", "sipmobility"])
    try:
        done = playbook("handover", {"handover_records": [record]})
        assert done.status != 0
        assert "rc: table_foreign" in done.output
        assert leftovers(prepared) == {}
    finally:
        prepared.run("rc", ["nft", "delete", "table", "ip", "sipmobility"])
        prepared.run("rc", ["nft", "-f", "-"], text=held)


def test_router_lost_before_its_encoder(prepared: Lab, record: dict[str, Any], sshd: None) -> None:
    done = playbook("handover", {"handover_records": [record]}, after="2:" + stop_sshd(prepared, "rc"))
    assert done.status != 0
    assert "failed at stage encode: rc: unreachable" in done.output
    assert "NOT taken back: rb: its decode stays, as encode could not be taken back everywhere; rc: " in done.output
    assert set(leftovers(prepared)) == {"rb", "rc"}
    prepared.run("rc", ["systemctl", "start", "ssh"])
    assert repaired(prepared, "undone")


def test_router_lost_in_the_middle_of_the_undo(
    prepared: Lab, record: dict[str, Any], tmp_path: Path, sshd: None
) -> None:
    template_dir = overridden(tmp_path / "t", "after", "exit 3")
    variables = {"handover_records": [record], "first_hop_router_template_dir": template_dir}
    done = playbook("handover", variables, after="2:" + stop_sshd(prepared, "rb"))
    assert done.status != 0
    assert "step 02-encode-rc" in done.output
    assert "NOT taken back: rb: unreachable" in done.output
    assert "; rc: its decode stays, as encode could not be taken back everywhere" in done.output
    assert record["id"] in done.output
    assert set(leftovers(prepared)) == {"rb", "rc"}
    prepared.run("rb", ["systemctl", "start", "ssh"])
    assert repaired(prepared, "undone")


def repaired(lab: Lab, goal: str) -> bool:
    """Whether reconcile.yml leaves nothing behind."""
    time.sleep(1)
    done = playbook("reconcile", {"handover_goal": goal, "handover_drain": 0})
    assert done.status == 0, done.output
    return leftovers(lab) == {}
