# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where ``plan`` and ``render`` look for sessions: connection tables and SIP logs, as files."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..plugins.module_utils.errors import HandoverError
from ..plugins.module_utils.log_files import LogReader
from ..plugins.module_utils.mobility.connection import Connection
from ..plugins.module_utils.mobility.router_state import RouterState
from ..plugins.module_utils.mobility.session_search import Found, find_sessions
from ..plugins.module_utils.mobility.topology import Topology
from ..plugins.module_utils.platforms.conntrack import parse_connections
from ..plugins.module_utils.sip.agreed import AgreedFlow, flow_to_record
from ..plugins.module_utils.sip.dialog_message import DialogMessage
from ..plugins.module_utils.sip.dialogs import Dialogs
from ..plugins.plugin_utils.session_records import evidence_of
from .policy_file import load_policy

__all__ = ["add_session_arguments", "searched"]


def add_session_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that :func:`searched` reads."""
    parser.add_argument(
        "--sessions",
        choices=["given", "auto"],
        default="given",
        help="auto: merge what the handovers list, what the routers rewrite, --connections and --sip-log tell; "
        "default: %(default)s",
    )
    parser.add_argument(
        "--connections",
        action="append",
        default=[],
        metavar="ROUTER=FILE",
        help="what conntrack -L -o extended printed on a router; once for each router",
    )
    parser.add_argument(
        "--sip-log", action="append", default=[], metavar="FILE", help="a SIP server's log or capture with its dialogs"
    )
    parser.add_argument("--policy", metavar="FILE", help="YAML file of the rules, of which those for sessions count")


def searched(
    args: argparse.Namespace,
    records: Iterable[Mapping[str, Any]],
    topology: Topology,
    current: Mapping[str, RouterState],
) -> list[Found]:
    """The handovers with the sessions that somebody knows.

    :raises HandoverError: for a file or a record that cannot be read.
    """
    tables = dict(_table(text, topology) for text in args.connections)
    silent = {name: "no --connections" for name in topology.routers if name not in tables}
    flows = [flow_to_record(flow) for name in args.sip_log for flow in _flows(name)]
    evidence = evidence_of(tables, silent, flows, current, topology)
    policy = None if args.policy is None else load_policy(args.policy)
    return [find_sessions(record, topology, evidence, policy) for record in records]


def _table(argument: str, topology: Topology) -> tuple[str, list[Connection]]:
    name, equals, path = argument.partition("=")
    if not equals or name not in topology.routers:
        known = ", ".join(sorted(topology.routers))
        raise HandoverError("unknown_router", argument, f"connections are given as ROUTER=FILE, of {known}")
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise HandoverError(
            "unreadable_file", f"{path}: {error.strerror}", "a file that is named can be read"
        ) from error
    return name, parse_connections(lines)[0]


def _flows(path: str) -> list[AgreedFlow]:
    dialogs = Dialogs()
    try:
        for item in LogReader(path):
            if isinstance(item, DialogMessage):
                dialogs.take(item)
    except OSError as error:
        raise HandoverError(
            "unreadable_file", f"{path}: {error.strerror}", "a file that is named can be read"
        ) from error
    return dialogs.flows()
