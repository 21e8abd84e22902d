# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make bench-handover``: from the event line of a REGISTER to the last router's acknowledgement. It prints.

Usage: python -m tests.bench.handover [floor] [local] [ssh] [playbook]     (all, when none is named)

Needs root: routers are private namespaces. BENCH_MOVES is the number of moves of service and floor (200, at most 240),
BENCH_PLAYBOOKS that of handover.yml (3). The floor is the same elements, in the same three stages, told to a
libnftables that is held open in each router; it neither judges, plans, remembers nor routes.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ...kernel.agent.place import Place, mortal, serving, ssh_servers, states
from ...kernel.internetwork import NETWORKS
from ...kernel.moving import Journey, journey
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


def _ssh(network: Journey, directory: Path, moves: int) -> list[float]:
    with ExitStack() as stack:
        place = Place(directory, stack.enter_context(ssh_servers(network, directory)).hosts)
        service = stack.enter_context(serving(place, network.spaces["core"].pid))
        return measure_service(place, service, Moves(moves))


def _playbook(network: Journey, directory: Path, _moves: int) -> list[float]:
    with ssh_servers(network, directory) as servers:
        place = Place(directory, servers.hosts)
        count = int(os.environ.get("BENCH_PLAYBOOKS", "3"))
        return measure_playbook(place, network.spaces["core"].pid, Moves(count))


def _floor(network: Journey, _directory: Path, moves: int) -> list[float]:
    return measure_floor(network, Moves(moves))


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
    if set(arguments) - set(PARTS) or not moves.isdecimal() or not 1 <= int(moves) <= 240:
        print(__doc__, file=sys.stderr)
        return 2
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}", flush=True)
    found: dict[str, list[float]] = {}
    with journey() as network:
        for name in arguments or PARTS:
            network.held, network.now = states(network), time.time()
            network.at_home()
            with tempfile.TemporaryDirectory(prefix="bench-handover-") as directory:
                print(f"bench-handover: {name}", file=sys.stderr, flush=True)
                found[name] = PARTS[name][1](network, Path(directory), int(moves))
    print("\nFrom the event line to the acknowledgement of both routers; ratios to the first row's median.\n")
    print(f"{'':<36}{'moves':>6}{'median ms':>11}{'p99 ms':>9}{'ratio':>8}{'p99':>8}")
    least = statistics.median(next(iter(found.values())))
    for name, seconds in found.items():
        median, last = statistics.median(seconds), sorted(seconds)[max(0, -(-len(seconds) * 99 // 100) - 1)]
        cells = f"{len(seconds):>6}{median * 1000:>11.1f}{last * 1000:>9.1f}{median / least:>8.1f}{last / least:>8.1f}"
        print(f"{PARTS[name][0]:<36}{cells}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
