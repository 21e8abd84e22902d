# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover render``: the text that each step sends to one router, byte for byte as a playbook sends it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.change import pending
from ...plugins.module_utils.mobility.router_state import RouterState
from ...plugins.module_utils.mobility.step import Step
from ...plugins.module_utils.mobility.topology import Router, Topology
from ...plugins.module_utils.platforms.base import Platform
from ...plugins.module_utils.platforms.registry import platform_named
from ...plugins.module_utils.reader import time_from_text
from ...plugins.plugin_utils.rendering import Renderer
from ...plugins.plugin_utils.step_text import step_text
from ..plan_input import add_plan_arguments, read_plan

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "render",
        help="print the text of each step of one router",
        description="Plans the handovers and prints what each step sends to one router, from the vendor templates. "
        "Nothing is sent.",
    )
    add_plan_arguments(parser)
    parser.add_argument("--router", required=True, metavar="NAME", help="a router of the topology")
    parser.add_argument("--step", metavar="ID", help="only this step's text, and nothing around it")
    parser.add_argument(
        "--now", type=_moment, metavar="T", help="Unix seconds or YYYY-MM-DDTHH:MM:SSZ; timeouts count from then"
    )
    parser.add_argument("--template-dir", metavar="D", help="templates that replace ours: D/PLATFORM/FILE")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Plan, render, print. Returns the exit status."""
    given = read_plan(args)
    topology, planned = given.topology, given.planned
    platform, renderer = _platform(args.router, topology), Renderer(args.template_dir)
    router = topology.routers[args.router]
    now = time.time() if args.now is None else args.now
    steps = [(stage, step) for stage in planned.stages for step in stage.steps if step.router == args.router]
    if args.step is not None:
        steps = [(stage, step) for stage, step in steps if step.id == args.step]
        if not steps:
            raise HandoverError("unknown_step", args.step, f"a step is one of the plan's steps on {args.router}")
    told = [
        {
            "step": step.id,
            "phase": step.phase.value,
            "wait": stage.wait,
            "text": _text(platform, renderer, step, now, router),
        }
        for stage, step in steps
    ]
    if args.json:
        refused = [{"handover": name, "code": code, "reason": reason} for name, code, reason in given.refused]
        print(json.dumps({"router": args.router, "steps": told, "refused": refused}, indent=2))
    else:
        for item in told:
            if args.step is None:
                print(f"==> {item['step']} <==")
            sys.stdout.write(str(item["text"]))
        for name, _code, reason in given.refused:
            print(f"refused {name}: {reason}", file=sys.stderr)
    return 3 if args.fail_on_refused and given.refused else 0


def _platform(router: str, topology: Topology) -> Platform:
    if router not in topology.routers:
        raise HandoverError(
            "unknown_router", router, f"a router of the topology is one of {', '.join(sorted(topology.routers))}"
        )
    return platform_named(topology.routers[router].platform)


def _text(platform: Platform, renderer: Renderer, step: Step, now: float, router: Router) -> str:
    """The text of a step on a router that stands as the plan found it."""
    change = pending(step, RouterState(step.before))
    return step_text(platform, renderer, change, now, inside=router.inside, outside=router.outside)


def _moment(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        try:
            return time_from_text(text)
        except ValueError:
            seconds = -1.0
    if not 0 <= seconds < 2**33:
        raise argparse.ArgumentTypeError(f"{text} is neither a Unix time nor YYYY-MM-DDTHH:MM:SSZ")
    return seconds
