# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handovers, router states and plans as plain data (JSON), and back.

Addresses are text here and nowhere else. Reading is strict: an unknown key,
a missing one or a wrong type is refused with its name.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Tuple

from ..errors import HandoverError
from ..reader import (
    Reader,
    address,
    count,
    flag,
    interface,
    items,
    optional,
    owner,
    seconds,
    text,
    time_from_text,
    time_to_text,
)
from .handover import Handover, Session, handover_id
from .model import Directions, Entry, Freeze, Mark, Neighbour, Rewrite, RewriteKind, Route, Scope, Selector, Stamp, Via
from .router_state import RouterState
from .selector import address_text
from .step import Phase, Stage, Step

__all__ = [
    "entry_from_record",
    "entry_to_record",
    "handover_from_record",
    "handover_to_record",
    "session_from_record",
    "session_to_record",
    "stages_from_records",
    "stages_to_records",
    "state_from_records",
    "state_to_records",
    "step_from_record",
    "step_to_record",
]

Record = Dict[str, Any]


def handover_to_record(handover: Handover) -> Record:
    """A handover as plain data. ``via`` is there only where it is not the correspondent's router."""
    record: Record = {
        "id": handover.id,
        "aor": handover.aor,
        "instance": handover.instance,
        "old": address_text(handover.old),
        "new": address_text(handover.new),
        "expires": time_to_text(handover.expires),
        "epoch": handover.epoch,
        "scope": handover.scope.value,
        "directions": handover.directions.value,
        "sessions": [session_to_record(session) for session in handover.sessions],
        "correspondents": [str(peer) for peer in handover.correspondents],
        "ended": handover.ended,
    }
    if handover.via is not Via.CORRESPONDENT_ROUTER:
        record["via"] = handover.via.value
    return record


def handover_from_record(record: Mapping[str, Any]) -> Handover:
    """A handover from plain data; ``old``, ``new`` and ``expires`` are required, ``id`` is derived where missing.

    ``scope`` is ``session`` where sessions are given, and must be named where they are not.

    :raises HandoverError: naming the key.
    """
    read = Reader(record, "handover")
    old, new = read.take("old", address), read.take("new", address)
    aor, instance = read.take("aor", text, ""), read.take("instance", optional(text), None)
    sessions = tuple(session_from_record(item) for item in read.take("sessions", items, []))
    ended = read.take("ended", flag, False)
    scope = read.take("scope", Scope, Scope.SESSION)
    fields: Dict[str, Any] = {
        "id": read.take("id", optional(text), None) or handover_id(aor, instance, old),
        "aor": aor,
        "instance": instance,
        "old": old,
        "new": new,
        "expires": read.take("expires", time_from_text, *([0] if ended or old == new else [])),
        "epoch": read.take("epoch", count, 1),
        "scope": scope,
        "directions": read.take("directions", Directions, Directions.BOTH),
        "sessions": sessions,
        "correspondents": tuple(address(item) for item in read.take("correspondents", items, [])),
        "ended": ended,
        "via": read.take("via", Via, Via.CORRESPONDENT_ROUTER),
    }
    read.done()  # a misspelt key is told before what is missing because of it
    return Handover(**fields)


def entry_to_record(entry: Entry) -> Record:
    """One entry of a router as plain data."""
    record: Record = {}
    if isinstance(entry, Rewrite):
        record = {"type": "rewrite", "kind": entry.kind.value, "match": _match_to_record(entry.match)}
        record["to"] = address_text(entry.to)
    elif isinstance(entry, Mark):
        record = {"type": "mark", "match": _match_to_record(entry.match)}
    elif isinstance(entry, Freeze):
        record = {"type": "freeze", "match": _match_to_record(entry.match)}
    elif isinstance(entry, Route):
        record = {"type": "route", "destination": address_text(entry.destination)}
        record["via"] = None if entry.via is None else address_text(entry.via)
        record["interface"] = entry.interface
    else:
        record = {"type": "neighbour", "address": address_text(entry.address), "interface": entry.interface}
    stamp = entry.stamp
    record.update(
        handover=stamp.handover,
        epoch=stamp.epoch,
        expires=time_to_text(stamp.expires),
        directions=stamp.directions.value,
        flows=stamp.flows,
        ended=stamp.ended,
    )
    if stamp.via is not Via.CORRESPONDENT_ROUTER:
        record["handover_via"] = stamp.via.value
    return record


def entry_from_record(record: Mapping[str, Any]) -> Entry:
    """One entry of a router from plain data.

    :raises HandoverError: naming the key.
    """
    read = Reader(record, "entry")
    stamp = Stamp(
        read.take("handover", owner),
        read.take("epoch", count, 1),
        read.take("expires", time_from_text),
        read.take("directions", Directions, Directions.BOTH),
        read.take("flows", count, 1),
        read.take("ended", flag, False),
        read.take("handover_via", Via, Via.CORRESPONDENT_ROUTER),
    )
    kind = read.take("type", text)
    entry: Entry
    if kind == "rewrite":
        entry = Rewrite(
            read.take("kind", RewriteKind), read.take("match", _match_from_record), read.take("to", address), stamp
        )
    elif kind == "mark":
        entry = Mark(read.take("match", _match_from_record), stamp)
    elif kind == "freeze":
        entry = Freeze(read.take("match", _match_from_record), stamp)
    elif kind == "route":
        via = read.take("via", optional(address), None)
        entry = Route(read.take("destination", address), via, read.take("interface", optional(interface), None), stamp)
    elif kind == "neighbour":
        entry = Neighbour(read.take("address", address), read.take("interface", interface), stamp)
    else:
        raise HandoverError("bad_record", kind, "an entry's type is rewrite, mark, route, neighbour or freeze")
    read.done()
    return entry


def state_to_records(state: Iterable[Entry]) -> List[Record]:
    """A router's state as plain data, in a stable order."""
    return [entry_to_record(entry) for entry in sorted(state, key=lambda entry: entry.rank)]


def state_from_records(records: Iterable[Mapping[str, Any]]) -> RouterState:
    """A router's state from plain data.

    :raises HandoverError: naming the key.
    """
    return RouterState(entry_from_record(record) for record in items(records))


def step_to_record(step: Step) -> Record:
    """One step as plain data."""
    return {
        "id": step.id,
        "phase": step.phase.value,
        "router": step.router,
        # In the planner's order, which is stable.
        "before": [entry_to_record(entry) for entry in step.before],
        "after": [entry_to_record(entry) for entry in step.after],
    }


def step_from_record(record: Mapping[str, Any]) -> Step:
    """One step from plain data.

    :raises HandoverError: naming the key.
    """
    read = Reader(record, "step")
    step = Step(
        read.take("id", text),
        read.take("phase", Phase),
        read.take("router", text),
        tuple(entry_from_record(item) for item in read.take("before", items)),
        tuple(entry_from_record(item) for item in read.take("after", items)),
    )
    read.done()
    return step


def stages_to_records(stages: Iterable[Stage]) -> List[Record]:
    """A plan as plain data."""
    return [
        {"phase": stage.phase.value, "wait": stage.wait, "steps": [step_to_record(step) for step in stage.steps]}
        for stage in stages
    ]


def stages_from_records(records: Iterable[Mapping[str, Any]]) -> Tuple[Stage, ...]:
    """A plan from plain data.

    :raises HandoverError: naming the key.
    """
    stages = []
    for record in items(records):
        read = Reader(record, "stage")
        steps = tuple(step_from_record(item) for item in read.take("steps", items))
        stages.append(Stage(read.take("phase", Phase), read.take("wait", seconds), steps))
        read.done()
    return tuple(stages)


def session_to_record(session: Session) -> Record:
    """A session as plain data."""
    record: Record = {
        "protocol": session.protocol,
        "port": session.port,
        "correspondent": address_text(session.correspondent),
        "correspondent_port": session.correspondent_port,
    }
    if session.outside is not None:
        record["outside"] = address_text(session.outside)
    if session.outside_port is not None:
        record["outside_port"] = session.outside_port
    if session.sources:
        record["sources"] = list(session.sources)
    return record


def session_from_record(record: Mapping[str, Any]) -> Session:
    """A session from plain data.

    :raises HandoverError: naming the key.
    """
    read = Reader(record, "session")
    fields = (
        read.take("protocol", text),
        read.take("port", count),
        read.take("correspondent", address),
        read.take("correspondent_port", count),
        read.take("outside", optional(address), None),
        read.take("outside_port", optional(count), None),
        tuple(text(item) for item in read.take("sources", items, [])),
    )
    read.done()
    return Session(*fields)


def _match_to_record(match: Selector) -> Record:
    record: Record = {}
    if match.source is not None:
        record["source"] = address_text(match.source)
    if match.destination is not None:
        record["destination"] = address_text(match.destination)
    if match.protocol is not None:
        record.update(protocol=match.protocol, source_port=match.source_port, destination_port=match.destination_port)
    return record


def _match_from_record(record: Mapping[str, Any]) -> Selector:
    read = Reader(record, "match")
    fields = (
        read.take("source", address, None),
        read.take("destination", address, None),
        read.take("protocol", text, None),
        read.take("source_port", count, None),
        read.take("destination_port", count, None),
    )
    read.done()
    return Selector(*fields)
