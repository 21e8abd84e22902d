# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A phone, its peer and their routers in private namespaces, a live TCP session, and how a controller reaches them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType

from ...standins.netconf_router.server import NetconfServer, PlainServer
from ..namespaces import Namespace

OLD, NEW, PEER = ip_address("198.51.100.7"), ip_address("203.0.113.7"), ip_address("198.18.3.9")
PORT = 7000
NETWORKS = {"ra": "198.51.100.0/24", "rb": "203.0.113.0/24", "rc": "198.18.3.0/24"}
BY_NETCONF: Mapping[str, type[NetconfServer]] = MappingProxyType(
    {"ietf_netconf": NetconfServer, "ietf_netconf_plain": PlainServer}
)
NETCONF = {"rb": "ietf_netconf", "rc": "ietf_netconf"}
#: Each line a link: where and how its ends are called, and their addresses.
LINKS = """
ra lan 198.51.100.1/24 phone home 198.51.100.7/24
rb lan 203.0.113.1/24 phone away 203.0.113.7/24
rc lan 198.18.3.1/24 peer eth 198.18.3.9/24
ra wan 198.18.101.2/24 rc wan_a 198.18.101.1/24
rb wan 198.18.102.2/24 rc wan_b 198.18.102.1/24
ra mgmt 198.18.201.2/24 control ra 198.18.201.1/24
rb mgmt 198.18.202.2/24 control rb 198.18.202.1/24
rc mgmt 198.18.203.2/24 control rc 198.18.203.1/24
"""
#: The routers as the controller reaches them.
MANAGEMENT = {"ra": "198.18.201.2", "rb": "198.18.202.2", "rc": "198.18.203.2"}
ROUTES = {
    "ra": "ip route add default via 198.18.101.1",
    "rb": "ip route add default via 198.18.102.1",
    "rc": "ip route add 198.51.100.0/24 via 198.18.101.2; ip route add 203.0.113.0/24 via 198.18.102.2",
    "peer": "ip route add default via 198.18.3.1",
    "phone": "ip route add default via 198.51.100.1",
}
#: The phone is on the other network now, and its session still uses the old address.
MOVE = """set -e
ip link set home down
ip address add 198.51.100.7/32 dev lo
ip route replace default via 203.0.113.1
"""
#: What an access network should do: drop what does not come from it (RFC 2827).
BCP38 = """nft -f - <<'X'
table inet bcp38 {
    chain ingress {
        type filter hook prerouting priority -400
        iifname wan_b ip saddr != 203.0.113.0/24 drop
    }
}
X
"""


@dataclass
class World:
    """The namespaces by name, and the servers on the routers."""

    spaces: dict[str, Namespace]
    servers: dict[str, NetconfServer]
    platforms: Mapping[str, str]


@contextmanager
def worlds(
    built: Path,
    home: Path,
    platforms: Mapping[str, str] = NETCONF,
    servers: Mapping[str, type[NetconfServer]] = BY_NETCONF,
) -> Iterator[World]:
    """The world, until it is left.

    :param platforms: of the routers that serve, NETCONF or SSH alone; the others only forward.
    :param servers: the NETCONF servers by platform; routers of others are reached by SSH.
    """
    with ExitStack() as stack:
        names = ("ra", "rb", "rc", "phone", "peer", "control")
        spaces = {name: stack.enter_context(Namespace()) for name in names}
        for line in LINKS.strip().splitlines():
            one, link, address, other, far, far_address = line.split()
            spaces[one].shell(f"""set -e
                ip link add {link} type veth peer name {far} netns {spaces[other].pid}
                ip address add {address} dev {link}; ip link set {link} up""")
            spaces[other].shell(f"ip address add {far_address} dev {far} && ip link set {far} up")
        for name, routes in ROUTES.items():
            spaces[name].shell(f"set -e\necho 1 >/proc/sys/net/ipv4/ip_forward\n{routes}")
        running = {}
        for name, platform in platforms.items():
            (home / name).mkdir()
            server = servers.get(platform, NetconfServer)(spaces[name], built, home / name)
            serving = server.serving() if platform in servers else server.only_ssh()
            running[name] = stack.enter_context(serving)
        yield World(spaces, running, platforms)


class Call:
    """A TCP session of the phone with the peer, who echoes."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        listener = stack.enter_context(world.spaces["peer"].tcp())
        listener.bind((str(PEER), PORT))
        listener.listen()
        self._phone = stack.enter_context(world.spaces["phone"].tcp())
        self._phone.settimeout(10)
        self._phone.bind((str(OLD), 0))
        self._phone.connect((str(PEER), PORT))
        self._peer = stack.enter_context(listener.accept()[0])
        threading.Thread(target=self._echo, daemon=True).start()
        self.port = int(self._phone.getsockname()[1])

    def _echo(self) -> None:
        while data := self._peer.recv(1024):
            self._peer.sendall(data)

    def say(self, word: bytes) -> None:
        """Send something, which TCP repeats until it arrives."""
        self._phone.sendall(word)

    def hears(self, word: bytes, seconds: float = 20) -> bool:
        """Whether exactly this comes back, within a time."""
        deadline, heard = time.monotonic() + seconds, b""
        while len(heard) < len(word) and (left := deadline - time.monotonic()) > 0:
            self._phone.settimeout(left)
            with suppress(TimeoutError):
                heard += self._phone.recv(1024)
        return heard == word


def kernel(world: World) -> list[str]:
    """What NAT and routing of the routers are."""
    tables = "nft list tables | sort | while read -r table; do nft list $table; done"
    look = f"{tables}; ip route show; ip route show table 7082 2>/dev/null || true"
    return [world.spaces[name].shell(look).stdout.replace(" linkdown", "") for name in ("rb", "rc")]


def datastore(world: World, name: str) -> str:
    """A router's running datastore, asked outside our code."""
    with world.servers[name].session() as session:
        whole = session.request(
            '<get-config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><source><running/></source></get-config>'
        )
    return whole[whole.index("<data>") :]
