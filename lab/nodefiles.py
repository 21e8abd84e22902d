"""What is laid into a node before its first boot: network, sysctls, firewall, keys, and Kamailio on the SIP server."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from ipaddress import IPv4Interface, IPv6Interface
from string import Template

from lab import kamailio
from lab.keys import State
from lab.platforms import LINUX, Kind
from lab.topology import ROOT, USER, Node, Topology

RECIPE = ROOT / "lab" / "recipe"


def archive(node: Node, topology: Topology, state: State, kind: Kind = LINUX) -> bytes:
    """A tar archive for the container's root directory.

    :param kind: of a router.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, content, mode in (*_files(node, topology, state, kind), *kind.files, *kind.private(state.path)):
            info = tarfile.TarInfo(path)
            info.mode = mode
            info.size = len(content.encode())
            tar.addfile(info, io.BytesIO(content.encode()))
        for unit, target in _ENABLED:
            link = tarfile.TarInfo(f"etc/systemd/system/{target}.wants/{unit}")
            link.type, link.linkname = tarfile.SYMTYPE, f"/etc/systemd/system/{unit}"
            tar.addfile(link)
        for path in kind.enabled():
            link = tarfile.TarInfo(path)
            link.type, link.linkname = tarfile.SYMTYPE, f"/etc/systemd/system/{path.rpartition('/')[2]}"
            tar.addfile(link)
        for unit in kamailio.UNITS if node.kind == "sip_server" else ():
            link = tarfile.TarInfo(f"etc/systemd/system/multi-user.target.wants/{unit.rpartition('/')[2]}")
            link.type, link.linkname = tarfile.SYMTYPE, unit
            tar.addfile(link)
    return buffer.getvalue()


_ENABLED = (
    ("lab-net.service", "multi-user.target"),
    ("lab-net.service", "network-online.target"),
    ("lab-procsys.service", "sysinit.target"),
)


def _files(node: Node, topology: Topology, state: State, kind: Kind) -> Iterator[tuple[str, str, int]]:
    """Path, content, mode."""
    for unit in ("lab-net.service", "lab-procsys.service"):
        yield f"etc/systemd/system/{unit}", (RECIPE / unit).read_text(), 0o644
    yield "usr/local/sbin/lab-net", (RECIPE / "lab-net").read_text(), 0o755
    network = interface_commands(node, topology)
    for name, lines in network.items():
        yield f"etc/lab/net/{name}", "\n".join(lines) + "\n", 0o644
    yield "etc/sysctl.d/10-lab.conf", "\n".join(sysctls(node, list(network))) + "\n", 0o644
    yield "etc/nftables.conf", firewall(node, topology, kind), 0o755
    yield "etc/nftables.d/.keep", "", 0o644
    yield "etc/ssh/sshd_config.d/lab.conf", (RECIPE / "sshd.conf").read_text(), 0o644
    if node.mgmt is not None:
        yield "etc/ssh/ssh_host_ed25519_key", state.host_key(node.name).read_text(), 0o600
        yield "etc/ssh/ssh_host_ed25519_key.pub", state.host_key(node.name).with_suffix(".pub").read_text(), 0o644
        yield f"home/{USER}/.ssh/authorized_keys", state.public_key, 0o644
    if node.kind == "sip_server":
        yield from kamailio.files(topology, topology.address(node.name), state.passwords)


def interface_commands(node: Node, topology: Topology) -> dict[str, list[str]]:
    """Per interface of a node, the lines for ``ip -batch`` that give it its addresses and routes."""
    result: dict[str, list[str]] = {}
    if node.kind == "core":
        for router, net in topology.uplinks.items():
            near, far = net.at(1), net.at(2)
            lan = topology.lan_of(topology.nodes[router]).net
            result[f"to-{router}"] = [
                *_addresses(f"to-{router}", near.v4, near.v6),
                f"route replace {lan.v4} via {far.v4.ip}",
                f"route replace {lan.v6} via {far.v6.ip}",
            ]
    elif node.kind == "router":
        near, far = topology.uplinks[node.name].at(2), topology.uplinks[node.name].at(1)
        own = topology.address(node.name)
        result["lan"] = _addresses("lan", own.v4, own.v6)
        result["wan"] = [
            *_addresses("wan", near.v4, near.v6),
            f"route replace default via {far.v4.ip} dev wan",
            f"route replace ::/0 via {far.v6.ip} dev wan",
        ]
    elif node.kind != "switch":
        own, gateway, name = topology.address(node.name), topology.lan_of(node).gateway, node.lan_interface
        result[name] = [
            *_addresses(name, own.v4, own.v6),
            f"route replace default via {gateway.v4.ip} dev {name} src {own.v4.ip}",
            f"route replace ::/0 via {gateway.v6.ip} dev {name} src {own.v6.ip}",
        ]
    if node.mgmt is not None:
        result["mgmt"] = _addresses("mgmt", topology.management_address(node))
    return result


def _addresses(name: str, *addresses: IPv4Interface | IPv6Interface) -> list[str]:
    nodad = {4: "", 6: " nodad"}
    return [
        f"link set {name} up",
        *(f"addr replace {address} dev {name}{nodad[address.version]}" for address in addresses),
    ]


def sysctls(node: Node, names: list[str]) -> Iterator[str]:
    """The hostile default: strict reverse path filtering, on all and on each interface."""
    for name in ("all", "default", "lo", *names):
        yield f"net.ipv4.conf.{name}.rp_filter = 1"
        # Duplicate address detection would hold each IPv6 address back for a second.
        yield f"net.ipv6.conf.{name}.accept_dad = 0"
        yield f"net.ipv6.conf.{name}.accept_ra = 0"
    if node.kind in ("router", "core"):
        yield "net.ipv4.ip_forward = 1"
        yield "net.ipv6.conf.all.forwarding = 1"
    if node.kind == "router":
        yield "net.ipv4.conf.mgmt.forwarding = 0"
        yield "net.ipv6.conf.mgmt.forwarding = 0"
    if node.kind == "mobile":
        # The mobile node asks for neighbours under its new address only, and answers for the old ones it keeps.
        yield "net.ipv4.conf.all.arp_announce = 2"
        yield "net.ipv4.conf.all.arp_ignore = 0"
        yield "net.ipv6.conf.wlan.ndisc_notify = 1"


def firewall(node: Node, topology: Topology, kind: Kind = LINUX) -> str:
    if node.kind == "router":
        forward = ""
        if node.strict:
            forward = Template((RECIPE / "strict-forward.nft").read_text()).substitute(
                service_ports="{}-{}".format(*topology.service_ports)
            )
            forward += "".join(_sip_lines(node, topology))
            forward += f"        {kind.forwarding}\n" if kind.forwarding else ""
        policy = "drop" if node.strict else "accept"
        management = "".join(f'        iifname "mgmt" {service} accept\n' for service in kind.services)
        template = Template((RECIPE / "router.nft").read_text())
        return template.substitute(policy=policy, forward=forward, management=management)
    body = _source_filter(topology) if node.kind == "core" else ""
    return f'#!/usr/sbin/nft -f\nflush ruleset\n{body}\ninclude "/etc/nftables.d/*.nft"\n'


def _sip_lines(node: Node, topology: Topology) -> Iterator[str]:
    """SIP from anywhere to the servers on this router's LAN."""
    for server in topology.of_kind("sip_server"):
        if topology.lan_of(server).router == node.name:
            own = topology.address(server.name)
            for service in ("udp dport 5060", "tcp dport { 5060, 5061 }"):
                rule = f"{service} ct state new accept"
                yield f'        iifname "wan" ip daddr {own.v4.ip} {rule}\n'
                yield f'        iifname "wan" ip6 daddr {own.v6.ip} {rule}\n'


def _source_filter(topology: Topology) -> str:
    """BCP 38: what comes over a link must have a source of that link's networks."""
    rules = []
    for router, net in topology.uplinks.items():
        lan, link = topology.lan_of(topology.nodes[router]).net, f'iifname "to-{router}"'
        own6 = f"{lan.v6}, {net.v6}, fe80::/10, ::/128"
        rules.append(f"        {link} ip saddr != {{ {lan.v4}, {net.v4} }} counter name foreign4 drop")
        rules.append(f"        {link} ip6 saddr != {{ {own6} }} counter name foreign6 drop")
    head = "        type filter hook prerouting priority raw; policy accept;"
    counters = "    counter foreign4 { }\n    counter foreign6 { }\n"
    # Before the routing decision, so that the drops are counted here and not by rp_filter.
    return "\n".join(["table inet bcp38 {", counters + "    chain ingress {", head, *rules, "    }", "}"])
