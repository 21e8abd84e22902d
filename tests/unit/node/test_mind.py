# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mobile node's decisions as it goes from place to place: the patent's sections 5 and 7."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.sipmobility.handover.node.model import (
    GiveUp,
    Keep,
    Look,
    Place,
    Seen,
    Send,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sessions_body import SessionList

from .world import (
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
    reply,
    visiting,
)


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
    # One registrar for both places has the new binding under the instance: that must stay (RFC 5626 section 4.1).
    farewell = facts(world.all(Send))[-1]
    assert (str(farewell.contacts[0].host), farewell.expires, farewell.instance) == (str(VISITED), 0, None)


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
