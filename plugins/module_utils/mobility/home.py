# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The home server's word: a question and an answer, as data (design rule 11).

A server that knows nothing of a phone cannot tell whether the old address was
its own: at the phone's first visit, and at the server of a correspondent. It asks
the server of the phone's own domain, and the registration waits meanwhile: at most
``max_waiting`` of them, at most ``home_timeout_seconds`` each. How questions and
answers travel, and how the home server proves who it is, is not decided here:
``vouched_by`` is the name that the transport has proved. docs/home-server.md tells
it for those who write the transport.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator, List, Mapping, Optional, Tuple

from .handover import handover_id
from .holding import Owner
from .memory import Memory
from .model import Address
from .ownership import Ownership
from .pairs import AddressPair, pair_from_record, pair_to_value
from .registration_policy import Policy
from .title import title_of

__all__ = ["CODES", "HomeAnswer", "HomeQuestion", "Waiting", "answer_question"]

#: Codes of the refusals that have to do with the home server, and what they mean.
CODES = {
    "home_denied": "The home server says that the old address was not this phone's.",
    "home_silent": "The home server has not answered in time.",
    "home_busy": "Too many registrations wait for the home server's word.",
    "answer_unasked": "An answer that no registration waits for, or that answers another question.",
    "answer_not_trusted": "An answer of a server that the policy does not name for the phone's domain.",
    "answer_stale": "An answer that is over, or not yet valid.",
}


@dataclass(frozen=True)
class HomeQuestion:
    """Had this phone the old address, some time between ``since`` and ``until``, and nobody else?

    :ivar id: of the question, 16 hexadecimal digits: the same for the same owner and old address.
    :ivar since: Unix seconds UTC: the grace before the registration.
    :ivar until: when the registration came, Unix seconds UTC.
    :ivar servers: whose answer counts.
    :ivar deadline: until when the registration waits, Unix seconds UTC.
    """

    id: str
    aor: str
    instance: Optional[str]
    old: Address
    since: float
    until: float
    servers: Tuple[str, ...]
    deadline: float


@dataclass(frozen=True)
class HomeAnswer:
    """What the home server knows.

    :ivar id: of the question.
    :ivar held: whether the phone had the address in that time, and nobody else.
    :ivar held_from: from when on, Unix seconds UTC.
    :ivar held_to: until when; None while it has it still.
    :ivar vouched_by: the server's name, as the transport has proved it.
    :ivar issued_at: Unix seconds UTC.
    :ivar expires: until when the answer may be used, Unix seconds UTC.
    """

    id: str
    aor: str
    instance: Optional[str]
    old: Address
    held: bool
    held_from: Optional[float]
    held_to: Optional[float]
    vouched_by: str
    issued_at: float
    expires: float


def answer_question(
    question: HomeQuestion, history: Ownership, now: float, vouched_by: str, lifetime: float = 30
) -> HomeAnswer:
    """What a home server answers out of its own history."""
    title = title_of((question.aor, question.instance), question.old, history, question.until)
    held = title.held and title.blocked_by is None and (title.until is None or title.until >= question.since)
    return HomeAnswer(
        question.id,
        question.aor,
        question.instance,
        question.old,
        held,
        title.since if held else None,
        title.until if held else None,
        vouched_by,
        now,
        now + lifetime,
    )


class Waiting:
    """The pairs that wait for the home server's word, in a memory, with their questions.

    One question may have several pairs: the phone's own, and one for each correspondent whose server it told. That they
    come at the same moment is the rule, where one reads the logs of the visited and of the correspondent's server.
    """

    def __init__(self, memory: Memory, policy: Policy) -> None:
        self._memory = memory
        self._policy = policy

    def ask(self, pair: AddressPair, moment: float, now: float) -> Optional[HomeQuestion]:
        """Let a pair wait, and ask; None when too many wait.

        A newer pair of the same owner and correspondent takes its place.
        """
        identity = handover_id(pair.aor, pair.instance, pair.old)
        known = self._memory.get("waiting", identity)
        if known is None and len(self._memory.items("waiting")) >= self._policy.max_waiting:
            return None
        deadline = now + self._policy.home_timeout_seconds if known is None else known["deadline"]
        since = moment - self._policy.grace_seconds
        question = HomeQuestion(
            identity, pair.aor, pair.instance, pair.old, since, moment, self._policy.homes_of(pair.aor), deadline
        )
        beside = [one for one in _pairs(known) if one[0].correspondent != pair.correspondent]
        self._put(identity, deadline, [*beside, (pair, moment)])
        return question

    def late(self, now: float) -> Iterator[AddressPair]:
        """The pairs that have waited long enough; they wait no longer."""
        if not self._policy.home_servers:
            return
        for identity, value in self._memory.items("waiting"):
            if value["deadline"] <= now:
                self._put(identity, 0, [])
                for pair, _moment in _pairs(value):
                    yield pair

    def forget(self, owner: Owner, new: Optional[Address]) -> None:
        """The phone is gone from there: nobody waits any more. None means from everywhere."""
        if not self._policy.home_servers:
            return
        for identity, value in self._memory.items("waiting"):
            pairs = _pairs(value)
            left = [(p, m) for p, m in pairs if (p.aor, p.instance) != owner or new not in (None, p.new)]
            if left != pairs:
                self._put(identity, value["deadline"], left)

    def wrong(self, answer: HomeAnswer, now: float) -> Optional[Tuple[str, str]]:
        """Code and reason where an answer cannot be used; what it was meant for goes on waiting."""
        pairs = _pairs(self._memory.get("waiting", answer.id))
        if not pairs:
            return "answer_unasked", f"nobody waits for an answer about {answer.old}"
        pair = pairs[0][0]
        if (answer.aor, answer.instance, answer.old) != (pair.aor, pair.instance, pair.old):
            return "answer_unasked", f"the question was about {pair.aor} and {pair.old}"
        if answer.vouched_by.lower() not in self._policy.homes_of(pair.aor):
            return "answer_not_trusted", f"{answer.vouched_by:.80} answers for {pair.aor}"
        if not answer.issued_at - self._policy.max_clock_skew_seconds <= now < answer.expires:
            return "answer_stale", f"valid from {answer.issued_at:.0f} to {answer.expires:.0f}, it is {now:.0f}"
        return None

    def resolve(self, answer: HomeAnswer) -> List[Tuple[AddressPair, float]]:
        """The pairs that waited for this answer, and when their registrations came; they wait no longer."""
        pairs = _pairs(self._memory.get("waiting", answer.id))
        self._put(answer.id, 0, [])
        return pairs

    def _put(self, identity: str, deadline: float, pairs: List[Tuple[AddressPair, float]]) -> None:
        listed = [{"until": moment, "pair": pair_to_value(pair)} for pair, moment in pairs]
        value = {"deadline": deadline, "pairs": listed} if listed else None
        self._memory.put("waiting", identity, value, deadline + 3600)


def _pairs(value: Optional[Mapping[str, Any]]) -> List[Tuple[AddressPair, float]]:
    """The pairs that wait for one answer, the oldest first."""
    listed = () if value is None else value.get("pairs", ())
    return [(pair_from_record(one["pair"]), one["until"]) for one in listed]
