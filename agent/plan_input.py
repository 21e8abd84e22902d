# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that ``plan`` and ``render`` make their plan of."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from ..plugins.module_utils.mobility.topology import Topology
from ..plugins.module_utils.planning import Planned
from ..plugins.plugin_utils.plan_records import plan_from_records, topology_from_record
from .data_file import DataFiles, load

__all__ = ["add_plan_arguments", "read_plan", "states_in"]


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


def read_plan(args: argparse.Namespace) -> tuple[Topology, Planned]:
    """The topology and the plan that the arguments ask for.

    :raises HandoverError: naming the file or the key that cannot be read.
    """
    topology = topology_from_record(load(args.topology))
    states = states_in(load(args.states)) if args.states is not None else {}
    return topology, plan_from_records(_under("handovers", load(args.handovers), list), topology, states)


def states_in(data: Any) -> Any:
    """Router states, by themselves or in what ``plan --json`` printed."""
    return _under("states", data, Mapping)


def _under(key: str, data: Any, kind: type) -> Any:
    if isinstance(data, Mapping) and isinstance(data.get(key), kind):
        return data[key]
    return data
