# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mobile node's decisions when it begins again, leaves, and is switched off."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.sipmobility.handover.node.model import (
    GiveUp,
    Keep,
    Leave,
    Left,
    Send,
)

from .world import (
    HOME,
    PROFILE,
    SSH,
    THIRD,
    VISITED,
    World,
    at_home,
    honest,
    last_facts,
    reply,
    visiting,
)


class TestRestart:
    def test_what_is_held_is_held_again_and_told_anew(self) -> None:
        before = visiting().mind.state
        world = World(state=before)
        world.at(VISITED, SSH)
        world.answer(honest)
        assert world.all(Keep) == [Keep(HOME)]
        assert last_facts(world) == [((HOME,), str(VISITED), 600)]
        assert world.all(Send)[0].request.cseq == before.cseq + 1
        assert world.all(Send)[0].request.call_id == before.call_id

    def test_a_move_while_it_was_not_there(self) -> None:
        world = World(state=at_home().mind.state)
        world.at(VISITED, SSH)
        world.answer(honest)
        assert world.all(Keep) == [Keep(HOME)]
        assert last_facts(world) == [((HOME,), str(VISITED), 600)]

    def test_home_again_while_it_was_not_there(self) -> None:
        world = World(state=visiting().mind.state)
        world.at(HOME, SSH)
        world.answer(honest)
        assert world.all(Keep) == []
        assert world.all(GiveUp) == [GiveUp(HOME)]


class TestLeaving:
    def test_the_binding_is_taken_back(self) -> None:
        world = World()
        world.at(HOME, SSH)
        world.answer(honest)
        world.forget()
        world.take(Leave())
        world.answer(honest)
        assert last_facts(world) == [((), str(HOME), 0)]
        assert world.all(Left) == [Left()]

    def test_sessions_that_live_by_it_are_not_killed_by_a_restart(self) -> None:
        world = visiting()
        world.take(Leave())
        assert world.all(Left) == [Left()]
        assert (world.all(Send), world.all(GiveUp)) == ([], [])

    def test_unless_told_so(self) -> None:
        world = World(replace(PROFILE, leave_sessions=False), visiting().mind.state)
        world.at(VISITED, SSH)
        world.answer(honest)
        world.forget()
        world.take(Leave())
        world.answer(honest)
        assert world.all(GiveUp) == [GiveUp(HOME)]
        assert world.all(Left) == [Left()]

    @pytest.mark.parametrize("refuses", [True, False])
    def test_the_server_does_not_help(self, refuses: bool) -> None:
        world = at_home()
        world.take(Leave())
        if refuses:
            world.answer(reply(500))
        world.pass_(4)
        assert world.all(Left)[:1] == [Left()]
        assert "not_unregistered" in world.told()

    def test_without_a_network_it_just_ends(self) -> None:
        world = World()
        world.take(Leave())
        assert world.all(Left) == [Left()]


def test_switched_off_it_holds_nothing_and_tells_nothing() -> None:
    world = World(replace(PROFILE, mobility=False), visiting().mind.state)
    world.at(VISITED, SSH)
    world.answer(honest)
    assert (world.all(Keep), world.all(GiveUp)) == ([], [GiveUp(HOME)])
    assert last_facts(world) == [((), str(VISITED), 0), ((), str(VISITED), 600)]
    world.forget()
    world.at(THIRD, SSH, on=VISITED)
    world.answer(honest)
    assert last_facts(world) == [((), str(THIRD), 600)]
