# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Honest phones and an attacker, in any order: nobody redirects an address that he did not have (design rule 11).

The truth is where each phone really is. An address is one phone's at a time. The attacker sends whatever he likes
under his own credentials, also with other phones' instances and with contacts that are not his; only the source of
his packets he cannot choose (the policy wants TLS).
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.intake import Outcome
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.pairs import AddressPair
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.registration_policy import Inference
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal

from .registrar import World
from .test_admission import POLICY

ADDRESSES = ["1.1.1.20", "1.1.1.21", "1.1.1.22", "2.2.2.20", "2.2.2.21", "2.2.2.22"]
HONEST = ["alice", "bob"]
UNLIMITED = {
    "max_registrations_per_aor": 10**6,
    "max_handovers_per_address": 10**6,
    "max_handovers": 10**6,
}


class Belief(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        policy = replace(POLICY, infer=Inference(True, True, True, False), **UNLIMITED)  # type: ignore[arg-type]
        self.world = World(policy)
        self.at = dict(zip([*HONEST, "mallory"], ADDRESSES, strict=False))
        #: Every time at which a phone was at an address: user, address, from, to.
        self.truth = [(user, address, 0.0, float("inf")) for user, address in self.at.items()]
        #: Registrations that came from the address: user, address, when, and until when they may count.
        self.proved: list[tuple[str, str, float, float]] = []

    def register(self, user: str, contact: str, old: str | None = None, expires: int = 60, **how: str) -> list[Outcome]:
        told = self.world.register(user, contact, old, source=self.at[user], expires=expires, **how)
        now = self.world.time
        if user in HONEST:
            self.proved = [
                (who, where, since, min(until, now) if who == user and (where != contact or not expires) else until)
                for who, where, since, until in self.proved
            ]
        if contact == self.at[user]:
            self.proved.append((user, contact, now, now + expires))
        self.check(told)
        return told

    def check(self, told: list[Outcome]) -> None:
        for pair in told:
            if isinstance(pair, AddressPair):
                user = pair.aor[4:].partition("@")[0]
                stays = [s for s in self.truth if (s[0], s[1]) == (user, str(pair.old))]
                assert stays, f"{pair} and {user} was never there"
                assert str(pair.new) == self.at[user]
                if pair.held_from is not None:
                    since = pair.held_from - self.world.now + self.world.time
                    assert any(start - 1 <= since <= end + 1 for _u, _a, start, end in stays)
                others = [other for other in HONEST if other != user and self.at[other] == str(pair.old)]
                registered = [
                    p for p in self.proved if p[0] in others and p[1] == str(pair.old) and p[3] > self.world.time
                ]
                if registered:
                    assert pair.reassigned, f"{pair} although {registered}"

    def settle(self, user: str, address: str) -> str:
        """The phone goes elsewhere, and is there before it says so."""
        self.world.pass_time(1)
        before, self.at[user] = self.at[user], address
        now = self.world.time
        self.truth = [(u, a, s, now if u == user and e > now else e) for u, a, s, e in self.truth]
        self.truth.append((user, address, now, float("inf")))
        return before

    def free(self) -> list[str]:
        return [address for address in ADDRESSES if address not in self.at.values()]

    @rule(user=st.sampled_from(HONEST), pick=st.integers(0, 5), tagged=st.booleans())
    def move(self, user: str, pick: int, tagged: bool) -> None:
        free = self.free()
        before = self.settle(user, free[pick % len(free)])
        new, now = self.at[user], self.world.time
        mine = [p for p in self.proved if (p[0], p[1]) == (user, before) and p[3] >= now]
        told = self.register(user, new, before if tagged else None)
        if not mine or not tagged:
            return
        in_the_way = [
            p for p in self.proved if p[0] != user and p[1] == before and p[2] <= mine[0][2] and p[3] >= mine[0][2]
        ]
        claimed = [pair for pair in self.world.intake.live if str(pair.old) == before and user not in pair.aor]
        if not in_the_way and not claimed:
            assert (before, new) in [(str(p.old), str(p.new)) for p in told if isinstance(p, AddressPair)], told

    @rule(pick=st.tuples(st.sampled_from([1, 2]), st.booleans()))
    def swap(self, pick: tuple[int, bool]) -> None:
        """Two honest phones change places, each tells at once."""
        for user in HONEST:
            self.register(user, self.at[user])
        first, second = HONEST if pick[1] else HONEST[::-1]
        places = dict(self.at)
        spare = self.free()[0]
        self.settle(first, spare)
        self.settle(second, places[first])
        self.settle(first, places[second])
        self.register(first, self.at[first], places[first])
        self.register(second, self.at[second], places[second])

    @rule(user=st.sampled_from(HONEST), expires=st.sampled_from([60, 60, 0]))
    def again(self, user: str, expires: int) -> None:
        self.register(user, self.at[user], expires=expires)

    @rule(seconds=st.sampled_from([1, 30, 61, 130, 200]))
    def wait(self, seconds: int) -> None:
        self.check(self.world.pass_time(seconds))

    @rule()
    def registrar_restarts(self) -> None:
        self.world.forget_bindings()

    @rule(pick=st.integers(0, 5))
    def attacker_moves(self, pick: int) -> None:
        free = self.free()
        self.settle("mallory", free[pick % len(free)])

    @rule(
        contact=st.sampled_from([None, *ADDRESSES]),
        old=st.sampled_from([None, *ADDRESSES]),
        expires=st.sampled_from([0, 60, 600]),
        instance=st.sampled_from(["urn:mallory", "urn:mallory", "urn:alice", "urn:other"]),
        removes=st.sampled_from([None, None, *ADDRESSES]),
        call_id=st.sampled_from(["mallory@x", "alice@urn.alice"]),
        transport=st.sampled_from(["tls", "tls", "udp"]),
    )
    def attack(
        self,
        contact: str | None,
        old: str | None,
        expires: int,
        instance: str,
        removes: str | None,
        call_id: str,
        transport: str,
    ) -> None:
        how = {"instance": instance, "call_id": call_id, "transport": transport}
        if removes is not None:
            how["removes"] = removes
        self.register("mallory", contact or self.at["mallory"], old, expires, **how)

    @precondition(lambda self: self.at)
    @invariant()
    def one_owner_per_old_address(self) -> None:
        earliest = self.world.now - POLICY.grace_seconds
        live = [pair for pair in self.world.intake.live if pair.expires > earliest]
        assert len({pair.old for pair in live}) == len({(pair.old, pair.aor, pair.instance) for pair in live})


TestBelief = Belief.TestCase


def test_the_attacker_is_heard_at_all() -> None:
    """The machine's attacker is refused for what he claims, not for how he says it."""
    world = World(POLICY)
    world.register("mallory", ADDRESSES[0])
    (refused,) = world.register("mallory", ADDRESSES[0], ADDRESSES[1])
    assert isinstance(refused, Refusal)
    assert refused.code == "not_held"
