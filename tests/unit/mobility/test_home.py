# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""First visit (design rule 11): a server without history asks the home server, and believes only that."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.home import (
    HomeAnswer,
    HomeQuestion,
    answer_question,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.intake import Outcome, read_registrations
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.memory import RunMemory
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.pairs import AddressPair
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.report import report_to_record
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import open_source

from ..sip.messages import NOW, SESSIONS_TYPE, request_event, sessions
from .registrar import World, changes, codes, pairs, the_pair
from .test_admission import POLICY

BOB = "sip:bob@example.org"
A, A2, B, D = "1.1.1.20", "1.1.1.21", "2.2.2.20", "2.2.2.40"
HOME = "home.example.com"
ASKING = replace(POLICY, home_servers={"example.com": (HOME,)})


def asked(told: list[Outcome]) -> HomeQuestion:
    """The only outcome, a question."""
    (question,) = told
    assert isinstance(question, HomeQuestion)
    return question


def answer(question: HomeQuestion, **values: object) -> HomeAnswer:
    """The home server's word for it; keyword arguments change it."""
    good = HomeAnswer(
        question.id,
        question.aor,
        question.instance,
        question.old,
        held=True,
        held_from=question.until - 500,
        held_to=question.until - 10,
        vouched_by=HOME,
        issued_at=question.until,
        expires=question.until + 30,
    )
    return replace(good, **values)  # type: ignore[arg-type]


@pytest.fixture
def visited() -> World:
    return World(ASKING)


def test_the_question_says_who_and_when(visited: World) -> None:
    question = asked(visited.register("alice", B, A))
    assert (question.aor, question.instance, question.old) == ("sip:alice@example.com", "urn:alice", ip_address(A))
    assert (question.until, question.since) == (NOW + 1, NOW + 1 - POLICY.grace_seconds)
    assert (question.servers, question.deadline) == ((HOME,), NOW + 1 + 5)
    assert visited.intake.live == ()


def test_the_home_servers_word_admits(visited: World) -> None:
    question = asked(visited.register("alice", B, A))
    told = visited.take(answer(question))
    assert changes(told) == [("moved", A, B)]
    pair = the_pair(told)
    assert (pair.admitted, pair.held_from, pair.held_to) == (True, int(NOW) + 1 - 500, int(NOW) + 1 - 10)
    # From here on the phone is known.
    assert changes(visited.register("alice", B)) == [("refreshed", A, B)]
    assert pairs(visited.register("alice", D, B)) == [(B, D), (A, D)]


def test_the_home_server_denies(visited: World) -> None:
    question = asked(visited.register("mallory", D, A))
    assert codes(visited.take(answer(question, held=False, held_from=None, held_to=None))) == ["home_denied"]
    assert codes(visited.take(answer(question))) == ["answer_unasked"]
    assert visited.intake.live == ()


def test_silence_refuses_after_its_time(visited: World) -> None:
    question = asked(visited.register("alice", B, A))
    visited.time += 4
    assert list(visited.intake.late(visited.now)) == []
    visited.time += 1
    assert codes(list(visited.intake.late(visited.now))) == ["home_silent"]
    assert codes(visited.take(answer(question))) == ["answer_unasked"]


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"vouched_by": "home.example.net"}, "answer_not_trusted"),
        ({"aor": "sip:bob@example.com"}, "answer_unasked"),
        ({"instance": None}, "answer_unasked"),
        ({"old": ip_address(A2)}, "answer_unasked"),
        ({"id": "0" * 16}, "answer_unasked"),
        ({"issued_at": NOW + 60}, "answer_stale"),
        ({"expires": NOW}, "answer_stale"),
    ],
)
def test_what_is_no_answer_leaves_the_question_open(visited: World, values: dict[str, object], code: str) -> None:
    question = asked(visited.register("alice", B, A))
    assert codes(visited.take(answer(question, **values))) == [code]
    assert pairs(visited.take(answer(question))) == [(A, B)]


def test_only_the_servers_of_the_phones_own_domain_are_asked() -> None:
    policy = replace(POLICY, home_servers={"example.net": (HOME,)})
    assert codes(World(policy).register("alice", B, A)) == ["no_history"]


def test_the_word_is_held_against_what_is_known_here(visited: World) -> None:
    """Somebody was there before the phone's interval began, and is there still."""
    visited.register("bob", A)
    visited.time += 600 - 5
    question = asked(visited.register("alice", B, A))
    told = visited.take(answer(question, held_from=question.until - 20, held_to=question.until - 10))
    assert codes(told) == ["held_by_another"]


def test_a_later_holder_here_leaves_the_phone_its_interval(visited: World) -> None:
    visited.register("bob", A)
    question = asked(visited.register("alice", B, A))
    told = the_pair(visited.take(answer(question, held_to=NOW - 10)))
    assert (told.held_to, told.reassigned) == (int(NOW) - 10, True)


def test_a_word_about_long_ago_does_not_count(visited: World) -> None:
    question = asked(visited.register("alice", B, A))
    assert codes(visited.take(answer(question, held_to=question.since - 1))) == ["not_held"]


def test_one_owner_holds_while_the_question_is_open(visited: World) -> None:
    first, second = asked(visited.register("alice", B, A)), asked(visited.register("bob", D, A))
    assert pairs(visited.take(answer(first))) == [(A, B)]
    assert codes(visited.take(answer(second))) == ["old_claimed"]


def test_nobody_is_asked_for_one_who_is_not_believed_anyway(visited: World) -> None:
    assert codes(visited.register("alice", B, A, auth_user="mallory")) == ["not_owner"]
    assert codes(visited.register("alice", B, A, source=D)) == ["new_not_source"]
    assert codes(visited.register("alice", "3.3.3.3", A)) == ["new_not_managed"]


def test_what_waits_is_bounded() -> None:
    visited = World(replace(ASKING, max_waiting=2))
    asked(visited.register("alice", B, A))
    asked(visited.register("bob", B, A))
    assert codes(visited.register("carol", B, A)) == ["home_busy"]
    visited.time += 10
    told = visited.register("carol", B, A)
    assert [item.code for item in told if isinstance(item, Refusal)] == ["home_silent", "home_silent"]
    assert [type(item) for item in told[2:]] == [HomeQuestion]


def test_a_newer_registration_takes_the_place_of_the_waiting_one(visited: World) -> None:
    first = asked(visited.register("alice", B, A))
    second = asked(visited.register("alice", D, A))
    assert (second.id, second.deadline) == (first.id, first.deadline)
    assert pairs(visited.take(answer(second))) == [(A, D)]


def test_what_a_correspondents_server_heard_waits_beside_it(visited: World) -> None:
    """One reads both logs: neither the phone's own list nor the pair for its correspondent is lost."""
    question = asked(visited.register("alice", B, A, content_type=SESSIONS_TYPE, body=sessions(), qop="auth-int"))
    notify = request_event(
        time=visited.now, tag=[f"<sip:alice@{A}>"], contact=[f'<sip:alice@{B}>;+sip.instance="<urn:alice>"']
    )
    assert asked(visited.feed(notify)).id == question.id
    told = visited.take(answer(question))
    found = [item for item in told if isinstance(item, AddressPair)]
    assert [(pair.correspondent, bool(pair.sessions)) for pair in found] == [(None, True), (BOB, False)]
    assert codes(visited.take(answer(question))) == ["answer_unasked"]


def test_a_phone_that_is_gone_waits_no_longer(visited: World) -> None:
    question = asked(visited.register("alice", B, A))
    visited.register("alice", B, expires=0)
    assert codes(visited.take(answer(question))) == ["answer_unasked"]


def test_a_word_that_comes_after_the_registration_is_over() -> None:
    visited = World(replace(ASKING, home_timeout_seconds=60))
    question = asked(visited.register("alice", B, A, expires=5))
    visited.time += 6
    assert codes(visited.take(answer(question))) == ["binding_expired"]


def test_the_home_server_answers_out_of_its_history(visited: World) -> None:
    home = World()
    home.register("alice", A)
    home.register("victim", A2)
    visited.time += 10
    for user, at, old, held in (("mallory", D, A, False), ("mallory", D, A2, False), ("alice", B, A, True)):
        question = asked(visited.register(user, at, old))
        word = answer_question(question, home.intake._context.history, question.until, HOME)
        assert word.held is held
        assert pairs(visited.take(word)) == [(A, B)] if held else codes(visited.take(word)) == ["home_denied"]


def test_a_run_hands_its_questions_out_and_goes_on_when_they_are_answered() -> None:
    visited, memory = World(ASKING), RunMemory()
    visited.register("alice", B, A)
    report = read_registrations(open_source("kamailio", [visited.log], "log")[1], ASKING, NOW + 1, memory=memory)
    (question,) = report.questions
    assert (report.address_pairs, report.refused) == ((), ())
    assert report_to_record(report)["questions"][0]["until"] == "2026-11-24T04:00:01.000Z"
    report = read_registrations([answer(question)], ASKING, NOW + 2, memory=memory)
    assert [(str(pair.old), str(pair.new), pair.current) for pair in report.address_pairs] == [(A, B, True)]
