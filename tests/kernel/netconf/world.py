# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A phone, its peer and their routers in private namespaces, a live TCP session, and how a controller reaches them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ...standins.netconf_router.server import NetconfServer, PlainServer
from ..namespaces import Namespace
from ..one_call import wired

BY_NETCONF: Mapping[str, type[NetconfServer]] = MappingProxyType(
    {"ietf_netconf": NetconfServer, "ietf_netconf_plain": PlainServer}
)
NETCONF = {"rb": "ietf_netconf", "rc": "ietf_netconf"}
_LINKS = """
ra wan 198.18.101.2/24 rc wan_a 198.18.101.1/24
rb wan 198.18.102.2/24 rc wan_b 198.18.102.1/24
ra mgmt 198.18.201.2/24 control ra 198.18.201.1/24
rb mgmt 198.18.202.2/24 control rb 198.18.202.1/24
rc mgmt 198.18.203.2/24 control rc 198.18.203.1/24
"""
#: The routers as the controller reaches them.
MANAGEMENT = {"ra": "198.18.201.2", "rb": "198.18.202.2", "rc": "198.18.203.2"}
_ROUTES = {
    "ra": "ip route add default via 198.18.101.1",
    "rb": "ip route add default via 198.18.102.1",
    "rc": "ip route add 198.51.100.0/24 via 198.18.101.2; ip route add 203.0.113.0/24 via 198.18.102.2",
}
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
        spaces = wired(stack, _LINKS, _ROUTES)
        running = {}
        for name, platform in platforms.items():
            (home / name).mkdir()
            server = servers.get(platform, NetconfServer)(spaces[name], built, home / name)
            serving = server.serving() if platform in servers else server.only_ssh()
            running[name] = stack.enter_context(serving)
        yield World(spaces, running, platforms)


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
