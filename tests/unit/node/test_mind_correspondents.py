# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a mobile node tells of a move, and what comes of it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

from ansible_collections.sipmobility.handover.node.model import (
    Keep,
    Notify,
    Send,
    State,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sessions_body import SessionList

from .world import (
    CALL,
    HOME,
    PEER,
    RTP,
    SSH,
    THIRD,
    VISITED,
    World,
    at_home,
    facts,
    honest,
    reply,
)


class TestCorrespondents:
    def moved(self) -> World:
        world = at_home()
        world.at(VISITED, SSH, dialogs=(CALL,))
        return world

    def test_each_is_told_once_the_own_server_knows(self) -> None:
        world = self.moved()
        assert world.all(Notify) == []
        world.answer(honest)
        notify = world.all(Notify)[0]
        assert notify.dialog == CALL
        (fact,) = facts([notify])
        assert fact.method == "NOTIFY"
        # The same owner as in the REGISTER: who knows that would take another instance for somebody else.
        assert fact.instance == facts(world.all(Send))[-1].instance == "urn:uuid:1"
        assert (fact.aor, fact.old_addresses, str(fact.contacts[0].host)) == (
            "sip:alice@home.example",
            (HOME,),
            str(VISITED),
        )
        assert fact.correspondent is not None
        assert (fact.correspondent.aor, fact.correspondent.address) == ("sip:bob@other.example", PEER)
        assert fact.listed == SessionList(HOME, (SSH, RTP))
        assert notify.request.cseq == CALL.cseq + 1

    def test_streams_that_only_the_call_knows_hold_the_address(self) -> None:
        world = World()
        world.at(HOME, dialogs=(CALL,))
        world.answer(honest)
        world.forget()
        world.at(VISITED, dialogs=(CALL,))
        world.answer(honest)
        assert world.all(Keep) == [Keep(HOME)]
        found = [fact for fact in facts(world.all(Send)) if fact.claimed_user]
        assert found[0].listed == SessionList(HOME, (RTP,))

    def test_others_sessions_are_not_told_to_it(self) -> None:
        world = at_home()
        stranger = replace(SSH, correspondent=ip_address("198.18.3.99"))
        world.at(VISITED, stranger, dialogs=(CALL,))
        world.answer(honest)
        assert facts(world.all(Notify))[0].listed == SessionList(HOME, (RTP,))

    def test_a_call_that_has_nothing_on_an_old_address_is_left_alone(self) -> None:
        world = at_home()
        world.at(VISITED, SSH, dialogs=(replace(CALL, media=((VISITED, RTP),)),))
        world.answer(honest)
        assert world.all(Notify) == []

    def test_a_server_that_fails_is_asked_three_times(self) -> None:
        world = self.moved()
        world.answer(lambda request: (reply(503) if request.method == "NOTIFY" else honest)(request))
        for _ in range(5):
            world.pass_(5)
            world.answer(lambda request: reply(503)(request))
        sent = world.all(Notify)
        assert [one.request.cseq for one in sent] == [31, 32, 33]
        assert "correspondent_failed" in world.told()

    def test_a_server_that_refuses_is_not(self) -> None:
        world = self.moved()
        world.answer(lambda request: (reply(481) if request.method == "NOTIFY" else honest)(request))
        world.pass_(20)
        assert len(world.all(Notify)) == 1
        assert "correspondent_refused" in world.told()

    def test_what_was_to_be_said_from_the_last_place_is_not_said(self) -> None:
        world = self.moved()
        world.answer(lambda request: (reply(503) if request.method == "NOTIFY" else honest)(request))
        assert len(world.all(Notify)) == 1
        world.at(THIRD, SSH, dialogs=(CALL,))
        world.pass_(10)
        assert len(world.all(Notify)) == 1

    def test_numbers_go_on_rising_over_rounds_and_restarts(self) -> None:
        world = self.moved()
        world.answer(honest)
        state = world.mind.state
        assert state.noticed == ((CALL.call_id, 32),)
        world = World(state=state)
        world.at(VISITED, SSH, dialogs=(CALL,))
        world.answer(honest)
        assert world.all(Notify)[0].request.cseq == 33

    def test_numbers_that_the_user_agent_did_not_leave_are_not_used(self) -> None:
        world = World(state=State("i", "urn:uuid:1", address=HOME, noticed=((CALL.call_id, CALL.cseq + 100),)))
        world.at(VISITED, SSH, dialogs=(CALL,))
        world.answer(honest)
        assert world.all(Notify) == []
        assert "cseq_used_up" in world.told()
