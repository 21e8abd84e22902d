# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring what routers hold and what the ledger wants together: at the start, when a router is back, now and then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...plugins.module_utils.mobility.records import handover_to_record
from ...plugins.module_utils.mobility.recover import Goal, recover
from ...plugins.module_utils.mobility.router_state import RouterState
from ...plugins.module_utils.mobility.topology import Topology
from .ledger import Owed, Status

__all__ = ["owing"]


def owing(
    owed: Iterable[Owed],
    states: Mapping[str, RouterState],
    topology: Topology,
    goal: Goal,
    now: float,
    busy: Iterable[str] = (),
) -> list[Mapping[str, Any]]:
    """The handovers to plan anew. What stands as it should is among them and leads to no step.

    :param owed: what the ledger says.
    :param states: what the routers hold, as far as they are there.
    :param goal: what becomes of a handover that is half-made and that the ledger does not know.
    :param now: Unix seconds; what has expired by then, and a router holds nevertheless, ends.
    :param busy: ids of those that are being worked on.
    """
    known = {item.id: item for item in owed}
    found: dict[str, Mapping[str, Any]] = {}
    halves = {finding.handover.id: finding.handover for finding in recover(states, topology, goal, now)}
    given_up = [identity for identity in halves if identity in known and known[identity].status is Status.REFUSED]
    if given_up:
        halves.update(
            {finding.handover.id: finding.handover for finding in recover(states, topology, Goal.UNDONE, now)}
        )
    for identity, item in known.items():
        if item.status is Status.REFUSED:
            continue
        # One that is over and of which the routers hold nothing needs no plan.
        if not item.record.get("ended") or item.status is not Status.DONE or identity in halves:
            found[identity] = item.record
    for identity, handover in halves.items():
        if identity not in found:
            found[identity] = handover_to_record(handover)
    skipped = frozenset(busy)
    return [record for identity, record in found.items() if identity not in skipped]
