# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routers of an Ansible inventory, read by Ansible and by hand alike; what would be ignored is refused."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.sipmobility.handover.agent.service.inventory import (
    VARIABLES,
    RouterEntry,
    read_inventory,
    routers_of,
)
from ansible_collections.sipmobility.handover.agent.service.login import Login
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology

RB: dict[str, Any] = {
    "ansible_host": "192.0.2.2",
    "ansible_ssh_common_args": "-o UserKnownHostsFile={{ (inventory_dir ~ '/known hosts') | quote }}"
    " -o StrictHostKeyChecking=yes -o ControlPersist=60s",
    "handover_networks": ["2.2.2.0/24"],
}


def written(path: Path, rb: dict[str, Any]) -> str:
    shared = {
        "ansible_user": "netops",
        "ansible_become": True,
        "site": "b",
        "ansible_ssh_private_key_file": "{{ inventory_dir }}/{{ site }}.key",
        "handover_inside_interface": "lan",
        "handover_outside_interface": "wan",
    }
    rc = {"ansible_connection": "local", "handover_networks": ["3.3.3.0/24"], "ansible_become": False}
    group = {"hosts": {"rb": rb}, "children": {"far": {"hosts": {"rc": rc}}}, "vars": shared}
    file = path / "inventory.yml"
    file.write_text(yaml.safe_dump({"all": {"children": {"first_hop_routers": group}}}), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("way", ["ansible", "by hand"])
def test_routers(tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "by hand":
        monkeypatch.setattr(shutil, "which", lambda _name: None)
        monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    path = written(tmp_path, RB)
    found = {router.name: router for router in routers_of(read_inventory(path), "first_hop_routers", path)}
    assert found["rb"].login == Login(
        "192.0.2.2", 22, "netops", f"{tmp_path}/b.key", None, f"{tmp_path}/known hosts", "root"
    )
    assert found["rb"].login.shell == "exec sudo -n -H -u root /bin/sh -s"
    assert (found["rc"].login.host, found["rc"].login.shell) == (None, "exec /bin/sh -s")
    topology = Topology.from_mapping({name: router.described for name, router in found.items()})
    assert {name: router.platform for name, router in topology.routers.items()} == {"rb": "nftables", "rc": "nftables"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ansible_ssh_common_args", "-o StrictHostKeyChecking=no"),
        ("ansible_ssh_extra_args", "-o ProxyCommand=nc"),
        ("ansible_connection", "ansible.netcommon.netconf"),
        ("ansible_become_method", "su"),
        ("handover_platform", "iosxr"),
        ("ansible_user", "{{ lookup('env', 'HOME') }}"),
        ("ansible_host", "{{ ansible_host }}"),
    ],
)
def test_what_would_be_ignored_is_refused(tmp_path: Path, variable: str, value: str) -> None:
    path = written(tmp_path, {**RB, variable: value})
    with pytest.raises(HandoverError) as refused:
        routers_of(read_inventory(path), "first_hop_routers", path)
    assert refused.value.code == "bad_inventory"
    assert refused.value.subject.startswith(f"rb: {variable}: ")


def test_a_group_that_is_not_there(tmp_path: Path) -> None:
    path = written(tmp_path, RB)
    with pytest.raises(HandoverError, match="bad_inventory"):
        routers_of(read_inventory(path), "routers", path)


def test_what_a_later_inventory_says_counts(tmp_path: Path) -> None:
    first = written(tmp_path, RB)
    second = tmp_path / "more.yml"
    second.write_text("all: {hosts: {rb: {handover_platform: iptables}}}\n", encoding="utf-8")
    found = routers_of(read_inventory(first, str(second)), "first_hop_routers", first)
    assert {router.platform.name for router in found if router.name == "rb"} == {"iptables"}


def _one(path: Path, **variables: Any) -> RouterEntry:
    file = written(path, {**RB, **variables})
    return next(router for router in routers_of(read_inventory(file), "first_hop_routers", file) if router.name == "rb")


@pytest.mark.parametrize(
    ("variables", "platform", "port"),
    [
        (
            {
                "ansible_network_os": "cisco.ios.ios",
                "ansible_connection": "ansible.netcommon.network_cli",
                "ansible_become_method": "enable",
                "ansible_become_password": "open",
            },
            "ios",
            22,
        ),
        ({"handover_platform": "ietf_netconf", "ansible_connection": "ansible.netcommon.netconf"}, "ietf_netconf", 830),
        ({"handover_platform": "ietf_netconf", "ansible_port": 2830}, "ietf_netconf", 2830),
        ({"handover_platform": "junos"}, "junos", 830),
        ({"handover_platform": "snmp", "ansible_connection": "local"}, "snmp", 22),
    ],
)
def test_a_platform_is_reached_as_by_playbooks(
    tmp_path: Path, variables: dict[str, Any], platform: str, port: int
) -> None:
    found = _one(tmp_path, **variables)
    assert (found.platform.name, found.login.host, found.login.port) == (platform, "192.0.2.2", port)
    assert found.login.become_password == variables.get("ansible_become_password")
    assert "open" not in repr(found)


@pytest.mark.parametrize(
    ("platform", "connection"),
    [
        ("ios", "ansible.netcommon.netconf"),
        ("ios", "local"),
        ("ietf_netconf", "ansible.netcommon.network_cli"),
        ("ietf_netconf", "ssh"),
        ("nftables", "ansible.netcommon.network_cli"),
    ],
)
def test_a_connection_that_does_not_lead_to_the_platform(tmp_path: Path, platform: str, connection: str) -> None:
    with pytest.raises(HandoverError) as refused:
        _one(tmp_path, handover_platform=platform, ansible_connection=connection)
    assert refused.value.subject == f"rb: ansible_connection: {connection.rpartition('.')[2]}"


def test_what_the_way_needs_is_taken_along(tmp_path: Path) -> None:
    more = {"handover_snmp_user": "{{ site }}-writer", "handover_ios_vrf": "red", "handover_foreign_sources": "yes"}
    found = _one(tmp_path, **more)
    assert (found.given["handover_snmp_user"], found.given["handover_ios_vrf"]) == ("b-writer", "red")
    assert found.described["foreign_sources"] is True


def test_the_role_hands_on_what_is_read() -> None:
    """All but what names files of the controller, which the role refuses or has its own for."""
    role = Path(__file__).parents[4] / "roles" / "handover_agent" / "vars" / "main.yml"
    handed = yaml.safe_load(role.read_text(encoding="utf-8"))["handover_agent_of_a_router"]
    assert set(VARIABLES) - set(handed) == {
        "ansible_netconf_ssh_config",
        "ansible_private_key_file",
        "ansible_ssh_private_key_file",
    }
    assert set(handed) <= set(VARIABLES)


def brought(**variables: str) -> dict[str, Any]:
    """An inventory whose source brought text: Ansible prints it with a sign."""
    rb = {
        "handover_networks": [{"__ansible_unsafe": "2.2.2.0/24"}],
        "handover_inside_interface": {"__ansible_unsafe": "lan"},
        "handover_outside_interface": "wan",
        "ansible_host": "{{ management }}",
        **{name: {"__ansible_unsafe": text} for name, text in variables.items()},
    }
    return {"first_hop_routers": {"hosts": ["rb"]}, "_meta": {"hostvars": {"rb": rb}}}


def test_text_that_a_source_brought_is_taken_as_it_stands() -> None:
    inventory = brought(management="192.0.2.2", comment="{{ lookup('pipe', 'id') }}")
    (rb,) = routers_of(inventory, "first_hop_routers", "netbox.yml")
    assert rb.login.host == "192.0.2.2"
    assert (rb.described["networks"], rb.described["inside"]) == (["2.2.2.0/24"], "lan")


@pytest.mark.parametrize("name", ["management", "ansible_host"])
def test_text_that_a_source_brought_is_no_template(name: str) -> None:
    """Neither where it stands itself, nor where another variable names it."""
    with pytest.raises(HandoverError, match="bad_inventory"):
        routers_of(brought(**{name: "{{ 1 + 1 }}"}), "first_hop_routers", "netbox.yml")
