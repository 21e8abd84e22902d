# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mobile node's mind with the world played around it: what it does is taken down, servers answer as they are told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from ipaddress import ip_address
from itertools import count
from typing import TypeVar

from ansible_collections.sipmobility.handover.node.mind import Mind
from ansible_collections.sipmobility.handover.node.model import (
    Action,
    Answered,
    Chance,
    Dialog,
    Endpoint,
    Event,
    Failed,
    Notify,
    Place,
    Profile,
    Seen,
    Send,
    State,
    Tell,
    Woken,
)
from ansible_collections.sipmobility.handover.node.sip.answer import Answer, parse_answer
from ansible_collections.sipmobility.handover.node.sip.request import Request
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.message import parse_message
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Registration
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.request import registration_of
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sessions_body import ListedSession

_A = TypeVar("_A", bound=Action)

HOME, VISITED, THIRD = ip_address("198.51.100.20"), ip_address("203.0.113.20"), ip_address("198.18.4.20")
PEER = ip_address("198.18.3.30")
SERVERS = {
    HOME: (Endpoint(ip_address("198.51.100.5")),),
    VISITED: (Endpoint(ip_address("203.0.113.5")), Endpoint(ip_address("203.0.113.6"))),
    THIRD: (Endpoint(ip_address("198.18.4.5")),),
}
SSH = ListedSession("tcp", 40001, PEER, 22)
RTP = ListedSession("udp", 4000, PEER, 5004)
PROFILE = Profile("alice", "home.example", "alice", "a word that alice knows")
CALL = Dialog(
    call_id="call@phone",
    local_tag="here",
    remote_tag="there",
    local_uri="sip:alice@home.example",
    remote_uri="sip:bob@other.example",
    remote_target=f"sip:bob@{PEER}:5060",
    cseq=30,
    media=((HOME, RTP),),
)
CHALLENGE = 'WWW-Authenticate: Digest realm="home.example", nonce="{}", qop="auth,auth-int"'

Reply = Callable[[Request], Answer]


def reply(status: int, *headers: str) -> Reply:
    """A server that answers so."""

    def answer(request: Request) -> Answer:
        lines = [
            f"SIP/2.0 {status} Some Reason",
            "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1",
            f"From: {request.from_}",
            f"To: {request.to};tag=server" if ";tag=" not in request.to else f"To: {request.to}",
            f"Call-ID: {request.call_id}",
            f"CSeq: {request.cseq} {request.method}",
            *headers,
            "Content-Length: 0",
        ]
        return parse_answer(("\r\n".join(lines) + "\r\n\r\n").encode())

    return answer


def honest(request: Request) -> Answer:
    """A registrar that does as it is asked, for whoever has credentials."""
    if not request.credentials:
        return reply(401, CHALLENGE.format(request.cseq))(request)
    bound = [f"Contact: {contact};expires={request.expires}" for contact in request.contacts if request.expires]
    return reply(200, *bound)(request)


class World:
    """Time, and a mind in it."""

    def __init__(self, profile: Profile = PROFILE, state: State | None = None) -> None:
        words = count(1)
        self.profile = profile
        self.mind = Mind(
            profile, state or State("id@phone", "urn:uuid:1"), Chance(lambda: f"w{next(words)}", lambda: 1.0)
        )
        self.now = 1000.0
        self.done: list[Action] = []
        self._asked: set[int] = set()

    def take(self, event: Event) -> list[Action]:
        """Let something happen; what follows at once."""
        found = self.mind.take(event, self.now)
        self.done += found
        return found

    def at(
        self, address: object, *sessions: ListedSession, on: object = HOME, dialogs: tuple[Dialog, ...] = ()
    ) -> None:
        """A look: where the node is (None for nowhere), and the sessions that the kernel has on an address."""
        here = None if address is None else ip_address(str(address))
        place = None if here is None else Place(here, SERVERS[here])
        listed = {ip_address(str(on)): tuple(sessions)} if sessions else {}
        self.take(Seen(place, listed, dialogs))

    def answer(self, *replies: Reply) -> None:
        """Answer what is on its way, the last reply again and again, until nothing is."""
        left = list(replies)
        for _ in range(50):
            waiting = self.waiting()
            if not waiting:
                return
            respond = left.pop(0) if len(left) > 1 else left[0]
            for sent in waiting:
                self.take(Answered(sent.number, respond(sent.request)))
        raise AssertionError("it never ends")

    def silence(self) -> None:
        """Nobody answers what is on its way."""
        for sent in self.waiting():
            self.take(Failed(sent.number, "no answer"))

    def waiting(self) -> list[Send | Notify]:
        """What was sent and has not been asked for."""
        found = [action for action in self.done if isinstance(action, (Send, Notify))]
        new = [one for one in found if one.number not in self._asked]
        self._asked.update(one.number for one in new)
        return new

    def pass_(self, seconds: float) -> None:
        """Let time pass, waking the mind whenever it is due."""
        end = self.now + seconds
        for _ in range(100):
            if self.mind.due is None or self.mind.due > end:
                self.now = end
                return
            self.now = max(self.now, self.mind.due)
            self.take(Woken())
        raise AssertionError("it never sleeps")

    def all(self, kind: type[_A]) -> list[_A]:
        return [action for action in self.done if isinstance(action, kind)]

    def told(self) -> list[str]:
        return [tell.code for tell in self.all(Tell)]

    def forget(self) -> None:
        """What has been done so far is not looked at any more."""
        self.done.clear()


def facts(sent: Iterable[Send | Notify]) -> list[Registration]:
    """What the project's own reader of SIP makes of requests."""
    found = []
    for one in sent:
        message = parse_message(one.request.text("z9hG4bKx", str(one.source), 5060))
        fact = registration_of(message, "test")
        assert fact is not None
        found.append(fact)
    return found


def patient(**changes: float) -> Profile:
    return replace(PROFILE, **changes)  # type: ignore[arg-type]


def at_home() -> World:
    """A phone that is registered at home, with a session."""
    world = World()
    world.at(HOME, SSH)
    world.answer(honest)
    world.forget()
    return world


def visiting() -> World:
    """One that has moved with it, and is registered there."""
    world = at_home()
    world.at(VISITED, SSH)
    world.answer(honest)
    world.forget()
    return world


def last_facts(world: World) -> list[tuple[object, ...]]:
    """Old addresses, new address and lifetime of each REGISTER with credentials."""
    sent = [send for send in world.all(Send) if send.request.credentials]
    return [(fact.old_addresses, str(fact.contacts[0].host), fact.expires) for fact in facts(sent)]
