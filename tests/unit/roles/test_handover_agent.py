# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role handover_agent makes of the inventory's logins, played by Ansible and read by the service."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.sipmobility.handover.agent.service.inventory import RouterEntry, read_inventory, routers_of
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError

ROLE = Path(__file__).resolve().parents[3] / "roles" / "handover_agent"
PLAY = f"""
- hosts: server
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: sipmobility.handover.handover_agent
        tasks_from: logins.yml
        public: true
    - ansible.builtin.template:
        src: {ROLE}/templates/inventory.yml.j2
        dest: "{{{{ playbook_dir }}}}/told.yml"
        mode: "0600"
"""
KEYS = {"handover_agent_private_key": "a key", "handover_agent_known_hosts": "192.0.2.2 ssh-ed25519 AAAA"}
ROUTER = {
    "ansible_host": "192.0.2.2",
    "ansible_user": "netops",
    "handover_networks": ["2.2.2.0/24"],
    "handover_inside_interface": "lan",
    "handover_outside_interface": "wan",
}
OF_THE_CONTROLLER = "-o UserKnownHostsFile=/home/me/known_hosts -o StrictHostKeyChecking=yes"


def played(place: Path, router: dict[str, Any], **variables: Any) -> str:
    """What Ansible said, beginning with its exit status, of one router and variables of the role."""
    router = {"ansible_python_interpreter": sys.executable, **ROUTER, **router}
    children = {
        "first_hop_routers": {"hosts": {"rb": router}},
        "sip_servers": {"hosts": {"server": {"ansible_python_interpreter": sys.executable}}},
    }
    (place / "inventory.yml").write_text(yaml.safe_dump({"all": {"children": children}}), encoding="utf-8")
    (place / "play.yml").write_text(PLAY, encoding="utf-8")
    (place / "variables.yml").write_text(yaml.safe_dump(variables), encoding="utf-8")
    program = Path(sys.executable).with_name("ansible-playbook")
    command = [str(program), "-i", "inventory.yml", "-e", "@variables.yml", "play.yml"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, timeout=120)
    return f"{done.returncode} {' '.join((done.stdout + done.stderr).split())}"


def told(place: Path) -> RouterEntry:
    """The router as the service reads it."""
    path = str(place / "told.yml")
    (router,) = routers_of(read_inventory(path), "first_hop_routers", path)
    return router


def test_the_services_own_files_count_and_not_the_controllers(tmp_path: Path) -> None:
    files = {"ansible_ssh_private_key_file": "~/.ssh/id", "ansible_ssh_common_args": OF_THE_CONTROLLER}
    said = played(tmp_path, files, **KEYS)
    assert said.startswith("0 "), said
    login = told(tmp_path).login
    assert (login.key_file, login.known_hosts) == ("/etc/sip-handover/id_router", "/etc/sip-handover/known_hosts")


def test_a_file_that_the_settings_name_counts(tmp_path: Path) -> None:
    settings = {"ssh": {"known_hosts": "/etc/ssh/ssh_known_hosts"}}
    router = {"ansible_ssh_common_args": OF_THE_CONTROLLER, "ansible_password": "kept"}
    said = played(tmp_path, router, handover_agent_settings=settings)
    assert said.startswith("0 "), said
    assert told(tmp_path).login.known_hosts == "/etc/ssh/ssh_known_hosts"


@pytest.mark.parametrize("variable", ["ansible_ssh_common_args", "ansible_ssh_extra_args"])
def test_a_jump_host_is_the_services_to_refuse(tmp_path: Path, variable: str) -> None:
    said = played(tmp_path, {variable: "-o ProxyJump=jump.example.net"}, **KEYS)
    assert said.startswith("0 "), said
    with pytest.raises(HandoverError, match=f"rb: {variable}: ProxyJump"):
        told(tmp_path)


@pytest.mark.parametrize(
    ("router", "variables", "complaint"),
    [
        ({}, {**KEYS, "handover_agent_known_hosts": ""}, "rb is reached by SSH, and handover_agent_known_hosts has no"),
        (
            {"ansible_private_key_file": "~/.ssh/id"},
            {**KEYS, "handover_agent_private_key": ""},
            "rb: ansible_private_key_file: a file of the controller; give the service a key by handover_agent_private",
        ),
        ({"ansible_netconf_ssh_config": "~/.ssh/config"}, KEYS, "rb: ansible_netconf_ssh_config: a file of the contr"),
    ],
    ids=["host key", "key", "configuration"],
)
def test_what_would_never_get_in_is_refused(
    tmp_path: Path, router: dict[str, Any], variables: dict[str, Any], complaint: str
) -> None:
    said = played(tmp_path, router, **variables)
    assert said.startswith("2 "), said
    assert complaint in said


@pytest.mark.parametrize(
    "router",
    [
        {"ansible_connection": "ansible.builtin.local"},
        {"handover_platform": "snmp", "handover_snmp_user": "netops"},
        {"handover_platform": "ios", "handover_transport": "snmp_config_copy"},
    ],
    ids=["this machine", "snmp", "copied configuration"],
)
def test_who_is_not_reached_by_ssh_needs_no_host_key(tmp_path: Path, router: dict[str, Any]) -> None:
    said = played(tmp_path, {**router, "ansible_private_key_file": "~/.ssh/id"})
    assert said.startswith("0 "), said
