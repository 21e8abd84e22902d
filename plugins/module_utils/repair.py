# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan that repairs what the routers hold in parts: each handover by the first of its ways that can be walked."""

from __future__ import annotations

from types import MappingProxyType
from typing import List, Mapping, Optional, Tuple

from .mobility.plan import DRAIN
from .mobility.recover import Finding, Goal, recover
from .mobility.router_state import RouterState
from .mobility.topology import Topology
from .planning import Planned, make_plan

__all__ = ["make_repair"]

#: Another way would not help: a router that is not heard may hold encoders for the decoders that it would take away.
_WHATEVER_THE_WAY = ("router_unreachable", "duplicate_handover")


def make_repair(
    current: Mapping[str, RouterState],
    topology: Topology,
    goal: Goal,
    unreachable: Mapping[str, str] = MappingProxyType({}),
    drain: float = DRAIN,
    freeze: bool = True,
    now: Optional[float] = None,
) -> Tuple[Planned, List[Finding]]:
    """Plan the repair of every handover that is neither whole nor gone.

    What cannot be completed is taken back, and the other way round, also where one that is whole would be refused for
    it; a handover is refused, and left as it is, where neither is possible. Parameters as for :func:`make_plan`.

    :param goal: which way is tried first.
    :param now: Unix seconds; as for :func:`recover`.
    :returns: the plan, and what was found of each handover and becomes of it.
    """
    findings = {finding.handover.id: finding for finding in recover(current, topology, goal, now)}
    while True:
        wanted = [one.handover for one in findings.values()]
        planned = make_plan(wanted, topology, current, unreachable, drain, freeze=freeze)
        refused = {item.handover.id: item for item in planned.refused if item.handover.id in findings}
        # One that was whole, and changes along, is not given up for the way of another one's repair.
        against = {
            identity: item
            for item in planned.refused
            if item.handover.id not in findings
            for identity, finding in findings.items()
            if finding.handover.old in item.handover.peers
        }
        turned = {
            identity: findings[identity].otherwise(item.reason)
            for identity, item in {**against, **refused}.items()
            if item.code not in _WHATEVER_THE_WAY and findings[identity].ways[1:]
        }
        if not turned:
            kept = {identity: findings[identity].kept(item.reason) for identity, item in refused.items()}
            return planned, list({**findings, **kept}.values())
        # One that has no way left is asked for again: what turns may clear it.
        findings.update(turned)
