# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The patent's example on the command line where routers are of Cisco IOS."""

from __future__ import annotations

import json

import yaml

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import pending
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import (
    stages_from_records,
    state_from_records,
)
from tests.unit.platforms.ios_device import Terminal
from tests.unit.platforms.ios_router import router

from .patent import FIXTURES, NOW, CommandLine, steps_in

BOTH = str(FIXTURES / "both.yml")


def topology(shell: CommandLine, *ios: str) -> str:
    """A file with the example's routers, these of them IOS."""
    routers = yaml.safe_load((FIXTURES / "topology.yml").read_text(encoding="utf-8"))
    routers.update({name: {**routers[name], "platform": "ios", "inside": "GigabitEthernet1"} for name in ios})
    return shell.file("topology.json", routers)


def test_a_session_is_refused_or_widened_and_told(shell: CommandLine) -> None:
    file = topology(shell, "rb")
    status, out = shell.run("plan", "--topology", file, "--to", BOTH, "--fail-on-refused")
    assert (status, "unsupported_scope: ios can hold the scopes address, correspondent" in out) == (3, True)
    status, out = shell.run("plan", "--topology", file, "--to", BOTH, "--widen")
    assert status == 0
    assert "Widened from scope session, directions both to scope correspondent, directions both" in out
    assert "rb will not forget it by itself: after 2026-11-24T05:00:00Z" in out
    assert [line for line in out.splitlines() if line.startswith("stage")] == [
        "stage decode",
        "stage joint",
        "stage encode",
    ]


def test_two_ios_routers_freeze_unless_that_is_refused(shell: CommandLine) -> None:
    file = topology(shell, "rb", "rc")
    assert "stage freeze" in shell.run("plan", "--topology", file, "--to", BOTH, "--widen")[1]
    status, out = shell.run("plan", "--topology", file, "--to", BOTH, "--widen", "--no-freeze", "--fail-on-refused")
    assert (status, "needs_freeze" in out) == (3, True)


def test_the_text_is_what_a_playbook_sends(shell: CommandLine) -> None:
    """Freeze apart: which interfaces take part in NAT, only the router itself tells."""
    file = topology(shell, "rb")
    told = json.loads(shell.run("plan", "--topology", file, "--to", BOTH, "--widen", "--json")[1])
    args = ("--topology", file, "--to", BOTH, "--widen", "--now", str(NOW), "--router", "rb")
    texts = steps_in(shell.run("render", *args)[1])
    device = router(Terminal())
    for stage in stages_from_records(told["stages"]):
        for step in stage.steps:
            if step.router == "rb":
                held = device.gather()
                change = pending(step, held)
                assert device.text(change, NOW) == texts[step.id]
                device.apply(change, held, NOW)
    assert device.gather() == state_from_records(told["states"]["rb"])
    assert len(texts) == 1


def test_a_packet_is_walked_in_the_order_of_ios(shell: CommandLine) -> None:
    file = topology(shell, "rb")
    states = shell.file("states.json", shell.run("plan", "--topology", file, "--to", BOTH, "--widen", "--json")[1])
    ends = ("--from", "1.1.1.1:40000", "--to", "3.3.3.3:7000", "--proto", "tcp")
    status, out = shell.run("trace", "--topology", file, "--states", states, *ends)
    assert status == 0
    assert "rb: outbound_src to 2.2.2.2: tcp 2.2.2.2:40000 > 3.3.3.3:7000" in out
    assert "rc: inbound_src to 1.1.1.1: tcp 1.1.1.1:40000 > 3.3.3.3:7000" in out
