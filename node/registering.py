# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A round of registrations at the server of a place, and when the next one is.

A *round* registers once for each old address that sessions live on, each with the patent's tag and its own list
(docs/sessions-body.md), or once without. Rounds begin after a move, before the registration ends, and some time after
a failure; :class:`.mind.Mind` begins them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from ..plugins.module_utils.errors import HandoverError
from ..plugins.module_utils.sip.grammar import Address
from ..plugins.module_utils.sip.sessions_body import MAX_SESSIONS, ListedSession
from .attempt import Again, Attempt, Later, Outcome, Refused, Taken
from .model import Action, Answered, Chance, Endpoint, Failed, Look, Place, Profile, Send, Sessions, State, Tell
from .requests import contact_uri, register

__all__ = ["Registering"]

#: A registration is renewed after this part of its lifetime, and not sooner than after so many seconds.
_RENEW, _SOONEST = 0.8, 1.0


@dataclass(frozen=True)
class _Item:
    """One REGISTER of a round: of an old address, without any, or one that takes a binding away.

    :ivar bound: the address of the Contact.
    :ivar last: whether nothing follows from its answer: the farewell to a place, or to all.
    :ivar elsewhere: whether the binding is that of a place that was left. Where one registrar serves both places, it
        has the new place under the same instance by now (RFC 5626 section 4.1), and must not take that away.
    """

    bound: Address
    old: Address | None = None
    removing: bool = False
    last: bool = False
    elsewhere: bool = False


class Registering:
    """One round after the other.

    :ivar state: Call-ID, CSeq and server, of which each request takes.
    :ivar due: when a look is to begin the next round; None while a round goes on, and before the first.
    :ivar done: whether the last round went well.
    :param number: makes the number of a request.
    """

    def __init__(self, profile: Profile, state: State, chance: Chance, number: Callable[[], int]) -> None:
        self.state = state
        self.due: float | None = None
        self.done = False
        self._profile, self._chance, self._number = profile, chance, number
        self._tag = chance.token()
        self._place: Place | None = None
        self._sessions: Sessions = {}
        self._todo: deque[_Item] = deque()
        self._sent: tuple[int, Attempt, _Item, Endpoint] | None = None
        self._granted = profile.expires
        self._failures = 0
        #: Which of the place's servers has its turn (RFC 3263 section 4.3).
        self._turn = 0
        self._tag_refused = False
        self._known_as: tuple[Endpoint, str] | None = None
        self._former: tuple[Endpoint, Address] | None = None

    @property
    def wanted(self) -> bool:
        """Whether a look is to begin a round."""
        return not self.done and self._sent is None and self.due is None

    def arrived(self, left: Address | None, returned: bool) -> None:
        """The node is at another place: what was wrong at the last one may be right here.

        :param returned: it is where an old address is at home, so that the place that it left need not know it longer.
        """
        self.stop()
        self._failures = self._turn = 0
        self._tag_refused = False
        self._former = None
        if returned and self.state.server is not None and left is not None:
            self._former = (self.state.server, left)

    def stop(self) -> None:
        """Forget what is on its way."""
        self._todo.clear()
        self._sent = None
        self.done, self.due = False, None

    def postpone(self, now: float) -> int:
        """Nobody can be asked. Gives how often that has been so, one after the other."""
        self.stop()
        self._failures += 1
        self.due = now + self._delay()
        return self._failures

    def begin(
        self, place: Place, old: Collection[Address], sessions: Sessions, *, plainly: bool, anew: bool, now: float
    ) -> Iterator[Action]:
        """Begin a round.

        :param old: the addresses that are told with the tag.
        :param plainly: also without the tag, first: the phone is home again.
        :param anew: the binding is taken away first. Servers would extend the pair of an old address that is given up
            with every registration from here.
        """
        self.stop()
        self._place, self._sessions = place, sessions
        self._granted = self._profile.expires
        here = place.address
        tagged = [] if self._tag_refused else [_Item(here, address) for address in old]
        if anew:
            self._todo.append(_Item(here, removing=True))
        if plainly or not tagged:
            self._todo.append(_Item(here))
        self._todo.extend(tagged)
        yield from self._next(now)

    def leave(self, place: Place) -> Iterator[Action]:
        """Take the binding back. It is done when :attr:`busy` is false again."""
        self.stop()
        self._place = place
        assert self.state.server is not None
        yield self._send(_Item(place.address, removing=True, last=True), self.state.server)

    @property
    def busy(self) -> bool:
        """Whether an answer is waited for."""
        return self._sent is not None

    def take(self, event: Answered | Failed, now: float) -> Iterator[Action]:
        """What follows from an answer, or from none. An answer of a round that is over means nothing."""
        if self._sent is None or self._sent[0] != event.number:
            return
        _number, attempt, item, server = self._sent
        self._sent = None
        outcome = self._outcome(event, attempt)
        if isinstance(outcome, Again):
            yield self._on_its_way(item, server, attempt)
        elif item.last:
            yield _farewell(outcome, item, server)
        elif isinstance(outcome, Taken):
            yield from self._taken(outcome, attempt, item, server, now)
        elif outcome.tag if isinstance(outcome, Refused) else False:
            self._tag_refused = True
            assert self._place is not None
            yield Tell("warning", "tag_refused", f"{server} does not take the option tag; {item.old} is not carried on")
            yield from self.begin(self._place, (), self._sessions, plainly=True, anew=False, now=now)
        else:
            yield self._failed(outcome, server, now)

    @property
    def tag_refused(self) -> bool:
        """Whether the server of this place does not take the patent's tag."""
        return self._tag_refused

    # -- one request -------------------------------------------------------------------------------------------------

    def _next(self, now: float) -> Iterator[Action]:
        assert self._place is not None
        if self._todo:
            item = self._todo[0]
            sessions = () if item.old is None else self._sessions.get(item.old, ())
            if len(sessions) > MAX_SESSIONS:
                yield Tell("warning", "too_many_sessions", f"{item.old} has {len(sessions)}, {MAX_SESSIONS} are told")
            yield self._send(item, self._place.servers[self._turn % len(self._place.servers)], sessions)
            return
        self.done = True
        self.due = now + max(_SOONEST, self._granted * _RENEW * (0.9 + 0.1 * self._chance.fraction()))
        former, self._former = self._former, None
        if former is not None and former[0] != self.state.server:
            yield self._send(_Item(former[1], removing=True, last=True, elsewhere=True), former[0])

    def _send(self, item: _Item, server: Endpoint, sessions: Sequence[ListedSession] = ()) -> Send:
        self._count()
        expires = 0 if item.removing else self._profile.expires
        state = replace(self.state, instance="") if item.elsewhere else self.state
        request = register(self._profile, state, self._tag, item.bound, expires, item.old, sessions)
        return self._on_its_way(item, server, Attempt(request, self._profile, self._count, self._chance.token))

    def _on_its_way(self, item: _Item, server: Endpoint, attempt: Attempt) -> Send:
        assert self._place is not None
        number = self._number()
        self._sent = (number, attempt, item, server)
        return Send(number, self._place.address, server, attempt.request)

    def _outcome(self, event: Answered | Failed, attempt: Attempt) -> Outcome:
        if isinstance(event, Failed):
            return Later("server_silent", event.reason)
        try:
            return attempt.answered(event.answer)
        except HandoverError as error:
            return Later(error.code, str(error))

    def _taken(self, outcome: Taken, attempt: Attempt, item: _Item, server: Endpoint, now: float) -> Iterator[Action]:
        answer = outcome.answer
        try:
            granted = answer.granted(contact_uri(self._profile, item.bound), outcome.asked)
        except HandoverError as error:
            yield self._failed(Later(error.code, str(error)), server, now)
            return
        self._todo.popleft()
        self._failures = 0
        self.state = replace(self.state, server=server)
        if answer.received not in (None, item.bound):
            text = (
                f"the SIP server sees {answer.received}, not {item.bound}: no router helps behind address translation"
            )
            yield Tell("warning", "translated", text)
        yield from self._same_server(server, attempt.realm, answer.all("server"))
        if not item.removing:
            self._granted = min(self._granted, max(1, granted))
            told = "" if item.old is None else f", with {len(self._sessions.get(item.old, ()))} sessions of {item.old}"
            yield Tell("info", "registered", f"{item.bound} at {server} for {self._granted} s{told}")
        yield from self._next(now)

    def _same_server(self, server: Endpoint, realm: str, software: list[str]) -> Iterator[Action]:
        """The patent's own sign of a move: that another server answers, where no address says so."""
        name = f"{realm} {' '.join(software)}".strip()
        before, self._known_as = self._known_as, (server, name)
        if before is not None and before[0] == server and before[1] != name:
            yield Tell("info", "other_server", f"{server} answers as {name:.80}, before as {before[1]:.80}")
            yield Look()

    def _failed(self, outcome: Later | Refused, server: Endpoint, now: float) -> Tell:
        self.stop()
        self._failures += 1
        self._turn += 1
        delay = self._delay()
        if isinstance(outcome, Refused):
            delay = max(delay, self._profile.retry_most)
        elif outcome.after:
            delay = max(delay, min(outcome.after, self._profile.retry_most))
        self.due = now + delay
        return Tell("warning", outcome.code, f"{server}: {outcome.text}; tried again in {delay:.1f} s")

    def _delay(self) -> float:
        """Seconds until the next try: twice as many after each failure, up to half less by chance (RFC 5626 4.5)."""
        longest = self._profile.retry_first * 2.0 ** min(max(self._failures - 1, 0), 16)
        return min(longest, self._profile.retry_most) * (0.5 + 0.5 * self._chance.fraction())

    def _count(self) -> int:
        self.state = replace(self.state, cseq=self.state.cseq + 1)
        return self.state.cseq


def _farewell(outcome: Outcome, item: _Item, server: Endpoint) -> Tell:
    if isinstance(outcome, Taken):
        return Tell("info", "unregistered", f"{item.bound} at {server}")
    assert isinstance(outcome, (Later, Refused))
    return Tell("warning", "not_unregistered", f"{item.bound} at {server}: {outcome.text}; it forgets by itself")
