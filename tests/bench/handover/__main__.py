# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make bench-handover``: from the event line of a REGISTER to the last router's acknowledgement. It prints.

Usage: python -m tests.bench.handover [floor] [local] [ssh] [playbook] [burst] [many]    (all, when none is named)

Needs root: routers are private namespaces. BENCH_MOVES is the number of moves of service and floor (200, at most 240),
BENCH_PLAYBOOKS that of handover.yml (3), BENCH_BURST and BENCH_MANY those of the crowds (1000, 10000). The floor is the
same elements, in the same three stages, told to a libnftables that is held open in each router; it neither judges,
plans, remembers nor routes, and its routers keep nothing for their next boot.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ...kernel.agent.place import Place, Running, mortal, serving, ssh_servers, states
from ...kernel.internetwork import NETWORKS
from ...kernel.moving import Journey, journey
from .crowd import measure_burst, measure_growth, percentile, rows
from .floor import measure_floor
from .moves import Moves, measure_playbook, measure_service

_Part = Callable[[Journey, Path, int], list[float]]


def _local(network: Journey, directory: Path, moves: int) -> list[float]:
    place = Place(directory, {name: {} for name in NETWORKS})
    service = mortal(place, network, "told")
    try:
        return measure_service(place, service, Moves(moves))
    finally:
        service.stop()


@contextmanager
def _over_ssh(network: Journey, directory: Path) -> Iterator[tuple[Place, Running]]:
    with ssh_servers(network, directory) as servers:
        place = Place(directory, servers.hosts)
        with serving(place, network.spaces["core"].pid) as service:
            yield place, service


def _ssh(network: Journey, directory: Path, moves: int) -> list[float]:
    with _over_ssh(network, directory) as (place, service):
        return measure_service(place, service, Moves(moves))


def _playbook(network: Journey, directory: Path, _moves: int) -> list[float]:
    with ssh_servers(network, directory) as servers:
        place = Place(directory, servers.hosts)
        count = int(os.environ.get("BENCH_PLAYBOOKS", "3"))
        return measure_playbook(place, network.spaces["core"].pid, Moves(count))


def _floor(network: Journey, _directory: Path, moves: int) -> list[float]:
    return measure_floor(network, Moves(moves))


def _burst(network: Journey, directory: Path) -> None:
    count = int(os.environ.get("BENCH_BURST", "1000"))
    with _over_ssh(network, directory) as (place, service):
        seconds, lost = measure_burst(place, service, count)
    median, last = statistics.median(seconds) * 1000, percentile(seconds, 99) * 1000
    print(f"\n{count} moves within one second: {lost} lost, median {median:.0f} ms, p99 {last:.0f} ms", flush=True)


def _many(network: Journey, directory: Path) -> None:
    count = int(os.environ.get("BENCH_MANY", "10000"))
    with _over_ssh(network, directory) as (place, service):
        growth = measure_growth(place, service, count)
    print("\n" + "\n".join(rows(growth)), flush=True)


#: What prints more than the time of single moves.
CROWDS: dict[str, Callable[[Journey, Path], None]] = {"burst": _burst, "many": _many}
PARTS: dict[str, tuple[str, _Part]] = {
    "floor": (
        "a held libnftables, nothing else",
        _floor,
    ),
    "local": ("service, shells on this machine", _local),
    "ssh": ("service, over SSH", _ssh),
    "playbook": ("handover.yml, over SSH", _playbook),
}


def main(arguments: list[str]) -> int:
    """Run the parts that are named."""
    moves = os.environ.get("BENCH_MOVES", "200")
    if set(arguments) - {*PARTS, *CROWDS} or not moves.isdecimal() or not 1 <= int(moves) <= 240:
        print(__doc__, file=sys.stderr)
        return 2
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}", flush=True)
    found: dict[str, list[float]] = {}
    with journey() as network:
        for name in arguments or [*PARTS, *CROWDS]:
            network.held, network.now = states(network), time.time()
            network.at_home()
            with tempfile.TemporaryDirectory(prefix="bench-handover-") as directory:
                print(f"bench-handover: {name}", file=sys.stderr, flush=True)
                if name in PARTS:
                    found[name] = PARTS[name][1](network, Path(directory), int(moves))
                else:
                    CROWDS[name](network, Path(directory))
    if found:
        _print(found)
    return 0


def _print(found: dict[str, list[float]]) -> None:
    print("\nFrom the event line to the acknowledgement of both routers; ratios to the first row's median.\n")
    print(f"{'':<38}{'moves':>6}{'median ms':>11}{'p99 ms':>9}{'ratio':>8}{'p99':>8}")
    least = statistics.median(next(iter(found.values())))
    for name, seconds in found.items():
        median, last = statistics.median(seconds), percentile(seconds, 99)
        cells = f"{len(seconds):>6}{median * 1000:>11.1f}{last * 1000:>9.1f}{median / least:>8.1f}{last / least:>8.1f}"
        print(f"{PARTS[name][0]:<38}{cells}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
