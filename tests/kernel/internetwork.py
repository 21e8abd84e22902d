# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three first-hop routers around a core, each a private namespace, and the links of their hosts.

The hosts themselves are played: every router knows each host's hardware address beforehand, whichever network the
host belongs to, so a frame on a link tells to whom the router has handed it.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import permutations

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Router, Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.trace import Packet
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.nftables import Nftables
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.nftables import NftablesBackend
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.preparation import Preparation
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.settings import Options
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter
from ansible_collections.sipmobility.handover.plugins.plugin_utils.shell_device import shell_router

from ..unit.mobility.worlds import NOW
from .frames import Frame, decode, encode
from .namespaces import Namespace, until

__all__ = ["CORE", "HOSTS", "NETWORKS", "OUTSIDE", "TOPOLOGY", "Arrival", "Internetwork", "Sent", "internetwork"]

NETWORKS = {
    "ra": {4: "198.51.100.0/24", 6: "2001:db8:a::/64"},
    "rb": {4: "203.0.113.0/24", 6: "2001:db8:b::/64"},
    "rc": {4: "198.18.3.0/24", 6: "2001:db8:c::/64"},
}
#: Between each router and the core.
_LINKS = {
    "ra": {4: "198.18.101.0/24", 6: "2001:db8:aa::/64"},
    "rb": {4: "198.18.102.0/24", 6: "2001:db8:bb::/64"},
    "rc": {4: "198.18.103.0/24", 6: "2001:db8:cc::/64"},
}
TOPOLOGY = Topology(
    Router(name, tuple(map(ip_network, networks.values())), "nftables", "lan", "wan")
    for name, networks in NETWORKS.items()
)


def _numbered(networks: Mapping[int, str], version: int, number: int) -> Address:
    return ip_network(networks[version])[number]


#: The hosts behind each router, and the core's address on its link to it, by IP version.
HOSTS = {
    name: {version: [_numbered(networks, version, number) for number in (10, 11)] for version in networks}
    for name, networks in NETWORKS.items()
}
CORE = {name: {version: _numbered(links, version, 1) for version in links} for name, links in _LINKS.items()}
#: Somebody whose network nobody here knows.
OUTSIDE = {4: ip_address("198.19.0.10"), 6: ip_address("2001:db8:ffff::10")}
#: Host 99 of a network, in no state: to learn that the network is alive, and when a batch is through.
_BEACONS = {
    name: {version: _numbered(networks, version, 99) for version in networks} for name, networks in NETWORKS.items()
}

_MAC = {
    address: bytes((2, 0, 0, 0, 1, number))
    for number, address in enumerate(
        [host for hosts in HOSTS.values() for both in hosts.values() for host in both]
        + list(OUTSIDE.values())
        + [beacon for both in _BEACONS.values() for beacon in both.values()]
    )
}
_HOST = {mac: address for address, mac in _MAC.items()}
_ROUTER_MAC = {name: bytes((2, 0, 0, 0, 2, number)) for number, name in enumerate(NETWORKS)}
#: What the core holds to BCP 38 (RFC 2827) carries this codepoint, so one batch has packets with it and without.
_FILTERED = 1
#: Seconds of silence after which nothing more comes, and seconds that a busy machine may take for what is expected.
_SILENCE, _PATIENCE = 0.003, 1.0


@dataclass(frozen=True)
class Sent:
    """A packet that a host behind a router sends; ``filtered`` where the core holds it to BCP 38."""

    packet: Packet
    router: str
    filtered: bool


@dataclass(frozen=True)
class Arrival:
    """A packet as a router hands it over on its link, and to whom."""

    router: str
    host: Address
    packet: Packet

    def __str__(self) -> str:
        return f"{self.packet} at {self.router} to {self.host}"


class Internetwork:
    """The routers, and one socket that sees every frame on the hosts' links."""

    def __init__(self, routers: Mapping[str, ManagedRouter], wire: socket.socket) -> None:
        self._wire = wire
        self._wire.settimeout(_SILENCE)
        self._routers = routers
        self._held = {name: RouterState() for name in self._routers}
        self._batch = 0

    def load(self, states: Mapping[str, RouterState]) -> None:
        """Bring every router from what it holds to its state, in one step."""
        with ThreadPoolExecutor(len(self._routers)) as workers:
            for name, state in zip(states, workers.map(self._load, states, states.values()), strict=True):
                self._held[name] = state

    def _load(self, name: str, state: RouterState) -> RouterState:
        held = self._held[name]
        change = difference(held, state)
        return self._routers[name].apply(change, held, NOW) if change else held

    def carry(self, batch: Sequence[Sent], expected: Sequence[Arrival | None]) -> list[Arrival | None]:
        """Send packets of one IP version; where each arrives, None for nowhere. One that arrives twice is an error.

        :param expected: how long to wait is known from them; what is found is not.
        """
        # The last one arrives for sure: when it is there, the others had time enough.
        source, destination = (_BEACONS[name][batch[0].packet.source.version] for name in ("ra", "rb"))
        beacon = Packet(source, destination, "udp", 9, 9)
        *found, last = self._carry([*batch, Sent(beacon, "ra", False)], [*expected, Arrival("rb", destination, beacon)])
        assert last is not None, "the network is dead"
        return found

    def alive(self) -> bool:
        """Whether every network reaches every other one: neighbours are resolved then."""
        sent, expected = [], []
        for version in (4, 6):
            for one, other in permutations(NETWORKS, 2):
                packet = Packet(_BEACONS[one][version], _BEACONS[other][version], "udp", 9, 9)
                sent.append(Sent(packet, one, True))
                expected.append(Arrival(other, packet.destination, packet))
        return self._carry(sent, expected) == expected

    def _carry(self, sent: Sequence[Sent], expected: Sequence[Arrival | None]) -> list[Arrival | None]:
        self._batch += 1
        for number, one in enumerate(sent):
            name = f"{self._batch} {number}".encode()
            frame = Frame(_ROUTER_MAC[one.router], one.packet, name, _FILTERED if one.filtered else 0)
            self._wire.sendto(encode(frame), (one.router, 0))
        missing = {number for number, arrival in enumerate(expected) if arrival is not None}
        found: dict[int, Arrival] = {}
        deadline = time.monotonic() + _PATIENCE
        while (arrived := self._arrival()) is not None or (missing and time.monotonic() < deadline):
            if arrived is None:
                continue
            number, arrival = arrived
            assert number not in found, f"{sent[number]} came twice"
            found[number] = arrival
            missing.discard(number)
        return [found.get(number) for number in range(len(sent))]

    def _arrival(self) -> tuple[int, Arrival] | None:
        """The next datagram of this batch; None after a silence."""
        try:
            while True:
                data, (link, _protocol, direction, *_rest) = self._wire.recvfrom(2048)
                frame = None if direction == socket.PACKET_OUTGOING else decode(data)
                batch, _, number = ("", "", "") if frame is None else frame.payload.decode().partition(" ")
                if frame is not None and batch == str(self._batch):
                    return int(number), Arrival(link, _HOST[frame.to], frame.packet)
        except TimeoutError:
            return None


def _nftables(name: str, namespace: Namespace) -> ManagedRouter:
    return shell_router(name, Nftables(), Renderer(), namespace)


@contextmanager
def internetwork(router: Callable[[str, Namespace], ManagedRouter] = _nftables) -> Iterator[Internetwork]:
    """Make it, prepare its routers as the role does, and wait until it carries packets.

    :param router: what programs a router.
    """
    with ExitStack() as stack:
        spaces = {name: stack.enter_context(Namespace()) for name in (*NETWORKS, "core", "hosts")}
        for space in spaces.values():
            space.shell("cd /proc/sys/net/ipv4/conf; for one in all default; do echo 0 >$one/rp_filter; done")
        for name in NETWORKS:
            _connect(name, spaces[name], spaces["core"], spaces["hosts"])
            options = Options("lan", "wan", persistence="none")
            Preparation(name, NftablesBackend(), options, Renderer()).converge(
                spaces[name], present=True, checking=False
            )
        spaces["core"].shell(_core())
        wire = stack.enter_context(spaces["hosts"].wire())
        made = Internetwork({name: router(name, spaces[name]) for name in NETWORKS}, wire)
        until(made.alive)
        yield made


def _connect(name: str, router: Namespace, core: Namespace, hosts: Namespace) -> None:
    """A router, its link to the core, and its link to its hosts."""
    lan, wan = NETWORKS[name], _LINKS[name]
    neighbours = "\n".join(
        f"ip neighbour replace {address} lladdr {mac.hex(':')} dev lan nud permanent" for address, mac in _MAC.items()
    )
    router.shell(f"""set -e
        ip link add lan type veth peer name {name} netns {hosts.pid}
        ip link add wan type veth peer name {name} netns {core.pid}
        ip link set lan address {_ROUTER_MAC[name].hex(":")}
        ip address add {_numbered(lan, 4, 1)}/24 dev lan
        ip -6 address add {_numbered(lan, 6, 1)}/64 dev lan nodad
        ip address add {_numbered(wan, 4, 2)}/24 dev wan
        ip -6 address add {_numbered(wan, 6, 2)}/64 dev wan nodad
        ip link set lan up; ip link set wan up
        ip route add default via {CORE[name][4]}
        ip -6 route add default via {CORE[name][6]}
        {neighbours}
    """)
    hosts.shell(f"ip link set {name} up")
    core.shell(f"""set -e
        ip address add {CORE[name][4]}/24 dev {name}
        ip -6 address add {CORE[name][6]}/64 dev {name} nodad
        ip link set {name} up
        ip route add {lan[4]} via {_numbered(wan, 4, 2)}
        ip -6 route add {lan[6]} via {_numbered(wan, 6, 2)}
    """)


def _core() -> str:
    """A core that forwards, and holds the packets that ask for it to BCP 38."""
    rules = "\n".join(
        f"iifname {name} {family} dscp {_FILTERED} {family} saddr != {networks[version]} drop"
        for name, networks in NETWORKS.items()
        for version, family in ((4, "ip"), (6, "ip6"))
    )
    return f"""set -e
        echo 1 >/proc/sys/net/ipv4/ip_forward
        echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
        echo 0 >/proc/sys/net/ipv4/conf/all/send_redirects
        for name in {" ".join(NETWORKS)}; do echo 0 >/proc/sys/net/ipv4/conf/$name/send_redirects; done
        nft -f - <<'X'
table inet core {{
    chain forward {{
        type filter hook forward priority filter
        {rules}
    }}
}}
X
    """
