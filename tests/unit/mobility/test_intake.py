# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a pair: moved, refreshed, returned, ended (design, words)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.intake import Intake, Report
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.pairs import AddressPair, Change
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.report import (
    pair_to_record,
    report_to_record,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Expired, Registration
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import open_source

from ..growth import LINEAR, TIMES, growth
from ..sip.messages import NOW, binding, line, register
from .test_admission import POLICY, judged, pair

A, B, D = "1.1.1.20", "2.2.2.20", "2.2.2.40"
#: Removes the binding at B, without a word of the tag.
GONE = {"tag": [], "require": [], "contact": [f"<sip:alice@{B}>"], "expires": 0}


def told(report: Report) -> list[tuple[str, str, str]]:
    """Kind, old and new of each change."""
    return [(change.kind, str(change.old), str(change.new)) for change in report.changes]


def current(report: Report) -> list[tuple[str, str]]:
    """Old and new of the pairs that still hold."""
    return [(str(found.old), str(found.new)) for found in report.address_pairs if found.current]


def expired(**values: object) -> bytes:
    """Kamailio's word that the binding at B is over."""
    told = {"v": 1, "event": "expired", "time": NOW, "aor": "alice@example.com", "contact": f"sip:alice@{B}:5060"}
    return json.dumps({**told, **values}).encode() + b"\n"


def test_the_same_pair_again_is_a_refresh() -> None:
    report = judged(pair(A, B, cseq=1, expires=60) + pair(A, B, cseq=2, expires=600))
    assert told(report) == [("moved", A, B), ("refreshed", A, B)]
    assert [(found.current, found.expires) for found in report.address_pairs] == [
        (False, int(NOW) + 60),
        (True, int(NOW) + 600),
    ]


def test_a_second_move_takes_the_place_of_the_first() -> None:
    report = judged(pair(A, B, cseq=1) + pair(A, D, cseq=2))
    assert told(report) == [("moved", A, B), ("moved", A, D)]
    assert current(report) == [(A, D)]


def test_a_chain_keeps_the_pair_of_each_old_address() -> None:
    assert current(judged(pair(A, D, cseq=1) + pair(B, D, cseq=2))) == [(A, D), (B, D)]


def test_home_again_with_the_old_address_in_the_tag() -> None:
    report = judged(pair(A, B, cseq=1) + pair(A, A, cseq=2))
    assert told(report) == [("moved", A, B), ("returned", A, A)]
    assert current(report) == []


def test_home_again_in_a_later_run() -> None:
    report = judged(pair(A, A))
    assert (told(report), report.address_pairs) == ([("returned", A, A)], ())


def test_home_again_while_sessions_from_b_live() -> None:
    report = judged(pair(A, B, cseq=1) + pair(B, A, cseq=2))
    assert told(report) == [("moved", A, B), ("moved", B, A), ("returned", A, A)]
    assert current(report) == [(B, A)]


def test_coming_home_is_held_against_the_rules() -> None:
    assert [item.code for item in judged(pair(A, A, auth_user="mallory")).refused] == ["not_owner"]
    report = judged(line(tag=[A], contact=[f"<sip:alice@{A}>"], src_ip=B))
    assert ([item.code for item in report.refused], report.changes) == (["new_not_source"], ())


@pytest.mark.parametrize(
    "removal",
    [
        {},
        {"contact": ["*"]},
        {"tag": [A], "require": ["com.cisco.TerminalMobilityUsingNat"]},
        {"expires": 600, "contact": [f"<sip:alice@{B}>;expires=0"]},
    ],
)
def test_a_removal_ends_the_pair(removal: dict[str, object]) -> None:
    report = judged(pair(A, B, cseq=1) + line(**{**GONE, "cseq": 2, **removal}))
    assert told(report)[1:] == [("ended", A, B)]
    assert current(report) == []
    assert report.changes[1].expires == int(NOW)


def test_a_removal_of_another_binding_ends_nothing() -> None:
    for contact in (f"<sip:alice@{A}>", f"<sip:alice@{D}>"):
        report = judged(pair(A, B, cseq=1) + line(**{**GONE, "cseq": 2, "contact": [contact]}))
        assert current(report) == [(A, B)]
    other = line(**{**GONE, "aor": "sip:bob@example.com", "auth_user": "bob"})
    assert current(judged(pair(A, B, cseq=1) + other)) == [(A, B)]


def test_nobody_else_ends_a_pair() -> None:
    report = judged(pair(A, B, cseq=1) + line(**{**GONE, "cseq": 2, "auth_user": "mallory"}))
    assert (current(report), report.refused) == ([(A, B)], ())
    replay = judged(pair(A, B, cseq=2) + line(**{**GONE, "cseq": 1}))
    assert current(replay) == [(A, B)]


def test_a_tagged_removal_of_something_unknown_is_told() -> None:
    tagged = {"tag": [A], "require": ["com.cisco.TerminalMobilityUsingNat"]}
    assert told(judged(line(**{**GONE, **tagged}))) == [("ended", A, B)]
    assert told(judged(line(**GONE))) == []
    # The old binding goes after a move: nothing has ended.
    old = {**GONE, **tagged, "contact": [f"<sip:alice@{A}>"], "cseq": 2}
    report = judged(pair(A, B, cseq=1) + line(**old))
    assert (told(report), current(report)) == ([("moved", A, B)], [(A, B)])


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ({}, True),
        ({"aor": "alice"}, True),
        ({"instance": "<urn:x>"}, True),
        ({"aor": "bob@example.com"}, False),
        ({"aor": "bob"}, False),
        ({"contact": f"sip:alice@{A}"}, False),
        ({"contact": "sip:alice@host.example.com"}, False),
        ({"instance": "<urn:y>"}, False),
    ],
)
def test_an_expiry_ends_the_pair_of_that_binding(values: dict[str, object], ends: bool) -> None:
    moved = line(contact=[f'<sip:alice@{B}>;+sip.instance="<urn:x>"'], before=[binding(A, instance="<urn:x>")])
    assert (current(judged(moved + expired(**values))) == []) == ends


def test_two_phones_of_one_user_have_pairs_of_their_own() -> None:
    def phone(instance: str, old: str, cseq: int) -> bytes:
        before = [binding(old, instance=f"<{instance}>")]
        return line(contact=[f'<sip:alice@{B}>;+sip.instance="<{instance}>"'], tag=[old], cseq=cseq, before=before)

    report = judged(phone("urn:x", A, 1) + phone("urn:y", "1.1.1.21", 2))
    assert [change.kind for change in report.changes] == ["moved", "moved"]
    assert len(current(report)) == 2


def test_many_phones_take_no_longer_than_one_by_one() -> None:
    many = replace(POLICY, managed_networks={**POLICY.managed_networks, "home": (ip_network("198.18.0.0/16"),)})

    def work(count: int) -> Callable[[], None]:
        phones = {f"u{number}": f"198.18.{number // 250}.{number % 250 + 1}" for number in range(count)}
        log = b"".join(pair(old, B, aor=f"sip:{user}@example.com", auth_user=user) for user, old in phones.items())

        def judge() -> None:
            assert len(judged(log, many).address_pairs) == count

        return judge

    assert growth(work(400), work(400 * TIMES)) < LINEAR


def test_an_address_of_record_of_another_scheme_has_a_life_too() -> None:
    report = judged(
        register(to="<tel:+1>", cseq="1 REGISTER") + register(to="<tel:+1>", cseq="2 REGISTER"), None, "sip"
    )
    assert [(change.kind, change.aor) for change in report.changes] == [("moved", "tel:+1"), ("refreshed", "tel:+1")]


def test_an_intake_begins_with_what_is_live() -> None:
    (live,) = judged(pair(A, B)).address_pairs
    intake = Intake(POLICY, [pair_to_record(live)])
    items = open_source("kamailio", [pair(A, B, cseq=9)], "log")[1]
    outcomes = [outcome for item in items for outcome in intake.take(item, NOW)]
    assert [outcome.kind for outcome in outcomes if isinstance(outcome, Change)] == ["refreshed"]
    assert intake.live == tuple(outcome for outcome in outcomes if isinstance(outcome, AddressPair))


def test_without_a_policy_nothing_of_it_is_admitted() -> None:
    report = judged(pair(A, B, cseq=1) + pair(A, A, cseq=2), None)
    assert [(change.kind, change.admitted) for change in report.changes] == [("moved", False), ("returned", False)]


def test_plain_data() -> None:
    peers = replace(POLICY, correspondents=(judged(pair(A, B)).address_pairs[0].new.__class__("10.0.0.7"),))
    record = report_to_record(judged(line(before=[binding(A, expires=60)], time=NOW + 0.25) + line(rc=-1), peers))
    assert json.loads(json.dumps(record)) == record
    assert record["address_pairs"] == [
        {
            "aor": "sip:alice@example.com",
            "instance": None,
            "old": A,
            "new": B,
            "correspondents": ["10.0.0.7"],
            "sessions": [],
            "expires": "2026-11-24T05:00:00Z",
            "admitted": True,
            "source": "log:1",
            "current": True,
            "correspondent": None,
            "by": "tag",
            "held_from": None,
            "held_to": "2026-11-24T04:00:00Z",
            "reassigned": False,
        }
    ]
    (registration,) = record["registrations"]
    assert registration["received_at"] == "2026-11-24T04:00:00.250Z"
    assert registration["tagged"] is True
    assert registration["bindings_before"][0]["expires"] == "2026-11-24T04:01:00Z"
    assert record["changes"][0]["kind"] == "moved"
    assert record["refused"] == [{"code": "not_accepted", "reason": record["refused"][0]["reason"], "where": "log:2"}]


def test_what_a_registrar_holds_spends_nothing_and_ends_nothing() -> None:
    """A row of its table has Call-ID and CSeq of the REGISTER that made it, and seconds left that may be none."""
    (registration,) = open_source("kamailio", [pair(A, B, cseq=1)], "f")[1]
    assert isinstance(registration, Registration)
    intake = Intake(POLICY)
    row = replace(registration, tag_required=False, old_hosts=(), old_addresses=(), snapshot=True)
    over = replace(row, contacts=tuple(contact._replace(expires=0) for contact in row.contacts))
    found = [outcome for item in (row, registration, over) for outcome in intake.take(item, NOW)]
    assert [type(outcome) for outcome in found] == [AddressPair, Change]
    assert len(intake.live) == 1


def test_the_end_of_a_binding_without_a_time_is_now() -> None:
    (registration,) = open_source("kamailio", [pair(A, B, cseq=1)], "f")[1]
    intake = Intake(None)
    list(intake.take(registration, NOW))
    (gone,) = open_source("kamailio", [expired()], "f")[1]
    assert isinstance(gone, Expired)
    (change,) = intake.take(replace(gone, received_at=None), NOW + 9)
    assert isinstance(change, Change)
    assert (change.kind, change.expires) == ("ended", int(NOW) + 9)


def test_registrations_without_call_id_and_cseq_are_no_replays() -> None:
    (registration,) = open_source("kamailio", [pair(A, B, cseq=1)], "f")[1]
    assert isinstance(registration, Registration)
    intake = Intake(POLICY)
    unnumbered = replace(registration, call_id=None, cseq=None)
    kinds = [o.kind for _n in range(2) for o in intake.take(unnumbered, NOW) if isinstance(o, Change)]
    assert kinds == ["moved", "refreshed"]


def test_an_unknown_transport_is_not_secure() -> None:
    (registration,) = open_source("kamailio", [pair(A, B, cseq=1)], "f")[1]
    assert isinstance(registration, Registration)
    (refused,) = Intake(POLICY).take(replace(registration, transport=None), NOW)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.reason) == ("transport_not_secure", "it came over an unknown transport")
