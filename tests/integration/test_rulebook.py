# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real ansible-rulebook runs our rulebook on what the lab's Kamailio writes."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Rewrite, RewriteKind
from lab import Lab
from lab.kamailio import EVENTS
from lab.registrar import Registrar
from lab.traffic import Traffic

from .. import rulebooks
from ..kernel.agent.phones import DOMAIN, Phone
from ..rulebooks import Rulebook
from .intake import policy_of
from .operator import ROOT, Routers, leftovers

_BURST = 50


@contextmanager
def rulebook(name: str, lab: Lab, directory: Path, log: str, **more: Any) -> Iterator[Rulebook]:
    """A rulebook that runs on the lab."""
    policy = directory / "policy.yml"
    limits = {"max_handovers": 200, "max_registrations_per_aor": 100}
    policy.write_text(yaml.safe_dump(policy_of(lab, **limits)), encoding="utf-8")
    state = str(directory / "state")
    told = {"handover_events": [{"log": log}], "handover_policy_file": str(policy), "handover_state_dir": state}
    with rulebooks.rulebook(name, directory, _inventory(lab, directory), {**told, **more}) as running:
        yield running


def _inventory(lab: Lab, directory: Path) -> Path:
    """The lab's inventory. ansible-rulebook copies an inventory elsewhere, so no path in it may begin at itself."""
    place = directory / "inventory"
    shutil.copytree(ROOT / "lab" / "inventory", place)
    file = place / "group_vars" / "lab_nodes.yml"
    options = f"-o UserKnownHostsFile={lab.state.known_hosts} -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    here = {"ansible_ssh_private_key_file": str(lab.state.key), "ansible_ssh_common_args": options}
    said = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump({**said, **here}), encoding="utf-8")
    return place


def test_a_move_is_carried_out(at_home: Lab, routers: Routers, tmp_path: Path) -> None:
    lab, registrar = at_home, Registrar(at_home)
    home, peer = lab.topology.address("mn").v4.ip, lab.topology.address("cn").v4.ip
    registrar.clear()
    registrar.register_told(home)
    log = f"/proc/{lab.pids['pcscf']}/root{EVENTS}"
    with (
        rulebook("handover", lab, tmp_path, log) as running,
        Traffic(lab, home, peer, tmp_path, seconds=300) as traffic,
    ):
        time.sleep(1)
        move = lab.move("mn", "b")
        listed = [f"tcp:40000:{peer}:7101", f"udp:7102:{peer}:7102"]
        _report, event = registrar.register_told(
            move.new[0], "--old", str(home), *(word for one in listed for word in ("--session", one))
        )
        running.await_("handover", lambda: running.recaps > 0, 60)
        took = time.time() - event["time"]
        traffic.settle()
    streams = traffic.result(move.down)
    print(f"event to the end of the playbook: {took:.2f} s; gaps {[s['gap_ms'] for s in streams.values()]} ms")
    assert streams["tcp"]["alive"], streams
    assert streams["udp"]["alive"], streams
    assert {"rb", "rc"} == {name for name, state in routers.states().items() if len(state)}


def test_a_burst_costs_few_playbooks_and_none_is_lost(at_home: Lab, routers: Routers, tmp_path: Path) -> None:
    lab, log = at_home, tmp_path / "registrations.jsonl"
    peer = lab.topology.address("cn").v4.ip
    at_a, at_b = lab.topology.lans["a"].net.v4, lab.topology.lans["b"].net.v4
    phones = [Phone(f"burst{number}") for number in range(_BURST)]
    log.write_bytes(b"".join(phone.register(at_a[100 + number]) for number, phone in enumerate(phones)))
    with rulebook("handover", lab, tmp_path, str(log)) as running:
        running.await_("cursor", (tmp_path / "state" / "cursors.json").exists, 30)
        with log.open("ab", buffering=0) as file:
            for number, phone in enumerate(phones):
                session = Session("tcp", 41000, peer, 7101)
                file.write(phone.register(at_b[100 + number], at_a[100 + number], [session]))

        wanted = {str(at_a[100 + number]) for number in range(_BURST)}
        running.await_("handovers", lambda: moved_addresses(routers) == wanted, 120)
        running.await_("end", lambda: running.recaps > 0, 60)
        runs = running.recaps
    print(f"{_BURST} moves, {runs} playbook runs")
    assert 1 <= runs <= 5, running.output


def moved_addresses(routers: Routers) -> set[str]:
    """The old addresses that the correspondent's router rewrites."""
    kind = RewriteKind.OUTBOUND_DST
    held = routers.states()["rc"]
    return {str(entry.match.destination) for entry in held if isinstance(entry, Rewrite) and entry.kind is kind}


def test_audit_changes_nothing(at_home: Lab, routers: Routers, tmp_path: Path) -> None:
    lab, log = at_home, tmp_path / "registrations.jsonl"
    at_a, at_b = lab.topology.lans["a"].net.v4, lab.topology.lans["b"].net.v4
    phone = Phone("audited")
    peer = lab.topology.address("cn").v4.ip
    log.write_bytes(phone.register(at_a[99]) + phone.register(at_b[99], at_a[99], [Session("tcp", 1, peer, 2)]))
    with rulebook("audit", lab, tmp_path, str(log)) as running:
        running.await_("event", lambda: f"audited@{DOMAIN}" in running.output, 30)
    assert leftovers(lab) == {}
    assert running.recaps == 0


@pytest.mark.parametrize("name", ["handover_awx"])
def test_the_rulebook_for_awx_is_valid(name: str, tmp_path: Path) -> None:
    """No AWX exists here. The rule engine reads the rulebook, and says what it misses: a controller."""
    variables = tmp_path / "variables.yml"
    told = {
        "handover_events": [{"log": str(tmp_path / "log")}],
        "handover_policy_file": "policy.yml",
        "handover_state_dir": str(tmp_path),
        "handover_job_template": "Handover",
        "handover_organization": "Default",
    }
    variables.write_text(json.dumps(told), encoding="utf-8")
    argv: list[str | Path] = [rulebooks.BIN / "ansible-rulebook", "--rulebook", f"sipmobility.handover.{name}"]
    argv += ["--vars", variables]
    argv += ["--inventory", ROOT / "lab" / "inventory"]
    done = subprocess.run(
        argv,
        env=rulebooks.environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    assert "controller" in (done.stdout + done.stderr).lower(), done.stderr
