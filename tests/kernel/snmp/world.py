# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A phone, its correspondent and three routers, which are configured over SNMP, as Linux, or as IOS by copied files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Router, Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.router import Ios
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.nftables import Nftables
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.snmp import Snmp
from ansible_collections.sipmobility.handover.plugins.plugin_utils.config_copy import Way
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.copied_lines import CopiedLines
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.router_device import ios_router
from ansible_collections.sipmobility.handover.plugins.plugin_utils.lazy_snmp_session import LazySnmpSession
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.nftables import NftablesBackend
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.preparation import Preparation
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.settings import Options
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter
from ansible_collections.sipmobility.handover.plugins.plugin_utils.shell_device import shell_router
from ansible_collections.sipmobility.handover.plugins.plugin_utils.snmp_device import snmp_router

from ...standins.snmp_router.server import SnmpServer
from ..namespaces import Namespace
from ..one_call import MOVE, NETWORKS, wired

__all__ = ["UPLINKS", "World", "topology", "worlds"]

#: The router's end of its uplink, and the core's, which is where a controller may stand.
UPLINKS = {
    "ra": ("198.18.101.2", "198.18.101.1"),
    "rb": ("198.18.102.2", "198.18.102.1"),
    "rc": ("198.18.103.2", "198.18.103.1"),
}
_LINKS = """
ra wan 198.18.101.2/24 core ra 198.18.101.1/24
rb wan 198.18.102.2/24 core rb 198.18.102.1/24
rc wan 198.18.103.2/24 core rc 198.18.103.1/24
"""
_ROUTES = {
    "ra": "ip route add default via 198.18.101.1",
    "rb": "ip route add default via 198.18.102.1",
    "rc": "ip route add default via 198.18.103.1",
    "core": "ip route add 198.51.100.0/24 via 198.18.101.2; ip route add 203.0.113.0/24 via 198.18.102.2;"
    "ip route add 198.18.3.0/24 via 198.18.103.2",
}


def topology(platforms: Mapping[str, str]) -> Topology:
    """The routers, as an inventory describes them."""
    return Topology(
        Router(name, (ip_network(network),), platforms.get(name, "nftables"), "lan", "wan")
        for name, network in NETWORKS.items()
    )


@dataclass
class World:
    """The namespaces by name, the routers that are configured with their platforms, and the SNMP servers of them."""

    spaces: dict[str, Namespace]
    platforms: Mapping[str, str]
    routers: dict[str, ManagedRouter]
    servers: dict[str, SnmpServer]

    def move(self) -> None:
        """The phone leaves its link at home for the visited one."""
        self.spaces["phone"].shell(MOVE)

    def kernel(self) -> dict[str, str]:
        """What filters and routes the configured routers have."""
        listing = "nft list ruleset; ip route show table all; ip rule show"
        return {
            name: self.spaces[name].shell(listing).stdout.replace(" linkdown", "").replace(" dead", "")
            for name in self.routers
        }


@contextmanager
def worlds(home: Path, **platforms: str) -> Iterator[World]:
    """Make it.

    :param platforms: ``snmp``, ``nftables`` or ``ios``, by the names of the routers that are configured.
    """
    with ExitStack() as stack:
        spaces = wired(stack, _LINKS, _ROUTES)
        world = World(spaces, platforms, {}, {})
        for name, platform in platforms.items():
            if platform == "nftables":
                options = Options("lan", "wan", persistence="none")
                Preparation(name, NftablesBackend(), options, Renderer()).converge(
                    spaces[name], present=True, checking=False
                )
                world.routers[name] = shell_router(name, Nftables(), Renderer(), spaces[name])
                continue
            (home / name).mkdir()
            if platform == "ios":
                server = SnmpServer(spaces[name], home / name, behind="ios_copy", start=_ios_start(name))
                world.servers[name] = stack.enter_context(server.serving())
                world.routers[name] = _by_copy(name, server, spaces["core"])
                continue
            server = stack.enter_context(SnmpServer(spaces[name], home / name).serving())
            session = stack.enter_context(server.session(server.login(timeout=2)))
            world.servers[name] = server
            world.routers[name] = snmp_router(name, Snmp(), Renderer(), session, "wan")
        yield world


def _by_copy(name: str, server: SnmpServer, station: Namespace) -> ManagedRouter:
    """A router of IOS that fetches its lines from the core."""
    router, core = map(ip_address, UPLINKS[name])
    session = LazySnmpSession(lambda: server.login(timeout=2), lambda _text: None)
    way = Way(core, router, 20, station.open_socket)
    return ios_router(name, Ios(), Renderer(), lambda: CopiedLines(name, Renderer(), session, way))


def _ios_start(name: str) -> str:
    return f"""\
hostname {name}
interface lan
 ip address {NETWORKS[name].replace(".0/24", ".1")} 255.255.255.0
 ip nat inside
interface wan
 ip address {UPLINKS[name][0]} 255.255.255.0
 ip nat outside
exit
"""
