# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether routers and ledger agree: nothing is held that the ledger does not want, nothing is missing, and no half."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import RouterState, same_state
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_from_record
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import Goal, recover
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.target import target_states

from ..internetwork import TOPOLOGY
from ..moving import Journey
from .place import states

__all__ = ["agreed", "disagreement", "owed"]

#: Seconds within which all must be well again after anything that may happen.
WITHIN = 45.0


def owed(state_dir: Path) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """What the ledger of a service says: by handover its status, and its record."""
    db = sqlite3.connect(f"file:{state_dir}/ledger.sqlite?mode=ro", uri=True, timeout=10)
    try:
        rows = db.execute("SELECT id, status, record FROM handovers").fetchall()
    finally:
        db.close()
    return {identity: (status, json.loads(record)) for identity, status, record in rows}


def disagreement(network: Journey, state_dir: Path) -> str:
    """What is not as the ledger says; empty where all is."""
    held = states(network)
    halves = [finding.reason for finding in recover(held, TOPOLOGY, Goal.DONE)]
    if halves:
        return f"half done: {halves}"
    ledger = owed(state_dir)
    unsettled = [identity for identity, (status, _record) in ledger.items() if status not in ("done", "refused")]
    if unsettled:
        return f"not settled: {unsettled}"
    orphans = {entry.stamp.handover for state in held.values() for entry in state} - set(ledger)
    if orphans:
        return f"orphans: {orphans}"
    now = time.time()
    standing = [handover_from_record(record) for status, record in ledger.values() if status == "done"]
    wanted = [handover for handover in standing if not handover.over and handover.expires > now]
    empty = {name: RouterState() for name in held}
    expected, refused = target_states(empty, wanted, TOPOLOGY)
    assert not refused
    for name, state in held.items():
        if not same_state(expected[name].live(now), state.live(now)):
            return f"{name} holds {list(state)}, and not {list(expected[name])}"
    return ""


def agreed(network: Journey, state_dir: Path, what: str) -> float:
    """Wait until routers and ledger agree; how long that took, which is printed."""
    begun = time.monotonic()
    while True:
        wrong = disagreement(network, state_dir)
        took = time.monotonic() - begun
        if not wrong:
            print(f"{what}: routers and ledger agree after {took:.1f} s")
            return took
        assert took < WITHIN, f"{what}: {wrong}"
        time.sleep(0.1)
