# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ownership by interval (design rule 11; facts on SIP, section 6, rules 3, 4 and 9): right moves, and attacks."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.intake import Outcome
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.ownership import (
    MOST_AT_ADDRESS,
    MOST_OF_AOR,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.pairs import AddressPair
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal

from ..sip.messages import NOW, binding
from .registrar import World, changes, codes, pairs, the_pair
from .test_admission import POLICY

A, A2, B, B2, D = "1.1.1.20", "1.1.1.21", "2.2.2.20", "2.2.2.21", "2.2.2.40"


class TestMoves:
    """Legitimate ones are admitted."""

    def test_from_an_earlier_binding(self) -> None:
        world = World()
        assert world.register("alice", A) == []
        found = the_pair(world.register("alice", B, A))
        assert (found.held_from, found.held_to, found.reassigned, found.by) == (
            int(NOW) + 1,
            int(NOW) + 2,
            False,
            "tag",
        )

    def test_a_binding_that_the_registrar_lists_is_enough(self) -> None:
        """Facts, rule 3: old is in ``before``. Nothing tells since when it was there."""
        found = the_pair(World().register("alice", B, A, before=[binding(A, instance="<urn:alice>")]))
        assert (found.held_from, found.held_to) == (None, int(NOW) + 1)

    def test_a_chain_keeps_the_address_that_the_sessions_were_opened_with(self) -> None:
        world = World()
        world.register("alice", A)
        assert pairs(world.register("alice", B, A)) == [(A, B)]
        told = world.register("alice", D, B)
        assert pairs(told) == [(B, D), (A, D)]
        assert changes(told) == [("moved", B, D), ("moved", A, D)]

    def test_a_chain_told_by_its_first_address(self) -> None:
        world = World()
        world.register("alice", A)
        world.register("alice", B, A)
        assert pairs(world.register("alice", D, A)) == [(A, D)]

    def test_what_led_to_the_address_that_was_left_leads_on_whichever_old_address_is_told(self) -> None:
        world = World()
        for at, old in ((A, None), (B, A), (D, B), (B2, A)):
            told = world.register("alice", at, old)
        assert sorted(pairs(told)) == [(A, B2), (B, B2)]

    def test_home_again(self) -> None:
        world = World()
        world.register("alice", A)
        world.register("alice", B, A)
        assert changes(world.register("alice", A, B)) == [("moved", B, A), ("returned", A, A)]
        assert [(str(pair.old), str(pair.new)) for pair in world.intake.live] == [(B, A)]

    def test_home_again_and_away_again(self) -> None:
        world = World()
        for at, old in ((A, None), (B, A), (A, A)):
            world.register("alice", at, old)
        found = the_pair(world.register("alice", D, A))
        assert (str(found.old), str(found.new), found.held_to) == (A, D, int(NOW) + 4)

    def test_home_again_without_the_tag(self) -> None:
        world = World()
        world.register("alice", A)
        world.register("alice", B, A)
        assert changes(world.register("alice", A)) == [("returned", A, A)]
        assert world.intake.live == ()

    def test_two_phones_change_places(self) -> None:
        world = World()
        world.register("alice", A)
        world.register("bob", B)
        assert pairs(world.register("alice", B, A)) == [(A, B)]
        found = the_pair(world.register("bob", A, B))
        assert (str(found.old), str(found.new)) == (B, A)
        # Alice is at B now: only sessions of Bob's interval are his.
        assert (found.held_from, found.held_to, found.reassigned) == (int(NOW) + 2, int(NOW) + 3, True)

    def test_two_phones_change_places_and_move_on(self) -> None:
        world = World()
        for user, at, old in (("alice", A, None), ("bob", B, None), ("alice", B, A), ("bob", A, B)):
            world.register(user, at, old)
        # Bob's sessions of B have B in his handover: Alice's of B would be a second claim. Those of A go on.
        assert codes(world.register("alice", D, B)) == ["old_claimed"]
        assert pairs(world.register("alice", D, A)) == [(A, D)]

    def test_after_the_binding_expired_within_the_grace(self) -> None:
        world = World()
        world.register("alice", A, expires=20)
        world.pass_time(60)
        assert pairs(world.register("alice", B, A)) == [(A, B)]

    def test_after_the_phone_removed_it_within_the_grace(self) -> None:
        world = World()
        world.register("alice", A)
        world.register("alice", A, expires=0)
        world.pass_time(60)
        assert pairs(world.register("alice", B, A)) == [(A, B)]

    def test_a_phone_without_an_instance(self) -> None:
        world = World()
        world.register("alice", A, instance=None)
        assert pairs(world.register("alice", B, A, instance=None)) == [(A, B)]


class TestReassigned:
    """The address went to somebody else after its owner had left."""

    def reassigned(self, before_bob: float, before_alice: float) -> list[Outcome]:
        """Alice leaves A untold, Bob gets it, and Alice tells."""
        world = World()
        world.register("alice", A)
        world.register("alice", A, expires=0)
        world.pass_time(before_bob)
        world.register("bob", A)
        world.pass_time(before_alice)
        return world.register("alice", B, A)

    def test_the_claim_of_the_former_owner_tells_his_interval(self) -> None:
        found = the_pair(self.reassigned(10, 10))
        assert (found.held_from, found.held_to, found.reassigned) == (int(NOW) + 1, int(NOW) + 2, True)

    def test_but_not_for_long(self) -> None:
        assert codes(self.reassigned(60, 100)) == ["held_by_another"]

    def test_the_new_owner_moves_on_with_what_is_his(self) -> None:
        world = World()
        world.register("alice", A, expires=20)
        world.pass_time(30)
        world.register("bob", A)
        world.pass_time(10)
        found = the_pair(world.register("bob", D, A))
        assert (found.aor, found.held_from) == ("sip:bob@example.com", int(NOW) + 32)

    def test_one_who_came_while_the_owner_was_there_has_it_from_then_on(self) -> None:
        world = World()
        world.register("alice", A, expires=20)
        world.register("bob", A)
        assert codes(world.register("bob", B, A)) == ["held_by_another"]
        world.register("bob", A)
        world.pass_time(30)
        found = the_pair(world.register("bob", B, A))
        assert found.held_from == int(NOW) + 21

    def test_one_owner_per_old_address(self) -> None:
        """Facts, rule 9: a second claim is refused and says who; it overwrites nothing."""
        world = World()
        world.register("alice", A)
        world.register("alice", B, A)
        world.register("bob", A)
        (refused,) = world.register("bob", D, A)
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.reason) == (
            "old_claimed",
            "1.1.1.20 is handed over for sip:alice@example.com (urn:alice)",
        )
        assert [(pair.aor, str(pair.new)) for pair in world.intake.live] == [("sip:alice@example.com", B)]
        # The owner's own refresh stands, and knows when the address is somebody else's.
        world.register("bob", A)
        assert the_pair(world.register("alice", B, A)).reassigned

    def test_the_claim_ends_with_its_handover(self) -> None:
        world = World()
        world.register("alice", A)
        world.register("alice", B, A, expires=60)
        world.register("bob", A)
        world.pass_time(70)
        assert pairs(world.register("bob", D, A)) == [(A, D)]

    def test_the_same_user_with_another_phone(self) -> None:
        world = World()
        world.register("alice", A, instance="urn:1")
        world.register("alice", A, instance="urn:1", expires=0)
        world.register("alice", A, instance="urn:2")
        assert pairs(world.register("alice", B, A, instance="urn:2")) == [(A, B)]
        assert codes(world.register("alice", D, A, instance="urn:1")) == ["old_claimed"]


class TestAttacks:
    """Mallory is authenticated, owns his address of record, and the registrar accepts whatever he sends."""

    @pytest.fixture
    def world(self) -> World:
        world = World()
        world.register("victim", A)
        world.register("mallory", D)
        return world

    def test_a_victims_old_address(self, world: World) -> None:
        """Facts, attack 1."""
        assert codes(world.register("mallory", D, A)) == ["held_by_another"]
        assert pairs(world.register("victim", B, A)) == [(A, B)]

    def test_an_address_that_nobody_has(self, world: World) -> None:
        assert codes(world.register("mallory", D, A2)) == ["not_held"]

    def test_at_his_first_visit(self) -> None:
        assert codes(World().register("mallory", D, A)) == ["no_history"]

    def test_a_refused_claim_does_not_make_itself_true(self, world: World) -> None:
        for _again in range(5):
            assert codes(world.register("mallory", D, A2)) == ["not_held"]

    def test_binding_the_victims_address_first(self, world: World) -> None:
        """The registrar lists it then, as Mallory's own earlier binding."""
        assert world.register("mallory", A2, source=D) == []
        assert codes(world.register("mallory", D, A2)) == ["not_held"]
        assert world.register("mallory", A, source=D) == []
        assert codes(world.register("mallory", D, A)) == ["held_by_another"]
        assert pairs(world.register("victim", B, A)) == [(A, B)]

    def test_binding_it_over_and_over_again(self) -> None:
        world = World()
        for _again in range(5):
            world.register("mallory", A2, source=D, expires=60)
            world.pass_time(50)
        assert codes(world.register("mallory", D, A2)) == ["no_history"]

    @pytest.mark.parametrize("crowd", ["addresses", "instances"])
    def test_binding_so_much_that_the_worthless_is_forgotten(self, crowd: str) -> None:
        world = World()
        world.register("mallory", A2, source=D)
        for number in range(40):
            if crowd == "addresses":
                world.register("mallory", f"1.1.1.{100 + number}", source=D)
            else:
                world.register("mallory", A2, source=D, instance=f"urn:{number}")
        assert codes(world.register("mallory", D, A2)) == ["no_history"]

    def test_binding_it_over_a_transport_that_is_not_believed(self) -> None:
        world = World()
        world.register("mallory", A2, source=D, transport="udp")
        assert codes(world.register("mallory", D, A2)) == ["no_history"]

    def test_letting_expire_what_was_so_forgotten(self) -> None:
        world = World()
        world.register("mallory", A2, source=D, expires=60)
        for number in range(40):
            world.register("mallory", f"1.1.1.{100 + number}", source=D, expires=600)
        world.pass_time(30)
        assert codes(world.register("mallory", D, A2, before=[])) == ["no_history"]

    def test_an_expiry_of_a_binding_that_was_never_seen_is_enough_within_the_grace(self) -> None:
        world = World()
        line = {"v": 1, "event": "expired", "time": NOW, "aor": "alice@example.com", "contact": f"sip:alice@{A}"}
        world.feed({**line, "instance": "<urn:alice>", "call_id": "c"})
        world.time = 60
        assert pairs(world.register("alice", B, A, before=[])) == [(A, B)]

    def test_binding_it_for_a_moment_and_then_for_long(self) -> None:
        world = World()
        world.register("mallory", A2, source=D, expires=10)
        world.pass_time(20)
        world.register("mallory", A2, source=D, expires=3600)
        world.pass_time(150)
        world.register("bob", A2)
        world.register("bob", A2, expires=0)
        world.pass_time(130)
        assert codes(world.register("mallory", D, A2)) == ["no_history"]

    def test_binding_it_beside_his_own(self) -> None:
        world = World()
        contact = [f"<sip:mallory@{D}>", f"<sip:mallory@{A}>"]
        world.register("mallory", D, contact=contact, instance=None)
        before = [binding(D), binding(A)]
        assert codes(world.register("mallory", D, A, instance=None, before=before)) == ["not_held"]

    def test_a_binding_that_the_server_saw_come_from_elsewhere(self) -> None:
        before = [binding(A, instance="<urn:mallory>", received=f"sip:{D}:5060")]
        assert codes(World().register("mallory", D, A, before=before)) == ["no_history"]

    def test_a_claim_of_the_registrar_alone_hurts_nobody_who_was_seen(self) -> None:
        world = World()
        world.register("mallory", D, before=[binding(A, instance="<urn:mallory>")])
        world.register("victim", A)
        assert codes(world.register("mallory", D, A)) == ["held_by_another"]
        assert pairs(world.register("victim", B, A)) == [(A, B)]

    def test_a_spoofed_packet_source_gains_nothing_while_the_owner_is_there(self, world: World) -> None:
        world.register("mallory", A)  # the packet bears the victim's address
        assert codes(world.register("mallory", D, A)) == ["held_by_another"]
        assert pairs(world.register("victim", B, A)) == [(A, B)]
        assert codes(world.register("mallory", D, A)) == ["old_claimed"]

    def test_leaving_an_address_and_claiming_its_next_owners_traffic(self) -> None:
        world = World()
        world.register("mallory", A)
        world.register("mallory", D)
        world.register("victim", A)
        world.pass_time(130)
        assert codes(world.register("mallory", D, A)) == ["held_by_another"]

    def test_another_phone_of_the_same_user(self) -> None:
        world = World()
        world.register("alice", A, instance="urn:1")
        assert codes(world.register("alice", B, A, instance="urn:2")) == ["held_by_another"]

    def test_another_users_address_of_record(self, world: World) -> None:
        """Facts, attack 4. Nothing of it is remembered either."""
        assert codes(world.register("victim", D, A, auth_user="mallory")) == ["not_owner"]
        world.register("victim", B2, auth_user="mallory")
        assert codes(world.register("victim", B, B2, before=[])) == ["not_held"]

    def test_what_came_over_an_insecure_transport_is_no_history(self) -> None:
        world = World()
        world.register("alice", A, transport="udp")
        assert codes(world.register("alice", B, A, before=[])) == ["no_history"]

    def test_a_replay_is_no_history(self) -> None:
        world = World()
        for pause in (15, 15, 130):
            world.register("victim", A, expires=20, cseq=1)
            world.pass_time(pause)
        assert codes(world.register("victim", B, A, before=[])) == ["no_history"]

    def test_a_crowd_does_not_push_the_owner_out(self, world: World) -> None:
        for number in range(3 * MOST_AT_ADDRESS):
            world.register(f"m{number}", A)
        assert len(world.intake._context.history.at(ip_address(A))) == MOST_AT_ADDRESS
        assert pairs(world.register("victim", B, A)) == [(A, B)]

    def test_a_user_with_many_addresses_costs_himself(self) -> None:
        policy = replace(POLICY, managed_networks={"v6": (ip_network("2001:db8::/32"),)})
        world = World(policy)
        world.register("victim", "[2001:db8::1]", source="2001:db8::1")
        for number in range(2 * MOST_OF_AOR):
            world.register("mallory", f"[2001:db8:1::{number:x}]", source=f"2001:db8:1::{number:x}")
        assert len(world.intake._context.history.of("sip:mallory@example.com")) == MOST_OF_AOR
        assert len(world.intake._memory.items("held")) == MOST_OF_AOR + 1


class TestRates:
    def test_of_one_address(self) -> None:
        world = World(replace(POLICY, max_handovers_per_address=2))
        world.register("alice", A)
        assert pairs(world.register("alice", B, A)) == [(A, B)]
        assert pairs(world.register("alice", D, A)) == [(A, D)]
        assert codes(world.register("alice", B, A)) == ["address_too_often"]
        world.pass_time(60)
        assert pairs(world.register("alice", B, A)) == [(A, B)]

    def test_of_everybody(self) -> None:
        world = World(replace(POLICY, max_handovers=1))
        world.register("alice", A)
        world.register("bob", A2)
        assert pairs(world.register("alice", B, A)) == [(A, B)]
        assert codes(world.register("bob", B2, A2)) == ["too_many_in_all"]

    def test_what_is_refused_uses_up_nobodys_rate(self) -> None:
        world = World(replace(POLICY, max_handovers_per_address=1, max_handovers=1))
        world.register("victim", A)
        for _again in range(5):
            codes(world.register("mallory", D, A))
        assert pairs(world.register("victim", B, A)) == [(A, B)]

    def test_a_refresh_is_no_handover(self) -> None:
        world = World(replace(POLICY, max_handovers_per_address=2))
        world.register("alice", A)
        for _again in range(4):
            assert pairs(world.register("alice", B, A)) == [(A, B)]


def test_without_ownership_only_one_owner_per_address_is_left() -> None:
    world = World(replace(POLICY, require_ownership=False))
    found = [the_pair(world.register("alice", B, A))]
    assert codes(world.register("mallory", D, A)) == ["old_claimed"]
    assert all(isinstance(pair, AddressPair) for pair in found)
