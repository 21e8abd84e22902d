# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handovers are withdrawn by their ids or old addresses, however these are spelt; who names none hears of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import state_to_records
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan

from ..mobility.worlds import NETWORKS, TOPOLOGY, host, patent_handover

MOVE = patent_handover(
    id="phone1", old=host("ra", 6, 5), new=host("rb", 6, 5), sessions=(Session("tcp", 40000, host("rc", 6, 9), 7000),)
)
NAMES = {
    "spelt as on the routers": ["2001:db8:a::5"],
    "spelt otherwise": ["2001:0DB8:A:0::5"],
    "by its id": ["phone1"],
    "held by nobody": ["2001:DB8:A::6", "1.1.1.1", "gone"],
    "no name": ["the phone"],
}
PLAY = """
- hosts: first_hop_routers
  gather_facts: false
  connection: local
  tasks:
    - sipmobility.handover.plan_handover:
        withdraw: "{{ item.value }}"
        routers: "{{ ansible_play_hosts_all }}"
        states_dir: "{{ playbook_dir }}"
        dest: "{{ playbook_dir }}/plan"
      loop: "{{ names | dict2items }}"
      register: planned
      run_once: true
      ignore_errors: true
    - ansible.builtin.copy:
        content: "{{ planned.results | to_json }}"
        dest: "{{ playbook_dir }}/told.json"
        mode: "0644"
      run_once: true
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The module's results, by how the handover was named."""
    place = tmp_path_factory.mktemp("play")
    states = make_plan([MOVE], TOPOLOGY, {}).targets
    hosts = {
        name: {
            "handover_networks": list(networks),
            "handover_platform": "nftables",
            "handover_inside_interface": "lan",
            "handover_outside_interface": "wan",
            "ansible_python_interpreter": sys.executable,
        }
        for name, networks in NETWORKS.items()
    }
    for name in hosts:
        records = state_to_records(states[name]) if name in states else []
        (place / f"{name}.json").write_text(json.dumps(records), encoding="utf-8")
    inventory = {"all": {"children": {"first_hop_routers": {"hosts": hosts}}}}
    (place / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    (place / "play.yml").write_text(PLAY, encoding="utf-8")
    program = Path(sys.executable).with_name("ansible-playbook")
    command = [str(program), "-i", "inventory.yml", "-e", json.dumps({"names": NAMES}), "play.yml"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(zip(NAMES, json.loads((place / "told.json").read_text(encoding="utf-8")), strict=True))


@pytest.mark.parametrize("named", ["spelt as on the routers", "spelt otherwise", "by its id"])
def test_it_is_found(told: dict[str, Any], named: str) -> None:
    (ended,) = told[named]["handovers"]
    assert (ended["id"], ended["ended"], told[named]["notes"]) == ("phone1", True, [])


def test_a_name_that_no_router_holds_is_told_and_fails_nothing(told: dict[str, Any]) -> None:
    found = told["held by nobody"]
    assert not found.get("failed")
    assert found["stages"] == []
    assert [(note["handover"], note["code"]) for note in found["notes"]] == [
        (name, "not_held") for name in NAMES["held by nobody"]
    ]


def test_what_cannot_be_a_name_is_refused(told: dict[str, Any]) -> None:
    assert (told["no name"]["failed"], told["no name"]["code"]) == (True, "bad_withdrawal")
