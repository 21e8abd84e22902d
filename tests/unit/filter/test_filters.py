# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters: plain data in, plain data out, our errors as Ansible's."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.sipmobility.handover.plugins.filter.failures import failures
from ansible_collections.sipmobility.handover.plugins.filter.handovers import handovers
from ansible_collections.sipmobility.handover.plugins.filter.router_states import router_states

PAIR = {
    "aor": "sip:a@example.com",
    "old": "1.1.1.1",
    "new": "2.2.2.2",
    "expires": "2026-11-24T05:00:00Z",
    "admitted": True,
}
SESSION = {"protocol": "tcp", "port": 40000, "correspondent": "3.3.3.3", "correspondent_port": 7000}


def test_a_pairs_own_sessions_come_first() -> None:
    other = {**SESSION, "port": 40001}
    first, second = handovers([{**PAIR, "sessions": [other]}, {**PAIR, "old": "1.1.1.2"}], sessions=[SESSION])
    assert [item["port"] for item in first["sessions"]] == [40001]
    assert [item["port"] for item in second["sessions"]] == [40000]


def test_pairs_of_one_old_address_for_several_correspondents_are_one_handover() -> None:
    """The patent's phone tells the SIP server of each correspondent; the routers know one old address."""
    carol = {**SESSION, "correspondent": "3.3.3.4"}
    bobs, carols = {**PAIR, "sessions": [SESSION]}, {**PAIR, "sessions": [carol, SESSION]}
    (found,) = handovers([{**PAIR, "new": "2.2.2.9", "current": False}, bobs, carols])
    assert found["new"] == "2.2.2.2"
    assert [item["correspondent"] for item in found["sessions"]] == ["3.3.3.3", "3.3.3.4"]


@pytest.mark.parametrize(
    ("kinds", "ended"),
    [(["moved", "ended"], [True]), (["moved", "returned"], [True]), (["ended", "moved"], []), (["refreshed"], [])],
)
def test_what_ended_last_is_taken_away(kinds: list[str], ended: list[bool]) -> None:
    changes = [{**PAIR, "kind": kind} for kind in kinds]
    assert [record["ended"] for record in handovers([], changes=changes)] == ended
    assert [record["ended"] for record in handovers([PAIR], sessions=[SESSION], changes=changes)] == [False]
    unbelieved = [{**change, "admitted": False} for change in changes]
    assert handovers([], changes=unbelieved) == []


@pytest.mark.parametrize("admitted", [False, None, "true", 1])
def test_only_what_was_admitted_becomes_a_handover(admitted: Any) -> None:
    """Nobody may point another's traffic at himself (design rule 11)."""
    with pytest.raises(AnsibleFilterError, match="not_admitted"):
        handovers([{**PAIR, "admitted": admitted}], sessions=[SESSION])


def test_a_handover_that_is_refused_is_an_error_of_router_states() -> None:
    with pytest.raises(AnsibleFilterError, match="unmanaged_address"):
        router_states(handovers([PAIR], sessions=[SESSION]), {})


def test_failures_tell_why_on_one_line() -> None:
    told = {
        "ra": {"step": {"changed": True}},
        "rb": {"step": {"failed": True, "msg": "two\n  lines"}},
        "rc": {"step": {"unreachable": True, "msg": "no route"}},
        "rd": {},
        "re": {"step": {"failed": True}},
    }
    expected = {"rb": "two lines", "rc": "unreachable: no route", "re": "no reason given"}
    assert failures(told, list(told), "step") == expected


def test_each_pair_gets_the_sessions_of_its_own_old_address() -> None:
    by_address = {"1.1.1.1": [SESSION], "1.1.1.2": [{**SESSION, "port": 40002}]}
    pairs = [PAIR, {**PAIR, "old": "1.1.1.2"}, {**PAIR, "old": "1.1.1.3"}]
    first, second, third = handovers(pairs, sessions=by_address, auto=True)
    assert [[item["port"] for item in one["sessions"]] for one in (first, second, third)] == [[40000], [40002], []]
    with pytest.raises(AnsibleFilterError, match="no_sessions"):
        handovers(pairs, sessions=by_address)


def test_a_list_of_sessions_is_not_that_of_two_phones() -> None:
    with pytest.raises(AnsibleFilterError, match=r"ambiguous_sessions.*1\.1\.1\.1, 1\.1\.1\.2"):
        handovers([PAIR, {**PAIR, "old": "1.1.1.2"}], sessions=[SESSION])


def test_handovers_whose_sessions_are_still_to_be_found() -> None:
    (record,) = handovers([{**PAIR, "reassigned": True, "held_to": "2026-11-24T04:00:00Z"}], auto=True)
    assert (record["sessions"], record["ended"], record["reassigned"]) == ([], False, True)
    assert record["held_to"] == "2026-11-24T04:00:00Z"
    (over,) = handovers([], changes=[{**PAIR, "kind": "ended"}], auto=True)
    assert (over["ended"], "reassigned" in over) == (True, False)
    with pytest.raises(AnsibleFilterError, match="old_reassigned"):
        handovers([{**PAIR, "reassigned": True}], scope="correspondent", correspondents=["3.3.3.3"], auto=True)
