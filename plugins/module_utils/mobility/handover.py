# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record that lives: one mobile node's old address, where it is now, and for whom that matters."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Dict, Optional, Tuple

from ..errors import HandoverError
from .model import Directions, Via
from .selector import PROTOCOLS, Address, Scope, Selector, address_text

__all__ = ["Handover", "Session", "handover_id"]


@dataclass(frozen=True)
class Session:
    """One transport session of the mobile node.

    :ivar protocol: ``tcp``, ``udp``, ``sctp``, ``udplite`` or ``dccp``.
    :ivar port: the mobile node's port.
    :ivar correspondent: the correspondent node's address as the correspondent's own router sees it.
    :ivar correspondent_port: its port, seen there.
    :ivar outside: the correspondent's address as the rest of the network sees it; None where it is the same.
    :ivar outside_port: its port seen outside; None where it is the same.
    :ivar sources: who knows of it, see :mod:`known_sessions`; empty where nobody was asked. A session is the same
        whoever knows it.
    """

    protocol: str
    port: int
    correspondent: Address
    correspondent_port: int
    outside: Optional[Address] = None
    outside_port: Optional[int] = None
    sources: Tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise HandoverError("bad_session", self.protocol, "a session's protocol is one of " + ", ".join(PROTOCOLS))
        for port in (self.port, self.correspondent_port, self.outside_port):
            if port is not None and not 0 < port < 65536:
                raise HandoverError("bad_session", port, "a port is a number from 1 to 65535")

    @property
    def seen(self) -> Tuple[Address, int]:
        """The correspondent's endpoint as the mobile node sees it."""
        return (
            self.correspondent if self.outside is None else self.outside,
            self.correspondent_port if self.outside_port is None else self.outside_port,
        )


@dataclass(frozen=True)
class Handover:
    """An old address of a mobile node and where its packets must go now.

    :ivar id: stable over the life of the old address, see :func:`handover_id`.
    :ivar aor: address of record (RFC 3261 section 6) of the owner; empty where only routers were asked.
    :ivar instance: ``+sip.instance`` of the owner (RFC 5626), or None.
    :ivar old: the address that the sessions were opened with.
    :ivar new: the address that the mobile node has now. Equal to ``old`` when it returned home.
    :ivar expires: absolute expiry of the registration, Unix seconds UTC.
    :ivar epoch: rises with each change.
    :ivar scope: how much is rewritten.
    :ivar directions: which ways are rewritten.
    :ivar sessions: the sessions, for ``Scope.SESSION``.
    :ivar correspondents: the correspondent nodes, for the wider scopes.
    :ivar ended: the handover is over; its entries are removed.
    :ivar via: who sends on the packets of correspondents whose router is not managed. With ``HOME_ROUTER`` these are
        handed over in the direction to the mobile node alone, whatever ``directions`` says: nobody would decode the
        other one. Correspondents with a managed router go by that in any case.
    """

    id: str
    old: Address
    new: Address
    expires: int
    aor: str = ""
    instance: Optional[str] = None
    epoch: int = 1
    scope: Scope = Scope.SESSION
    directions: Directions = Directions.BOTH
    sessions: Tuple[Session, ...] = ()
    correspondents: Tuple[Address, ...] = ()
    ended: bool = False
    via: Via = Via.CORRESPONDENT_ROUTER

    def __post_init__(self) -> None:
        if not self.id.isascii() or not self.id.isalnum() or len(self.id) > 32:
            raise HandoverError("bad_handover", self.id, "a handover id has 1 to 32 letters and digits")
        # A flow that is named twice is one flow: routers hold it once, and its stamp tells how many there are.
        object.__setattr__(self, "sessions", _each_once(self.sessions))
        if len(self.correspondents) > 1:
            object.__setattr__(self, "correspondents", tuple(dict.fromkeys(self.correspondents)))
        if self.old.version != self.new.version:
            raise HandoverError("bad_handover", f"{self.old} {self.new}", "old and new address are of one family")
        if self.over:
            return
        if self.scope is Scope.SESSION and not self.sessions:
            raise HandoverError(
                "no_sessions",
                f"{self.old} {self.new}",
                "scope session needs the sessions",
                "List them (active_sessions_info), or choose the scope correspondent explicitly.",
            )
        if self.scope is not Scope.SESSION and not self.correspondents:
            raise HandoverError(
                "no_correspondents", f"{self.old} {self.new}", f"scope {self.scope.value} needs the correspondents"
            )
        peers = [s.correspondent for s in self.sessions] + [s.seen[0] for s in self.sessions]
        for peer in (*peers, *self.correspondents):
            if peer.version != self.old.version:
                raise HandoverError("bad_handover", peer, "correspondents are of the old address's family")
            if peer in (self.old, self.new):
                raise HandoverError("bad_handover", peer, "a correspondent is not the mobile node itself")

    @property
    def over(self) -> bool:
        """Whether nothing of it should stand on any router: ended, or returned home."""
        return self.ended or self.old == self.new

    @property
    def flows(self) -> int:
        """How many flows it has: sessions, or correspondents."""
        return len(self.sessions) if self.scope is Scope.SESSION else len(self.correspondents)

    @property
    def peers(self) -> Tuple[Address, ...]:
        """Its correspondents, as their own routers see them."""
        return self.correspondents or tuple(session.correspondent for session in self.sessions)

    def names(self, flow: Selector) -> bool:
        """Whether it is about a flow, which a correspondent sends to the old address."""
        if self.scope is not Scope.SESSION:
            return flow.source in self.correspondents
        ends = (flow.protocol, flow.source_port, flow.destination_port)
        return any(
            one.correspondent == flow.source
            and (flow.protocol is None or (one.protocol, one.correspondent_port, one.port) == ends)
            for one in self.sessions
        )


def _each_once(sessions: Tuple[Session, ...]) -> Tuple[Session, ...]:
    """Sessions, without those that are another one in other words: an outside endpoint that is the inside one."""
    if len(sessions) < 2:
        return sessions
    found: Dict[object, Session] = {}
    for one in sessions:
        found.setdefault((one.protocol, one.port, one.correspondent, one.correspondent_port, one.seen), one)
    return sessions if len(found) == len(sessions) else tuple(found.values())


def handover_id(aor: str, instance: Optional[str], old: Address) -> str:
    """The id of the handover of ``old``, owned by this AOR and instance: 16 hexadecimal digits."""
    text = "\n".join((aor, instance or "", address_text(old)))
    return sha256(text.encode()).hexdigest()[:16]
