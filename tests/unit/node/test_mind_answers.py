# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mobile node's decisions by what servers answer, and where nothing answers."""

from __future__ import annotations

import pytest

from ansible_collections.sipmobility.handover.node.model import (
    Answered,
    GiveUp,
    Look,
    Place,
    Seen,
    Send,
)
from ansible_collections.sipmobility.handover.node.sip.answer import Answer
from ansible_collections.sipmobility.handover.node.sip.request import Request
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.header import OPTION_TAG

from .world import (
    CHALLENGE,
    HOME,
    SERVERS,
    SSH,
    THIRD,
    VISITED,
    World,
    at_home,
    facts,
    honest,
    last_facts,
    patient,
    reply,
)

TAG_UNKNOWN = reply(420, f"Unsupported: {OPTION_TAG}")


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

    def test_the_first_server_is_asked_first_however_long_dns_took(self) -> None:
        """That nobody was known yet is no server's failure (RFC 3263 section 4.3)."""
        world = at_home()
        for _ in range(2):
            world.take(Seen(Place(VISITED, ()), {HOME: (SSH,)}))
        world.at(VISITED, SSH)
        assert [send.server for send in world.all(Send)] == [SERVERS[VISITED][0]]

    def test_the_server_that_took_a_registration_has_the_next_one_too(self) -> None:
        world = at_home()
        world.at(VISITED, SSH)
        world.silence()
        world.pass_(30)
        world.at(VISITED, SSH)
        world.answer(honest)
        assert world.mind.registered
        world.pass_(600)
        world.at(VISITED, SSH)
        assert world.all(Send)[-1].server == SERVERS[VISITED][1]

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
