# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for sessions, from plain data and to it: what plan_handover and the command line share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..module_utils.mobility.connection import Connection, connection_from_record
from ..module_utils.mobility.records import session_to_record
from ..module_utils.mobility.recover import standing
from ..module_utils.mobility.router_state import RouterState
from ..module_utils.mobility.session_search import Evidence, Found
from ..module_utils.mobility.topology import Topology
from ..module_utils.sip.agreed import flow_from_record
from .files import read_json

__all__ = ["evidence_of", "found_to_record", "gathered_tables", "refused_to_record"]

#: Most sessions that are named as left out, for one handover; the others are counted.
_NAMED = 50


def evidence_of(
    tables: Mapping[str, Iterable[Connection]],
    silent: Mapping[str, str],
    flows: Iterable[object],
    current: Mapping[str, RouterState],
    topology: Topology,
) -> Evidence:
    """What is known of the sessions.

    :param silent: routers whose connections are not known, and why.
    :param flows: the flows of dialogs as registrations_info returns them.
    :param current: what the routers hold.
    :raises HandoverError: ``bad_record``.
    """
    return Evidence(
        {name: tuple(table) for name, table in tables.items()},
        dict(silent),
        tuple(flow_from_record(flow) for flow in flows),
        {handover.id: handover for handover in standing(current, topology=topology)},
    )


def gathered_tables(
    directory: str | None, routers: Iterable[str], silent: Mapping[str, str]
) -> tuple[dict[str, list[Connection]], dict[str, str]]:
    """Each router's connections as connections_info wrote them, and the routers that have none, with the reason.

    :raises HandoverError: ``unreadable_file``, ``bad_record``.
    """
    tables, missing = {}, dict(silent)
    for name in routers:
        path = None if directory is None else Path(directory) / f"{name}.json"
        if path is not None and name not in missing and path.exists():
            tables[name] = [connection_from_record(record) for record in read_json(path)]
        else:
            missing.setdefault(name, "they were not gathered")
    return tables, missing


def found_to_record(found: Found) -> dict[str, Any]:
    """What was found for one handover, without the sessions, which stand in the handover itself."""
    counts: dict[str, int] = {}
    for item in found.left_out:
        counts[item.code] = counts.get(item.code, 0) + 1
    sources: dict[str, int] = {}
    for session in found.handover.sessions if found.handover is not None else ():
        for source in session.sources:
            sources[source] = sources.get(source, 0) + 1
    return {
        "old": str(found.record.get("old")),
        "new": str(found.record.get("new")),
        "sources": dict(sorted(sources.items())),
        "left_out": [
            {"code": item.code, "reason": item.reason, "session": session_to_record(item.session)}
            for item in found.left_out[:_NAMED]
        ],
        "left_out_counts": dict(sorted(counts.items())),
        "notes": list(found.notes),
    }


def refused_to_record(found: Found) -> dict[str, Any] | None:
    """A handover that has no sessions, as a plan lists what it refused; None for one that is made."""
    if found.error is None:
        return None
    return {"handover": dict(found.record), "code": found.error.code, "reason": str(found.error)}
