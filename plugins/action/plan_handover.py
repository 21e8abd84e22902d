# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of plan_handover: one plan for all routers, made on the controller."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.costs import Note
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import (
    handover_from_record,
    handover_to_record,
    state_from_records,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import Goal, standing
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.registration_policy import Policy
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.session_search import Found, find_sessions
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import in_turn, make_plan
from ansible_collections.sipmobility.handover.plugins.module_utils.repair import make_repair
from ansible_collections.sipmobility.handover.plugins.module_utils.topologies import described_topology
from ansible_collections.sipmobility.handover.plugins.plugin_utils.action import BULK, HandoverAction
from ansible_collections.sipmobility.handover.plugins.plugin_utils.beside import beside
from ansible_collections.sipmobility.handover.plugins.plugin_utils.files import read_json, write_json
from ansible_collections.sipmobility.handover.plugins.plugin_utils.plan_files import (
    note_generation,
    read_generation,
    write_plan,
)
from ansible_collections.sipmobility.handover.plugins.plugin_utils.session_records import evidence_of, gathered_tables

ARGUMENTS: dict[str, Any] = {
    "handovers": {"type": "list", "elements": "dict"},
    "src": {"type": "path"},
    "withdraw": {"type": "list", "elements": "str"},
    "recover": {"type": "str", "choices": ["done", "undone"]},
    "routers": {"type": "list", "elements": "str", "required": True},
    "states_dir": {"type": "path"},
    "unreachable": {"type": "dict", "default": {}},
    "sessions": {"type": "str", "choices": ["given", "auto"], "default": "given"},
    "connections_dir": {"type": "path"},
    "connections_unknown": {"type": "dict", "default": {}},
    "dialogs": {"type": "list", "elements": "dict", "default": []},
    "policy": {"type": "dict"},
    "drain": {"type": "float", "default": 2.0},
    "widen": {"type": "bool", "default": False},
    "freeze": {"type": "bool", "default": True},
    "dest": {"type": "path", "required": True},
    "details": {"type": "bool", "default": True},
    "handovers_dest": {"type": "path"},
}


#: Handovers from which another process is worth its start.
_MANY = 1000


class ActionModule(HandoverAction):
    """Plans handovers, withdrawals or repairs, and writes the plan into a directory."""

    ARGUMENTS = ARGUMENTS
    RULES = {  # noqa: RUF012 - read by Ansible
        "mutually_exclusive": [["handovers", "src", "withdraw", "recover"]],
        "required_one_of": [["handovers", "src", "withdraw", "recover"]],
    }

    def work(self, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        topology = described_topology({name: self.templated(task_vars, name) for name in options["routers"]})
        unreachable = {name: str(reason) for name, reason in options["unreachable"].items()}
        current = _gathered(options["states_dir"], options["routers"], unreachable)
        findings: list[str] = []
        searched: list[Found] = []
        unheld: list[Note] = []
        if options["recover"]:
            goal, now = Goal(options["recover"]), time.time()
            planned, found = make_repair(
                current, topology, goal, unreachable, options["drain"], freeze=options["freeze"], now=now
            )
            findings = [finding.reason for finding in found]
        else:
            if options["withdraw"] is None:
                wanted, searched = _wanted(options, current, topology)
            else:
                wanted, unheld = _withdrawn(options["withdraw"], current, topology)
            planned = make_plan(
                wanted,
                topology,
                current,
                unreachable,
                options["drain"],
                options["widen"],
                options["freeze"],
                beside if len(wanted) > _MANY else in_turn,
            )
            planned = replace(planned, notes=(*planned.notes, *unheld))
        told = write_plan(
            planned,
            options["dest"],
            searched,
            options["details"],
            beside if len(planned.handovers) > _MANY else in_turn,
        )
        for name in options["routers"] if options["states_dir"] else ():
            generation, _stage = read_generation(options["states_dir"], name)
            if generation and name not in unreachable:
                note_generation(options["dest"], name, generation)
        result = {
            "changed": False,
            "dest": options["dest"],
            "stages": told["stages"],
            "refused": told["refused"],
            "notes": told["notes"],
            "findings": findings,
            "handovers_count": len(planned.handovers),
            "unreachable_routers": sorted(unreachable),
        }
        few = len(planned.handovers) <= BULK
        if few or options["handovers_dest"]:
            records = [handover_to_record(handover) for handover in planned.handovers]
            if few:
                result["handovers"] = records
            if options["handovers_dest"]:
                write_json(options["handovers_dest"], records)
                result["handovers_dest"] = options["handovers_dest"]
        if len(searched) <= BULK:
            result["sessions"] = told.get("sessions", [])
        return result


def _gathered(directory: str | None, routers: list[str], unreachable: dict[str, str]) -> dict[str, RouterState]:
    """What each router holds; one without a file was not reached."""
    if directory is None:
        return {name: RouterState() for name in routers}
    held = {}
    for name in routers:
        path = Path(directory) / f"{name}.json"
        if name not in unreachable and path.exists():
            held[name] = state_from_records(read_json(path))
        else:
            unreachable.setdefault(name, "its state was not gathered")
    return held


def _wanted(
    options: Mapping[str, Any], current: Mapping[str, RouterState], topology: Topology
) -> tuple[list[Handover], list[Found]]:
    """The handovers to plan, and what was found where sessions were looked for."""
    records = options["handovers"] if options["src"] is None else read_json(options["src"])
    if options["sessions"] == "given":
        return [handover_from_record(record) for record in records], []
    searched = _searched(records, options, current, topology)
    return [found.handover for found in searched if found.handover is not None], searched


def _searched(
    records: Iterable[Mapping[str, Any]],
    options: Mapping[str, Any],
    current: Mapping[str, RouterState],
    topology: Topology,
) -> list[Found]:
    """The handovers with the sessions that somebody knows."""
    policy = None if options["policy"] is None else Policy.from_dict(options["policy"])
    silent = {name: str(reason) for name, reason in options["connections_unknown"].items()}
    tables, missing = gathered_tables(options["connections_dir"], options["routers"], silent)
    evidence = evidence_of(tables, missing, options["dialogs"], current, topology)
    return [find_sessions(record, topology, evidence, policy) for record in records]


def _withdrawn(
    names: list[str], current: Mapping[str, RouterState], topology: Topology
) -> tuple[list[Handover], list[Note]]:
    """The standing handovers with these ids or old addresses, as ended, and a note of each name that no router holds;
    ``all`` names every one.

    :raises HandoverError: ``bad_withdrawal``.
    """
    held = standing(current, topology=topology)
    asked = {_as_held(name): name for name in names}
    chosen = [
        replace(handover, ended=True)
        for handover in held
        if "all" in asked or not asked.keys().isdisjoint((handover.id, str(handover.old)))
    ]
    known = {word for handover in held for word in (handover.id, str(handover.old))}
    notes = []
    for as_held, name in asked.items():
        if as_held == "all" or as_held in known:
            continue
        if not name.replace(".", "").replace(":", "").isalnum():
            raise HandoverError("bad_withdrawal", name, "a handover is named by its id or its old address")
        notes.append(Note(name, "not_held", f"{name}: no router that answered holds a handover of this name"))
    return chosen, notes


def _as_held(name: str) -> str:
    """An address as routers' records spell it; other names as they are."""
    try:
        return str(ip_address(name))
    except ValueError:
        return name
