"""The mobile node's move: link down, another LAN, link up, new addresses; the old ones are kept on ``lo``."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, ip_interface

from lab.runtime import in_container, in_network, run
from lab.topology import Address, Topology

Interface = IPv4Interface | IPv6Interface


@dataclass(frozen=True)
class Move:
    """``old`` and ``new``: IPv4 and IPv6 address; ``down`` and ``up``: monotonic seconds around the interruption."""

    node: str
    lan: str
    old: tuple[IPv4Address, IPv6Address]
    new: tuple[IPv4Address, IPv6Address]
    down: float
    up: float


def move(topology: Topology, pids: dict[str, int], name: str, lan: str, *, keep_old: bool = True) -> Move:
    """Break before make, as a radio does that can hear one network at a time."""
    node, target = topology.nodes[name], topology.lans[lan]
    pid, interface = pids[name], node.lan_interface
    had = _addresses_on(pid, interface)
    new = topology.address(name, lan)

    leaving = [f"link set {interface} down"]
    arriving = []
    for ip in had:
        leaving += [f"addr del {ip.with_prefixlen} dev {interface}"] * (ip.version == 4)
        if keep_old and ip.ip not in new.ips:
            arriving.append(f"addr replace {ip.ip}/{ip.max_prefixlen} dev lo")
    kept = {ip.ip for ip in _addresses_on(pid, "lo")}
    arriving += [f"addr del {ip}/{ip.max_prefixlen} dev lo" for ip in new.ips if ip in kept]
    arriving += [
        f"addr replace {new.v4} dev {interface}",
        f"link set {interface} up",
        f"addr replace {new.v6} dev {interface} nodad",
        f"route replace default via {target.gateway.v4.ip} dev {interface} src {new.v4.ip}",
        f"route replace ::/0 via {target.gateway.v6.ip} dev {interface} src {new.v6.ip}",
    ]

    down = time.monotonic()
    _batch(pid, leaving)
    _batch(pids["fabric"], [f"link set {name} master {target.bridge}"])
    _batch(pid, arriving)
    up = time.monotonic()
    # Others on this LAN may still hold an older neighbour entry for this address. In IPv6 ndisc_notify does it.
    announce = f"arping -q -U -c 2 -I {interface} {new.v4.ip} >/dev/null 2>&1 &"
    run(in_container(pid, ["sh", "-c", announce]))
    return Move(name, lan, _pair(had, topology.address(name)), new.ips, down, up)


def carry(topology: Topology, pids: dict[str, int], name: str, lan: str) -> float:
    """The cable alone goes to another LAN: addresses are the node's own business. Monotonic seconds of the moment."""
    interface = topology.nodes[name].lan_interface
    down = time.monotonic()
    _batch(pids[name], [f"link set {interface} down", f"addr flush dev {interface} scope global"])
    _batch(pids["fabric"], [f"link set {name} master {topology.lans[lan].bridge}"])
    _batch(pids[name], [f"link set {interface} up"])
    return down


def reset(topology: Topology, pids: dict[str, int], name: str) -> None:
    """Back to the first LAN, with no address kept."""
    move(topology, pids, name, topology.lan_of(topology.nodes[name]).name, keep_old=False)
    kept = [ip for ip in _addresses_on(pids[name], "lo") if not ip.ip.is_loopback]
    _batch(pids[name], [f"addr del {ip} dev lo" for ip in kept])


def _batch(pid: int, lines: list[str]) -> None:
    run(in_network(pid, ["ip", "-batch", "-"]), text="\n".join(lines))


def _addresses_on(pid: int, interface: str) -> list[Interface]:
    shown = run(in_network(pid, ["ip", "-j", "addr", "show", "dev", interface, "scope", "global"])).stdout
    # ip(8) prints an empty object for what the scope filter leaves out.
    found = [entry for link in json.loads(shown or "[]") for entry in link.get("addr_info", []) if "local" in entry]
    return [ip_interface(f"{entry['local']}/{entry['prefixlen']}") for entry in found]


def _pair(had: list[Interface], default: Address) -> tuple[IPv4Address, IPv6Address]:
    v4 = [ip.ip for ip in had if isinstance(ip.ip, IPv4Address)]
    v6 = [ip.ip for ip in had if isinstance(ip.ip, IPv6Address)]
    return (v4 or [default.v4.ip])[0], (v6 or [default.v6.ip])[0]
