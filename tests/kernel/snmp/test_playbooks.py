# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks, run by ansible-playbook, on routers over SNMP: a live call moves, and nothing tells the keys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ...standins.snmp_router.server import KEYS, WRITER
from ..after_step import CALLBACKS
from ..one_call import NETWORKS, NEW, OLD, PEER, Call
from .world import UPLINKS, World, worlds

ROOT = Path(__file__).resolve().parents[3]
LIMIT_S = 240


def inventory(world: World, wrong: Mapping[str, Any], from_core: bool) -> dict[str, Any]:
    """The routers as an operator describes them.

    :param wrong: variables that are not as they are else, by router.
    :param from_core: whether the controller stands in the core of the network, and not behind relays.
    """
    hosts = {
        name: {
            "ansible_connection": "local",
            "handover_platform": world.platforms[name],
            **({"handover_transport": "snmp_config_copy"} if world.platforms[name] == "ios" else {}),
            "handover_networks": [NETWORKS[name]],
            "handover_inside_interface": "lan",
            "handover_outside_interface": "wan",
            "handover_snmp_host": UPLINKS[name][0] if from_core else "127.0.0.1",
            "handover_snmp_port": 161 if from_core else server.relay.port,
            "handover_snmp_user": WRITER,
            "handover_snmp_auth_key": KEYS[0],
            "handover_snmp_privacy_key": KEYS[1],
            "handover_snmp_timeout": 2,
            **wrong.get(name, {}),
        }
        for name, server in world.servers.items()
    }
    return {"all": {"children": {"first_hop_routers": {"hosts": hosts}}}}


def run(
    home: Path,
    world: World,
    playbook: Path,
    *words: str,
    wrong: Mapping[str, Any] = MappingProxyType({}),
    after_step: str = "",
    from_core: bool = False,
    **variables: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a playbook to its end; what else is given is as of :func:`inventory` and :mod:`tests.kernel.after_step`."""
    (home / "inventory.json").write_text(json.dumps(inventory(world, wrong, from_core)), encoding="utf-8")
    extra = json.dumps({"ansible_python_interpreter": sys.executable, **variables})
    inside = ["nsenter", "--target", str(world.spaces["core"].pid), "--net", "--"] if from_core else []
    command = [*inside, sys.executable, "-m", "ansible.cli.playbook", "-i", str(home / "inventory.json"), str(playbook)]
    environment = {
        **os.environ,
        **CALLBACKS,
        "SIPMOBILITY_AFTER_STEP": after_step,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
    }
    return subprocess.run(
        [*command, "-e", extra, *words], env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )


def record(directions: str) -> dict[str, Any]:
    """The handover of the call."""
    return {
        "aor": "sip:phone@example.com",
        "old": str(OLD),
        "new": str(NEW),
        "expires": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 900)),
        "scope": "address",
        "directions": directions,
        "correspondents": [str(PEER)],
    }


def test_a_live_session_moves_by_playbook(tmp_path: Path) -> None:
    with worlds(tmp_path, ra="snmp", rb="snmp", rc="snmp") as world, ExitStack() as stack:
        call = Call(world.spaces, stack)
        before = world.kernel()
        world.move()
        call.say(b"lost without us")
        asked = [record("forward")]
        words = ("-vvv", "--diff")
        done = run(tmp_path, world, ROOT / "playbooks" / "handover.yml", *words, handover_records=asked)
        assert done.returncode == 0, done.stdout + done.stderr
        assert call.hears(b"lost without us")
        assert "1.3.6.1.2.1.123.1.4.1.4.[wan]" in done.stdout  # the commands of a step are told
        assert not [key for key in KEYS if key in done.stdout + done.stderr]
        again = run(tmp_path, world, ROOT / "playbooks" / "handover.yml", handover_records=asked)
        assert again.returncode == 0, again.stdout + again.stderr
        done = run(tmp_path, world, ROOT / "playbooks" / "withdraw.yml", handover_withdraw=["all"])
        assert done.returncode == 0, done.stdout + done.stderr
        assert world.kernel() == before


def test_errors_name_router_step_and_cause(tmp_path: Path) -> None:
    with worlds(tmp_path, rb="snmp") as world:
        play = tmp_path / "play.yml"
        play.write_text(
            """
- hosts: first_hop_routers
  gather_facts: false
  tasks:
    - sipmobility.handover.router_state:
        state: merged
        config:
          - {type: route, destination: 198.51.100.7, via: 203.0.113.7, interface: lan, handover: 8d7ac21f98194017,
             epoch: 1, expires: '2036-11-24T05:00:30Z', directions: forward, flows: 1, ended: false}
      register: done
    - ansible.builtin.debug: {var: done}
    - sipmobility.handover.router_state: {state: gathered}
      vars: {handover_snmp_auth_key: wrong-passphrase}
      register: wrong
      ignore_errors: true
    - ansible.builtin.assert:
        that: ["wrong.code == 'login_refused'", "'rb' in wrong.subject"]
    - sipmobility.handover.router_state: {state: gathered}
      vars: {handover_snmp_community: public}
      register: plain
      ignore_errors: true
    - ansible.builtin.assert:
        that: ["plain.code == 'plain_snmp'"]
    - sipmobility.handover.router_state: {state: gathered}
      vars: {handover_snmp_community: public, handover_snmp_allow_v2c: true}
      register: allowed
    - ansible.builtin.assert:
        that: ["allowed.gathered == done.after"]
    - sipmobility.handover.connections_info: {addresses: [198.51.100.7]}
      register: connections
      ignore_errors: true
    - ansible.builtin.assert:
        that: ["connections.code == 'connections_unknown'"]
    - sipmobility.handover.router_prerequisites: {inside_interface: lan}
      register: prepared
    - ansible.builtin.assert:
        that: ["not prepared.changed", "prepared.before.handovers == 1", "'reconcile' in prepared.advice[0]"]
    - sipmobility.handover.router_prerequisites: {inside_interface: dsl0}
      register: misnamed
      ignore_errors: true
    - sipmobility.handover.router_prerequisites: {inside_interface: lan}
      vars: {handover_snmp_user: watcher}
      register: unprivileged
      ignore_errors: true
    - sipmobility.handover.router_prerequisites: {state: absent}
      register: standing
      ignore_errors: true
    - ansible.builtin.assert:
        that:
          - misnamed.code == 'no_such_interface'
          - unprivileged.code == 'no_privilege'
          - standing.code == 'handovers_stand'
    - sipmobility.handover.router_state: {state: overridden, config: []}
      register: gone
    - ansible.builtin.assert:
        that: ["gone.changed", "gone.after == []"]
""",
            encoding="utf-8",
        )
        done = run(tmp_path, world, play)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "whoever sees its packets can change it" in " ".join((done.stdout + done.stderr).split())
        assert "wrong-passphrase" not in done.stdout + done.stderr
