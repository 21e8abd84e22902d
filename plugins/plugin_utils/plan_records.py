# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From plain data to a plan and back: what the filters and the command line share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..module_utils.errors import HandoverError
from ..module_utils.mobility.records import (
    handover_from_record,
    stages_to_records,
    state_from_records,
    state_to_records,
)
from ..module_utils.mobility.router_state import RouterState
from ..module_utils.mobility.session_search import Found
from ..module_utils.mobility.topology import Topology
from ..module_utils.planning import Planned, make_plan
from ..module_utils.topologies import described_topology
from .plan_files import summary

__all__ = ["plan_from_records", "plan_to_record", "states_from_record", "states_to_record", "topology_from_record"]

Record = Mapping[str, Any]


def plan_from_records(
    handovers: object, topology: Topology, current: object = None, widen: bool = False, freeze: bool = True
) -> Planned:
    """Plan the handovers of a list.

    :param current: each router's name and the entries that it holds; routers that are not named hold none.
    :param widen: and ``freeze``: as :func:`make_plan`.
    :raises HandoverError: naming the record's key that cannot be read.
    """
    if not isinstance(handovers, Iterable) or isinstance(handovers, (str, bytes, Mapping)):
        raise HandoverError("bad_record", handovers, "handovers are a list")
    wanted = [handover_from_record(record) for record in handovers]
    held = states_from_record({} if current is None else current, topology)
    return make_plan(wanted, topology, held, widen=widen, freeze=freeze)


def plan_to_record(planned: Planned, searched: Sequence[Found] = ()) -> dict[str, Any]:
    """A plan as plain data: the handovers with their epochs, those refused, and the stages with their steps.

    :param searched: what became of the handovers whose sessions were looked for.
    """
    return {**summary(planned, searched), "stages": stages_to_records(planned.stages)}


def topology_from_record(record: object) -> Topology:
    """The routers of a topology, from each one's name and its ``networks``, ``platform``, ``inside`` and ``outside``.

    :raises HandoverError: ``bad_topology``.
    """
    if not isinstance(record, Mapping) or not all(isinstance(router, Mapping) for router in record.values()):
        raise HandoverError(
            "bad_topology", record, "a topology is a mapping of router names to networks, platform, inside and outside"
        )
    return described_topology({str(name): router for name, router in record.items()})


def states_from_record(record: object, topology: Topology) -> dict[str, RouterState]:
    """What each router holds, by its name.

    :raises HandoverError: ``bad_record``; ``unknown_router`` for one that the topology does not have.
    """
    if not isinstance(record, Mapping):
        raise HandoverError("bad_record", record, "states are a mapping of router names to lists of entries")
    for name in record:
        if name not in topology.routers:
            raise HandoverError(
                "unknown_router", name, f"a router of the topology is one of {', '.join(sorted(topology.routers))}"
            )
    return {name: state_from_records(entries) for name, entries in record.items()}


def states_to_record(states: Mapping[str, RouterState]) -> dict[str, list[dict[str, Any]]]:
    """What each router holds as plain data, by its name."""
    return {name: state_to_records(state) for name, state in states.items()}
