# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of docs/start.md, as they stand there, in one go: from bare routers to a handover and back."""

from __future__ import annotations

from pathlib import Path

import yaml

from ansible_collections.sipmobility.handover.agent.policy_file import load_policy

from .jobs import NETWORKS, blocks, commands, runner_in

PAGE = "start.md"


def test_ten_minutes(tmp_path: Path) -> None:
    prepare, move, look = blocks(PAGE, "sh")
    with runner_in(tmp_path) as runner:
        # A namespace has no systemd.
        prepared = runner.sh(prepare.replace("handover.site", "handover.site -e first_hop_router_persistence=none"))
        assert prepared.returncode == 0, prepared.stdout + prepared.stderr
        moved = runner.sh(move)
        assert moved.returncode == 0, moved.stdout + moved.stderr
        held = {name: router.shell("nft list ruleset").stdout for name, router in runner.routers.items()}
        assert {name for name, text in held.items() if "1.1.1.20" in text} == {"rb", "rc"}
        # The audit of docs/operations.md; there the inventory is a directory.
        (runner.place / "inventory").symlink_to("inventory.yml")
        audit = runner.sh(commands("operations.md", 0))
        assert audit.returncode == 0, audit.stdout + audit.stderr
        assert "changed=0" in audit.stdout.partition("PLAY RECAP")[2]
        back = runner.sh(look)
        assert back.returncode == 0, back.stdout + back.stderr
        assert not [name for name, one in runner.routers.items() if "1.1.1.20" in one.shell("nft list ruleset").stdout]


def test_the_pages_policy_is_one(tmp_path: Path) -> None:
    (text,) = [block for block in blocks(PAGE, "yaml") if block.startswith("# policy.yml")]
    (tmp_path / "policy.yml").write_text(text, encoding="utf-8")
    assert set(load_policy(str(tmp_path / "policy.yml")).managed_networks) == {"berlin", "munich"}


def test_the_pages_inventory_is_one() -> None:
    (text,) = [block for block in blocks(PAGE, "yaml") if block.startswith("# inventory.yml")]
    group = yaml.safe_load(text)["all"]["children"]["first_hop_routers"]
    assert {name: host["handover_networks"] for name, host in group["hosts"].items()} == {
        name: [f"{network}.0/24"] for name, network in NETWORKS.items()
    }
    assert {"handover_inside_interface", "handover_outside_interface"} <= set(group["vars"])
