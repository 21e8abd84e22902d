# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From registrations to address pairs and changes, one at a time: what a log run and a live service share.

Nothing here waits and nothing is undone: what is to be remembered goes to the
memory that the caller gave. A caller that must be able to repeat a run (because
the routers did not acknowledge) gives a memory that it can throw away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, Generator, Iterable, Iterator, List, Mapping, Optional, Protocol, Tuple, Union

from ..sip.agreed import AgreedFlow
from ..sip.dialog_message import DialogMessage
from ..sip.dialogs import Dialogs
from ..sip.refusal import Refusal
from ..sip.registration import Expired, Registration
from .admission import broken_rule, no_fact
from .claim import Claim, Context, claim_of, context_of, moment_of
from .home import HomeAnswer, HomeQuestion, Waiting
from .inference import inferred
from .lifecycle import Lifecycle
from .listed_sessions import believed_sessions
from .memory import Memory, Overlay, RunMemory
from .ownership_rules import HOME_MAY_ANSWER, Stake, stake_broken
from .pairs import AddressPair, Change
from .registration_policy import Policy
from .seen import of_aor

__all__ = ["Home", "Intake", "Item", "Outcome", "Report", "read_registrations"]

Item = Union[Registration, Refusal, Expired, HomeAnswer, DialogMessage]
Outcome = Union[AddressPair, Change, Refusal, HomeQuestion]

#: Without a policy nothing is admitted; this one only lends its lifetimes.
_NO_POLICY = Policy(managed_networks={})
_AFTER_IDENTITY = ("time", "addresses", "ownership")
_NOT_THE_OWNER = ("not_authenticated", "not_owner")
_DAY = 86400
#: How long, at most, it is remembered that the REGISTER of a binding was seen.
_DAYS_OF_A_BINDING = 30

#: The shelf of the dialogs, and how long one is remembered of which nothing more is heard.
_DIALOGS = "dialogs"
_HOURS_OF_A_CALL = 12


@dataclass(frozen=True)
class Report:
    """What one run found, in the order of its input.

    :ivar questions: to be put to the phones' home servers; none where the run has asked them itself.
    :ivar dialogs: what the dialogs that stand at the end have agreed on at an old address of a pair that holds.
    """

    registrations: Tuple[Registration, ...]
    address_pairs: Tuple[AddressPair, ...]
    changes: Tuple[Change, ...]
    refused: Tuple[Refusal, ...]
    questions: Tuple[HomeQuestion, ...] = ()
    dialogs: Tuple[AgreedFlow, ...] = ()


class Home(Protocol):
    """What puts questions to home servers; the transport is not the core's."""

    def ask(self, question: HomeQuestion, now: float) -> None:
        """Put a question, without waiting."""

    def rest(self) -> Iterator[Tuple[HomeAnswer, float]]:
        """Every answer, with the seconds that have passed since this was called, until no question is open any more."""


def read_registrations(
    items: Iterable[Item],
    policy: Optional[Policy],
    now: float,
    keep_registrations: bool = True,
    live: Iterable[Mapping[str, Any]] = (),
    memory: Optional[Memory] = None,
    home: Optional[Home] = None,
) -> Report:
    """Hold every item of a source against a policy.

    :param policy: None parses only: pairs come out with ``admitted`` false.
    :param now: Unix seconds UTC.
    :param keep_registrations: whether the report lists the registrations; without, memory grows with the findings only.
    :param live: pairs or handovers that are live already, as plain data.
    :param memory: what earlier runs have seen; without, this run is the first and the last.
    :param home: asks the home servers, and this waits for them, at most ``home_timeout_seconds``.
    :raises HandoverError: for a ``live`` that is none.
    """
    memory = RunMemory() if memory is None else memory
    intake = Intake(policy, live, memory)
    registrations: List[Registration] = []
    found: Dict[type, List[Any]] = {AddressPair: [], Change: [], Refusal: [], HomeQuestion: []}
    dialogs = Dialogs()
    for key, values in memory.items(_DIALOGS):
        dialogs.restore(key, values)
    for item in items:
        if isinstance(item, DialogMessage):
            dialogs.take(item)
            continue
        if keep_registrations and isinstance(item, Registration):
            registrations.append(item)
        for outcome in intake.take(item, now):
            found[type(outcome)].append(outcome)
            if home is not None and isinstance(outcome, HomeQuestion):
                home.ask(outcome, now)
    if home is not None:
        found[HomeQuestion].clear()
        for told in _answers(intake, home, now, 0 if policy is None else policy.home_timeout_seconds):
            found[type(told)].append(told)
    pairs = tuple(pair if intake.is_live(pair) else replace(pair, current=False) for pair in found[AddressPair])
    for key, kept in dialogs.kept():
        memory.put(_DIALOGS, key, kept, now + _HOURS_OF_A_CALL * 3600)
    # Of other people's calls nothing is told.
    moved = {pair.old for pair in pairs if pair.current}
    flows = tuple(flow for flow in dialogs.flows() if moved & {flow.address, flow.peer_address})
    return Report(
        tuple(registrations),
        pairs,
        tuple(found[Change]),
        tuple(found[Refusal]),
        tuple(found[HomeQuestion]),
        flows,
    )


class Intake:
    """Takes what a source yields and says what follows.

    :param policy: None parses only.
    :param live: pairs or handovers that are live already, as plain data: of an earlier run, or of the routers.
    :param memory: what was seen and what is live; its own and empty where none is given.
    :raises HandoverError: for a ``live`` that is none.
    """

    def __init__(
        self, policy: Optional[Policy], live: Iterable[Mapping[str, Any]] = (), memory: Optional[Memory] = None
    ) -> None:
        self._admits = policy is not None
        self._policy = _NO_POLICY if policy is None else policy
        self._memory = RunMemory() if memory is None else memory
        self._context = context_of(self._policy, 0, self._memory)
        self._waiting = Waiting(self._memory, self._policy)
        for record in live:
            self._context.live.stand(record)

    @property
    def admits(self) -> bool:
        """Whether there is a policy by which something may be admitted."""
        return self._admits

    @property
    def live(self) -> Tuple[AddressPair, ...]:
        """The pairs that nothing has ended or taken the place of."""
        return tuple(self._context.live.all())

    def is_live(self, pair: AddressPair) -> bool:
        """Whether nothing has ended this very pair or taken its place."""
        return self._context.live.holds(pair)

    def take(self, item: Item, now: float) -> Iterator[Outcome]:
        """The outcomes of one item; dialogs have none of their own. ``now`` is Unix seconds UTC."""
        if self._policy.home_servers:
            yield from self.late(now)
        if isinstance(item, Registration):
            if item.snapshot:
                self._listed(item, now)
            elif self._admits or item.old_hosts or item.tag_required or not item.expires:
                yield from self._registration(item, now)
            # Where nothing is admitted, nothing follows from one without a tag that binds.
        elif isinstance(item, Refusal):
            yield item
        elif isinstance(item, HomeAnswer):
            yield from self._answered(item, now)
        elif isinstance(item, Expired):
            yield from self._expired(item, now)

    def late(self, now: float) -> Iterator[Refusal]:
        """What has waited in vain for the home server's word. A service asks by a timer; :meth:`take` does it too."""
        for pair in self._waiting.late(now):
            reason = f"no answer about {pair.old} within {self._policy.home_timeout_seconds} s"
            yield Refusal("home_silent", reason, pair.source)

    def look(self, registration: Registration, now: float) -> Tuple[Claim, Context]:
        """The claim that a registration makes, or that is inferred, and what it is held against. Nothing is kept."""
        context = context_of(self._policy, now, Overlay(self._memory))
        claim = claim_of(registration)
        self._prepare(claim, context)
        if self._infers(claim):
            claim = inferred(claim, context) or claim
        return claim, context

    def _at(self, now: float) -> Context:
        # A log is read at one moment: for most items the context is the one of the item before.
        if self._context.now != now:
            self._context = replace(self._context, now=now)
        return self._context

    def _listed(self, snapshot: Registration, now: float) -> None:
        """What is held was registered before: neither a move nor the end of one, but it says who is where."""
        if not self._admits:
            return
        moment = moment_of(snapshot, now)
        for contact in snapshot.live_contacts:
            if contact.host is not None:
                owner = (snapshot.aor, contact.instance)
                known = self._context.seen.saw(snapshot.aor, snapshot.call_id, snapshot.cseq)
                expires = moment + contact.expires
                listed = (contact.uri, expires, snapshot.call_id)
                self._context.history.learn_listed(owner, contact.host, *listed, moment, known)

    def _registration(self, registration: Registration, now: float) -> List[Outcome]:
        claim, context = claim_of(registration), self._at(now)
        fact = self._prepare(claim, context)
        if _is_tagged(claim):
            told = list(self._tagged(claim, context))
        else:
            # Most registrations: they only teach. What is no fact follows from nothing without a tag.
            told = list(self._untagged(claim, context)) if fact or not self._admits else []
        if fact:
            context.history.learn(registration, moment_of(registration, now))
        return told

    def _prepare(self, claim: Claim, context: Context) -> bool:
        """Learn what holds whatever becomes of the claim. Whether the registration is a fact at all."""
        if not self._admits or claim.registration.method != "REGISTER":
            return False  # a request within a dialog binds nothing
        if no_fact(claim, context):
            # When the registrar lists what the owner bound thus, that shall not count either. Others cannot harm him.
            broken = broken_rule(claim, context, ("identity",))
            if broken is None or broken[0].code not in _NOT_THE_OWNER:
                context.seen.disbelieve(claim.registration, self._seen_until(claim, context))
            return False
        context.history.learn_before(claim.registration, moment_of(claim.registration, context.now))
        context.live.adopt(claim.owner, {address for _name, address in claim.addresses})
        return True

    def _tagged(self, claim: Claim, context: Context) -> Iterator[Outcome]:
        life = Lifecycle(context, self._admits)
        refused = self._refusal(claim, context)
        asks = refused is not None and refused.code in HOME_MAY_ANSWER
        if asks and self._policy.homes_of(claim.registration.aor):
            pair = yield from self._with_sessions(life.pair_of(claim), claim)
            yield self._ask(pair, context, moment_of(claim.registration, context.now))
        elif refused is not None:
            yield refused
        elif claim.registration.removes:
            yield from life.removed_by_tag(claim)
            self._waiting.forget(claim.owner, claim.new)
        elif claim.old == claim.new:
            yield from life.returned(claim)
        else:
            pair = yield from self._with_sessions(life.pair_of(claim), claim)
            yield from life.moved(pair, moment_of(claim.registration, context.now))

    def _with_sessions(self, pair: AddressPair, claim: Claim) -> Generator[Outcome, None, AddressPair]:
        """The pair with the sessions that the phone lists; why they, or their body, were not believed is told."""
        yield from claim.registration.body_refused
        sessions, dropped = believed_sessions(claim, self._policy if self._admits else None)
        if dropped is not None:
            yield dropped
        return replace(pair, sessions=sessions)

    def _untagged(self, claim: Claim, context: Context) -> Iterator[Outcome]:
        """Neither pair nor refusal, unless it concerns a live pair, or one is inferred."""
        life = Lifecycle(context, self._admits)
        standing = life.standing(claim) if self._admits and not claim.registration.removes else []
        found = inferred(claim, context) if self._infers(claim) else None
        inference = found if not any(pair.new == claim.new for pair in standing) else None
        if not standing and inference is None and not claim.registration.removes:
            self._record(claim, context, counts=False)
            return
        refused = self._refusal(inference or claim, context)
        if refused is not None:
            if standing or inference:
                yield refused
        elif claim.registration.removes:
            yield from life.removed(claim)
            self._waiting.forget(claim.owner, None if claim.registration.removes_all else claim.new)
        elif inference is not None:
            yield from life.moved(life.pair_of(inference), moment_of(claim.registration, context.now))
        else:
            yield from life.home_again(claim)
            yield from life.extended(claim)

    def _refusal(self, claim: Claim, context: Context) -> Optional[Refusal]:
        """The first broken rule. Once the sender is who he says, the registration counts as seen, refused or not."""
        form = ("form",) if _is_tagged(claim) else ()
        counts = claim.registration.tagged or claim.by != "tag"
        broken = broken_rule(claim, context, (*form, "identity") if self._admits else form)
        if broken is None and self._admits:
            broken = broken_rule(claim, context, _AFTER_IDENTITY)
            self._record(claim, context, counts)
        return None if broken is None else Refusal(broken[0].code, broken[1], claim.registration.where)

    def _record(self, claim: Claim, context: Context, counts: bool) -> None:
        context.seen.record(claim.registration, self._seen_until(claim, context))
        if counts:
            moment = moment_of(claim.registration, context.now)
            since = moment - self._policy.rate_window_seconds
            context.seen.happened(of_aor(claim.registration.aor), moment, since)

    def _seen_until(self, claim: Claim, context: Context) -> float:
        lasts = min(claim.registration.expires, _DAYS_OF_A_BINDING * _DAY)
        return moment_of(claim.registration, context.now) + max(self._policy.max_age_seconds, _DAY, lasts)

    def _infers(self, claim: Claim) -> bool:
        registration = claim.registration
        return self._admits and not _is_tagged(claim) and not registration.removes and bool(registration.contacts)

    def _expired(self, item: Expired, now: float) -> List[Outcome]:
        moment = now if item.received_at is None else item.received_at
        told: List[Outcome] = list(Lifecycle(self._at(now), self._admits).expired(item, moment))
        if self._admits:
            self._context.history.expire(item, moment)
            self._waiting.forget((item.aor, item.instance), item.host)
        return told

    def _ask(self, pair: AddressPair, context: Context, moment: float) -> Outcome:
        question = self._waiting.ask(pair, moment, context.now)
        if question is not None:
            return question
        reason = f"{self._policy.max_waiting} registrations wait for a home server already"
        return Refusal("home_busy", reason, pair.source)

    def _answered(self, answer: HomeAnswer, now: float) -> Iterator[Outcome]:
        wrong = self._waiting.wrong(answer, now)
        if wrong is not None:
            yield Refusal(wrong[0], wrong[1], f"answer {answer.id:.32}")
            return
        for pair, moment in self._waiting.resolve(answer):
            yield from self._told_of(pair, moment, answer, now)

    def _told_of(self, pair: AddressPair, moment: float, answer: HomeAnswer, now: float) -> Iterator[Outcome]:
        """What the answer makes of one pair that waited for it."""
        context = self._at(now)
        owner = (pair.aor, pair.instance)
        if not answer.held:
            yield Refusal("home_denied", f"{answer.vouched_by:.80}: {pair.old} was not {pair.aor}'s", pair.source)
            return
        if pair.expires <= now:
            yield Refusal("binding_expired", "the home server's word came too late", pair.source)
            return
        until = moment if answer.held_to is None else answer.held_to
        context.history.vouch(owner, pair.old, answer.held_from, min(until, moment))
        broken = stake_broken(Stake(owner, pair.old, moment), context)
        if broken is not None:
            yield Refusal(broken[0], broken[1], pair.source)
        else:
            yield from Lifecycle(context, self._admits).moved(pair, moment)


def _answers(intake: Intake, home: Home, now: float, patience: float) -> Iterator[Outcome]:
    """What the home servers' answers make of the registrations that wait, and which of these wait no longer."""
    for answer, passed in home.rest():
        yield from intake.take(answer, now + passed)
    yield from intake.late(now + patience)


def _is_tagged(claim: Claim) -> bool:
    return claim.registration.tagged or claim.registration.half_tagged
