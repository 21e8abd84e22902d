# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel settings that a first-hop router on Linux needs, and how to give back what was there before.

Each was needed in the lab's routers, or is the one that the mobile node's traffic depends on where a distribution
sets it otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ...module_utils.errors import HandoverError

__all__ = ["FORWARDING", "dependents", "parse", "path", "shown", "strict", "wanted"]

#: Switching one of these on also changes settings of every interface, which are remembered with it.
FORWARDING = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")

_INTERFACE = re.compile(r"[A-Za-z0-9_.-]{1,15}")


def wanted(inside: str, outside: str = "", *, loose: bool) -> dict[str, str]:
    """Name to value. Names are written as sysctl(8) prints them.

    :param inside: the interface of the mobile nodes.
    :param outside: the interface towards the network between; empty where it is not known.
    :param loose: also loosen reverse path filtering there.
    :raises HandoverError: ``bad_interface``.
    """
    for name in (inside, *([outside] if outside else [])):
        if not _INTERFACE.fullmatch(name) or name in (".", ".."):
            raise HandoverError("bad_interface", name, "an interface name has letters, digits and . _ - only")
    link, neighbours = (f"net.ipv4.{of}.{inside.replace('.', '/')}" for of in ("conf", "neigh"))
    settings = {
        "net.ipv4.ip_forward": "1",
        "net.ipv6.conf.all.forwarding": "1",
        # Errors and resets that the router itself sends to an old address take the marked route, too.
        "net.ipv4.fwmark_reflect": "1",
        "net.ipv6.fwmark_reflect": "1",
        # Strict reverse path checks look up the old address in the routing table that the mark chooses.
        f"{link}.src_valid_mark": "1",
        # Mobile node and correspondent behind one router: a redirect would tell the correspondent a false next hop.
        "net.ipv4.conf.all.send_redirects": "0",
        f"{link}.send_redirects": "0",
        # The visited router meets a TCP session in the middle.
        "net.netfilter.nf_conntrack_tcp_loose": "1",
        # The home router still remembers a session as it was when the phone left. When it comes home, the session is
        # far on; a firewall that drops what is invalid would end it.
        "net.netfilter.nf_conntrack_tcp_be_liberal": "1",
        # Bridged frames of the LAN must not pass our chains.
        "net.bridge.bridge-nf-call-iptables": "0",
        "net.bridge.bridge-nf-call-ip6tables": "0",
        # A correspondent on the home network asks for an old address there: answered, and at once.
        "net.ipv6.conf.all.proxy_ndp": "1",
        f"{neighbours}.proxy_delay": "0",
        f"{neighbours.replace('ipv4', 'ipv6')}.proxy_delay": "0",
    }
    if outside:
        # There an old address of the home network itself comes in, decoded.
        settings[f"net.ipv4.conf.{outside.replace('.', '/')}.src_valid_mark"] = "1"
        # What a home router sends on goes out where it came in.
        settings[f"net.ipv4.conf.{outside.replace('.', '/')}.send_redirects"] = "0"
    if loose:
        settings[f"{link}.rp_filter"] = "2"
    return settings


def dependents(name: str, held: Iterable[str]) -> list[str]:
    """The settings that the kernel changes with this one: those of each interface, when forwarding is switched."""
    if name not in FORWARDING:
        return []
    pattern = re.compile(re.escape(name[: len("net.ipv4")]) + r"\.conf\..+\.(forwarding|accept_redirects)")
    return [other for other in held if pattern.fullmatch(other) and other != name]


def strict(held: Mapping[str, str], inside: str) -> bool:
    """Whether reverse path filtering is strict on an interface: the kernel takes the larger of two values."""
    link = f"net.ipv4.conf.{inside.replace('.', '/')}.rp_filter"
    return max(held.get("net.ipv4.conf.all.rp_filter", "0"), held.get(link, "0")) == "1"


def path(name: str) -> str:
    """A setting's path below ``/proc/sys``."""
    return name.translate(str.maketrans("./", "/."))


def parse(text: str) -> dict[str, str]:
    """Name to value, from lines ``name = value``; other lines are left out."""
    pairs = (line.partition(" = ") for line in text.splitlines() if not line.startswith("#"))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def shown(names: Iterable[str], held: Mapping[str, str], needed: Mapping[str, str]) -> str:
    """Settings that differ, for an error."""
    return ", ".join(f"{name} is {held[name]}, needed {needed[name]}" for name in names)
