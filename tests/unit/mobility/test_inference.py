# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves without the tag (design rule 12; facts on SIP, section 1, inference mode), and lives of pairs without it."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import handover_id
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.intake import Outcome, read_registrations
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.pairs import AddressPair
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.registration_policy import Inference
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import open_source

from ..sip.messages import NOW, binding
from .registrar import World, changes, codes, pairs, the_pair
from .test_admission import POLICY

A, A2, B, D = "1.1.1.20", "1.1.1.21", "2.2.2.20", "2.2.2.40"
FIXTURES = Path(__file__).resolve().parents[2] / "fixtures" / "kamailio"
WAYS = ("instance", "call_id", "removed_contact", "single_contact")


def world(*ways: str, **values: int) -> World:
    """A world whose policy has these ways on."""
    policy = replace(POLICY, infer=Inference(**dict.fromkeys(ways, True)))
    return World(replace(policy, **values))  # type: ignore[arg-type]


def found(told: list[Outcome]) -> tuple[str, str, str]:
    """Old, new and way of the only pair."""
    pair = the_pair(told)
    return str(pair.old), str(pair.new), pair.by


def test_off_by_default() -> None:
    phones = World()
    phones.register("alice", A)
    assert phones.register("alice", B) == []
    assert phones.register("alice", D, removes=B) == []


class TestInstance:
    def test_linphone(self) -> None:
        """Facts: it registered from the new address within seconds, new Call-ID, same instance, old one in before."""
        phones = world("instance")
        phones.register("alice", A)
        assert found(phones.register("alice", B, call_id="other")) == (A, B, "instance")

    def test_baresip(self) -> None:
        """Facts: noticed the move after 60 s; the 20 s binding had expired, before was empty, Call-ID new."""
        phones = world("instance")
        phones.register("alice", A, expires=20, reg_id=1)
        phones.pass_time(60)
        assert found(phones.register("alice", B, call_id="other")) == (A, B, "instance")

    def test_baresip_after_the_grace(self) -> None:
        phones = world("instance", grace_seconds=30)
        phones.register("alice", A, expires=20)
        phones.pass_time(60)
        assert phones.register("alice", B) == []

    def test_a_phone_without_one(self) -> None:
        phones = world("instance")
        phones.register("alice", A, instance=None)
        assert phones.register("alice", B, instance=None) == []

    def test_another_phone_of_the_same_user(self) -> None:
        phones = world(*WAYS)
        phones.register("alice", A, instance="urn:1")
        assert phones.register("alice", B, instance="urn:2") == []
        assert phones.register("alice", A, instance="urn:1") == []
        assert phones.register("alice", B, instance="urn:2") == []

    def test_two_flows_of_one_phone_are_no_move(self) -> None:
        """RFC 5626: one instance, two registrations, told apart by reg-id."""
        phones = world("instance")
        for flow, at in ((1, A), (2, B), (1, A), (2, B)):
            contact = [f'<sip:alice@{at}>;+sip.instance="<urn:alice>";reg-id={flow}']
            assert phones.register("alice", at, contact=contact, before=[]) == []
        moved = [f'<sip:alice@{D}>;+sip.instance="<urn:alice>";reg-id=2']
        assert found(phones.register("alice", D, contact=moved, before=[])) == (B, D, "instance")


class TestCallId:
    def test_the_same_call(self) -> None:
        phones = world("call_id")
        phones.register("alice", A, instance=None)
        assert found(phones.register("alice", B, instance=None)) == (A, B, "call_id")

    def test_another_call(self) -> None:
        phones = world("call_id")
        phones.register("alice", A, instance=None)
        assert phones.register("alice", B, instance=None, call_id="other") == []

    def test_a_lower_cseq(self) -> None:
        phones = world("call_id")
        phones.register("alice", A, instance=None, cseq=9)
        assert phones.register("alice", B, instance=None, cseq=8) == []


class TestRemovedContact:
    def test_pjsip(self) -> None:
        """Facts: PJSIP sends ``old;expires=0`` and ``new`` in one REGISTER when its address changed."""
        phones = world("removed_contact")
        phones.register("alice", A, instance=None)
        assert found(phones.register("alice", B, removes=A, instance=None, call_id="x")) == (A, B, "removed_contact")

    def test_an_address_that_was_not_his(self) -> None:
        phones = world("removed_contact")
        phones.register("victim", A)
        assert phones.register("mallory", B, removes=A) == []


class TestSingleContact:
    def test_the_only_phone(self) -> None:
        phones = world("single_contact")
        phones.register("alice", A, instance=None)
        assert found(phones.register("alice", B, instance=None, call_id="x")) == (A, B, "single_contact")

    def test_two_earlier_addresses_tell_nothing(self) -> None:
        phones = world("single_contact")
        before = [binding(A), binding(A2)]
        assert phones.register("alice", B, instance=None, call_id="y", before=before) == []


@pytest.mark.parametrize("way", WAYS)
class TestNever:
    def test_from_another_port(self, way: str) -> None:
        phones = world(way)
        phones.register("alice", A)
        assert phones.register("alice", A, contact=[f'<sip:alice@{A}:5062>;+sip.instance="<urn:alice>"']) == []

    def test_after_the_phone_unregistered(self, way: str) -> None:
        phones = world(way)
        phones.register("alice", A)
        phones.register("alice", A, expires=0)
        assert phones.register("alice", B) == []

    def test_from_a_contact_that_its_packet_belied(self, way: str) -> None:
        phones = world(way)
        phones.register("mallory", A, source=D)
        assert phones.register("mallory", D, removes=A) == []

    def test_while_somebody_else_is_there(self, way: str) -> None:
        phones = world(way)
        phones.register("victim", A)
        phones.register("mallory", A)
        told = phones.register("mallory", D, removes=A)
        assert not any(isinstance(outcome, AddressPair) for outcome in told)


class TestHeldAgainstTheRules:
    def test_an_unmanaged_address(self) -> None:
        phones = world("instance")
        phones.register("alice", A)
        assert codes(phones.register("alice", "3.3.3.3")) == ["new_not_managed"]

    def test_a_flood(self) -> None:
        phones = world("instance", max_registrations_per_aor=2)
        for at in (A, B, D):
            phones.register("alice", at)
        assert codes(phones.register("alice", A2)) == ["too_many"]

    def test_a_chain_and_home_again(self) -> None:
        phones = world("instance")
        phones.register("alice", A)
        phones.register("alice", B)
        assert changes(phones.register("alice", D)) == [("moved", B, D), ("moved", A, D)]
        told = phones.register("alice", A)
        assert changes(told) == [("moved", D, A), ("moved", B, A), ("returned", A, A)]


class TestUntaggedLife:
    """Phones do not repeat the tag: what they register without it keeps, returns and ends their pairs."""

    def test_a_refresh(self) -> None:
        phones = World()
        phones.register("alice", A)
        phones.register("alice", B, A, expires=60)
        phones.pass_time(40)
        told = phones.register("alice", B, expires=60)
        assert changes(told) == [("refreshed", A, B)]
        assert the_pair(told).expires == int(NOW) + 43 + 60

    @pytest.mark.parametrize(("late", "told"), [(100, ["refreshed"]), (130, [])])
    def test_a_refresh_that_comes_late_is_one_within_the_grace(self, late: int, told: list[str]) -> None:
        """The server tells of no expiry. Nobody else gets the address before, and nothing comes back after."""
        phones = World()
        phones.register("alice", A)
        phones.register("alice", B, A, expires=60)
        phones.forget_bindings()
        phones.pass_time(60 + late)
        claim = phones.register("bob", D, A, before=[binding(A, instance="<urn:bob>")])
        assert [outcome.code for outcome in claim if isinstance(outcome, Refusal)] == (["old_claimed"] if told else [])
        assert [kind for kind, _old, _new in changes(phones.register("alice", B))] == told

    def test_of_another_phone_extends_nothing(self) -> None:
        phones = World()
        phones.register("alice", A)
        phones.register("alice", B, A)
        assert phones.register("alice", B, instance="urn:2") == []
        assert phones.register("bob", B) == []

    def test_one_that_breaks_a_rule_is_told_because_a_pair_hangs_on_it(self) -> None:
        phones = World()
        phones.register("alice", A)
        phones.register("alice", B, A)
        assert codes(phones.register("alice", B, source=D)) == ["new_not_source"]

    def test_an_expiry_of_a_server_without_domains(self) -> None:
        phones = World()
        phones.register("alice", A)
        phones.register("alice", B, A)
        line = {"v": 1, "event": "expired", "time": NOW + 9, "aor": "alice", "contact": f"sip:alice@{B}"}
        assert changes(phones.feed(line)) == [("ended", A, B)]


PAIR = {"aor": "sip:alice@example.com", "instance": "urn:alice", "old": A, "new": B, "expires": int(NOW) + 600}
#: As the routers tell it.
HANDOVER = {
    "id": handover_id("sip:alice@example.com", "urn:alice", ip_address(A)),
    "old": A,
    "new": B,
    "expires": "2026-11-24T05:00:00Z",
    "scope": "session",
}


class TestLiveFromOutside:
    """Live handovers of an earlier run, or of the routers, which know the id but no owner."""

    @pytest.mark.parametrize("record", [PAIR, HANDOVER])
    def test_they_are_refreshed_returned_and_ended(self, record: dict[str, object]) -> None:
        live = [record]
        assert changes(World(live=live).register("alice", B)) == [("refreshed", A, B)]
        assert changes(World(live=live).register("alice", A)) == [("returned", A, A)]
        assert changes(World(live=live).register("alice", B, expires=0)) == [("ended", A, B)]
        assert pairs(World(live=live).register("alice", D, A, before=[])) == [(A, D)]
        assert pairs(World(live=live).register("alice", B, A, before=[])) == [(A, B)]

    @pytest.mark.parametrize("live", [PAIR, HANDOVER])
    def test_nobody_else_claims_their_old_address(self, live: dict[str, object]) -> None:
        phones = World(live=[live])
        phones.register("bob", A)
        assert codes(phones.register("bob", D, A)) == ["old_claimed"]

    def test_one_that_was_ended_does_not_come_back(self) -> None:
        phones = World(live=[HANDOVER])
        phones.register("alice", B, expires=0)
        assert phones.register("alice", B) == []


class TestRecorded:
    """What a real Kamailio 5.6.3 logged of the lab's phone (tests/fixtures/kamailio)."""

    def judged(self, *names: str, **ways: bool) -> list[tuple[str, str, str]]:
        networks = {"home": ("198.18.10.0/24",), "visited": ("203.0.113.0/24",)}
        policy = replace(
            POLICY,
            managed_networks={name: tuple(map(ip_network, texts)) for name, texts in networks.items()},
            infrastructure=(),
            require_secure_transport=False,
            infer=Inference(**ways),
        )
        data = b"".join((FIXTURES / f"{name}.jsonl").read_bytes() for name in names)
        now = max(json.loads(one)["time"] for one in data.splitlines())
        report = read_registrations(open_source("kamailio", [data], "log")[1], policy, now)
        assert report.refused == ()
        return [(str(pair.old), str(pair.new), pair.by) for pair in report.address_pairs]

    def test_a_contact_that_is_removed_and_one_that_is_added(self) -> None:
        moved = ("198.18.10.50", "203.0.113.50")
        assert self.judged("register_remove_and_add") == []
        assert self.judged("register_remove_and_add", removed_contact=True) == [(*moved, "removed_contact")]
        assert self.judged("register_remove_and_add", call_id=True) == [(*moved, "call_id")]
        assert self.judged("register_no_instance", "register_remove_and_add", single_contact=True) == [
            (*moved, "single_contact")
        ]

    def test_the_tag(self) -> None:
        names = ("register_untagged", "register_refresh", "register_tagged", "register_tagged_refresh")
        assert self.judged(*names, instance=True) == [("198.18.10.50", "203.0.113.50", "tag")] * 2

    @pytest.mark.parametrize("phone", ["linphone", "baresip"])
    def test_stock_phones(self, phone: str) -> None:
        """linphone's binding still stands when it is seen again, baresip's has expired (lab/kamailio/record_phones)."""
        assert self.judged(f"../stock_phones/{phone}") == []
        assert self.judged(f"../stock_phones/{phone}", instance=True)[0] == ("198.18.10.50", "203.0.113.50", "instance")
