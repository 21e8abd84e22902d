# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator does with the lab: run our playbooks, look at routers; and a short way without Ansible."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference, pending
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import (
    Handover,
    Session,
    handover_id,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_from_record
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Stage, Step
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import Planned, make_plan
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import Output
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.registry import platform_named
from ansible_collections.sipmobility.handover.plugins.module_utils.topologies import described_topology
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.sections import sections
from ansible_collections.sipmobility.handover.plugins.plugin_utils.shell_device import shell_router
from lab import Lab

ROOT = Path(__file__).resolve().parents[2]
AfterStep = Callable[[Stage, Step], object]
ROUTERS = ("ra", "rb", "rc", "rd")
AOR = "sip:alice@visited.example"


@dataclass(frozen=True)
class Run:
    """A finished ansible-playbook: exit status, what it printed, and the changes of each host."""

    status: int
    output: str

    @property
    def changed(self) -> dict[str, int]:
        """Host to number of changed tasks, from the recap."""
        return {host: int(count) for host, count in re.findall(r"^(\w+)\s+: ok=\d+\s+changed=(\d+)", self.output, re.M)}


def playbook(name: str, variables: Mapping[str, Any], *options: str, cwd: Path = ROOT, after: str = "") -> Run:
    """Run one of our playbooks against the lab."""
    return playbook_at(ROOT / "playbooks" / f"{name}.yml", variables, *options, cwd=cwd, after=after)


def playbook_at(path: Path, variables: Mapping[str, Any], *options: str, cwd: Path = ROOT, after: str = "") -> Run:
    """Run a playbook against the lab.

    :param after: ``N:COMMAND``, see ``callbacks/after_step.py``: what to do after the Nth acknowledged step.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".json") as extra:
        json.dump(variables, extra)
        extra.flush()
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"),
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "integration" / "callbacks"),
            "ANSIBLE_CALLBACKS_ENABLED": "after_step",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_RETRY_FILES_ENABLED": "0",
            "SIPMOBILITY_AFTER_STEP": after,
        }
        tool = Path(sys.executable).with_name("ansible-playbook")
        argv: list[str | Path] = [tool, "-i", ROOT / "lab" / "inventory", path, "-e", f"@{extra.name}", *options]
        done = subprocess.run(
            argv, cwd=cwd, env=environment, capture_output=True, text=True, timeout=180, start_new_session=True
        )
    return Run(done.returncode, done.stdout + done.stderr)


class LabShell:
    """Scripts run in a node directly."""

    def __init__(self, lab: Lab, node: str) -> None:
        self._lab = lab
        self._node = node

    def run(self, script: str) -> Output:
        """As RouterShell.run."""
        return sections(self._lab.run(self._node, ["/bin/sh", "-s"], text=script).stdout)


class Routers:
    """The lab's routers without Ansible: quick, for setting a scene and for looking at it.

    :param platforms: those of the routers that are not nftables.
    """

    def __init__(self, lab: Lab, platforms: Mapping[str, str] = MappingProxyType({})) -> None:
        self._lab = lab
        self._routers = {
            name: shell_router(name, platform_named(platforms.get(name, "nftables")), Renderer(), LabShell(lab, name))
            for name in ROUTERS
        }
        self.topology = described_topology(
            {
                name: {
                    "networks": [str(network) for network in lab_networks(lab, name)],
                    "platform": platforms.get(name, "nftables"),
                    "inside": "lan",
                    "outside": "wan",
                }
                for name in ROUTERS
            }
        )

    def states(self) -> dict[str, RouterState]:
        """What every router holds."""
        return {name: router.gather() for name, router in self._routers.items()}

    def put(self, states: Mapping[str, RouterState]) -> None:
        """Make every router hold exactly this, in no particular order."""
        for name, router in self._routers.items():
            held = router.gather()
            change = difference(held, states.get(name, RouterState()))
            if change:
                router.apply(change, held, time.time())

    def clear(self) -> None:
        """Make every router hold nothing of ours."""
        self.put({})

    def plan(self, *handovers: Handover) -> Planned:
        """A plan from what the routers hold."""
        return make_plan(handovers, self.topology, self.states())

    def plan_record(self, record: Mapping[str, Any]) -> Planned:
        """As :meth:`plan`, for a handover as plain data."""
        return self.plan(handover_from_record(record))

    def apply(self, stages: Sequence[Stage], after_each: AfterStep = lambda _stage, _step: None) -> None:
        """Carry a plan out, stage by stage; ``after_each`` comes after each step."""
        for stage in stages:
            time.sleep(stage.wait)
            for step in stage.steps:
                self.step(step)
                after_each(stage, step)

    def step(self, step: Step) -> None:
        """Carry one step out."""
        router = self._routers[step.router]
        before = router.gather()
        change = pending(step, before)
        if change:
            router.apply(change, before, time.time())


def lab_networks(lab: Lab, router: str) -> list[Any]:
    """The prefixes behind a router, from the lab's own definition."""
    lan = lab.topology.lans[router[1]]
    return [lan.gateway.v4.network, lan.gateway.v6.network]


def handover(old: Address, new: Address, sessions: Sequence[Session], seconds: int = 600, **more: Any) -> Handover:
    """A handover of the lab's phone."""
    expires = int(time.time()) + seconds
    return Handover(handover_id(AOR, None, old), old, new, expires, aor=AOR, sessions=tuple(sessions), **more)


def leftovers(lab: Lab) -> dict[str, str]:
    """What nft and ip themselves show of ours on the routers: elements and routes. Empty when all is gone."""
    found = {}
    for router in ROUTERS:
        listed = lab.run(router, ["nft", "-s", "list", "ruleset"]).stdout
        kept = [line.strip() for line in listed.splitlines() if "sipmobility:1" in line]
        for family in ("-4", "-6"):
            routes = lab.run(router, ["ip", family, "route", "show", "table", "7082"], check=False)
            kept += routes.stdout.splitlines()
        if kept:
            found[router] = "\n".join(kept)
    return found
