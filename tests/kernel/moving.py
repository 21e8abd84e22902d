# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A phone that moves under live sessions: real hosts, three real routers and a core, each a private namespace.

Nothing makes it easy: strict stateful firewalls on every router, ``rp_filter=1`` everywhere, and a core that holds
every packet to BCP 38 (RFC 2827).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address, ip_network

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Directions, Scope
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.target import target_states
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import Platform
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.nftables import Nftables
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.backend import Backend
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.nftables import NftablesBackend
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.preparation import Preparation
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.settings import Options
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.shell_device import shell_router

from ..unit.mobility.worlds import NOW
from .internetwork import NETWORKS, TOPOLOGY
from .namespaces import Namespace

__all__ = ["NEW", "OLD", "PEER", "PLACES", "Journey", "journey", "moved"]

_NFTABLES, _NFTABLES_BACKEND = Nftables(), NftablesBackend()
OLD = {4: ip_address("198.51.100.10"), 6: ip_address("2001:db8:a::10")}
NEW = {4: ip_address("203.0.113.20"), 6: ip_address("2001:db8:b::20")}
PEER = {4: ip_address("198.18.3.30"), 6: ip_address("2001:db8:c::30")}
_UPLINKS = {
    name: {4: ip_network(f"198.18.{number}.0/24"), 6: ip_network(f"2001:db8:{number}::/64")}
    for number, name in enumerate(NETWORKS, 101)
}
#: The links on the way after the move, by both their ends.
PLACES = {
    "visited lan": (("rb", "lan"), ("mn", "visited")),
    "visited uplink": (("rb", "wan"), ("core", "rb")),
    "correspondent uplink": (("rc", "wan"), ("core", "rc")),
    "correspondent lan": (("rc", "lan"), ("cn", "lan")),
}
_HARD = """
for one in all default; do
    echo 1 >/proc/sys/net/ipv4/conf/$one/rp_filter
    echo 0 >/proc/sys/net/ipv6/conf/$one/accept_dad
done
"""
#: What a careful operator has. The networks of phones at home serve callers; the visited one admits nobody.
_STRICT = """nft -f - <<'RULES'
table inet operator {
    chain input {
        type filter hook input priority filter; policy drop
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept
        ct state invalid drop
        ct state established,related accept
    }
    chain forward {
        type filter hook forward priority filter; policy drop
        ct state invalid drop
        ct state established,related accept
        iifname lan ct state new accept
        CALLERS
    }
    chain output {
        type filter hook output priority filter; policy accept
        icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
        ct state invalid drop
    }
}
RULES
"""


class Journey:
    """The internetwork, and the phone in it."""

    def __init__(self, spaces: Mapping[str, Namespace], platform: Platform) -> None:
        self.spaces = spaces
        self.routers = {name: shell_router(name, platform, Renderer(), spaces[name]) for name in TOPOLOGY.routers}
        self.held = {name: RouterState() for name in self.routers}
        self.now = float(NOW)
        self._narrow: set[str] = set()

    @property
    def mobile(self) -> Namespace:
        """The phone."""
        return self.spaces["mn"]

    @property
    def peer(self) -> Namespace:
        """Its correspondent."""
        return self.spaces["cn"]

    def at_home(self) -> None:
        """The phone is where its old address belongs, routers are empty, nobody remembers a path or a connection."""
        self.load({name: RouterState() for name in self.routers})
        for name in self.routers:
            self.spaces[name].shell("conntrack -F 2>/dev/null; true")
        for place in tuple(self._narrow):
            self.narrow(place, 1500)
            self._narrow.remove(place)
        self.mobile.shell(f"""set -e
            ip address flush dev lo scope global; ip link set visited down; ip link set home up
            ip address replace {OLD[4]}/24 dev home
            ip -6 address replace {OLD[6]}/64 dev home nodad
            ip route replace default via {_gateway("ra", 4)}
            ip -6 route replace default via {_gateway("ra", 6)}
        """)
        for space in (self.mobile, self.peer):
            space.shell("ip route flush cache; ip -6 route flush cache")

    def move(self) -> None:
        """The link at home is gone, and the phone has an address of the visited network; it keeps its old one."""
        self.mobile.shell(f"""set -e
            ip address flush dev home scope global; ip link set home down; ip link set visited up
            ip address add {OLD[4]}/32 dev lo; ip -6 address add {OLD[6]}/128 dev lo
            ip address replace {NEW[4]}/24 dev visited
            ip -6 address replace {NEW[6]}/64 dev visited nodad
            ip route replace default via {_gateway("rb", 4)} src {NEW[4]}
            ip -6 route replace default via {_gateway("rb", 6)} src {NEW[6]}
        """)

    def program(self, *handovers: Handover) -> None:
        """Bring every router to what these handovers need."""
        states, refused = target_states(self.held, handovers, TOPOLOGY)
        assert not refused
        self.load(states)

    def load(self, states: Mapping[str, RouterState]) -> None:
        """Bring routers to these states, each in one step."""
        for name, state in states.items():
            change = difference(self.held[name], state)
            if change:
                self.held[name] = self.routers[name].apply(change, self.held[name], self.now)

    def narrow(self, place: str, mtu: int) -> None:
        """Another MTU for a link on the way."""
        self._narrow.add(place)
        for name, link in PLACES[place]:
            self.spaces[name].shell(f"ip link set {link} mtu {mtu}")

    def trust(self, sources: bool) -> None:
        """Whether the core forwards whatever source a packet has."""
        core = self.spaces["core"]
        core.shell("nft delete table inet core" if sources else _core())
        core.shell(f"for one in /proc/sys/net/ipv4/conf/*/rp_filter; do echo {not sources:d} >$one; done")

    def look_at_checksums(self, look: bool) -> None:
        """Whether connection tracking does."""
        for name in self.routers:
            self.spaces[name].shell(f"echo {look:d} >/proc/sys/net/netfilter/nf_conntrack_checksum")


def moved(version: int, *sessions: Session, scope: Scope = Scope.SESSION, both: bool = True) -> Handover:
    """The handover for this phone."""
    return Handover(
        "8d7ac21f98194017",
        OLD[version],
        NEW[version],
        NOW + 3600,
        scope=scope,
        directions=Directions.BOTH if both else Directions.FORWARD,
        sessions=sessions if scope is Scope.SESSION else (),
        correspondents=() if scope is Scope.SESSION else (PEER[version],),
    )


@contextmanager
def journey(platform: Platform = _NFTABLES, backend: Backend = _NFTABLES_BACKEND) -> Iterator[Journey]:
    """Make it, its routers prepared as the role does."""
    with ExitStack() as stack:
        spaces = {name: stack.enter_context(Namespace()) for name in (*NETWORKS, "core", "mn", "cn")}
        for space in spaces.values():
            space.shell(_HARD)
        for name in NETWORKS:
            _uplink(name, spaces[name], spaces["core"])
        for router, host, link in (("ra", "mn", "home"), ("rb", "mn", "visited"), ("rc", "cn", "lan")):
            spaces[router].shell(f"""set -e
                ip link add lan type veth peer name {link} netns {spaces[host].pid}
                ip address add {_gateway(router, 4)}/24 dev lan; ip -6 address add {_gateway(router, 6)}/64 dev lan
                ip link set lan up
            """)
        spaces["core"].shell(_core())
        spaces["cn"].shell(f"""set -e
            ip link set lan up
            ip address add {PEER[4]}/24 dev lan; ip -6 address add {PEER[6]}/64 dev lan
            ip route add default via {_gateway("rc", 4)}; ip -6 route add default via {_gateway("rc", 6)}
        """)
        # The visited router would not answer who asks for it under an address from elsewhere.
        spaces["mn"].shell("echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce")
        for name in NETWORKS:
            spaces[name].shell(_STRICT.replace("CALLERS", "" if name == "rb" else "oifname lan ct state new accept"))
            options = Options("lan", "wan", persistence="none", firewall="insert")
            Preparation(name, backend, options, Renderer()).converge(spaces[name], present=True, checking=False)
        yield Journey(spaces, platform)


def _gateway(router: str, version: int) -> str:
    return str(ip_network(NETWORKS[router][version])[1])


def _uplink(name: str, router: Namespace, core: Namespace) -> None:
    (four, six), networks = _UPLINKS[name].values(), NETWORKS[name]
    router.shell(f"""set -e
        ip link add wan type veth peer name {name} netns {core.pid}
        ip address add {four[2]}/24 dev wan; ip -6 address add {six[2]}/64 dev wan
        ip link set wan up
        ip route add default via {four[1]}; ip -6 route add default via {six[1]}
    """)
    core.shell(f"""set -e
        ip address add {four[1]}/24 dev {name}; ip -6 address add {six[1]}/64 dev {name}
        ip link set {name} up
        ip route add {networks[4]} via {four[2]}; ip -6 route add {networks[6]} via {six[2]}
    """)


def _core() -> str:
    """A core that forwards, and takes from each router only what belongs there."""
    rules = "\n".join(
        f"iifname {name} {family} saddr != {{ {networks[version]}, {_UPLINKS[name][version]} }} drop"
        for name, networks in NETWORKS.items()
        for version, family in ((4, "ip"), (6, "ip6"))
    )
    return f"""set -e
        echo 1 >/proc/sys/net/ipv4/ip_forward
        echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
        nft -f - <<'RULES'
table inet core {{
    chain forward {{
        type filter hook forward priority filter
        icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
        {rules}
    }}
}}
RULES
    """
