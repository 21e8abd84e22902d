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

from ansible_collections.sipmobility.handover.agent.service.inventory import RouterEntry, routers_of
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology

from .conftest import LIMIT_S
from .netbox import running
from .started import BIN, BUILD, PEERS, ROOT

PAGE = (ROOT / "docs" / "netbox.md").read_text(encoding="utf-8")


def files() -> dict[str, str]:
    """The files that the page shows, by the name in their first line."""
    blocks = re.findall(r"^```yaml\n# inventory/(\S+)\n(.*?)^```$", PAGE, re.M | re.S)
    return dict(blocks)


def listed(place: Path, **changed: str) -> subprocess.CompletedProcess[str]:
    """What ansible-inventory makes of the page's files, where a word of them may be another one."""
    (place / "inventory").mkdir()
    for name, text in files().items():
        for old, new in changed.items():
            text = text.replace(old.replace("_", "-"), new)
        (place / "inventory" / name).write_text(text, encoding="utf-8")
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
        command = [str(BIN / "ansible-inventory"), "-i", "inventory", "--list"]
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


@pytest.fixture(scope="module")
def routers(inventory: dict[str, Any]) -> dict[str, RouterEntry]:
    """What the service makes of it."""
    return {router.name: router for router in routers_of(inventory, "first_hop_routers", "inventory")}


def test_each_prefix_goes_to_its_first_hop(routers: dict[str, RouterEntry]) -> None:
    topology = Topology.from_mapping({name: router.described for name, router in routers.items()})
    assert {name: list(map(str, router.networks)) for name, router in topology.routers.items()} == {
        "rb-1": ["203.0.113.0/25", "2001:db8:b::/64"],
        "rb-2": ["203.0.113.128/25"],
        "rc-1": ["198.51.100.0/24"],
    }


def test_platform_interfaces_and_login_come_along(routers: dict[str, RouterEntry]) -> None:
    told = {name: (router.described["platform"], router.login.host) for name, router in routers.items()}
    assert told == {
        "rb-1": ("nftables", "198.18.102.2"),
        "rb-2": ("iptables", "198.18.102.3"),
        "rc-1": ("nftables", "198.18.103.2"),
    }
    ends = {(router.described["inside"], router.described["outside"]) for router in routers.values()}
    assert ends == {("eth1", "eth0")}


def test_a_router_without_a_tag_is_not_left_out_in_silence(tmp_path: Path) -> None:
    done = listed(tmp_path, handover_inside="no-such-tag")
    assert done.returncode != 0
    assert "handover_inside_interface" in done.stdout + done.stderr
