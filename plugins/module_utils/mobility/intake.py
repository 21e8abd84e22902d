# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From registrations to address pairs and changes, one at a time: what a log run and a live service share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Iterable, Iterator, List, Optional, Tuple, Union

from ..sip.refusal import Refusal
from ..sip.registration import Expired, Registration
from .admission import broken_rule, is_one_hosts
from .claim import Claim, Context, claim_of, lifetime_of, moment_of
from .listed_sessions import believed_sessions
from .live import Live
from .model import Address
from .pairs import AddressPair, Change
from .registration_policy import Policy
from .seen import Seen

__all__ = ["Intake", "Item", "Outcome", "Report", "read_registrations"]

Item = Union[Registration, Refusal, Expired]
Outcome = Union[AddressPair, Change, Refusal]

#: Without a policy nothing is admitted; this one only lends its lifetimes.
_NO_POLICY = Policy(managed_networks={})


@dataclass(frozen=True)
class Report:
    """What one run found, in the order of its input."""

    registrations: Tuple[Registration, ...]
    address_pairs: Tuple[AddressPair, ...]
    changes: Tuple[Change, ...]
    refused: Tuple[Refusal, ...]


def read_registrations(
    items: Iterable[Item], policy: Optional[Policy], now: float, keep_registrations: bool = True
) -> Report:
    """Hold every item of a source against a policy.

    :param policy: None parses only: pairs come out with ``admitted`` false.
    :param now: Unix seconds UTC.
    :param keep_registrations: whether the report lists the registrations; without, memory grows with the findings only.
    """
    intake = Intake(policy)
    registrations: List[Registration] = []
    pairs: List[AddressPair] = []
    changes: List[Change] = []
    refused: List[Refusal] = []
    for item in items:
        if keep_registrations and isinstance(item, Registration):
            registrations.append(item)
        for outcome in intake.take(item, now):
            if isinstance(outcome, AddressPair):
                pairs.append(outcome)
            elif isinstance(outcome, Change):
                changes.append(outcome)
            else:
                refused.append(outcome)
    live = {id(pair) for pair in intake.live}
    marked = (pair if id(pair) in live else replace(pair, current=False) for pair in pairs)
    return Report(tuple(registrations), tuple(marked), tuple(changes), tuple(refused))


class Intake:
    """Takes what a source yields and says what follows. Remembers what is live, and what it has seen.

    :param policy: None parses only.
    :param live: pairs that are live already, from an earlier run.
    """

    def __init__(self, policy: Optional[Policy], live: Iterable[AddressPair] = ()) -> None:
        self._policy = policy
        self._seen = Seen()
        self._live = Live(live)

    @property
    def live(self) -> Tuple[AddressPair, ...]:
        """The pairs that nothing has ended or taken the place of."""
        return tuple(self._live)

    def take(self, item: Item, now: float) -> Iterator[Outcome]:
        """The outcomes of one item. ``now`` is Unix seconds UTC."""
        if isinstance(item, Refusal):
            yield item
        elif isinstance(item, Expired):
            yield from self._expired(item, now)
        elif item.snapshot:
            return  # what is held was registered before: neither a move nor the end of one
        elif item.tagged or item.half_tagged:
            yield from self._tagged(claim_of(item), now)
        else:
            yield from self._untagged(claim_of(item), now)

    def _tagged(self, claim: Claim, now: float) -> Iterator[Outcome]:
        refused = self._refusal(claim, now)
        if refused is not None:
            yield refused
            return
        yield from claim.registration.body_refused
        if claim.registration.removes:
            yield from self._removed(claim, now)
        elif claim.old == claim.new:
            yield from self._returned(claim, now)
        else:
            yield from self._moved(claim, now)

    def _untagged(self, claim: Claim, now: float) -> Iterator[Outcome]:
        """Neither pair nor refusal; but what it removes is over, and its CSeq is spent."""
        if self._refusal(claim, now) is None and claim.registration.removes:
            yield from self._ended(self._held_at(claim), moment_of(claim.registration, now), claim.registration.where)

    def _refusal(self, claim: Claim, now: float) -> Optional[Refusal]:
        """The first broken rule. Once the sender is who he says, the registration counts as seen, refused or not."""
        tagged = claim.registration.tagged or claim.registration.half_tagged
        form = ("form",) if tagged else ()
        if self._policy is None:
            broken = broken_rule(claim, Context(_NO_POLICY, now, self._seen), form)
        else:
            context = Context(self._policy, now, self._seen)
            broken = broken_rule(claim, context, (*form, "identity"))
            if broken is None:
                broken = broken_rule(claim, context, ("time", "addresses") if tagged else ("time",))
                most = self._policy.max_registrations_per_aor
                self._seen.record(claim.registration, moment_of(claim.registration, now), most)
        return None if broken is None else Refusal(broken[0].code, broken[1], claim.registration.where)

    def _moved(self, claim: Claim, now: float) -> Iterator[Outcome]:
        registration, old, new = claim.registration, claim.old, claim.new
        if old is None or new is None:
            raise TypeError("the rules of form, which came before, hold that there are both")
        policy = self._policy or _NO_POLICY
        expires = int(moment_of(registration, now)) + lifetime_of(registration, policy)
        other = registration.correspondent
        sessions, dropped = believed_sessions(claim, self._policy)
        if dropped is not None:
            yield dropped
        admitted = self._policy is not None
        pair = AddressPair(
            aor=registration.aor,
            instance=registration.instance,
            old=old,
            new=new,
            correspondents=_peers(claim, policy),
            sessions=sessions,
            expires=expires,
            admitted=admitted,
            source=registration.where,
            correspondent=None if other is None else other.aor,
        )
        before = self._live.same(pair)
        kind = "refreshed" if before is not None and before.new == new else "moved"
        yield pair
        yield Change(kind, pair.aor, pair.instance, old, new, expires, admitted, pair.source)
        self._live.put(pair)
        # Home again at the address of an earlier pair, with the last one as the old address.
        yield from self._home(claim, expires)

    def _returned(self, claim: Claim, now: float) -> Iterator[Outcome]:
        registration = claim.registration
        expires = int(moment_of(registration, now)) + lifetime_of(registration, self._policy or _NO_POLICY)
        changes = list(self._home(claim, expires))
        if changes:
            yield from changes
        else:
            yield self._change("returned", registration, claim.old, claim.new, expires)

    def _home(self, claim: Claim, expires: int) -> Iterator[Change]:
        """The live pairs of this owner whose old address he has again."""
        registration = claim.registration
        for pair in self._live.of(registration.aor):
            if pair.instance == registration.instance and pair.old == claim.new:
                self._live.drop(pair)
                yield self._change("returned", registration, pair.old, claim.new, expires)

    def _removed(self, claim: Claim, now: float) -> Iterator[Outcome]:
        moment = moment_of(claim.registration, now)
        held = self._held_at(claim)
        yield from self._ended(held, moment, claim.registration.where)
        # Nothing of this phone is known here; whoever keeps its handovers may know.
        if not held and (claim.new is None or claim.new != claim.old):
            yield self._change("ended", claim.registration, claim.old, claim.new, int(moment))

    def _expired(self, item: Expired, now: float) -> Iterator[Outcome]:
        held = [
            pair
            for pair in self._live.of(item.aor)
            if item.host == pair.new
            and (item.instance is None or pair.instance is None or item.instance == pair.instance)
        ]
        yield from self._ended(held, now if item.received_at is None else item.received_at, item.where)

    def _held_at(self, claim: Claim) -> List[AddressPair]:
        """The live pairs of this AOR whose new address loses its binding."""
        registration = claim.registration
        gone = {contact.host for contact in registration.contacts}
        return [pair for pair in self._live.of(registration.aor) if registration.removes_all or pair.new in gone]

    def _ended(self, pairs: List[AddressPair], moment: float, where: str) -> Iterator[Change]:
        for pair in pairs:
            self._live.drop(pair)
            yield Change("ended", pair.aor, pair.instance, pair.old, pair.new, int(moment), pair.admitted, where)

    def _change(
        self, kind: str, registration: Registration, old: Optional[Address], new: Optional[Address], expires: int
    ) -> Change:
        admitted = self._policy is not None
        return Change(kind, registration.aor, registration.instance, old, new, expires, admitted, registration.where)


def _peers(claim: Claim, policy: Policy) -> Tuple[Address, ...]:
    """Whom a pair is for: of an INVITE or NOTIFY the dialog's other party, else whom the policy names."""
    other, mine = claim.registration.correspondent, (claim.old, claim.new)
    peers = policy.correspondents
    if other is not None:
        peers = (other.address,) if other.address is not None and is_one_hosts(other.address) else ()
    return tuple(peer for peer in peers if claim.old and peer.version == claim.old.version and peer not in mine)
