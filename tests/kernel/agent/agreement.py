# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether routers and ledger agree: nothing is held that the ledger does not want, nothing is missing, and no half."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_from_record
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import Goal, recover
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState, same_state
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.target import target_states

from ..internetwork import TOPOLOGY
from ..moving import Journey
from .place import states

__all__ = ["WITHIN", "Owed", "agreed", "disagreement", "owed"]

#: By handover its status, and its record.
Owed = dict[str, tuple[str, Mapping[str, Any]]]

#: Seconds within which all must be well again after anything that may happen.
WITHIN = 45.0


def owed(state_dir: Path) -> Owed:
    """What the ledger of a service says: by handover its status, and its record."""
    db = sqlite3.connect(f"file:{state_dir}/ledger.sqlite?mode=ro", uri=True, timeout=10)
    try:
        rows = db.execute("SELECT id, status, record FROM handovers").fetchall()
    finally:
        db.close()
    return {identity: (status, json.loads(record)) for identity, status, record in rows}


def disagreement(network: Journey, ledger: Owed) -> str:
    """What is not as the ledger says; empty where all is."""
    held = states(network)
    halves = [finding.reason for finding in recover(held, TOPOLOGY, Goal.DONE)]
    if halves:
        return f"half done: {halves}"
    unsettled = [identity for identity, (status, _record) in ledger.items() if status not in ("done", "refused")]
    if unsettled:
        return f"not settled: {unsettled}"
    orphans = {entry.stamp.handover for state in held.values() for entry in state} - set(ledger)
    if orphans:
        return f"orphans: {orphans}"
    now = time.time()
    standing = [handover_from_record(record) for status, record in ledger.values() if status == "done"]
    wanted = [handover for handover in standing if not handover.over and handover.expires > now]
    expected, refused = target_states(held, wanted, TOPOLOGY)
    assert not refused
    for name, state in held.items():
        if not same_state(_of_one_epoch(expected[name].live(now)), _of_one_epoch(state.live(now))):
            return f"{name} holds {list(state)}, and not {list(expected[name])}"
    return ""


def _of_one_epoch(state: RouterState) -> RouterState:
    """How often a handover was changed is known to routers alone."""
    return RouterState(replace(entry, stamp=replace(entry.stamp, epoch=1)) for entry in state)


def agreed(network: Journey, ledger: Path | Callable[[], Owed], what: str) -> float:
    """Wait until routers and ledger agree; how long that took, which is printed.

    :param ledger: the directory of a service, or what tells the ledger of several.
    """
    begun = time.monotonic()
    while True:
        wrong = disagreement(network, owed(ledger) if isinstance(ledger, Path) else ledger())
        took = time.monotonic() - begun
        if not wrong:
            print(f"{what}: routers and ledger agree after {took:.1f} s")
            return took
        assert took < WITHIN, f"{what}: {wrong}"
        time.sleep(0.1)
