# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a pair: what a believed registration, or the end of a binding, changes about the live ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterator, List, Optional, Union

from ..sip.refusal import Refusal
from ..sip.registration import Expired, Registration
from .admission import is_one_hosts
from .claim import Claim, Context, lifetime_of, moment_of
from .holding import Owner
from .listed_sessions import dated_sessions
from .model import Address
from .ownership_rules import Stake
from .pairs import AddressPair, Change
from .seen import IN_ALL, of_address

__all__ = ["Lifecycle"]

Told = Union[AddressPair, Change, Refusal]


class Lifecycle:
    """Moves, refreshes, returns and ends of one moment. Whether they are to be believed was decided before.

    :param admitted: whether a policy stands behind that.
    """

    def __init__(self, context: Context, admitted: bool) -> None:
        self._context = context
        self._live = context.live
        self._policy = context.policy
        self._admitted = admitted

    def pair_of(self, claim: Claim) -> AddressPair:
        """The pair that a claim amounts to, before anything else is known of it."""
        registration, old, new = claim.registration, claim.old, claim.new
        if old is None or new is None:
            raise TypeError("the rules of form, which came before, hold that there are both")
        other = registration.correspondent
        peers = self._policy.correspondents
        if other is not None:
            peers = (other.address,) if other.address is not None and is_one_hosts(other.address) else ()
        return AddressPair(
            aor=registration.aor,
            instance=registration.instance,
            old=old,
            new=new,
            correspondents=tuple(p for p in peers if p.version == old.version and p not in (old, new)),
            sessions=(),
            expires=self._expires(registration),
            admitted=self._admitted,
            source=registration.where,
            by=claim.by,
            correspondent=None if other is None else other.aor,
        )

    def moved(self, pair: AddressPair, moment: float) -> Iterator[Told]:
        """A pair, and what follows for the other pairs of the phone.

        In a chain A, B, D the sessions of A go on under A: what pointed to the address that the phone has now left
        points to the new one, whether the phone says so or not.
        """
        mine = [p for p in self._mine((pair.aor, pair.instance), moment) if p.old == pair.old]
        before = next((p for p in mine if p.correspondent == pair.correspondent), mine[0] if mine else None)
        pair = self._with_interval(pair, before, moment)
        listed_before = [session for other in mine for session in other.sessions]
        sessions, dropped = dated_sessions(pair, listed_before, moment, self._policy.grace_seconds)
        if dropped is not None:
            yield dropped
        pair = replace(pair, sessions=sessions)
        # Home again at the address of an earlier pair, with the last one as the old address.
        home = list(self._home(pair))
        left = {pair.old} if before is None else {pair.old, before.new}
        carried = [
            self._as_it_is_now(replace(other, new=pair.new, expires=pair.expires, source=pair.source), moment)
            for other in self._mine((pair.aor, pair.instance), moment)
            if other.new in left - {pair.new} and other.old != pair.new and not _same(other, pair)
        ]
        refreshed = before is not None and before.new == pair.new and _same(before, pair)
        for item in (pair, *carried):
            yield item
            kind = "refreshed" if item is pair and refreshed else "moved"
            yield _change(kind, item, item.expires, item.source)
            self._live.put(item)
        if self._admitted and not refreshed:
            since = moment - self._policy.rate_window_seconds
            self._context.seen.happened(of_address(pair.old), moment, since)
            self._context.seen.happened(IN_ALL, moment, since)
        yield from home

    def returned(self, claim: Claim) -> Iterator[Told]:
        """The phone says that it is home again."""
        known = list(self.home_again(claim))
        if known:
            yield from known
        else:
            yield self._change("returned", claim.registration, claim.old, claim.new, self._expires(claim.registration))

    def home_again(self, claim: Claim) -> Iterator[Told]:
        """The live pairs of this phone whose old address it has again are over."""
        if claim.new is None:
            return
        for pair in self._at_home(claim.owner[0], claim.owner[1], claim.new):
            self._live.drop(pair)
            expires = self._expires(claim.registration)
            yield _change("returned", replace(pair, new=claim.new), expires, claim.registration.where)

    def standing(self, claim: Claim) -> List[AddressPair]:
        """The live pairs of this phone that an untagged registration concerns: it is where they lead, or at home."""
        moment = moment_of(claim.registration, self._context.now)
        return [pair for pair in self._mine(claim.owner, moment) if claim.new in (pair.new, pair.old)]

    def extended(self, claim: Claim) -> Iterator[Told]:
        """The live pairs that lead to where the phone is last as long as this registration."""
        moment = moment_of(claim.registration, self._context.now)
        for pair in self._mine(claim.owner, moment):
            if pair.new == claim.new:
                expires = self._expires(claim.registration)
                longer = replace(pair, expires=expires, source=claim.registration.where, admitted=self._admitted)
                longer = self._as_it_is_now(longer, moment)
                yield longer
                yield _change("refreshed", longer, expires, longer.source)
                self._live.put(longer)

    def removed(self, claim: Claim) -> Iterator[Told]:
        """Every pair ends whose new address loses a binding: so the phone itself says."""
        registration = claim.registration
        gone = {contact.host for contact in registration.contacts}
        for pair in self._live.of(registration.aor):
            if registration.removes_all or pair.new in gone:
                yield self._ended(pair, moment_of(registration, self._context.now), registration.where)

    def removed_by_tag(self, claim: Claim) -> Iterator[Told]:
        """As :meth:`removed`; where nothing of this phone is known here, whoever keeps its handovers may know."""
        known = list(self.removed(claim))
        yield from known
        if not known and (claim.new is None or claim.new != claim.old):
            moment = int(moment_of(claim.registration, self._context.now))
            yield self._change("ended", claim.registration, claim.old, claim.new, moment)

    def expired(self, item: Expired, moment: float) -> Iterator[Told]:
        """Every pair ends whose new address's last binding is over."""
        for pair in self._live.of(item.aor):
            same = item.instance is None or pair.instance is None or item.instance == pair.instance
            if item.host == pair.new and same and not self._stays(pair, item.contact, moment):
                yield self._ended(pair, moment, item.where)

    def _stays(self, pair: AddressPair, uri: str, moment: float) -> bool:
        """Whether a phone is where it was though this contact's binding is over: it has bound another one there.

        A phone that starts anew, or connects anew, comes with another port; without an instance the registrar keeps
        the contact that it had beside the new one, until that expires.
        """
        owner = (pair.aor, pair.instance)
        held = [holding for holding in self._context.history.at(pair.new) if holding.owner == owner]
        return any(holding.end(moment) is None and not holding.concerns(uri) for holding in held)

    def _with_interval(self, pair: AddressPair, before: Optional[AddressPair], moment: float) -> AddressPair:
        if not self._admitted:
            return pair
        owner = (pair.aor, pair.instance)
        title = Stake(owner, pair.old, moment).title(self._context)
        self._context.history.leave(owner, pair.old, moment)
        if before is not None:
            pair = replace(pair, held_from=before.held_from, held_to=before.held_to, reassigned=before.reassigned)
        elif title.held:
            held_from = None if title.since is None else int(title.since)
            held_to = int(moment if title.until is None else title.until)
            pair = replace(pair, held_from=held_from, held_to=held_to)
        return self._as_it_is_now(pair, moment)

    def _as_it_is_now(self, pair: AddressPair, moment: float) -> AddressPair:
        """A pair knows whether somebody else was ever seen at its old address since, from when on it is his."""
        if not self._admitted or pair.reassigned:
            return pair
        title = Stake((pair.aor, pair.instance), pair.old, moment).title(self._context)
        if title.holder is None:
            return pair
        ends = [int(end) for end in (pair.held_to, title.holder_since) if end is not None]
        return replace(pair, reassigned=True, held_to=min(ends, default=None))

    def _home(self, pair: AddressPair) -> Iterator[Change]:
        for earlier in self._at_home(pair.aor, pair.instance, pair.new):
            self._live.drop(earlier)
            yield _change("returned", replace(earlier, new=pair.new), pair.expires, pair.source)

    def _at_home(self, aor: str, instance: Optional[str], new: Address) -> List[AddressPair]:
        return [pair for pair in self._live.of_owner((aor, instance), 0) if pair.old == new]

    def _mine(self, owner: Owner, moment: float) -> List[AddressPair]:
        """The pairs of a phone that a registration can still keep alive: one that came late, within the grace."""
        return self._live.of_owner(owner, moment - self._policy.grace_seconds)

    def _ended(self, pair: AddressPair, moment: float, where: str) -> Change:
        self._live.drop(pair)
        return _change("ended", pair, int(moment), where)

    def _expires(self, registration: Registration) -> int:
        return int(moment_of(registration, self._context.now)) + lifetime_of(registration, self._policy)

    def _change(
        self, kind: str, registration: Registration, old: Optional[Address], new: Optional[Address], expires: int
    ) -> Change:
        owner = (registration.aor, registration.instance)
        return Change(kind, *owner, old, new, expires, self._admitted, registration.where)


def _same(one: AddressPair, other: AddressPair) -> bool:
    """Whether one takes the place of the other: of one old address, for the same correspondent."""
    return (one.old, one.correspondent) == (other.old, other.correspondent)


def _change(kind: str, pair: AddressPair, expires: int, where: str) -> Change:
    return Change(kind, pair.aor, pair.instance, pair.old, pair.new, expires, pair.admitted, where)
