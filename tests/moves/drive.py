# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out plans on the routers of a world, step by step with the collection's own text, and run streams meanwhile."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from types import TracebackType
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import pending
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Stage
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import Planned, make_plan
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.nftables import Nftables
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.shell_device import shell_router
from lab.analysis import STREAMS, analyse, heard_since
from lab.runtime import in_network
from lab.topology import ROOT
from lab.traffic import wait_for

from ..kernel.namespaces import Namespace
from .world import World

__all__ = ["Driver", "Streams"]

#: Seconds between the last encoder and the first decoder that goes: the longest way here takes a millisecond.
_DRAIN = 0.3
#: Seconds after which streams end by themselves, whoever forgot them; no story is as long.
_LONGEST = 1800
#: All that a handover may change on a router: maps and sets, routes of every table, rules, and what it answers for.
_HOLDS = """
    nft -s list ruleset
    for version in 4 6; do ip -$version -N route show table all; ip -$version -N rule show; done
    ip -N neigh show proxy
"""


class Driver:
    """What a controller does: gather, plan, one step after the other."""

    def __init__(self, world: World) -> None:
        self.topology = world.managed
        renderer = Renderer()
        self._routers = {
            name: shell_router(name, Nftables(), renderer, world.spaces[name]) for name in world.managed.routers
        }
        self._spaces = world.spaces
        self._bare = {name: self._holds(name) for name in self._routers}

    def gather(self) -> dict[str, RouterState]:
        """What every router holds."""
        with ThreadPoolExecutor(4) as workers:
            found = workers.map(lambda router: router.gather(), self._routers.values())
            return dict(zip(self._routers, found, strict=True))

    def carry_out(
        self,
        handovers: Iterable[Handover],
        topology: Topology | None = None,
        between: Callable[[Stage], object] = lambda _stage: None,
    ) -> Planned:
        """Plan from what the routers hold, and do it; a refusal is in the result.

        :param topology: the routers to plan for, where they are not all there are.
        :param between: called with each stage before it is carried out, when it has waited.
        """
        topology = topology or self.topology
        held = {name: state for name, state in self.gather().items() if name in topology.routers}
        planned = make_plan(handovers, topology, held, drain=_DRAIN)
        for stage in planned.stages:
            time.sleep(stage.wait)
            between(stage)
            for step in stage.steps:
                state = held[step.router]
                change = pending(step, state)
                if change:
                    held[step.router] = self._routers[step.router].apply(change, state, time.time())
        return planned

    def leftovers(self) -> dict[str, list[str]]:
        """By router, how it differs from when this controller first saw it; empty if nothing is left of handovers."""
        now = {name: self._holds(name) for name in self._routers}
        found = {name: list(unified_diff(self._bare[name], now[name], lineterm="", n=0)) for name in now}
        return {name: lines for name, lines in found.items() if lines}

    def _holds(self, router: str) -> list[str]:
        return self._spaces[router].shell(_HOLDS).stdout.splitlines()


@dataclass(frozen=True)
class _End:
    space: Namespace
    address: Address


class Streams:
    """A live TCP session and a UDP stream between two hosts; traffic runs inside, ``result`` judges afterwards."""

    def __init__(
        self,
        world: World,
        directory: Path,
        ends: Mapping[str, Address],
        *,
        opener: str,
        tcp: tuple[int, int],
        udp: int,
        seen: Mapping[str, Address] | None = None,
    ) -> None:
        """
        :param ends: the two hosts by name, and the address that each one's sockets have.
        :param opener: who opens the TCP session.
        :param tcp: the opener's port and the listener's.
        :param udp: the port at both ends.
        :param seen: an end's address as the other one sees it, where it is another.
        """
        self._world, self._opener = world, opener
        self.files = {name: directory / f"{name}-{tcp[0]}-{ends[name].version}.jsonl" for name in ends}
        self._plan: list[tuple[str, list[str]]] = []
        self._ends: list[subprocess.Popen[str]] = []
        self._ready = 0.0
        names = list(ends)
        for name, other in (names, names[::-1]):
            peer = (seen or {}).get(other, ends[other])
            argv = ["--local", str(ends[name]), "--peer", str(peer), "--log", str(self.files[name])]
            argv += ["--tcp-local-port", str(tcp[0]), "--tcp-port", str(tcp[1]), "--udp-port", str(udp)]
            argv += ["--duration", str(_LONGEST)]
            listens = name != opener
            self._plan.insert(0 if listens else len(self._plan), (name, argv + ["--listen"] * listens))

    def start(self) -> None:
        """Start both ends; returns before they are connected."""
        for path in self.files.values():
            path.unlink(missing_ok=True)
        for name, argv in self._plan:
            command = [sys.executable, "-m", "lab.streams", "endpoint", *argv]
            inside = in_network(self._world.spaces[name].pid, command)
            self._ends.append(
                subprocess.Popen(inside, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
            )

    def wait(self) -> None:
        """Wait until both ends are connected."""
        for end in self._ends:
            wait_for(end, '"ready"')
        self._ready = time.monotonic()

    def stop(self) -> None:
        for end in self._ends:
            end.send_signal(signal.SIGTERM)
        for end in self._ends:
            end.communicate(timeout=60)
        self._ends.clear()

    def __enter__(self) -> Streams:
        try:
            self.start()
            self.wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def run_since(self, moment: float) -> bool:
        """Whether both ends have received something of both streams after a moment."""
        return heard_since(self.files, moment) == STREAMS

    def result(self, move_time: float) -> dict[str, dict[str, Any]]:
        """See :func:`lab.analysis.analyse`; of streams that began after the move, all that they were."""
        return analyse(self.files, max(move_time, self._ready))
