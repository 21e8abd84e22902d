# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routers that are only written, by the real role and modules: text in files, and a refusal of everything else."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_to_record

from ..mobility.worlds import NETWORKS, patent_handover

PLAY = """
- hosts: first_hop_routers
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: sipmobility.handover.first_hop_router
      vars:
        first_hop_router_render_only: true
        first_hop_router_render_dir: "{{ playbook_dir }}/out"
        first_hop_router_handovers: "{{ moves }}"
- hosts: rb
  gather_facts: false
  tasks:
    - sipmobility.handover.apply_step:
        src: "{{ playbook_dir }}/out/.plan"
        stage: 0
      register: step
      ignore_errors: true
    - sipmobility.handover.router_state:
        state: gathered
      register: gathered
      ignore_errors: true
    - sipmobility.handover.router_prerequisites:
        inside_interface: "{{ handover_inside_interface }}"
      register: prepared
      ignore_errors: true
    - ansible.builtin.copy:
        content: "{{ [step.code, gathered.code, prepared.code] | to_json }}"
        dest: "{{ playbook_dir }}/codes.json"
        mode: "0644"
      delegate_to: localhost
"""
PLATFORMS = {"ra": "nftables", "rb": "vyos", "rc": "routeros"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the text of the patent's call is, between a VyOS and a RouterOS router that do not exist."""
    place = tmp_path_factory.mktemp("written")
    hosts = {
        name: {
            # Nobody listens there: rendering must not even try.
            "ansible_host": "127.0.0.1",
            "ansible_port": 9,
            "ansible_python_interpreter": sys.executable,
            "handover_networks": [NETWORKS[name][0]],
            "handover_platform": platform,
            "handover_inside_interface": "eth1",
            "handover_outside_interface": "eth0",
        }
        for name, platform in PLATFORMS.items()
    }
    inventory = {"all": {"children": {"first_hop_routers": {"hosts": hosts}}}}
    (place / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    (place / "play.yml").write_text(PLAY, encoding="utf-8")
    moves = [handover_to_record(patent_handover(expires=int(time.time()) + 600))]
    (place / "variables.json").write_text(json.dumps({"moves": moves}), encoding="utf-8")
    program = Path(sys.executable).with_name("ansible-playbook")
    command = [str(program), "-i", "inventory.yml", "-e", "@variables.json", "play.yml"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return place


def test_every_step_and_its_withdrawal_are_files(place: Path) -> None:
    for name, suffix in (("rb", "cfg"), ("rc", "rsc")):
        found = {path.name for path in (place / "out" / name).iterdir()}
        phases = [one.partition("-")[2] for one in sorted(found) if one[0].isdigit()]
        assert phases == [f"{phase}.{suffix}" for phase in ("freeze", "joint", "thaw")], found
        assert any(one.startswith("withdraw-") and one.endswith(f".{suffix}") for one in found)
        assert (place / "out" / name / "files" / f"prerequisites.{suffix}").exists()
    joint = next((place / "out" / "rb").glob("[0-9]*-joint.cfg")).read_text(encoding="utf-8")
    assert joint.startswith("# Text for VyOS 1.5, not tried on it")
    assert "inbound-interface name 'eth0'" in joint
    assert "set protocols static route 1.1.1.1/32 next-hop 2.2.2.2 interface 'eth1'" in joint


def test_whatever_would_need_the_router_is_refused(place: Path) -> None:
    assert json.loads((place / "codes.json").read_text(encoding="utf-8")) == ["render_only"] * 3
