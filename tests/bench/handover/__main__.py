# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make bench-handover``: from a REGISTER to a real Kamailio until both routers show the move when read. It prints.

Usage: python -m tests.bench.handover [floor] [local] [ssh] [playbook] [rulebook] [burst] [many]

All of them, where none is named.

Needs root: routers, and the SIP server with its phones, are private namespaces. BENCH_MOVES is the number of moves of
service and floor (200, at most 240), BENCH_PLAYBOOKS that of handover.yml and of ansible-rulebook (10), BENCH_BURST and
BENCH_MANY those of the crowds (1000, 10000). The floor is what no program could do without: wait for the event, tell
the same elements, in the same stages, to a libnftables that is held open in each router. It is measured before
the others and after them.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from ...kernel.agent.place import Place, mortal, serving, ssh_servers, states
from ...kernel.agent.sip_server import BY_UDP, SipServer, sip_server
from ...kernel.internetwork import NETWORKS
from ...kernel.moving import Journey, journey
from .crowd import Burst, Growth, measure_burst, measure_growth
from .floor import measure_floor
from .moves import Found, Moves
from .playbooks import measure_playbook, measure_rulebook
from .resident import measure_service
from .table import Table

_Part = Callable[[Journey, Path, Moves], Found]


def _floor(network: Journey, directory: Path, moves: Moves) -> Found:
    with _server(directory, moves) as server:
        return measure_floor(network, server, moves)


def _local(network: Journey, directory: Path, moves: Moves) -> Found:
    with _server(directory, moves) as server:
        place = _place(directory, {name: {} for name in NETWORKS}, server)
        service = mortal(place, network, "told")
        try:
            return measure_service(network, service, server, moves)
        finally:
            service.stop()


def _ssh(network: Journey, directory: Path, moves: Moves) -> Found:
    with _server(directory, moves) as server, ssh_servers(network, directory) as servers:
        place = _place(directory, servers.hosts, server)
        with serving(place, network.spaces["core"].pid) as service:
            return measure_service(network, service, server, moves)


def _playbook(network: Journey, directory: Path, moves: Moves) -> Found:
    with _server(directory, moves) as server, ssh_servers(network, directory) as servers:
        return measure_playbook(network, _place(directory, servers.hosts, server), server, moves)


def _rulebook(network: Journey, directory: Path, moves: Moves) -> Found:
    with _server(directory, moves) as server, ssh_servers(network, directory) as servers:
        return measure_rulebook(network, _place(directory, servers.hosts, server), server, moves)


def _burst(network: Journey, directory: Path) -> Burst:
    count = int(os.environ.get("BENCH_BURST", "1000"))
    with ssh_servers(network, directory) as servers:
        place = Place(directory, servers.hosts)
        with serving(place, network.spaces["core"].pid) as service:
            return measure_burst(place, service, count)


def _many(network: Journey, directory: Path) -> list[Growth]:
    count = int(os.environ.get("BENCH_MANY", "10000"))
    with ssh_servers(network, directory) as servers:
        place = Place(directory, servers.hosts)
        with serving(place, network.spaces["core"].pid) as service:
            return measure_growth(place, service, count)


def _server(directory: Path, moves: Moves) -> AbstractContextManager[SipServer]:
    return sip_server(directory / "sip", moves.users, moves.addresses)


def _place(directory: Path, hosts: dict[str, dict[str, object]], server: SipServer) -> Place:
    return Place(directory, hosts, BY_UDP, events=[{"log": str(server.log)}])


#: The name of each row, whether its moves are few because they are slow, and what measures it.
PARTS: dict[str, tuple[str, bool, _Part]] = {
    "floor": ("held libnftables, nothing else", False, _floor),
    "local": ("service, shells on this machine", False, _local),
    "ssh": ("service, over SSH", False, _ssh),
    "playbook": ("handover.yml, over SSH", True, _playbook),
    "rulebook": ("ansible-rulebook, run_playbook", True, _rulebook),
}
CROWDS = ("burst", "many")


def main(arguments: list[str]) -> int:
    """Run the parts that are named."""
    moves, slow = os.environ.get("BENCH_MOVES", "200"), os.environ.get("BENCH_PLAYBOOKS", "10")
    numbers = all(number.isdecimal() and 1 <= int(number) <= 240 for number in (moves, slow))
    if set(arguments) - {*PARTS, *CROWDS} or not numbers:
        print(__doc__, file=sys.stderr)
        return 2
    named = arguments or [*PARTS, *CROWDS]
    table = Table()
    with journey() as network:
        for name in [*named, *(["floor"] if "floor" in named and len(named) > 1 else [])]:
            with _begun(network, name) as directory:
                if name == "burst":
                    table.burst = _burst(network, directory)
                elif name == "many":
                    table.growth = _many(network, directory)
                else:
                    title, few, measure = PARTS[name]
                    table.add(name, title, measure(network, directory, Moves(int(slow if few else moves))))
    print("\n".join(table.lines()), flush=True)
    return 0


@contextmanager
def _begun(network: Journey, name: str) -> Iterator[Path]:
    network.held, network.now = states(network), time.time()
    network.at_home()
    with tempfile.TemporaryDirectory(prefix="bench-handover-") as directory:
        print(f"bench-handover: {name}, load {os.getloadavg()[0]:.1f}", file=sys.stderr, flush=True)
        yield Path(directory)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
