# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service gives a router the text that the command line and the playbook give it, at the same moment."""

from __future__ import annotations

import pytest

from ansible_collections.sipmobility.handover.agent.data_file import load
from ansible_collections.sipmobility.handover.agent.service.known_router import KnownRouter
from ansible_collections.sipmobility.handover.agent.service.resident_device import ResidentDevice
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import Output
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.nftables import Nftables
from ansible_collections.sipmobility.handover.plugins.plugin_utils.plan_records import (
    plan_from_records,
    topology_from_record,
)
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter

from ..patent import EXPECTED, FIXTURES, NOW, steps_in


class _Empty(Nftables):
    """It is read as holding nothing, whatever it says."""

    def parse(self, output: Output) -> RouterState:
        return RouterState()


class _Listening:
    """A router that holds nothing, believes everything, and keeps what it was told."""

    def __init__(self) -> None:
        self.scripts: list[str] = []
        self._commits = 5

    def run(self, script: str) -> Output:
        self.scripts.append(script)
        if "@@ step" not in script:
            return Output(dict.fromkeys(("generation", "still"), f"boot net 1 {self._commits}"), {})
        return self._done()

    def _done(self) -> Output:
        self._commits += 1
        return Output({"held": "", "step": "", "after": f"boot net 1 {self._commits}"}, {})

    def step(self, text: str, known: str) -> Output | None:
        return None


class _Resident(_Listening):
    """The same with a program that carries steps out."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def step(self, text: str, known: str) -> Output | None:
        assert known == f"boot net 1 {self._commits}"
        self.texts.append(text)
        return self._done()


def _router(name: str, shell: _Listening) -> KnownRouter:
    platform = _Empty()
    return KnownRouter(name, ManagedRouter(name, platform, ResidentDevice(platform, Renderer(), shell)))


@pytest.mark.parametrize("kind", [_Listening, _Resident])
@pytest.mark.parametrize("case", ["forward", "both"])
def test_the_same_text_as_everywhere(case: str, kind: type[_Listening]) -> None:
    topology = topology_from_record(load(str(FIXTURES / "topology.yml")))
    planned = plan_from_records(load(str(FIXTURES / f"{case}.yml")), topology)
    shells = {name: kind() for name in topology.routers}
    routers = {name: _router(name, shell) for name, shell in shells.items()}
    for router in routers.values():
        router.gather()
    for stage in planned.stages:
        for step in stage.steps:
            applied = routers[step.router].apply(step, NOW)
            assert (applied.changed, applied.read) == (True, False)
    for name, shell in shells.items():
        file = EXPECTED / f"{case}-{name}.txt"
        expected = list(steps_in(file.read_text(encoding="utf-8")).values()) if file.exists() else []
        if isinstance(shell, _Resident):
            assert [text.strip("\n") for text in shell.texts] == [text.strip("\n") for text in expected]
            continue
        told = [script for script in shell.scripts if "@@ step" in script]
        assert len(told) == len(expected)
        for script, text in zip(told, expected, strict=True):
            assert text.strip("\n") in script
