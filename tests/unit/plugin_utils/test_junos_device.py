# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transaction on an SRX with the stand-in of tests/standins/junos in this process. It is not Junos OS."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Change, Entry, Mark, Selector
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.plugin_utils.junos.router_device import JunosDevice
from tests.standins.junos.flows import Packet
from tests.standins.junos.router import Router

from ..mobility.worlds import NEW, NOW, OLD, PEER
from ..platforms.junos_world import (
    BETWEEN,
    DECODER,
    ENCODER,
    FROZEN,
    PLATFORM,
    PREPARED,
    RENDERER,
    ROUTE,
    STAMP,
    Session,
    managed,
)

MARK = Mark(Selector(OLD, PEER), STAMP)
CLEARS = ["clear-flow-session"] * 4


def put(router: Router, *entries: Entry, before: RouterState | None = None) -> RouterState:
    return managed(router).apply(Change(put=entries), before or RouterState(), NOW)


def refusal(router: Router, *entries: Entry) -> HandoverError:
    with pytest.raises(HandoverError) as told:
        put(router, *entries)
    return told.value


def test_encoders_are_read_under_the_lock_cleared_read_back_and_confirmed() -> None:
    router = Router(PREPARED)
    assert put(router, ENCODER) == RouterState([ENCODER])
    assert router.asked == [
        "lock",
        "get-config",
        "edit-config",
        "commit confirmed",
        *CLEARS,
        "get-config",
        "commit",
        "unlock",
    ]
    assert router.unconfirmed is None


def test_what_encodes_nothing_is_committed_plainly_and_clears_nothing_but_its_own() -> None:
    router = Router(PREPARED)
    put(router, ROUTE, MARK, FROZEN)
    assert router.asked == ["lock", "get-config", "edit-config", "commit", "get-config", "unlock"]


def test_what_was_put_goes_again_and_leaves_the_router_as_it_was() -> None:
    router = Router(PREPARED)
    start = Router(PREPARED).answer(1, "<get-config><source><running/></source></get-config>")
    held = put(router, ENCODER, DECODER, ROUTE, MARK, FROZEN)
    managed(router).apply(Change(remove=tuple(held)), held, NOW)
    again = router.answer(1, "<get-config><source><running/></source></get-config>")
    assert managed(router).gather() == RouterState()
    for gone in ("sipmobility-tcp", "rule-set", "<pool", "apply-macro", "<route>"):
        assert gone not in again
    assert start.count("sipmobility-freeze") == again.count("sipmobility-freeze")


def test_a_library_that_knows_junos_takes_namespaces_away() -> None:
    router = Router(PREPARED)
    assert managed(router, bare=True).apply(Change(put=(ENCODER,)), RouterState(), NOW) == RouterState([ENCODER])


def test_older_names_of_capabilities() -> None:
    router = Router(PREPARED)

    class Older(Session):
        @property
        def capabilities(self) -> frozenset[str]:
            return frozenset(uri.replace("netconf:cap", "xml:ns:netconf:cap") for uri in super().capabilities)

    device = JunosDevice("rb", PLATFORM, RENDERER, Older(router), BETWEEN)
    assert (device.candidate, device.confirms) == (True, True)


def test_a_device_that_is_no_junos() -> None:
    class Other(Session):
        @property
        def capabilities(self) -> frozenset[str]:
            return frozenset(uri for uri in super().capabilities if "juniper" not in uri)

    with pytest.raises(HandoverError, match="wrong_device"):
        JunosDevice("rb", PLATFORM, RENDERER, Other(Router(PREPARED)), BETWEEN)


def test_an_edit_that_is_refused_leaves_nothing_behind() -> None:
    router = Router(PREPARED)
    router.fails = ["edit-config"]
    told = refusal(router, ENCODER)
    assert told.code == "step_refused"
    assert told.advice.endswith("The router is unchanged.")
    assert router.asked[2:] == ["edit-config", "discard-changes", "unlock", "get-config"]


def test_a_commit_that_is_refused_leaves_nothing_behind() -> None:
    router = Router(PREPARED)
    router.fails = ["commit"]
    told = refusal(router, ENCODER)
    assert told.advice.endswith("The router is unchanged.")
    assert managed(router).gather() == RouterState()


def test_sessions_that_cannot_be_cleared_take_the_encoders_back() -> None:
    router = Router(PREPARED)
    router.fails = ["clear-flow-session"]
    told = refusal(router, ENCODER)
    assert told.advice.endswith("The router is unchanged.")
    assert "load-configuration" in router.asked
    assert router.unconfirmed is None
    assert managed(router).gather() == RouterState()


def test_encoders_that_do_not_read_back_are_taken_back() -> None:
    """By rollback 1 and a commit: Junos has no cancel-commit."""

    class Forgetful(Router):
        def answer(self, session: int, request: str) -> str:
            answer = super().answer(session, request)
            if "get-config" in request and self.unconfirmed is not None:
                return answer.replace("<rule><name>sipmobility", "<rule><name>elsewhere")
            return answer

    router = Forgetful(PREPARED)
    told = refusal(router, ENCODER)
    assert told.code == "foreign_entry"
    assert managed(router).gather() == RouterState()
    assert router.unconfirmed is None


def test_a_session_that_is_lost_takes_the_encoders_with_it() -> None:
    router = Router(PREPARED)

    class Lost(Session):
        gone = False

        def request(self, operation: str) -> str:
            if "get-config" in operation and self.router.unconfirmed is not None:
                self.router.end(1)
                self.gone = True
            if self.gone:
                raise HandoverError("session_lost", "gone", "a session lasts")
            return super().request(operation)

    device = JunosDevice("rb", PLATFORM, RENDERER, Lost(router), BETWEEN)
    with pytest.raises(HandoverError, match="session_lost"):
        device.change(Change(put=(ENCODER,)), NOW)
    assert managed(router).gather() == RouterState()


def test_a_lock_that_is_held_or_a_candidate_that_is_edited() -> None:
    router = Router(PREPARED)
    router.answer(2, "<lock><target><candidate/></target></lock>")
    assert refusal(router, ENCODER).code == "lock_held"
    router.end(2)
    router.candidate.append(router.candidate[0])
    assert refusal(router, ENCODER).code == "lock_held"


def test_a_freeze_needs_the_filter_before_all_others() -> None:
    router = Router(PREPARED.replace("<input-list>sipmobility-freeze</input-list>", "", 1))
    told = refusal(router, FROZEN)
    assert told.code == "router_not_prepared"
    assert router.asked[-2:] == ["discard-changes", "unlock"]


def test_what_somebody_put_in_the_way_meanwhile() -> None:
    """A rule of our name that was not there when the plan was made."""
    router = Router(PREPARED)
    put(router, ENCODER)
    told = refusal(router, replace(ENCODER, to=PEER))
    assert told.code == "router_changed"
    assert managed(router).gather() == RouterState([ENCODER])


def packet(router: Router, sent: Packet) -> Packet | None:
    return router.flows.passed(sent, router.running, BETWEEN.inside, BETWEEN.outside)


#: The patent's session at the correspondent's router: from it to the old address, and from the phone's new one.
OUT = Packet(str(PEER), 7000, str(OLD), 40000, inside=True)
BACK = Packet(str(NEW), 40000, str(PEER), 7000, inside=False)
UNENCODED = Packet(str(OLD), 40000, str(PEER), 7000, inside=False)


def test_a_rule_says_nothing_to_a_session_that_stands() -> None:
    """Why sessions are cleared: the rules alone, committed by somebody else, change nothing."""
    router = Router(PREPARED)
    assert packet(router, OUT) == OUT
    put(router, ENCODER, DECODER)
    assert packet(router, OUT) == replace(OUT, destination=str(NEW))
    other = Router(PREPARED)
    assert packet(other, OUT) == OUT
    other.running = router.running
    assert packet(other, OUT) == OUT
    assert packet(other, BACK) is None  # its answer would be the wing of the session that stands


def test_one_session_is_both_directions() -> None:
    """Why directions are always both: with the rule of one direction, the session translates the other one too."""
    router = Router(PREPARED)
    put(router, ENCODER)
    assert packet(router, OUT) == replace(OUT, destination=str(NEW))
    assert packet(router, BACK) == replace(BACK, source=str(OLD))
    # What the phone sends under its old address, as directions forward would have it, does not pass any more.
    assert packet(router, UNENCODED) is None


def test_why_flows_are_frozen() -> None:
    """A packet that the other router does not encode yet makes the session anew, as it was before: for good."""
    router = Router(PREPARED)
    assert packet(router, OUT) == OUT
    put(router, ENCODER, DECODER)
    assert packet(router, UNENCODED) == UNENCODED
    assert packet(router, OUT) == OUT  # not translated, and clearing came too early
    assert packet(router, BACK) is None

    frozen = Router(PREPARED)
    assert packet(frozen, OUT) == OUT
    matches = dict.fromkeys(one for entry in (ENCODER, DECODER) for one in (entry.match, entry.image))
    ice = tuple(replace(FROZEN, match=match) for match in matches)
    held = put(frozen, *ice)
    held = managed(frozen).apply(Change(put=(ENCODER, DECODER)), held, NOW)
    assert packet(frozen, UNENCODED) is None
    assert packet(frozen, OUT) is None
    managed(frozen).apply(Change(remove=ice), held, NOW)
    assert packet(frozen, OUT) == replace(OUT, destination=str(NEW))
    assert packet(frozen, BACK) == replace(BACK, source=str(OLD))


def test_in_the_middle_of_tcp_a_session_begins_only_with_no_syn_check() -> None:
    router = Router(PREPARED.replace("<no-syn-check/>", ""))
    put(router, ENCODER, DECODER)
    assert packet(router, OUT) is None
    assert packet(router, replace(OUT, syn=True)) == replace(OUT, destination=str(NEW), syn=True)
    assert packet(router, replace(OUT, source_port=7001, protocol="udp")) is not None
