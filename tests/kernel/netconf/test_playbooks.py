# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""handover.yml and withdraw.yml with NETCONF routers, as an operator runs them: live sessions, and every fault."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import (
    Handover,
    Session,
    handover_id,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_to_record

from ...standins.netconf_router import crashes
from ..one_call import MOVE, NEW, OLD, PEER, PORT, Call
from .operator import Operator
from .world import BCP38, BY_NETCONF, World, datastore, kernel, worlds

pytestmark = crashes.once_more

PREPARED = {"first_hop_router_persistence": "none", "first_hop_router_firewall": "insert"}
ALL_NETCONF = {"ra": "nftables", "rb": "ietf_netconf", "rc": "ietf_netconf"}
MIXED = {"ra": "nftables", "rb": "nftables", "rc": "ietf_netconf"}
IN_HALVES = ["01-decode-rb", "01-decode-rc", "02-encode-rb", "02-encode-rc"]


@dataclass
class Story:
    """A world with prepared routers, its operator, and a call from home."""

    world: World
    operator: Operator
    call: Call
    expires: int

    @property
    def record(self) -> dict[str, Any]:
        """The handover of the call."""
        sessions = (Session("tcp", self.call.port, PEER, PORT),)
        name = handover_id("sip:phone@example.com", None, OLD)
        return handover_to_record(Handover(name, OLD, NEW, self.expires, sessions=sessions))

    def stands(self) -> list[str]:
        """Kernels and datastores."""
        stores = [name for name, platform in self.world.platforms.items() if platform in BY_NETCONF]
        return [*kernel(self.world), *(datastore(self.world, name) for name in stores)]


@contextmanager
def stories(built: Path, place: Path, platforms: Mapping[str, str]) -> Iterator[Story]:
    (place / "o").mkdir()
    with worlds(built, place, platforms) as world, ExitStack() as stack:
        operator = Operator(world, built, place / "o")
        done = operator.play("site", **PREPARED)
        assert done.status == 0, done.output
        yield Story(world, operator, Call(world.spaces, stack), int(time.time()) + 600)


@pytest.mark.parametrize("platforms", [ALL_NETCONF, MIXED], ids=["netconf", "mixed"])
def test_a_live_session_moves(netconf_built: Path, tmp_path: Path, platforms: Mapping[str, str]) -> None:
    with stories(netconf_built, tmp_path, platforms) as story:
        moves(story, IN_HALVES)


def moves(story: Story, steps: list[str]) -> None:
    """The phone moves, the call goes on by these steps, and after the withdrawal everything is as it was."""
    world, call = story.world, story.call
    call.say(b"at home")
    assert call.hears(b"at home")
    world.spaces["phone"].shell(MOVE)
    world.spaces["rc"].shell(BCP38)
    before = story.stands()
    call.say(b"lost without us")
    assert not call.hears(b"lost without us", seconds=0.5)
    done = story.operator.play("handover", handover_records=[story.record])
    assert done.status == 0, done.output
    assert [step["id"] for step in done.report["steps"]] == steps
    assert call.hears(b"lost without us")
    again = story.operator.play("handover", handover_records=[story.record])
    assert again.status == 0, again.output
    assert again.report["steps"] == []
    done = story.operator.play("withdraw", handover_withdraw=["all"])
    assert done.status == 0, done.output
    assert story.stands() == before
    call.say(b"over")
    assert not call.hears(b"over", seconds=0.5)
