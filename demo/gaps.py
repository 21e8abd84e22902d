"""How long each session was silent at each walk, and whether it lives: from what both of its ends have logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from lab.analysis import read

__all__ = ["Silence", "silence"]

#: A gap that began this long before the move is the move's; what was sent this long before the end may be on its way;
#: and who heard nothing this long before it is dead. Seconds.
_BEFORE, _IN_FLIGHT, _LAST = 0.2, 0.5, 1.0
_FATAL = ("reset", "closed")


@dataclass(frozen=True)
class Silence:
    """Of one session in one walk, the worse of both directions.

    :ivar gap: the longest silence, seconds.
    :ivar lost: packets that were sent and never heard, both directions together.
    """

    gap: float
    lost: int
    alive: bool


def silence(stream: str, files: Mapping[str, Path], begin: float, end: float) -> Silence:
    """Judge a session between two moments of the monotonic clock.

    :param files: the log of each of the two ends.
    """
    logs = [[event for event in read(file) if event["stream"] == stream] for file in files.values()]
    one, other = logs
    found = [_heard(one, other, begin, end), _heard(other, one, begin, end)]
    broken = any(event["event"] in _FATAL and event["t"] <= end for log in logs for event in log)
    return Silence(
        max(each.gap for each in found),
        sum(each.lost for each in found),
        all(each.alive for each in found) and not broken,
    )


def _heard(
    source: Sequence[Mapping[str, Any]], target: Sequence[Mapping[str, Any]], begin: float, end: float
) -> Silence:
    """What one end heard of the other."""
    heard = [(one["t"], one["seq"]) for one in target if one["event"] == "received"]
    sent = {one["seq"] for one in source if one["event"] == "sent" and begin - _BEFORE <= one["t"] <= end - _IN_FLIGHT}
    times = [at for at, _seq in heard if begin - _BEFORE <= at <= end]
    # A session that is dead is silent up to the end.
    gap = max(later - earlier for earlier, later in pairwise([*(times or [begin]), end]))
    alive = bool(times) and end - times[-1] < _LAST
    return Silence(gap, len(sent - {seq for _at, seq in heard}), alive)
