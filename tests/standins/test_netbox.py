# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory of docs/netbox.md: NetBox's own plugin and Ansible's constructed, against a stand-in for NetBox."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology

from .conftest import BIN, BUILD, LIMIT_S, PEERS, ROOT
from .netbox import running

PAGE = (ROOT / "docs" / "netbox.md").read_text(encoding="utf-8")


def files() -> dict[str, str]:
    """The files that the page shows, by the name in their first line."""
    blocks = re.findall(r"^```yaml\n# inventory/(\S+)\n(.*?)^```$", PAGE, re.M | re.S)
    return dict(blocks)


def listed(place: Path, **changed: str) -> subprocess.CompletedProcess[str]:
    """What ansible-inventory makes of the page's files, where a word of them may be another one."""
    for name, text in files().items():
        for old, new in changed.items():
            text = text.replace(old.replace("_", "-"), new)
        (place / name).write_text(text, encoding="utf-8")
    with running() as address:
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": f"{BUILD / 'collections'}:{PEERS / 'collections'}",
            "ANSIBLE_HOME": str(place / "ansible"),
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
            "ANSIBLE_NOCOLOR": "true",
            "NETBOX_API": address,
            "NETBOX_TOKEN": "nobody-checks-it",
            "PYTHONPATH": "",
        }
        command = [str(BIN / "ansible-inventory"), "-i", str(place), "--list"]
        return subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=LIMIT_S, check=False, cwd=place
        )


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    assert sorted(files()) == ["10-netbox.yml", "20-handover.yml"]
    done = listed(tmp_path_factory.mktemp("inventory"))
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_each_prefix_goes_to_its_first_hop(inventory: dict[str, Any]) -> None:
    hosts = inventory["_meta"]["hostvars"]
    assert {
        name: variables["handover_networks"] for name, variables in hosts.items() if variables["handover_networks"]
    } == {
        "rb-1": ["203.0.113.0/25", "2001:db8:b::/64"],
        "rb-2": ["203.0.113.128/25"],
        "rc-1": ["198.51.100.0/24"],
    }
    assert set(inventory["first_hop_routers"]["hosts"]) >= {"rb-1", "rb-2", "rc-1"}


def test_what_comes_out_is_what_plans_are_made_with(inventory: dict[str, Any]) -> None:
    hosts = {name: inventory["_meta"]["hostvars"][name] for name in ("rb-1", "rb-2", "rc-1")}
    topology = Topology.from_mapping(hosts)
    assert {name: router.platform for name, router in topology.routers.items()} == {
        "rb-1": "nftables",
        "rb-2": "iptables",
        "rc-1": "nftables",
    }
    assert {(router.inside, router.outside) for router in topology.routers.values()} == {("eth1", "eth0")}
    assert hosts["rb-1"]["ansible_host"] == "198.18.102.2"


def test_a_router_without_a_tag_is_not_left_out_in_silence(tmp_path: Path) -> None:
    done = listed(tmp_path, handover_inside="no-such-tag")
    assert done.returncode != 0
    assert "handover_inside_interface" in done.stdout + done.stderr
