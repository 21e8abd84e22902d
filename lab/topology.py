"""``topology.yml`` as typed values; every name and address of the lab is derived here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "lab" / "topology.yml"
PREFIX = "sipmobility-"
USER = "netops"


@dataclass(frozen=True)
class Net:
    """A network of both families."""

    v4: IPv4Network
    v6: IPv6Network

    def at(self, host: int) -> Address:
        """The address number ``host``; in IPv6 written with the same decimal digits (50 is ``::50``)."""
        v6 = self.v6.network_address + int(str(host), 16)
        return Address(
            IPv4Interface((self.v4.network_address + host, self.v4.prefixlen)),
            IPv6Interface((v6, self.v6.prefixlen)),
        )


@dataclass(frozen=True)
class Address:
    """One interface's addresses, each with the prefix length of its network."""

    v4: IPv4Interface
    v6: IPv6Interface

    @property
    def ips(self) -> tuple[IPv4Address, IPv6Address]:
        return self.v4.ip, self.v6.ip


@dataclass(frozen=True)
class Lan:
    name: str
    router: str
    net: Net

    @property
    def bridge(self) -> str:
        return f"lan-{self.name}"

    @property
    def gateway(self) -> Address:
        return self.net.at(1)


@dataclass(frozen=True)
class Node:
    """``kind`` is switch, core, router, mobile, host or sip_server."""

    name: str
    kind: str
    lan: str | None
    host: int | None
    mgmt: int | None
    strict: bool

    @property
    def container(self) -> str:
        return PREFIX + self.name

    @property
    def port(self) -> str:
        """Name of the host's end of the management link (15 characters at most)."""
        return f"{PREFIX}{self.mgmt}"

    @property
    def lan_interface(self) -> str:
        return {"router": "lan", "mobile": "wlan"}.get(self.kind, "eth0")


@dataclass(frozen=True)
class Topology:
    nodes: dict[str, Node]
    lans: dict[str, Lan]
    uplinks: dict[str, Net]
    management: IPv4Network
    service_ports: tuple[int, int]
    sip_domain: str
    sip_users: tuple[str, ...]

    def of_kind(self, *kinds: str) -> list[Node]:
        return [node for node in self.nodes.values() if node.kind in kinds]

    def lan_of(self, node: Node) -> Lan:
        """The LAN that a host is on at first, or that a router is the first hop of."""
        if node.lan is not None:
            return self.lans[node.lan]
        return next(lan for lan in self.lans.values() if lan.router == node.name)

    def address(self, node: str, lan: str | None = None) -> Address:
        """Addresses of a host or router on its own LAN, or those it would have on ``lan``."""
        it = self.nodes[node]
        return (self.lans[lan] if lan else self.lan_of(it)).net.at(it.host or 1)

    def management_address(self, node: Node) -> IPv4Interface:
        return IPv4Interface((self.management.network_address + (node.mgmt or 0), self.management.prefixlen))

    @property
    def controller(self) -> IPv4Interface:
        return IPv4Interface((self.management.network_address + 1, self.management.prefixlen))

    @property
    def management_bridge(self) -> str:
        return f"{PREFIX}mgt"


@lru_cache(maxsize=2)
def load(walk: bool = False) -> Topology:
    """The lab; with the SIP servers of the walk where it is shown."""
    raw: dict[str, Any] = yaml.safe_load(SOURCE.read_bytes())
    nodes = {
        name: Node(
            name=name,
            kind=spec["kind"],
            lan=spec.get("lan"),
            host=spec.get("host"),
            mgmt=spec.get("mgmt"),
            strict=spec.get("firewall") == "strict",
        )
        for name, spec in {**raw["nodes"], **(raw["walk"] if walk else {})}.items()
    }
    return Topology(
        nodes=nodes,
        lans={name: Lan(name, spec["router"], _net(spec)) for name, spec in raw["lans"].items()},
        uplinks={name: _net(spec) for name, spec in raw["uplinks"].items()},
        management=IPv4Network(raw["management"]["ipv4"]),
        service_ports=(raw["service_ports"]["first"], raw["service_ports"]["last"]),
        sip_domain=raw["sip"]["domain"],
        sip_users=tuple(raw["sip"]["users"]),
    )


def _net(spec: dict[str, str]) -> Net:
    return Net(IPv4Network(spec["ipv4"]), IPv6Network(spec["ipv6"]))
