# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/event-driven.md says of sessions that are looked for, by the real rule engine and routers of our own."""

from __future__ import annotations

from pathlib import Path

from ..rulebooks import rulebook
from .jobs import runner_in

POLICY = {
    "managed_networks": {"berlin": ["1.1.1.0/24"], "munich": ["2.2.2.0/24"]},
    "require_secure_transport": False,
    "correspondents": ["3.3.3.20"],
    "widen_unknown_sessions": True,
}


def test_sessions_are_looked_for_by_the_policy_of_the_rulebook(tmp_path: Path) -> None:
    """Nobody knows a session, and the policy lets the scope be widened: without it the move would be refused."""
    with runner_in(tmp_path) as runner:
        done = runner.sh(
            "ansible-playbook -i inventory.yml sipmobility.handover.site -e first_hop_router_persistence=none"
        )
        assert done.returncode == 0, done.stdout + done.stderr
        runner.write("policy.yml", POLICY)
        (tmp_path / "registrations.jsonl").touch()
        told = {
            "handover_events": [{"log": str(tmp_path / "registrations.jsonl")}],
            "handover_policy_file": str(tmp_path / "policy.yml"),
            "handover_state_dir": str(tmp_path / "eda"),
            "handover_sessions": "auto",
        }
        with rulebook("handover", tmp_path, tmp_path / "inventory.yml", told) as running:
            runner.moves("alice", "1.1.1.20", "2.2.2.20")
            running.await_recaps(1, 120)
            said = running.output
        held = runner.routers["rb"].shell("nft list ruleset").stdout
        assert "1.1.1.20" in held, said
        assert "scope correspondent for" in said
