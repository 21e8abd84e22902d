# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults while handover.yml runs on routers over SNMP: all are as before or all is done, the call at home goes on, and
an error names router, step and cause."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ..after_step import acting_after
from ..one_call import Call
from .test_playbooks import ROOT, record, run
from .world import World, worlds

#: Acknowledged steps: the decoders of both routers.
DECODED = 2


@dataclass(frozen=True)
class Story:
    """A world, and a call from home."""

    world: World
    call: Call
    place: Path

    def play(self, name: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        given = {"handover_drain": 0.5, **variables}
        return run(self.place, self.world, ROOT / "playbooks" / f"{name}.yml", **given)

    def failing(self, *words: str, **variables: Any) -> None:
        """Run the handover, which must fail with these words."""
        done = self.play("handover", handover_records=[record("both")], **variables)
        assert done.returncode != 0, done.stdout
        for word in words:
            assert word in done.stdout, done.stdout

    def done_and_withdrawn(self, **variables: Any) -> None:
        """Run the handover, which must be done on both routers, and take it away."""
        done = self.play("handover", handover_records=[record("both")], **variables)
        assert done.returncode == 0, done.stdout
        held = {name: len(router.gather()) for name, router in self.world.routers.items()}
        assert held == {"ra": 0, "rb": 4, "rc": 2}
        done = self.play("withdraw", handover_withdraw=["all"])
        assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    place = tmp_path_factory.mktemp("faults")
    with worlds(place, ra="snmp", rb="snmp", rc="snmp") as world, ExitStack() as stack:
        yield Story(world, Call(world.spaces, stack), place)


@pytest.fixture
def story(told: Story) -> Iterator[Story]:
    """A world in which each test leaves everything as it found it, and the call alive."""
    before = told.world.kernel()
    yield told
    assert told.world.kernel() == before
    told.call.say(b"still at home")
    assert told.call.hears(b"still at home")


def test_a_wrong_key(story: Story) -> None:
    """One router of the handover does not let us in: none is changed."""
    wrong = {"rc": {"handover_snmp_auth_key": "not-the-passphrase"}}
    story.failing("router_unreachable", "rc: ", "login_refused", wrong=wrong)


def test_an_agent_that_falls_silent_between_the_stages(story: Story) -> None:
    """Before its encoder. Nobody can know that: so both decoders stay, which is harmless, until it answers again."""
    relay = story.world.servers["rc"].relay
    told = (
        "step 02-encode-rc: rc: ",
        "router_unreachable",
        "NOT taken back: rb: its decode stays, as encode could not",
        "; rc: ",
    )
    try:
        with acting_after(story.place, DECODED, lambda: setattr(relay, "asks", False)) as after_step:
            story.failing(*told, after_step=after_step, wrong={"rc": {"handover_snmp_retries": 1}})
    finally:
        relay.asks = True
    done = story.play("reconcile", handover_goal="undone")
    assert done.returncode == 0, done.stdout


def test_lost_answers_and_an_agent_that_begins_anew(story: Story) -> None:
    """Of rb, each answer to a SET that changed a row is lost: every step finds out that it was done. rc begins anew
    between the stages, its boots count on: the next step logs in as if nothing had been."""
    server = story.world.servers["rb"]
    lost: list[str] = []
    server.relay.loses = after_a_change(lambda: server.state.read_text(encoding="ascii"), lost)
    try:
        with acting_after(story.place, DECODED, story.world.servers["rc"].restart) as after_step:
            story.done_and_withdrawn(after_step=after_step)
    finally:
        server.relay.loses = lambda: False
    assert len(lost) >= 4, "decoder and encoder, and both taken away"


def after_a_change(look: Callable[[], str], lost: list[str]) -> Callable[[], bool]:
    """Loses the answers that come when what is looked at is not as it was at the answer before."""
    seen = [look()]

    def loses() -> bool:
        now = look()
        changed = now != seen[0]
        seen[0] = now
        lost.extend([now] if changed else [])
        return changed

    return loses
