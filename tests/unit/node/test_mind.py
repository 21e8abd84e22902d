# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mobile node's decisions: the patent's sections 5 and 7, and what goes wrong on the way."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from ansible_collections.sipmobility.handover.node.model import (
    Answered,
    GiveUp,
    Keep,
    Leave,
    Left,
    Look,
    Notify,
    Place,
    Seen,
    Send,
    State,
)
from ansible_collections.sipmobility.handover.node.sip.answer import Answer
from ansible_collections.sipmobility.handover.node.sip.request import Request
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.header import OPTION_TAG
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sessions_body import SessionList

from .world import (
    CALL,
    CHALLENGE,
    HOME,
    PEER,
    PROFILE,
    RTP,
    SERVERS,
    SSH,
    THIRD,
    VISITED,
    World,
    facts,
    honest,
    patient,
    reply,
)

TAG_UNKNOWN = reply(420, f"Unsupported: {OPTION_TAG}")


def at_home() -> World:
    """A phone that is registered at home, with a session."""
    world = World()
    world.at(HOME, SSH)
    world.answer(honest)
    world.forget()
    return world


def visiting() -> World:
    """One that has moved with it, and is registered there."""
    world = at_home()
    world.at(VISITED, SSH)
    world.answer(honest)
    world.forget()
    return world


def last_facts(world: World) -> list[tuple[object, ...]]:
    """Old addresses, new address and lifetime of each REGISTER with credentials."""
    sent = [send for send in world.all(Send) if send.request.credentials]
    return [(fact.old_addresses, str(fact.contacts[0].host), fact.expires) for fact in facts(sent)]


def test_at_the_beginning_it_registers_as_any_phone_does() -> None:
    world = World()
    world.at(HOME, SSH)
    world.answer(honest)
    first, second = world.all(Send)
    assert (first.server, first.source) == (SERVERS[HOME][0], HOME)
    assert (second.request.cseq, second.request.call_id) == (first.request.cseq + 1, first.request.call_id)
    (fact,) = facts([second])
    assert (fact.aor, fact.old_addresses, fact.tag_required, fact.expires) == ("sip:alice@home.example", (), False, 600)
    assert fact.instance == "urn:uuid:1"
    assert world.all(Keep) == []
    assert world.mind.registered


def test_a_move_keeps_the_old_address_and_tells_it_with_its_sessions() -> None:
    world = at_home()
    world.at(VISITED, SSH)
    world.answer(honest)
    assert world.all(Keep) == [Keep(HOME)]
    assert world.done.index(Keep(HOME)) < world.done.index(world.all(Send)[0])
    fact = facts(world.all(Send))[-1]
    assert (fact.old_addresses, fact.tag_required, str(fact.contacts[0].host)) == ((HOME,), True, str(VISITED))
    assert fact.listed == SessionList(HOME, (SSH,))
    assert "qop=auth-int" in world.all(Send)[-1].request.credentials
    assert world.all(Send)[-1].server == SERVERS[VISITED][0]


def test_the_address_is_kept_as_soon_as_it_is_gone_not_when_there_is_a_new_one() -> None:
    world = at_home()
    world.at(None, SSH)
    assert world.all(Keep) == [Keep(HOME)]
    assert world.all(Send) == []
    world.at(VISITED, SSH)
    world.answer(honest)
    assert last_facts(world) == [((HOME,), str(VISITED), 600)]


def test_without_a_session_nothing_is_kept_and_nothing_told() -> None:
    world = World()
    world.at(HOME)
    world.answer(honest)
    world.forget()
    world.at(VISITED)
    world.answer(honest)
    assert world.all(Keep) == []
    assert last_facts(world) == [((), str(VISITED), 600)]


def test_after_two_moves_each_old_address_has_a_request_of_its_own() -> None:
    """docs/sessions-body.md: one request for each old address, each with its own list."""
    world = visiting()
    on_visited = replace(SSH, port=40002)
    world.take(Seen(Place(THIRD, SERVERS[THIRD]), {HOME: (SSH,), VISITED: (on_visited,)}))
    world.answer(honest)
    found = [fact for fact in facts(world.all(Send)) if fact.claimed_user]
    assert [(fact.old_addresses, fact.listed) for fact in found] == [
        ((HOME,), SessionList(HOME, (SSH,))),
        ((VISITED,), SessionList(VISITED, (on_visited,))),
    ]
    assert [fact.cseq for fact in found] == sorted({fact.cseq or 0 for fact in found})


def test_an_old_address_goes_when_its_last_session_has_ended_for_some_time() -> None:
    world = visiting()
    world.pass_(5)
    assert world.all(Look) != []
    world.at(VISITED)
    world.now += 9
    world.at(VISITED)
    assert world.all(GiveUp) == []
    world.now += 1
    world.at(VISITED)
    world.answer(honest)
    assert world.all(GiveUp) == [GiveUp(HOME)]
    # The binding goes for a moment: with it the pair at the servers ends, which every registration would extend.
    assert last_facts(world) == [((), str(VISITED), 0), ((), str(VISITED), 600)]
    world.forget()
    world.pass_(700)
    assert world.told() == []


def test_a_session_that_comes_back_in_time_holds_the_address() -> None:
    world = visiting()
    world.at(VISITED)
    world.now += 9
    world.at(VISITED, SSH)
    world.now += 9
    world.at(VISITED)
    world.now += 9
    world.at(VISITED)
    assert world.all(GiveUp) == []


def test_home_again() -> None:
    world = visiting()
    world.at(HOME, SSH)
    world.answer(honest)
    assert world.all(GiveUp) == [GiveUp(HOME)]
    assert world.mind.state.kept == ()
    sent = [send for send in world.all(Send) if send.request.credentials]
    assert last_facts(world) == [((), str(HOME), 600), ((), str(VISITED), 0)]
    assert [send.server for send in sent] == [SERVERS[HOME][0], SERVERS[VISITED][0]]
    assert world.told()[-1] == "unregistered"


def test_home_again_while_sessions_of_another_place_live() -> None:
    """The place that was left must not end the pair that still leads on."""
    world = visiting()
    on_visited = replace(SSH, port=40002)
    world.take(Seen(Place(HOME, SERVERS[HOME]), {HOME: (SSH,), VISITED: (on_visited,)}))
    world.answer(honest)
    assert last_facts(world) == [((), str(HOME), 600), ((VISITED,), str(HOME), 600)]
    assert world.mind.state.kept == (VISITED,)


def test_a_link_that_fails_for_a_moment() -> None:
    world = at_home()
    world.at(None, SSH)
    world.at(HOME, SSH)
    world.answer(honest)
    assert world.all(Keep) == [Keep(HOME)]
    assert world.all(GiveUp) == [GiveUp(HOME)]
    assert last_facts(world) == [((), str(HOME), 600)]


def test_it_registers_again_before_the_registration_ends_with_what_lives_then() -> None:
    world = visiting()
    world.pass_(470)
    assert world.all(Send) == []
    world.pass_(11)
    other = replace(SSH, port=40009)
    world.at(VISITED, other)
    world.answer(honest)
    assert facts(world.all(Send))[-1].listed == SessionList(HOME, (other,))


def test_the_server_may_grant_less_than_was_asked_for() -> None:
    world = World()
    world.at(HOME)
    bound = f"Contact: <sip:alice@{HOME}:5060>;expires=60"
    world.answer(reply(200, "Contact: <sip:alice@192.0.2.9:5060>;expires=2", bound))
    assert world.mind.due == pytest.approx(world.now + 48)


def test_a_lifetime_of_nothing_does_not_make_a_storm() -> None:
    world = World()
    world.at(HOME)
    world.answer(reply(200, f"Contact: <sip:alice@{HOME}:5060>;expires=0"))
    assert world.mind.due == pytest.approx(world.now + 1)


class TestAnswers:
    def test_a_wrong_password_is_not_tried_again_and_again(self) -> None:
        world = World()
        world.at(HOME)
        world.answer(lambda request: reply(401, CHALLENGE.format(request.cseq))(request))
        assert len(world.all(Send)) == 2
        assert world.told()[-1] == "credentials_refused"
        assert world.mind.due == pytest.approx(world.now + 120)

    def test_a_nonce_that_was_too_old(self) -> None:
        world = World()
        world.at(HOME)
        stale = reply(401, CHALLENGE.format("new") + ", stale=true")
        world.answer(reply(401, CHALLENGE.format("old")), stale, reply(200))
        assert len(world.all(Send)) == 3
        assert world.mind.registered

    def test_a_nonce_that_is_always_too_old(self) -> None:
        world = World()
        world.at(HOME)
        world.answer(reply(401, CHALLENGE.format("n") + ", stale=true"))
        assert len(world.all(Send)) == 6
        assert world.told()[-1] == "no_end"

    def test_credentials_are_for_their_realm_alone(self) -> None:
        world = World()
        world.at(HOME)
        world.answer(reply(401, CHALLENGE.format("n").replace("home.example", "evil.example")))
        assert [send.request.credentials for send in world.all(Send)] == [""]
        assert world.told()[-1] == "other_realm"

    @pytest.mark.parametrize(
        "challenge",
        ["WWW-Authenticate: Basic realm=x", "Server: none", 'WWW-Authenticate: Digest realm="a\\"b", nonce="n"'],
    )
    def test_a_challenge_that_cannot_be_answered(self, challenge: str) -> None:
        world = World()
        world.at(HOME)
        world.answer(reply(401, challenge))
        assert world.told()[-1] == "bad_challenge"

    def test_a_proxy_asks_too(self) -> None:
        world = World()
        world.at(HOME)
        world.answer(reply(407, CHALLENGE.format("n").replace("WWW-", "Proxy-")), reply(200))
        assert world.all(Send)[-1].request.credentials.startswith("Proxy-Authorization: Digest ")
        assert world.mind.registered

    def test_the_tag_is_switched_off_there(self) -> None:
        """The administrator's switch of the SIP server (section 9): the phone is reachable all the same."""
        world = at_home()
        world.at(VISITED, SSH)
        world.answer(TAG_UNKNOWN, honest)
        assert last_facts(world) == [((), str(VISITED), 600)]
        assert world.told().count("tag_refused") == 1
        assert world.mind.state.kept == (HOME,)
        world.forget()
        world.pass_(490)
        world.at(VISITED, SSH)
        world.answer(honest)
        assert last_facts(world) == [((), str(VISITED), 600)]
        world.forget()
        world.at(THIRD, SSH)
        world.answer(honest)
        assert last_facts(world) == [((HOME,), str(THIRD), 600)]

    def test_another_tag_is_unknown_there(self) -> None:
        world = at_home()
        world.at(VISITED, SSH)
        world.answer(reply(420, "Unsupported: path"))
        assert world.told()[-1] == "refused"

    def test_a_longer_lifetime_is_wanted(self) -> None:
        world = World(patient(expires=60))
        world.at(HOME)
        world.answer(honest, reply(423, "Min-Expires: 300"), honest)
        assert last_facts(world)[-1] == ((), str(HOME), 300)
        assert world.mind.registered

    @pytest.mark.parametrize("least", ["0", "4294967295", "soon"])
    def test_a_lifetime_that_nobody_wants(self, least: str) -> None:
        world = World()
        world.at(HOME)
        world.answer(reply(423, f"Min-Expires: {least}"))
        assert world.told()[-1] == "bad_min_expires"
        assert {send.request.expires for send in world.all(Send)} == {600}

    @pytest.mark.parametrize("status", [413, 415])
    def test_a_body_that_is_not_liked_is_left_out(self, status: int) -> None:
        world = at_home()
        world.at(VISITED, SSH)
        world.answer(honest, reply(status), honest)
        fact = facts(world.all(Send))[-1]
        assert (fact.old_addresses, fact.listed) == ((HOME,), None)
        assert not any(line.startswith("Content-T") for line in world.all(Send)[-1].request.headers)

    def test_a_lifetime_that_cannot_be_read(self) -> None:
        world = World()
        world.at(HOME)
        world.answer(reply(200, f"Contact: <sip:alice@{HOME}:5060>;expires=99999999999"))
        assert not world.mind.registered
        assert world.told()[-1] == "bad_number"

    def test_another_server_answers_under_the_same_address(self) -> None:
        world = at_home()
        world.pass_(480)
        world.at(HOME, SSH)
        world.answer(honest, lambda request: reply(200, "Server: another")(request))
        assert "other_server" in world.told()
        assert world.all(Look) != []

    def test_behind_address_translation(self) -> None:
        world = World()
        world.at(HOME)

        def translated(request: Request) -> Answer:
            answer = reply(200)(request)
            via = answer.message.vias[0]._replace(params=(("branch", "z"), ("received", "192.0.2.77")))
            answer.message.__dict__["vias"] = (via,)
            return answer

        world.answer(translated)
        assert "translated" in world.told()


class TestFailures:
    def test_the_next_server_and_longer_and_longer_waits(self) -> None:
        world = at_home()
        servers = []
        waits = []
        world.at(VISITED, SSH)
        for _ in range(10):
            servers.append(world.all(Send)[-1].server)
            world.silence()
            assert world.mind.due is not None
            due = world.mind._registering.due
            assert due is not None
            waits.append(due - world.now)
            world.pass_(waits[-1])
            world.at(VISITED, SSH)
        assert servers[:4] == [*SERVERS[VISITED], *SERVERS[VISITED]]
        assert waits == [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]
        assert world.all(GiveUp) == []

    def test_a_look_meanwhile_does_not_hurry_it(self) -> None:
        world = at_home()
        world.at(VISITED, SSH)
        world.silence()
        world.forget()
        world.at(VISITED, SSH)
        assert world.all(Send) == []

    def test_it_takes_up_again_where_it_was(self) -> None:
        world = at_home()
        world.at(VISITED, SSH)
        world.answer(reply(503))
        assert world.told()[-1] == "server_failed"
        world.pass_(1)
        world.at(VISITED, SSH)
        world.answer(honest)
        assert last_facts(world) == [((HOME,), str(VISITED), 600)]
        assert world.mind.registered

    @pytest.mark.parametrize(("told", "wait"), [("30", 30), ("99999", 120), ("30 (busy);duration=5", 30), ("now", 1)])
    def test_retry_after(self, told: str, wait: float) -> None:
        world = World()
        world.at(HOME)
        world.answer(reply(503, f"Retry-After: {told}"))
        assert world.mind.due == pytest.approx(world.now + wait)

    def test_refused_for_good(self) -> None:
        world = World()
        world.at(HOME)
        world.answer(reply(403))
        assert world.mind.due == pytest.approx(world.now + 120)

    def test_an_answer_that_comes_too_late_means_nothing(self) -> None:
        world = at_home()
        world.at(VISITED, SSH)
        (late,) = world.waiting()
        world.at(THIRD, SSH)
        world.take(Answered(late.number, reply(403)(late.request)))
        assert "refused" not in world.told()
        world.answer(honest)
        assert last_facts(world) == [((HOME,), str(THIRD), 600)]

    def test_no_server_is_known(self) -> None:
        world = World()
        world.take(Seen(Place(HOME), {}))
        assert "no_server" not in world.told()  # DNS is being asked
        world.pass_(1)
        world.take(Seen(Place(HOME), {}))
        assert world.told()[-1] == "no_server"
        world.at(HOME)
        world.answer(honest)
        assert world.mind.registered


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
