"""What the two ends' logs of ``lab.streams`` say of each stream: did it live, how long was it silent, what was lost."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# A packet sent this short before the end may still be on its way. Seconds.
_IN_FLIGHT = 0.5
_LAST = 1.0
# A gap that began this long before the move still counts as the move's. Seconds.
_BEFORE = 0.2
STREAMS = frozenset({"tcp", "udp"})
# A stream that has had one of these events never runs again.
_OVER = frozenset({"reset", "closed"})
# As much of a log's end as has some seconds in it. Bytes.
_TAIL = 20_000


@dataclass(frozen=True)
class Direction:
    """``gap_ms``: longest silence at the receiver from the move on; ``lost``: sent and never received."""

    sent: int
    received: int
    lost: int
    gap_ms: float
    alive: bool


def read(path: Path) -> list[dict[str, Any]]:
    """The events of one log; a line cut off by a kill is left out."""
    lines = path.read_text(encoding="ascii").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def heard_since(files: Mapping[str, Path], moment: float) -> set[str]:
    """The streams of which both ends have received something after a moment (monotonic seconds, a short while ago)."""
    heard = set(STREAMS)
    for path in files.values():
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL))
            lines = file.read().splitlines()[1:-1]
        late = [event for event in map(json.loads, lines) if event["t"] > moment and event["event"] == "received"]
        heard &= {event["stream"] for event in late}
    return heard


def over(files: Mapping[str, Path]) -> set[str]:
    """The streams that were reset or closed at an end."""
    return {event["stream"] for path in files.values() for event in read(path) if event["event"] in _OVER}


def lost_since(stream: str, files: Mapping[str, Path], moment: float) -> dict[str, int]:
    """How many packets of a stream each of the two ends has sent from a moment on that the other one never received.

    :param moment: monotonic seconds.
    """
    logs = {name: [event for event in read(path) if event["stream"] == stream] for name, path in files.items()}
    end = min(log[-1]["t"] for log in logs.values()) - _IN_FLIGHT
    one, other = logs
    found = {}
    for source, target in ((one, other), (other, one)):
        heard = {event["seq"] for event in logs[target] if event["event"] == "received"}
        sent = {event["seq"] for event in logs[source] if event["event"] == "sent" and moment <= event["t"] <= end}
        found[source] = len(sent - heard)
    return found


def analyse(files: Mapping[str, Path], move_time: float) -> dict[str, dict[str, Any]]:
    """Judge every stream between two ends.

    :param files: name of each of the two ends (``mn``, ``cn``) to its log.
    :param move_time: monotonic seconds at which the link went down.
    :returns: stream name to ``alive`` (packets arrive both ways in the last second and there was no reset),
        ``gap_ms`` and ``lost`` (the worse direction; both directions together), ``errors``, and ``directions``.
    """
    events = {name: read(path) for name, path in files.items()}
    end = min(log[-1]["t"] for log in events.values())
    streams = sorted({event["stream"] for log in events.values() for event in log if event["stream"]})
    return {stream: _judge(stream, events, move_time, end) for stream in streams}


def _judge(stream: str, events: Mapping[str, list[dict[str, Any]]], move: float, end: float) -> dict[str, Any]:
    logs = {name: [event for event in log if event["stream"] == stream] for name, log in events.items()}
    one, other = logs
    directions = {
        f"{source}->{target}": _direction(logs[source], logs[target], move, end)
        for source, target in ((one, other), (other, one))
    }
    errors = [
        {"end": name, "t": event["t"], "event": event["event"], "error": event.get("error")}
        for name, log in logs.items()
        for event in log
        if event["event"] in _OVER | {"error"} and event["t"] <= end
    ]
    fatal = any(error["event"] in _OVER for error in errors)
    return {
        "alive": not fatal and all(direction.alive for direction in directions.values()),
        "gap_ms": max(direction.gap_ms for direction in directions.values()),
        "lost": sum(direction.lost for direction in directions.values()),
        "errors": errors,
        "directions": {name: asdict(direction) for name, direction in directions.items()},
    }


def _direction(source: list[dict[str, Any]], target: list[dict[str, Any]], move: float, end: float) -> Direction:
    sent = {e["seq"] for e in source if e["event"] == "sent" and e["t"] <= end - _IN_FLIGHT}
    arrivals = [(e["t"], e["seq"]) for e in target if e["event"] == "received" and e["t"] <= end]
    # What was sent before the first arrival met a stateful firewall that had not seen the other side speak yet.
    opened = min((seq for _, seq in arrivals), default=0)
    sent = {seq for seq in sent if seq >= opened}
    times = [t for t, _ in arrivals]
    # The silence is bounded by the last packet before and, for a dead stream, by the end of the record.
    marks = [t for t in times if t >= move - _BEFORE]
    before = [t for t in times if t < move - _BEFORE]
    marks = [*(before[-1:] or [move]), *marks, end]
    gap = max(b - a for a, b in itertools.pairwise(marks))
    return Direction(
        sent=len(sent),
        received=len(arrivals),
        lost=len(sent - {seq for _, seq in arrivals}),
        gap_ms=round(gap * 1000, 1),
        alive=bool(times) and times[-1] >= end - _LAST,
    )
