# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's internetwork in private namespaces: its LANs, addresses, firewalls and filters, without its containers.

More hosts than the lab has, every router with the strict firewall, and a second router behind one of them. Hosts can
be plugged into any LAN, as a phone moves.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, IPv6Network, ip_interface
from socket import AF_INET, AF_INET6, SOCK_STREAM

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Router
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology as Managed
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.nftables import NftablesBackend
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.preparation import Preparation
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.settings import Options
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from lab import nodefiles, topology
from lab.topology import Lan, Net, Node

from ..kernel.namespaces import Namespace

__all__ = ["HOSTS", "World", "world"]

#: Hosts by name: the LAN that they are on at first, and their number in any LAN.
HOSTS: Mapping[str, tuple[str, int]] = {
    "mn": ("a", 50),
    "mn2": ("b", 60),
    "cn": ("c", 10),
    "cn2": ("d", 20),
    "beside": ("a", 10),
    "newcomer": ("a", 70),
}
#: Behind the router ``re``, which is behind ``rb``.
_INNER = Lan("e", "re", Net(IPv4Network("198.18.50.0/24"), IPv6Network("2001:db8:e::/64")))
_INNER_HOST = 2
#: Seconds within which a phone's first router answers it.
_REGISTERS = 10


class World:
    """The namespaces by name, and where each host is."""

    def __init__(self, spaces: Mapping[str, Namespace], lab: topology.Topology) -> None:
        self.spaces = spaces
        self._lab = lab
        self.lans = {**lab.lans, "e": _INNER}
        routers = [
            Router(name, _networks(lab.lan_of(node)), "nftables", "lan", "wan")
            for name, node in lab.nodes.items()
            if node.kind == "router"
        ]
        towards = self.lans["b"].net.at(_INNER_HOST).ips
        routers.append(Router("re", _networks(_INNER), "nftables", "lan", "wan", "rb", towards))
        self.managed = Managed(routers)

    def address(self, lan: str, number: int, version: int) -> Address:
        """A host's address in a LAN."""
        return self.lans[lan].net.at(number).ips[0 if version == 4 else 1]

    def outside(self, router: str, version: int) -> Address:
        """A router's own address in the network between."""
        return self._lab.uplinks[router].at(2).ips[0 if version == 4 else 1]

    def plug(self, host: str, lan: str, number: int | None = None, *, keep: bool = True) -> None:
        """Break before make: the link down, the other LAN, the link up with new addresses, the old ones on ``lo``."""
        space, own = self.spaces[host], self.lans[lan].net.at(number or HOSTS[host][1])
        had = [one for one in _global(space, "eth0") if one.ip not in own.ips] if keep else []
        kept = [f"ip addr replace {one.ip}/{one.max_prefixlen} dev lo" for one in had]
        space.shell("ip link set eth0 down; ip addr flush dev eth0 scope global")
        self.spaces["fabric"].shell(f"ip link set {host} master lan-{lan}")
        gateway = self.lans[lan].gateway
        space.shell(f"""set -e
            {chr(10).join(kept)}
            ip addr del {own.v4.ip}/32 dev lo 2>/dev/null || :
            ip addr del {own.v6.ip}/128 dev lo 2>/dev/null || :
            ip addr replace {own.v4} dev eth0
            ip link set eth0 up
            ip addr replace {own.v6} dev eth0
            # Without detection of duplicates, but in the kernel's own time: only then does it announce the address.
            for try in $(seq 200); do ip -6 addr show dev eth0 tentative | grep -q . || break; sleep 0.01; done
            ip route replace default via {gateway.v4.ip} dev eth0 src {own.v4.ip}
            ip route replace ::/0 via {gateway.v6.ip} dev eth0 src {own.v6.ip}
        """)
        for mine, router in ((own.v4.ip, gateway.v4.ip), (own.v6.ip, gateway.v6.ip)):
            self._register(space, mine, router)

    @staticmethod
    def _register(space: Namespace, mine: Address, router: Address) -> None:
        """A phone registers from its new address, and gets an answer there, before anybody plans for it.

        Here: the router answers that a port is closed, so that each knows the other's hardware address.
        """
        deadline = time.monotonic() + _REGISTERS
        while True:
            with space.open_socket(AF_INET if mine.version == 4 else AF_INET6, SOCK_STREAM) as one:
                one.settimeout(1)
                try:
                    one.bind((str(mine), 0))
                    one.connect((str(router), 9))
                except ConnectionRefusedError:
                    return
                except OSError as error:  # No answer, or the address is not ready.
                    if time.monotonic() > deadline:
                        raise AssertionError(f"{mine} gets no answer from {router}") from error
            time.sleep(0.02)

    def reset(self) -> None:
        """Every host back where it was at first, with nothing kept, and no router's connections remembered."""
        for host, (lan, _number) in HOSTS.items():
            self.spaces[host].shell("ip addr flush dev lo scope global; ip neigh flush all")
            self.plug(host, lan, keep=False)
        for router in self.managed.routers:
            self.spaces[router].shell("ip neigh flush all; conntrack -F >/dev/null 2>&1; true")

    def without(self, unmanaged: str, foreign_sources: bool) -> Managed:
        """The managed routers without this one; whether foreign sources may leave the others."""
        routers = self.managed.routers.values()
        return Managed(replace(one, foreign_sources=foreign_sources) for one in routers if one.name != unmanaged)

    def source_filter(self, *, but: Collection[str] = ()) -> None:
        """BCP 38 in the core, and strict reverse path checks: on every router's link but these."""
        rules = nodefiles.firewall(self._lab.nodes["core"], self._lab).replace(
            f"{self.lans['b'].net.v4},", f"{self.lans['b'].net.v4}, {_INNER.net.v4},"
        )
        rules = rules.replace(f"{self.lans['b'].net.v6},", f"{self.lans['b'].net.v6}, {_INNER.net.v6},")
        rules = "\n".join(line for line in rules.splitlines() if not any(f'"to-{name}"' in line for name in but))
        # The kernel takes the larger of an interface's value and that of all.
        strict = {"all": not but, **{f"to-{name}": name not in but for name in self._lab.uplinks}}
        checks = [f"echo {on:d} >/proc/sys/net/ipv4/conf/{name}/rp_filter" for name, on in strict.items()]
        self.spaces["core"].shell("\n".join(["set -e", *checks, f"nft -f - <<'X'\n{rules}\nX\n"]))

    def masquerade(self, router: str, wanted: bool) -> None:
        """A router that hides its hosts behind its own address."""
        # What no host behind it has asked for is dropped, or the router would take its port for itself.
        rules = """
            chain out { type nat hook postrouting priority srcnat; oifname wan masquerade
            }
            chain in { type filter hook input priority filter; iifname wan udp dport 7200-7299 drop
            }
        """
        tables = f"table ip hide {{\n{rules}\n}}\ntable ip6 hide {{\n{rules}\n}}"
        drop = "nft delete table ip hide; nft delete table ip6 hide"
        self.spaces[router].shell(f"nft -f - <<'X'\n{tables}\nX\n" if wanted else drop)


@contextmanager
def world() -> Iterator[World]:
    """Make it, every router prepared as the role does it."""
    lab = topology.load()
    nodes = {name: replace(node, strict=True) for name, node in lab.nodes.items() if node.kind in ("router", "core")}
    lab = replace(lab, nodes=nodes)
    with ExitStack() as stack:
        names = ("fabric", *nodes, "re", *HOSTS)
        spaces = {name: stack.enter_context(Namespace()) for name in names}
        made = World(spaces, lab)
        _switch(spaces["fabric"], made)
        for name, node in nodes.items():
            if node.kind == "router":
                _cable(spaces["fabric"], f"{name}-lan", spaces[name], "lan", lab.lan_of(node).bridge)
                _link(spaces["core"], f"to-{name}", spaces[name], "wan")
        _cable(spaces["fabric"], "re-lan", spaces["re"], "lan", _INNER.bridge)
        _cable(spaces["fabric"], "re-wan", spaces["re"], "wan", made.lans["b"].bridge)
        for name, node in nodes.items():
            _configure(spaces[name], node, lab)
        _inner(made)
        made.source_filter()
        for name in made.managed.routers:
            options = Options("lan", "wan", persistence="none", firewall="insert")
            Preparation(name, NftablesBackend(), options, Renderer()).converge(
                spaces[name], present=True, checking=False
            )
        for host, (lan, _number) in HOSTS.items():
            _cable(spaces["fabric"], host, spaces[host], "eth0", made.lans[lan].bridge)
            # As the lab's mobile node: it asks under its new address only, and says so when it has taken one.
            spaces[host].shell(f"""{_hostile("eth0")}
                echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce
                echo 1 >/proc/sys/net/ipv6/conf/eth0/ndisc_notify
            """)
        made.reset()
        yield made


def _networks(lan: Lan) -> tuple[IPv4Network, IPv6Network]:
    return lan.net.v4, lan.net.v6


def _switch(fabric: Namespace, made: World) -> None:
    for lan in made.lans.values():
        fabric.shell(f"ip link add {lan.bridge} type bridge; ip link set {lan.bridge} up")


def _cable(fabric: Namespace, port: str, space: Namespace, interface: str, bridge: str) -> None:
    _link(fabric, port, space, interface)
    fabric.shell(f"ip link set {port} master {bridge}")


def _link(one: Namespace, port: str, other: Namespace, interface: str) -> None:
    one.shell(f"ip link add {port} type veth peer name {interface} netns {other.pid}; ip link set {port} up")
    other.shell(f"ip link set {interface} up")


def _configure(space: Namespace, node: Node, lab: topology.Topology) -> None:
    commands = nodefiles.interface_commands(replace(node, mgmt=None), lab)
    names = [name for name in commands if name in ("lan", "wan") or name.startswith("to-")]
    settings = "\n".join(
        "/proc/sys/{} {}".format(name.strip().replace(".", "/"), value.strip())
        for name, _equals, value in (line.partition("=") for line in nodefiles.sysctls(node, names))
        if not name.startswith("#") and ".mgmt." not in name
    )
    batch = "\n".join(line for name in names for line in commands[name])
    space.shell(f"""set -e
        while read -r path value; do echo "$value" >"$path"; done <<'X'\n{settings}\nX
        ip -batch - <<'X'\n{batch}\nX
    """)
    if node.kind == "router":
        space.shell(f"mkdir -p /etc/nftables.d; nft -f - <<'X'\n{nodefiles.firewall(node, lab)}\nX\n")


def _inner(made: World) -> None:
    """The router behind rb, with as strict a firewall."""
    towards, own = made.lans["b"].net.at(_INNER_HOST), _INNER.gateway
    up = made.lans["b"].gateway
    strict = nodefiles.firewall(made._lab.nodes["ra"], made._lab)
    made.spaces["re"].shell(f"""set -e
        {_hostile("lan", "wan")}
        echo 1 >/proc/sys/net/ipv4/ip_forward
        echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
        ip addr add {own.v4} dev lan; ip addr add {own.v6} dev lan nodad
        ip addr add {towards.v4} dev wan; ip addr add {towards.v6} dev wan nodad
        ip route add default via {up.v4.ip}; ip -6 route add default via {up.v6.ip}
        nft -f - <<'X'\n{strict}\nX
    """)
    made.spaces["rb"].shell(f"ip route add {_INNER.net.v4} via {towards.v4.ip}")
    made.spaces["rb"].shell(f"ip route add {_INNER.net.v6} via {towards.v6.ip}")
    core = made._lab.uplinks["rb"].at(2)
    made.spaces["core"].shell(f"ip route add {_INNER.net.v4} via {core.v4.ip}")
    made.spaces["core"].shell(f"ip route add {_INNER.net.v6} via {core.v6.ip}")


def _hostile(*interfaces: str) -> str:
    """Strict reverse path filtering, and no second of duplicate address detection."""
    lines = [f"echo 1 >/proc/sys/net/ipv4/conf/{name}/rp_filter" for name in ("all", "default", *interfaces)]
    lines += [f"echo 0 >/proc/sys/net/ipv6/conf/{name}/accept_dad" for name in ("all", "default", *interfaces)]
    return "\n".join([*lines, ""])


def _global(space: Namespace, interface: str) -> list[IPv4Interface | IPv6Interface]:
    listed = space.shell(f"ip -j addr show dev {interface} scope global").stdout
    found = [one for link in json.loads(listed or "[]") for one in link.get("addr_info", []) if "local" in one]
    return [ip_interface(f"{one['local']}/{one['prefixlen']}") for one in found]
