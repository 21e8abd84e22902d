# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover plan``: the steps that carry out handovers, and what each router holds in the end."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import Any

from ...plugins.module_utils.mobility.handover import Handover, Session
from ...plugins.module_utils.mobility.model import Entry, Via
from ...plugins.module_utils.reader import time_to_text
from ...plugins.plugin_utils.plan_records import plan_to_record, states_to_record
from ..plan_input import PlanInput, add_plan_arguments, read_plan

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "plan",
        help="print the steps of handovers, and the end states",
        description="Plans the handovers, walks packets through the result, and prints the ordered steps "
        "and what each router holds in the end. Nothing is sent to a router.",
    )
    add_plan_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Plan and print. Returns the exit status."""
    given = read_plan(args)
    planned = given.planned
    if args.json:
        told = plan_to_record(planned, given.searched)
        print(json.dumps({**told, "states": states_to_record(planned.targets)}, indent=2))
    else:
        _print_text(given)
    return 3 if args.fail_on_refused and given.refused else 0


def _print_text(given: PlanInput) -> None:
    planned = given.planned
    for handover in planned.handovers:
        print(f"handover {handover.id}: {_summary(handover)}")
        for session in handover.sessions:
            if session.sources:
                print(f"  session {_session(session)}, known to {', '.join(session.sources)}")
    for name, _code, reason in given.refused:
        print(f"refused  {name}: {reason}")
    for told in planned.notes:
        print(f"note     {told.handover}: {told.text}")
    for found in given.searched:
        old = found.record.get("old")
        for note in found.notes:
            print(f"note     {old}: {note}")
        for left in found.left_out:
            print(f"left out {old}: {_session(left.session)}: {left.reason}")
    for stage in planned.stages:
        after = f", {stage.wait:g} s after the stage before" if stage.wait else ""
        print(f"\nstage {stage.phase.value}{after}")
        for step in stage.steps:
            print(f"  step {step.id}")
            _print_entries("-", step.before)
            _print_entries("+", step.after)
    for name, state in sorted(planned.targets.items()):
        print(f"\nend state of {name}" + ("" if len(state) else ": nothing"))
        _print_entries("=", sorted(state, key=str))


def _summary(handover: Handover) -> str:
    what = f"epoch {handover.epoch}, {handover.old}"
    if handover.over:
        return f"{what} ended" if handover.ended else f"{what} returned home"
    scope = f"scope {handover.scope.value}, directions {handover.directions.value}, {_counted(handover.flows)}"
    home = ", via the home router" if handover.via is Via.HOME_ROUTER else ""
    return f"{what} is at {handover.new} until {time_to_text(handover.expires)}, {scope}{home}"


def _session(session: Session) -> str:
    seen = "" if session.outside is None and session.outside_port is None else f" (outside {_ends(*session.seen)})"
    return f"{session.protocol} {session.port} to {_ends(session.correspondent, session.correspondent_port)}{seen}"


def _ends(address: object, port: int) -> str:
    return f"{address} port {port}"


def _counted(flows: int) -> str:
    return "1 flow" if flows == 1 else f"{flows} flows"


def _print_entries(sign: str, entries: Iterable[Entry]) -> None:
    for entry in entries:
        print(f"    {sign} {entry} until {time_to_text(entry.stamp.expires)}")
