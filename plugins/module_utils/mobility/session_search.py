# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handovers whose sessions nobody listed: they are looked for, and each handover is made with what was found.

What no source knows stays where it is, unless the policy lets the scope be widened for it; then the cost is told.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, TypeVar

from ..errors import HandoverError
from ..reader import Reader, flag, optional, time_from_text
from ..sip.agreed import AgreedFlow
from .connection import Connection
from .handover import Handover, Session
from .known_sessions import MN, SIP, STANDING, Known, LeftOut, Rules, known_sessions
from .model import Address, Scope
from .placing import entries_for
from .records import handover_from_record, session_from_record
from .registration_policy import Policy
from .topology import Topology

__all__ = ["Evidence", "Found", "find_sessions"]

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Evidence:
    """What is known, by source.

    :ivar tables: each router's connections.
    :ivar silent: routers whose connections are not known, and why.
    :ivar flows: what the SIP server's dialogs agreed on.
    :ivar standing: what the routers rewrite now, by the id of the handover.
    """

    tables: Mapping[str, Sequence[Connection]] = field(default_factory=dict)
    silent: Mapping[str, str] = field(default_factory=dict)
    flows: Sequence[AgreedFlow] = ()
    standing: Mapping[str, Handover] = field(default_factory=dict)

    def rows_of(self, host: Address) -> Mapping[str, Sequence[Connection]]:
        """Each router's connections that have the host at an end."""
        return {name: rows.get(host, ()) for name, rows in self._rows.items()}

    def flows_of(self, host: Address) -> Sequence[AgreedFlow]:
        """The flows that have the host at an end."""
        return self._flows.get(host, ())

    # Thousands of handovers ask for theirs in one run: each must not go through everybody's.
    @cached_property
    def _rows(self) -> Mapping[str, Mapping[Address, Sequence[Connection]]]:
        return {name: _by_end(table, lambda one: (one.source, one.destination)) for name, table in self.tables.items()}

    @cached_property
    def _flows(self) -> Mapping[Address, Sequence[AgreedFlow]]:
        return _by_end(self.flows, lambda flow: (flow.address, flow.peer_address))


@dataclass(frozen=True)
class Found:
    """What became of one handover.

    :ivar record: as it was asked for.
    :ivar handover: with its sessions; None where it was refused, for ``error``.
    :ivar left_out: sessions that were known, but not taken.
    :ivar notes: what is not covered, or covered at a cost, for people.
    """

    record: Record
    handover: Optional[Handover] = None
    error: Optional[HandoverError] = None
    left_out: Tuple[LeftOut, ...] = ()
    notes: Tuple[str, ...] = ()


def find_sessions(record: Record, topology: Topology, evidence: Evidence, policy: Optional[Policy] = None) -> Found:
    """Find the sessions of one handover, and make it.

    :param record: a handover as plain data. Its ``sessions`` are the mobile node's own list and may be missing;
        ``reassigned`` tells that somebody else has the old address by now, and ``held_to`` until when it was the
        phone's. One of a wider scope, or that is over, is made as it is.
    :param policy: None for the defaults.
    :raises HandoverError: for a record that cannot be read.
    """
    policy = Policy(managed_networks={}) if policy is None else policy
    read = Reader(record, "handover")
    reassigned, held_to = read.take("reassigned", flag, False), read.take("held_to", optional(time_from_text), None)
    data = {key: value for key, value in record.items() if key not in ("reassigned", "held_to")}
    # All but the sessions is checked: a handover that is over needs none.
    draft = handover_from_record({**data, "sessions": [], "ended": True})
    if draft.scope is not Scope.SESSION or _is_over(data, draft):
        return Found(record, handover_from_record(data))
    named = _named(draft.correspondents or policy.correspondents, draft)
    draft = replace(draft, correspondents=())

    def plannable(session: Session) -> Optional[Tuple[str, str]]:
        try:
            entries_for(replace(draft, ended=False, sessions=(session,)), topology)
        except HandoverError as error:
            return error.code, str(error)
        return None

    rules = Rules(
        topology,
        plannable,
        policy.correspondent_networks,
        policy.infrastructure,
        policy.max_sessions_per_handover,
    )
    dated: List[AgreedFlow] = []
    undated: List[AgreedFlow] = []
    for flow in evidence.flows_of(draft.old):
        (dated if not reassigned or _agreed_by(flow, held_to) else undated).append(flow)
    told = [*_listed(data), *_standing(draft, evidence), *_agreed(draft, dated)]
    late = _agreed(draft, undated)
    known = known_sessions(draft.old, told, evidence.rows_of(draft.old), rules, reassigned, late)
    unknown = [peer for peer in named if not any(peer in (one.correspondent, one.seen[0]) for one in known.sessions)]
    notes = [f"{name}: its connections are not known ({why})" for name, why in sorted(evidence.silent.items())]
    if unknown and policy.widen_unknown_sessions and not reassigned and not _translated(known):
        peers = tuple(dict.fromkeys([*named, *(session.correspondent for session in known.sessions)]))
        notes.append(_cost(draft, peers, unknown))
        wide = replace(draft, ended=False, scope=Scope.CORRESPONDENT, sessions=(), correspondents=peers)
        return Found(record, wide, left_out=known.left_out, notes=tuple(notes))
    if unknown:
        notes.append(_uncovered(unknown, policy, reassigned))
    if not known.sessions:
        return Found(record, None, _nothing(draft, evidence, known), known.left_out, tuple(notes))
    return Found(record, replace(draft, ended=False, sessions=known.sessions), None, known.left_out, tuple(notes))


_T = TypeVar("_T")


def _by_end(items: Iterable[_T], ends: Callable[[_T], Tuple[Address, Address]]) -> Mapping[Address, Sequence[_T]]:
    found: Dict[Address, List[_T]] = {}
    for item in items:
        for end in dict.fromkeys(ends(item)):
            found.setdefault(end, []).append(item)
    return found


def _is_over(data: Record, draft: Handover) -> bool:
    """Whether the record asks for nothing but the end of a handover."""
    return bool(data.get("ended", False)) or draft.old == draft.new


def _listed(data: Record) -> List[Session]:
    """The mobile node's own; a session that already names its sources keeps them."""
    sessions = [session_from_record(item) for item in data.get("sessions") or ()]
    return [session if session.sources else replace(session, sources=(MN,)) for session in sessions]


def _standing(draft: Handover, evidence: Evidence) -> List[Session]:
    held = evidence.standing.get(draft.id)
    if held is None or held.over or held.scope is not Scope.SESSION or held.old != draft.old:
        return []
    return [replace(session, sources=(STANDING,)) for session in held.sessions]


def _agreed_by(flow: AgreedFlow, moment: Optional[float]) -> bool:
    """Whether it is known that a flow was agreed by then."""
    return moment is not None and flow.since is not None and flow.since <= moment


def _agreed(draft: Handover, flows: Iterable[AgreedFlow]) -> List[Session]:
    """What a party of the handover's own address of record has at the old address; either end may be it."""
    found = []
    for flow in flows:
        ends = [(flow.party, flow.address, flow.port), (flow.peer, flow.peer_address, flow.peer_port)]
        for (party, address, port), (_peer, other, other_port) in (ends, ends[::-1]):
            own = address == draft.old and (not draft.aor or party == draft.aor)
            if own and other.version == address.version and other not in (draft.old, draft.new):
                found.append(Session(flow.protocol, port, other, other_port, sources=(SIP,)))
    return found


def _named(correspondents: Iterable[Address], draft: Handover) -> List[Address]:
    return [peer for peer in dict.fromkeys(correspondents) if peer.version == draft.old.version]


def _translated(known: Known) -> bool:
    """Whether a correspondent has another address outside, which the scope correspondent could not express."""
    return any(session.outside is not None for session in known.sessions)


def _cost(draft: Handover, peers: Sequence[Address], unknown: Sequence[Address]) -> str:
    return (
        f"no session of {_texts(unknown)} is known: scope correspondent for {_texts(peers)}. New sessions between them "
        f"and {draft.new} break, and so does ICMP echo; who gets {draft.old} next cannot reach them"
    )


def _uncovered(unknown: Sequence[Address], policy: Policy, reassigned: bool) -> str:
    why = "the policy does not widen the scope (widen_unknown_sessions)"
    if policy.widen_unknown_sessions:
        why = "somebody else has the old address by now" if reassigned else "another correspondent is translated"
    return f"no session of {_texts(unknown)} is known, and {why}: what it has stays at the old address"


def _nothing(draft: Handover, evidence: Evidence, known: Known) -> HandoverError:
    asked = [*(f"connections of {name}" for name in sorted(evidence.tables)), "the phone's list", "the SIP dialogs"]
    codes: Dict[str, int] = {}
    for item in known.left_out:
        codes[item.code] = codes.get(item.code, 0) + 1
    left = "; left out: " + ", ".join(f"{count} {code}" for code, count in sorted(codes.items())) if codes else ""
    return HandoverError(
        "no_sessions",
        f"{draft.old} {draft.new}",
        f"scope session needs a session that a source knows; asked were {', '.join(asked)}{left}",
        "Let a source know of it (docs/sessions.md), or choose the scope correspondent explicitly.",
    )


def _texts(addresses: Iterable[Address]) -> str:
    return ", ".join(map(str, addresses))
