"""Links between the nodes: veth pairs, laid from the host into the containers' network namespaces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lab.runtime import in_container, in_network, interfaces, run
from lab.topology import Topology


@dataclass(frozen=True)
class End:
    """One end of a link; ``node`` is None for the host, ``bridge`` names the switch that the end is a port of."""

    node: str | None
    name: str
    bridge: str | None = None


@dataclass(frozen=True)
class Link:
    one: End
    other: End


def links(topology: Topology) -> Iterator[Link]:
    for node in topology.nodes.values():
        if node.kind in ("router", "mobile", "host", "sip_server"):
            port = End("fabric", node.name, topology.lan_of(node).bridge)
            yield Link(End(node.name, node.lan_interface), port)
        if node.name in topology.uplinks:
            yield Link(End(node.name, "wan"), End("core", f"to-{node.name}"))
        if node.mgmt is not None:
            yield Link(End(node.name, "mgmt"), End(None, node.port, topology.management_bridge))


def host_bridge(topology: Topology) -> None:
    """The management network: a bridge on the host. Its ports reach the host and not each other."""
    bridge = topology.management_bridge
    if run(["ip", "link", "show", bridge], check=False).returncode:
        run(["ip", "link", "add", bridge, "type", "bridge", "stp_state", "0", "forward_delay", "0"])
        run(["ip", "link", "set", bridge, "addrgenmode", "none"])
    run(["ip", "addr", "replace", str(topology.controller), "dev", bridge])
    run(["ip", "link", "set", bridge, "up"])


def switch(topology: Topology, pid: int) -> None:
    """One bridge per LAN in the switch: no addresses, and no packet filter between its ports."""
    present = interfaces(pid)
    batch = []
    for lan in topology.lans.values():
        if lan.bridge not in present:
            batch.append(f"link add {lan.bridge} type bridge stp_state 0 forward_delay 0 mcast_snooping 0")
        batch.append(f"link set {lan.bridge} up")
    quiet = ["net.ipv6.conf.default.disable_ipv6=1", "net.ipv6.conf.all.disable_ipv6=1"]
    run(in_network(pid, ["sysctl", "-q", "-w", *quiet]))
    # Present only where the kernel has the bridge's netfilter part, and then on by default.
    filters = [f"net.bridge.bridge-nf-call-{what}=0" for what in ("iptables", "ip6tables", "arptables")]
    run(in_network(pid, ["sysctl", "-q", "-e", "-w", *filters]), check=False)
    run(in_network(pid, ["ip", "-batch", "-"]), text="\n".join(batch))


def wire(topology: Topology, pids: dict[str, int]) -> list[End]:
    """Make every link that is missing between the given, running nodes.

    :returns: the ends made; those in nodes that booted before have no addresses yet.
    """
    present = {name: interfaces(pid) for name, pid in pids.items()}
    made: list[End] = []
    creation, ports = [], []
    for link in links(topology):
        one, other = link.one, link.other
        needed = {end.node for end in (one, other) if end.node is not None}
        if not needed <= set(pids) or one.name in present[str(one.node)]:
            continue
        far = f"netns {pids[other.node]}" if other.node is not None else ""
        near = f"link add {one.name} address {_mac(one)} netns {pids[str(one.node)]}"
        creation.append(f"{near} type veth peer name {other.name} address {_mac(other)} {far}")
        made += [one, other]
        if other.node is None:
            creation.append(f"link set {other.name} master {other.bridge} up")
            creation.append(f"link set {other.name} type bridge_slave isolated on")
        elif other.bridge is not None:
            ports.append(f"link set {other.name} master {other.bridge} up")
    if creation:
        run(["ip", "-batch", "-"], text="\n".join(creation))
    if ports:
        run(in_network(pids["fabric"], ["ip", "-batch", "-"]), text="\n".join(ports))
    return made


def _mac(end: End) -> str:
    """The same over every restart, as a network card's."""
    digest = hashlib.sha256(f"{end.node} {end.name}".encode()).hexdigest()
    return "02:" + ":".join(digest[i : i + 2] for i in range(0, 10, 2))


def unwire(topology: Topology, pids: dict[str, int], stopped: set[str]) -> None:
    """Remove what is left in running nodes and on the host of links to stopped ones.

    The kernel removes them too, but in its own time after the other end's namespace went.
    """
    for link in links(topology):
        for near, far in ((link.one, link.other), (link.other, link.one)):
            if far.node not in stopped or near.node in stopped:
                continue
            delete = ["ip", "link", "del", near.name]
            if near.node is None:
                run(delete, check=False)
            elif near.node in pids and near.name in interfaces(pids[near.node]):
                run(in_network(pids[near.node], delete), check=False)


def configure(ends: Iterable[End], booted: set[str], pids: dict[str, int]) -> None:
    """Give new ends in nodes that booted earlier their addresses again, as the link's return would."""
    for end in ends:
        if end.node in booted and end.bridge is None:
            run(in_container(pids[end.node], ["/usr/local/sbin/lab-net", end.name]))


def remove_host_side(topology: Topology) -> None:
    """Remove whatever of ours is left on the host; the containers' ends went with them."""
    run(["ip", "link", "del", topology.management_bridge], check=False)
    for name in interfaces(1):
        if name.startswith(topology.management_bridge[:12]):
            run(["ip", "link", "del", name], check=False)
