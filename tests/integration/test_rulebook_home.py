# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real ansible-rulebook has our source ask a real home server over TLS. It needs no router."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from ..rulebooks import rulebook
from ..unit.asking.home_server import HomeServer, policy_text, world_of_today
from .operator import ROOT

_PATIENCE_S = 90


def test_the_home_servers_word_reaches_the_rules(tmp_path: Path) -> None:
    at_home, abroad = world_of_today(60), world_of_today(2)
    at_home.register("alice", "1.1.1.20")
    abroad.register("alice", "2.2.2.20", "1.1.1.20")
    abroad.register("mallory", "2.2.2.21", "1.1.1.20")
    place = tmp_path / "home"
    place.mkdir()
    (tmp_path / "log").write_bytes(abroad.log)
    text = policy_text(correspondents=["3.3.3.20"], home_timeout_seconds=30, max_age_seconds=0)
    (tmp_path / "policy.yml").write_text(text, encoding="utf-8")
    with closing(HomeServer(place, at_home.log)) as server:
        told = {
            "handover_events": [{"log": str(tmp_path / "log")}],
            "handover_policy_file": str(tmp_path / "policy.yml"),
            "handover_state_dir": str(tmp_path / "state"),
            "handover_scope": "address",
            "handover_home": asdict(server.access()),
        }
        with rulebook("audit", tmp_path, ROOT / "lab" / "inventory", told) as running:
            running.await_(
                "word of both", lambda: "'2.2.2.20'" in running.output and "home_denied" in running.output, _PATIENCE_S
            )
            assert "'2.2.2.21'" not in running.output
