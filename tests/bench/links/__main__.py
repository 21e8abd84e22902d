# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make bench-links``: the resident service, by what its sessions to routers are. It prints and never fails.

Phones go to the visited network and home again, one after the other. From the event in the SIP server's log to the last
router's acknowledgement, as the service tells it; B is of the platform that is named, C is nftables.

What stands behind a session is the tests' own: netconfd with our plug-in, an agent of ours behind snmpd, the stand-in
of IOS, which starts programs of the kernel for its lines. So this measures the service, and no vendor's router.

Needs root: routers are private namespaces. BENCH_ROUNDS is the number of moves (20).
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session

from ...kernel import moving
from ...kernel.agent.phones import Phone
from ...kernel.agent.place import Place, Running, mortal
from ...kernel.netconf import test_service as by_netconf
from ...kernel.one_call import NEW, OLD, PEER
from ...kernel.snmp import test_service as by_snmp
from ...kernel.snmp import world as snmp_world
from ...standins import ios_routers, test_ios_service
from ...standins.netconf_router.server import build


class Story:
    """Phones that go and come back, one after the other.

    :param addresses: the first one's old address, its new one, and its correspondent's.
    """

    def __init__(self, service: Running, place: Place, *addresses: Any) -> None:
        self._service = service
        self._place = place
        self._old, self._new, self._peer = addresses

    def moves(self, rounds: int) -> Iterator[dict[str, Any]]:
        """What the service tells of each move."""
        for number in range(rounds):
            phone, old, new = Phone(f"u{number}"), self._old + number, self._new + number
            session = Session("tcp", 40000, self._peer, 7000)
            self._place.tell(phone.register(old), phone.register(new, old, [session]))
            yield self._service.await_told("handover", number + 1, kind="programmed", seconds=60)
            self._place.tell(phone.register(old))
            self._service.await_told("handover", number + 1, kind="ended", seconds=60)
            time.sleep(1)  # decoders go


@contextmanager
def _ios(home: Path) -> Iterator[Story]:
    with ios_routers.routers(home, "rb") as made:
        place = test_ios_service.place_of(made, home / "service")
        with test_ios_service.serving(made, place) as service:
            yield Story(service, place, moving.OLD[4], moving.NEW[4], moving.PEER[4])


@contextmanager
def _netconf(home: Path) -> Iterator[Story]:
    (home / "built").mkdir()
    build(home / "built")
    with by_netconf.scenes(home / "built", home, by_netconf.MIXED["B"]) as scene, scene.serving() as service:
        yield Story(service, scene.place, OLD, NEW, PEER)


@contextmanager
def _by_spaces(home: Path, platform: str) -> Iterator[Story]:
    with snmp_world.worlds(home, ra="nftables", rb=platform, rc="nftables") as world, ExitStack() as stack:
        place = by_snmp.place_of(world, home / "service")
        service = mortal(place, world, "told")
        stack.callback(service.stop)
        service.await_told("ready")
        yield Story(service, place, OLD, NEW, PEER)


WAYS: dict[str, Callable[[Path], Any]] = {
    "nftables, a local shell": lambda home: _by_spaces(home, "nftables"),
    "ios, a command line": _ios,
    "ietf_netconf, NETCONF": _netconf,
    "snmp, SNMPv3": lambda home: _by_spaces(home, "snmp"),
}


def main() -> int:
    """Take one after the other, print medians."""
    rounds = int(os.environ.get("BENCH_ROUNDS", "20"))
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, {rounds} moves each\n")
    print(f"{'B, and what is held to it':28} {'median ms':>10} {'best ms':>9} {'worst ms':>9} {'load':>6}", flush=True)
    for name, way in WAYS.items():
        with tempfile.TemporaryDirectory(prefix="bench-links-") as directory:
            home = Path(directory)
            home.chmod(0o755)
            with way(home) as story:
                took = [told["total_ms"] for told in story.moves(rounds)]
        load = os.getloadavg()[0]
        print(f"{name:28} {median(took):10.1f} {min(took):9.1f} {max(took):9.1f} {load:6.1f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
