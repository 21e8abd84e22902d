# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A REGISTER and its answer, out of messages that were recorded on the wire.

A request alone is a wish. It becomes a Registration when the server's 2xx to it
is there (RFC 3261 section 10.3): from the address it was sent to, to the address
it came from, with its Call-ID, CSeq and Via branch (section 17.1.3).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import Iterator, NamedTuple, Optional, Tuple, Union

from ...errors import HandoverError
from ..dialog_message import METHODS, DialogMessage, dialog_message_of
from ..grammar import Address
from ..header import parse_credentials
from ..message import START_LINE, Message, parse_message
from ..oldest import oldest
from ..refusal import Refusal, refusal
from ..registration import Registration
from ..request import registration_of

__all__ = ["MAX_AGE", "MAX_HELD", "MAX_WAITING", "Doubt", "Exchanges", "Recorded"]

#: Seconds that an answer is waited for: Timer F of RFC 3261 section 17.1.2.2, after which the phone gives up, too.
MAX_AGE = 32.0
#: Requests that may wait at a time.
MAX_WAITING = 8192
#: Bytes of all of them.
MAX_HELD = 8 * 1024 * 1024
#: Pairs of server and realm that are remembered.
_MAX_CHALLENGES = 4096

Item = Union[Registration, Refusal, DialogMessage]
_Key = Tuple[str, int, str, Address, Address]


class Recorded(NamedTuple):
    """One SIP message as it was recorded.

    :ivar transport: as a Registration names it; what the message's own Via says is only the sender's word.
    :ivar time: Unix seconds UTC, or None.
    """

    data: bytes
    source: Address
    source_port: int
    destination: Address
    destination_port: int
    transport: str
    time: Optional[float]
    where: str


class Doubt(NamedTuple):
    """A connection whose bytes are contradicted: nothing that came over it is believed any more."""

    source: Address
    source_port: int
    destination: Address
    destination_port: int


class _Waiting(NamedTuple):
    """A request.

    :ivar credentials: user and realm in its Authorization header; None for none, and for those of several users.
    :ivar settled: whether it had its final answer, and is only kept to know its copies.
    """

    recorded: Recorded
    found: Registration
    credentials: Optional[Tuple[str, str]]
    settled: bool


class Exchanges:
    """Takes messages in the order in which they were recorded."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[_Key, _Waiting] = OrderedDict()
        self._held = 0
        self._challenges: OrderedDict[Tuple[Address, str], None] = OrderedDict()

    def take(self, recorded: Recorded) -> Iterator[Item]:
        """What is known after this message. What is neither of a REGISTER nor of a dialog is passed."""
        data = recorded.data.lstrip(b"\r\n")
        if START_LINE.match(data) is None:
            return
        request = data[:9].upper() == b"REGISTER "
        if not request and (data[:4].upper() != b"SIP/" or b"REGISTER" not in data):
            yield from _of_dialog(data, recorded)
            return
        yield from self._expire(recorded.time)
        try:
            message = parse_message(data)
            if message.method == "REGISTER":
                yield from self._request(message, recorded)
            elif message.status is not None and message.status >= 200 and message.cseq.method == "REGISTER":
                yield from self._answer(message, message.status, recorded)
            elif message.cseq.method != "REGISTER":
                yield from _of_dialog(data, recorded)
        except HandoverError as error:
            yield refusal(error, recorded.where)

    def doubt(self, doubt: Doubt) -> None:
        """Believe no answer to what came over this connection, in either direction."""
        ends = {doubt[:2], doubt[2:]}
        for key, waiting in self._waiting.items():
            recorded = waiting.recorded
            if recorded.transport != "udp" and {recorded[1:3], recorded[3:5]} == ends:
                self._waiting[key] = waiting._replace(settled=True)

    def finish(self) -> Iterator[Item]:
        """The recording ends: no more answers."""
        for key in list(self._waiting):
            yield from self._give_up(key)

    def _request(self, message: Message, recorded: Recorded) -> Iterator[Item]:
        stated = registration_of(message, recorded.where)
        if stated is None:
            return
        key = _key(message, recorded.destination, recorded.source)
        earlier = self._waiting.get(key)
        if earlier is None:
            found = replace(
                stated,
                source_address=recorded.source,
                source_port=recorded.source_port,
                transport=recorded.transport,
                server_address=recorded.destination,
                received_at=recorded.time,
            )
            self._waiting[key] = _Waiting(recorded, found, _credentials(message), settled=False)
            self._held += len(recorded.data)
            while len(self._waiting) > MAX_WAITING or self._held > MAX_HELD:
                yield from self._give_up(oldest(self._waiting))
        elif earlier.recorded.data != recorded.data:
            # A retransmission is the same to the last byte (section 17.1.2.2). Which of the two did the server read?
            self._waiting[key] = earlier._replace(settled=True)
            reason = f"one request was sent twice with different bytes, first at {earlier.recorded.where}"
            yield Refusal("conflicting_packets", reason, recorded.where)

    def _answer(self, message: Message, status: int, recorded: Recorded) -> Iterator[Item]:
        key = _key(message, recorded.source, recorded.destination)
        waiting = self._waiting.get(key)
        if waiting is None or waiting.settled:
            return
        self._waiting[key] = waiting._replace(settled=True)
        if status < 300:
            yield self._authenticated(waiting)
        elif status in (401, 407):
            # Half of every registration: the request with credentials follows it.
            self._note_challenge(message, recorded.source)
        else:
            yield Refusal("not_accepted", f"the server answered {status}", waiting.recorded.where)

    def _authenticated(self, waiting: _Waiting) -> Registration:
        """The registration, with the user that the server authenticated.

        A server that asks for credentials of a realm and answers 2xx to a request that has some has checked them
        (section 22). One that was never seen to ask may not even look: a 2xx of such a server says nothing about the
        user name that somebody wrote into his request.
        """
        if waiting.credentials is None:
            return waiting.found
        user, realm = waiting.credentials
        if (waiting.recorded.destination, realm) not in self._challenges:
            return waiting.found
        return replace(waiting.found, authenticated_user=user, authenticated_realm=realm)

    def _note_challenge(self, message: Message, server: Address) -> None:
        for value in (*message.values("www-authenticate"), *message.values("proxy-authenticate")):
            realm = parse_credentials(value).realm
            if realm is not None:
                self._challenges[server, realm] = None
                self._challenges.move_to_end((server, realm))
        while len(self._challenges) > _MAX_CHALLENGES:
            self._challenges.popitem(last=False)

    def _expire(self, now: Optional[float]) -> Iterator[Item]:
        while now is not None and self._waiting:
            key = oldest(self._waiting)
            since = self._waiting[key].recorded.time
            if since is None or now - since <= MAX_AGE:
                return
            yield from self._give_up(key)

    def _give_up(self, key: _Key) -> Iterator[Item]:
        waiting = self._waiting.pop(key)
        self._held -= len(waiting.recorded.data)
        if not waiting.settled:
            reason = "no final answer of the server to this REGISTER was recorded"
            yield Refusal("unanswered", reason, waiting.recorded.where)


def _of_dialog(data: bytes, recorded: Recorded) -> Iterator[DialogMessage]:
    """What a message says of a dialog. One that cannot be read is passed like all that is no REGISTER."""
    method = data.split(b" ", 1)[0].upper().decode("ascii", "replace")
    if method not in METHODS and not method.startswith("SIP/"):
        return
    try:
        found = dialog_message_of(parse_message(data), recorded.where)
    except HandoverError:
        return
    if found is not None:
        ends = [(recorded.source, recorded.source_port), (recorded.destination, recorded.destination_port)]
        yield found._replace(
            source=recorded.source,
            source_port=recorded.source_port,
            destination=recorded.destination,
            destination_port=recorded.destination_port,
            transport=recorded.transport,
            time=recorded.time,
            hop=tuple(sorted(f"{address} {port}" for address, port in ends)),
        )


def _key(message: Message, server: Address, client: Address) -> _Key:
    branch = dict(message.vias[0].params).get("branch") or ""
    return message.call_id, message.cseq.number, branch, server, client


def _credentials(message: Message) -> Optional[Tuple[str, str]]:
    found = {(item.username, item.realm) for item in map(parse_credentials, message.authorization)}
    user, realm = found.pop() if len(found) == 1 else (None, None)
    return None if user is None or realm is None else (user, realm)
