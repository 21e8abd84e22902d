# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sessions of an old address, from everybody who knows some of them.

The sources, and whom to believe where they contradict each other, first one first:

1. ``connections@ROUTER``: a router's connection table. It tells what passes. Of a correspondent's two endpoints (inside
   and outside of a router that masquerades) its own router knows best. What the table says is over, is over.
2. ``mn``: the mobile node's own list. It knows its sockets, but not what stands behind an outside endpoint.
3. ``standing``: what the routers already rewrite for this handover.
4. ``sip``: what offer and answer agreed on. Whether a packet ever came is not known.

What is missing from a source contradicts nothing: tables forget silent flows, phones keep sockets that SIP never saw.
Whatever the source, a session has the old address at the mobile node's end, so that no other host's session can be
taken; and every correspondent is one that the planner would accept by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from .connection import Connection, Standing, session_of
from .handover import Session
from .model import Address
from .prefixes import Network
from .topology import Topology

__all__ = ["CODES", "MN", "SIP", "STANDING", "Known", "LeftOut", "Rules", "known_sessions", "of_router"]

MN, SIP, STANDING = "mn", "sip", "standing"

#: Why a session was left out.
CODES = {
    "session_over": "A router's connection table shows that the connection is over.",
    "session_contradicted": "A router's connection table shows that the outside endpoint belongs to another host.",
    "session_unanswered": "Only a router knows of it, and the mobile node never sent a packet: anybody may send one.",
    "session_not_datable": "Somebody else has the old address by now; nothing tells that the session is not his.",
    "correspondent_not_allowed": "The correspondent is outside the networks that the policy names.",
    "correspondent_is_infrastructure": "Only a router knows of it, and its other end is a router or server.",
    "signalling_over_udp": "SIP over UDP has no session: the phone sends from its new address with the same ports.",
    "too_many_sessions": "One old address has more sessions than the policy lets it have.",
}
_SIP_PORT = 5060
_Endpoint = Tuple[str, Address, int]
_Identity = Tuple[str, int, Address, int]


class LeftOut(NamedTuple):
    """A session that was not taken, with a stable code and the reason."""

    session: Session
    code: str
    reason: str


class Known(NamedTuple):
    """The sessions, each with its sources, and what was left out."""

    sessions: Tuple[Session, ...]
    left_out: Tuple[LeftOut, ...]


@dataclass(frozen=True)
class Rules:
    """What a session must be to be taken.

    :ivar plannable: the code and the reason for which the planner refuses a session, or None.
    :ivar networks: where correspondents may be; empty for anywhere that is plannable.
    :ivar infrastructure: addresses of routers and servers.
    :ivar limit: most sessions of one old address.
    """

    topology: Topology
    plannable: Callable[[Session], Optional[Tuple[str, str]]]
    networks: Tuple[Network, ...] = ()
    infrastructure: Tuple[Network, ...] = ()
    limit: int = 200


def of_router(name: str) -> str:
    """The source that a router's connection table is."""
    return f"connections@{name}"


def known_sessions(
    old: Address,
    told: Iterable[Session],
    tables: Mapping[str, Sequence[Connection]],
    rules: Rules,
    reassigned: bool = False,
    undated: Iterable[Session] = (),
) -> Known:
    """Merge what is known of one old address.

    :param told: sessions that others than routers told, with their sources.
    :param tables: each router's connections, also those of other addresses.
    :param reassigned: whether somebody else has the old address now: routers cannot tell whose a connection is then,
        and only say more about what others told.
    :param undated: sessions that somebody told who could not say that they are from before that: they are not taken.
    """
    seen = _Seen(old, tables, rules.topology)
    found: Dict[_Identity, Session] = {}
    left_out: List[LeftOut] = []
    for session in told:
        row = seen.row_of(session)
        why = seen.denial(session, row)
        if why is not None:
            left_out.append(_left(session, *why))
        else:
            _add(found, session if row is None else _as_routers_see(row, session.sources))
    for row in seen.rows():
        if _identity(row.session) in found or row.standing in (Standing.OVER, Standing.OPENING):
            continue
        session = _as_routers_see(row, ())
        if reassigned:
            left_out.append(_left(session, "session_not_datable"))
        elif row.standing is Standing.ONE_WAY and not row.began_here:
            left_out.append(_left(session, "session_unanswered"))
        elif _within(session.correspondent, rules.infrastructure) or _within(session.seen[0], rules.infrastructure):
            left_out.append(_left(session, "correspondent_is_infrastructure"))
        else:
            _add(found, session)
    left_out += [_left(session, "session_not_datable") for session in undated if _identity(session) not in found]
    taken = [session for session in found.values() if _taken(session, rules, left_out)]
    # The best known first, so that a flood of one source does not push out what two agree on.
    taken.sort(key=lambda one: (-len(_kinds(one)), _rank(one)))
    left_out += [_left(one, "too_many_sessions", f"more than {rules.limit}") for one in taken[rules.limit :]]
    return Known(tuple(sorted(taken[: rules.limit], key=_order)), tuple(left_out))


@dataclass(frozen=True)
class _Row:
    """A session as the tables show it: the endpoints of the router that knows best, and which routers see it."""

    session: Session
    standing: Standing
    began_here: bool
    routers: Tuple[str, ...]
    known_inside: bool


class _Seen:
    """What the tables show of one old address."""

    def __init__(self, old: Address, tables: Mapping[str, Sequence[Connection]], topology: Topology) -> None:
        self._rows: Dict[_Identity, _Row] = {}
        self._inside: Dict[_Identity, _Identity] = {}
        self._behind: Dict[_Endpoint, Set[Address]] = {}
        for name, connections in tables.items():
            for connection in connections:
                session = session_of(connection, old)
                if session is not None:
                    self._note(name, session, connection, old, topology)

    def rows(self) -> Iterable[_Row]:
        return self._rows.values()

    def row_of(self, session: Session) -> Optional[_Row]:
        """The row of a session that was told, by its outside endpoint, or by the inside one (as SDP may name it)."""
        identity = _identity(session)
        inside = self._inside.get(identity) or self._inside.get(_inner(session))
        return self._rows.get(identity) or (None if inside is None else self._rows.get(inside))

    def denial(self, session: Session, row: Optional[_Row]) -> Optional[Tuple[str, str]]:
        """Why the tables say that a session is not what it is told to be."""
        if row is not None:
            return ("session_over", f"as {', '.join(row.routers)} shows") if row.standing is Standing.OVER else None
        behind = self._behind.get((session.protocol, *session.seen), set()) - {session.correspondent}
        if behind:
            return "session_contradicted", f"{session.seen[0]} port {session.seen[1]} is {min(map(str, behind))}"
        return None

    def _note(self, name: str, session: Session, connection: Connection, old: Address, topology: Topology) -> None:
        identity, server = _identity(session), topology.find(session.correspondent)
        row = _Row(
            session,
            connection.standing,
            connection.began_at(old),
            (name,),
            known_inside=server is not None and server.name == name,
        )
        held = self._rows.get(identity)
        if held is not None:
            # Whoever still sees it alive is right: another may have missed what came by another way.
            best = min(held, row, key=lambda one: (not one.known_inside, _LIVELINESS.index(one.standing)))
            alive = min(held.standing, row.standing, key=_LIVELINESS.index)
            routers = tuple(dict.fromkeys((*held.routers, name)))
            row = replace(best, standing=alive, routers=routers, began_here=held.began_here or row.began_here)
        self._rows[identity] = row
        if session.seen != (session.correspondent, session.correspondent_port):
            self._inside[_inner(session)] = identity
            if connection.standing is not Standing.OVER:
                self._behind.setdefault((session.protocol, *session.seen), set()).add(session.correspondent)


_LIVELINESS = (Standing.LIVE, Standing.ONE_WAY, Standing.OPENING, Standing.OVER)


def _identity(session: Session) -> _Identity:
    """What makes a session itself at the mobile node: only one can have these ends."""
    return (session.protocol, session.port, *session.seen)


def _inner(session: Session) -> _Identity:
    return session.protocol, session.port, session.correspondent, session.correspondent_port


def _as_routers_see(row: _Row, sources: Tuple[str, ...]) -> Session:
    return replace(row.session, sources=(*sources, *(of_router(name) for name in row.routers)))


def _add(found: Dict[_Identity, Session], session: Session) -> None:
    held = found.get(_identity(session))
    # Who came first told the endpoints; a router's came with either of them.
    best = session if held is None else held
    sources = (*(held.sources if held is not None else ()), *session.sources)
    found[_identity(session)] = replace(best, sources=tuple(sorted(set(sources), key=_source_rank)))


def _taken(session: Session, rules: Rules, left_out: List[LeftOut]) -> bool:
    if session.protocol == "udp" and _SIP_PORT in (session.correspondent_port, session.seen[1]):
        left_out.append(_left(session, "signalling_over_udp"))
        return False
    if rules.networks and not _within(session.correspondent, rules.networks):
        left_out.append(_left(session, "correspondent_not_allowed"))
        return False
    broken = rules.plannable(session)
    if broken is not None:
        left_out.append(LeftOut(session, *broken))
    return broken is None


def _left(session: Session, code: str, more: str = "") -> LeftOut:
    return LeftOut(session, code, f"{CODES[code][:-1]}{': ' if more else '.'}{more}")


def _within(address: Address, networks: Tuple[Network, ...]) -> bool:
    return any(network.version == address.version and address in network for network in networks)


def _source_rank(source: str) -> Tuple[int, str]:
    return {MN: 0, STANDING: 1, SIP: 2}.get(source, 3), source


def _kinds(session: Session) -> Set[str]:
    return {source.partition("@")[0] for source in session.sources}


def _rank(session: Session) -> Tuple[int, Tuple[str, int, str, int]]:
    return min((_source_rank(source)[0] for source in session.sources), default=9), _order(session)


def _order(session: Session) -> Tuple[str, int, str, int]:
    return session.protocol, session.port, str(session.correspondent), session.correspondent_port
