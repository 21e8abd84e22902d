# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that ``plan`` and ``render`` make their plan of."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..plugins.module_utils.mobility.session_search import Found
from ..plugins.module_utils.mobility.topology import Topology
from ..plugins.module_utils.planning import Planned, make_plan
from ..plugins.module_utils.reader import items
from ..plugins.plugin_utils.plan_records import plan_from_records, states_from_record, topology_from_record
from .data_file import DataFiles, load
from .session_input import add_session_arguments, searched

__all__ = ["PlanInput", "add_plan_arguments", "read_plan", "states_in"]


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that :func:`read_plan` reads."""
    files = DataFiles()
    parser.add_argument(
        "--topology",
        required=True,
        type=files,
        metavar="FILE",
        help="YAML or JSON: each router's name and its networks, platform, inside and outside; - is standard input",
    )
    parser.add_argument(
        "--from",
        dest="states",
        type=files,
        metavar="STATES",
        help="what the routers hold now, by name, as plan --json and router_state tell it; default: nothing",
    )
    parser.add_argument(
        "--to",
        dest="handovers",
        required=True,
        type=files,
        metavar="HANDOVERS",
        help="the list of handovers to carry out; one with ended: true is taken away",
    )
    parser.add_argument("--fail-on-refused", action="store_true", help="exit 3 when a handover was refused")
    parser.add_argument(
        "--widen",
        action="store_true",
        help="where routers cannot express what is asked, plan what all of them can, and say what was given up",
    )
    parser.add_argument(
        "--no-freeze",
        action="store_true",
        help="refuse handovers whose flows would be dropped for a moment while routers change",
    )
    add_session_arguments(parser)


class PlanInput(NamedTuple):
    """What the arguments ask for.

    :ivar searched: what became of the handovers whose sessions were looked for; empty where none were.
    """

    topology: Topology
    planned: Planned
    searched: list[Found]

    @property
    def refused(self) -> list[tuple[str, str, str]]:
        """What was left out: the handover's id, or its old address where no sessions were found; code and reason."""
        late = [(item.handover.id, item.code, item.reason) for item in self.planned.refused]
        early = [(one, one.error) for one in self.searched]
        return late + [
            (str(one.record.get("old")), error.code, str(error)) for one, error in early if error is not None
        ]


def read_plan(args: argparse.Namespace) -> PlanInput:
    """The topology and the plan that the arguments ask for.

    :raises HandoverError: naming the file or the key that cannot be read.
    """
    topology = topology_from_record(load(args.topology))
    states = states_in(load(args.states)) if args.states is not None else {}
    records = _under("handovers", load(args.handovers), list)
    if args.sessions == "given":
        return PlanInput(topology, plan_from_records(records, topology, states, args.widen, not args.no_freeze), [])
    current = states_from_record(states, topology)
    found = searched(args, items(records), topology, current)
    wanted = [one.handover for one in found if one.handover is not None]
    return PlanInput(topology, make_plan(wanted, topology, current, widen=args.widen, freeze=not args.no_freeze), found)


def states_in(data: Any) -> Any:
    """Router states, by themselves or in what ``plan --json`` printed."""
    return _under("states", data, Mapping)


def _under(key: str, data: Any, kind: type) -> Any:
    if isinstance(data, Mapping) and isinstance(data.get(key), kind):
        return data[key]
    return data
