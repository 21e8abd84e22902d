# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many phones at once: a thousand that move within one second, and ten thousand that are away and stay away."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session

from ...kernel.agent.phones import Phone
from ...kernel.agent.place import Place, Running
from ...kernel.moving import NEW, OLD, PEER

__all__ = ["Burst", "Crowd", "Growth", "measure_burst", "measure_growth", "percentile"]

#: Parts of a second in which a burst is written.
_PIECES = 20
#: Seconds that a registration lasts, and that the service may take for some moves.
_LASTS = 3600
_PATIENCE = 120.0


class Crowd:
    """Phones at home, of IPv6: there is room for all of them. The service has heard of each when this is made."""

    def __init__(self, count: int, place: Place, service: Running) -> None:
        self._place = place
        self.told = Told(service)
        self.phones = [Phone(f"crowd{number}") for number in range(count)]
        for begun in range(0, count, 500):
            place.tell(
                *(
                    self.phones[number].register(OLD[6] + 4096 + number)
                    for number in range(begun, min(begun + 500, count))
                )
            )
            time.sleep(0.2)

    def move(self, numbers: Iterable[int], shift: int = 0) -> dict[str, float]:
        """These move; by new address, when they were written."""
        numbers = list(numbers)
        lines, words = [], []
        for number in numbers:
            session = Session("tcp", 40000, PEER[6], 7000)
            new = NEW[6] + 4096 + number + shift
            lines.append(self.phones[number].register(new, OLD[6] + 4096 + number, [session], expires=_LASTS))
            words.append(str(new))
        written = time.time()
        self._place.tell(*lines)
        return dict.fromkeys(words, written)


class Told:
    """What a service tells from now on."""

    def __init__(self, service: Running) -> None:
        self._service = service
        self._file = service.told_path.open(encoding="utf-8")
        self._file.seek(0, 2)
        self._held = ""

    def acknowledged(self, wanted: Iterable[str]) -> dict[str, float]:
        """When the moves to these addresses were; those that are not told of in time are missing."""
        left, found = set(wanted), {}
        deadline = time.monotonic() + _PATIENCE
        while left and time.monotonic() < deadline and self._service.alive:
            self._held += self._file.readline()
            if not self._held.endswith("\n"):
                time.sleep(0.005)
                continue
            one: dict[str, Any] = json.loads(self._held)
            self._held = ""
            if one["event"] == "handover" and one["new"] in left:
                left.discard(one["new"])
                found[one["new"]] = one["acknowledged"]
        return found


@dataclass(frozen=True)
class Burst:
    """So many moves that were written within one second.

    :ivar seconds: of each, from its event to the routers' acknowledgement.
    :ivar lost: how many were not told of.
    """

    moves: int
    seconds: list[float]
    lost: int
    load: float

    def __str__(self) -> str:
        at, last = (percentile(self.seconds, part) * 1000 for part in (50, 99))
        return (
            f"{self.moves} moves within one second, over SSH: {self.lost} lost, median {at:.0f} ms, p99 {last:.0f} ms, "
            f"the last {max(self.seconds) * 1000:.0f} ms; load {self.load:.1f}"
        )


def measure_burst(place: Place, service: Running, count: int) -> Burst:
    """Have so many phones move within one second."""
    crowd = Crowd(count, place, service)
    time.sleep(6)  # what was judged is in the history
    written: dict[str, float] = {}
    begun = time.monotonic()
    for piece in range(_PIECES):
        time.sleep(max(0.0, begun + piece / _PIECES - time.monotonic()))
        written.update(crowd.move(range(piece * count // _PIECES, (piece + 1) * count // _PIECES)))
    found = crowd.told.acknowledged(written)
    seconds = [at - written[new] for new, at in found.items()]
    return Burst(count, seconds, len(written) - len(found), os.getloadavg()[0])


@dataclass(frozen=True)
class Growth:
    """The service at one moment.

    :ivar live: handovers that stand.
    :ivar moves: so far.
    :ivar resident: of its memory, bytes.
    :ivar seconds: median of the last moves, one at a time.
    """

    live: int
    moves: int
    resident: int
    seconds: float

    @staticmethod
    def rows(growth: Iterable[Growth]) -> Iterator[str]:
        """As a table."""
        yield f"{'live':>8}{'moves':>8}{'MiB':>8}{'one more, ms':>14}"
        for one in growth:
            yield f"{one.live:>8}{one.moves:>8}{one.resident / 2**20:>8.0f}{one.seconds * 1000:>14.1f}"

    @staticmethod
    def when_full(growth: Sequence[Growth]) -> tuple[Growth, Growth]:
        """The first moment at which all stand, and the one after it, when some have moved again."""
        standing = [one for one in growth if one.live == growth[-1].live]
        return standing[0], standing[1]


def measure_growth(place: Place, service: Running, count: int) -> list[Growth]:
    """More and more phones that are away, then as many moves again of those."""
    crowd = Crowd(count, place, service)
    found: list[Growth] = []
    moves = 0
    for shift in (0, count):
        for begun in range(0, count, count // 5):
            numbers = range(begun, begun + count // 5)
            for first in range(begun, numbers.stop, 100):
                written = crowd.move(range(first, min(first + 100, numbers.stop)), shift)
                if len(crowd.told.acknowledged(written)) < len(written):
                    raise RuntimeError("moves were lost")
            moves += len(numbers)
            singles = []
            for number in range(begun, begun + 20):
                written = crowd.move([number], 2 * count + shift)
                singles += [at - written[new] for new, at in crowd.told.acknowledged(written).items()]
            moves += len(singles)
            live = max(numbers.stop, found[-1].live if found else 0)
            found.append(Growth(live, moves, service.resident, sorted(singles)[len(singles) // 2]))
    return found


def percentile(seconds: Iterable[float], part: int) -> float:
    """The smallest that so many of a hundred do not exceed."""
    ordered = sorted(seconds)
    return ordered[max(0, -(-len(ordered) * part // 100) - 1)]
