# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the test router does with its running datastore: stateless NAT by nft, routes by ip; all of it or nothing.

Started once by our plug-in of netconfd, and asked at each commit. It reads the datastore with nothing of the
collection's own code, so that writer and reader check each other. Packets from the interface ``lan`` come from the
internal side. A mapping without the leaf ``rewrite`` translates both ways, as RFC 8512 says.

    applier.py RUNNING APPLIED    (APPLIED: the datastore that the kernel took last)

Each line of standard input is a request; the answer is ``0``, or ``1`` where the kernel refused.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

NAT = "{urn:ietf:params:xml:ns:yang:ietf-nat}"
OURS = "{urn:sipmobility:yang:sipmobility-nat}"
ROUTES = {
    "-4": "{urn:ietf:params:xml:ns:yang:ietf-ipv4-unicast-routing}",
    "-6": "{urn:ietf:params:xml:ns:yang:ietf-ipv6-unicast-routing}",
}
PROTOCOL = "183"
#: Of the packet that each rewrite looks at, the leaves of source and destination; then what it changes, and to what.
REWRITES = {
    "outbound-dst": ("internal-src", "internal-dst", "daddr", "external-dst"),
    "outbound-src": ("internal-src", "internal-dst", "saddr", "external-src"),
    "inbound-dst": ("external-dst", "external-src", "daddr", "internal-src"),
    "inbound-src": ("external-dst", "external-src", "saddr", "internal-dst"),
}
#: What a mapping without a direction does where source, or destination, of a packet that goes out differ.
BOTH_WAYS = {"src": ("outbound-src", "inbound-dst"), "dst": ("outbound-dst", "inbound-src")}
#: The static routes of each family, as this program left them.
LEFT: dict[str, set[str]] = {}


def main(running: Path, applied: Path) -> None:
    """Apply the datastore as often as it is asked."""
    for _line in sys.stdin:
        print(serve(running, applied), flush=True)


def serve(running: Path, applied: Path) -> int:
    """Apply the datastore; where the kernel refuses, apply the one before, and fail."""
    try:
        apply(running)
    except subprocess.CalledProcessError as error:
        print(error.cmd, error.stderr, file=sys.stderr, flush=True)
        LEFT.clear()
        if applied.exists():
            apply(applied)
        return 1
    shutil.copy(running, applied)
    return 0


def apply(datastore: Path) -> None:
    """Bring the kernel to what a datastore says."""
    root = ElementTree.parse(datastore).getroot()
    for family, namespace in ROUTES.items():
        route(family, {line for item in root.iter(f"{namespace}route") for line in route_of(item, namespace)})
    rules = "\n".join(rule for entry in root.iter(f"{NAT}mapping-entry") for rule in rules_of(entry))
    # The chain stays: to take its hook away the kernel waits until no packet is under way there.
    chain = "type filter hook prerouting priority raw"
    run(
        "nft -f -",
        f"table inet nat {{\nchain mapping {{\n{chain}\n}}\n}}\n"
        "flush chain inet nat mapping\n"
        f"table inet nat {{\nchain mapping {{\n{rules}\n}}\n}}\n",
    )


def rules_of(entry: ElementTree.Element) -> list[str]:
    """The nft rules of one mapping; none for a mapping that changes nothing."""
    rewrite = entry.findtext(f"{OURS}rewrite")
    if rewrite is not None:
        return [rule(entry, rewrite)] if rewrite in REWRITES else []
    return [
        rule(entry, way)
        for end, ways in BOTH_WAYS.items()
        if address(entry, f"internal-{end}") != address(entry, f"external-{end}")
        for way in ways
    ]


def rule(entry: ElementTree.Element, rewrite: str) -> str:
    """One rewrite as a rule."""
    source, destination, changed, to = REWRITES[rewrite]
    image = address(entry, to)
    family = "ip6" if ":" in image else "ip"
    inward = "!=" if rewrite.startswith("inbound") else ""
    match = [f"iifname {inward} lan"]
    for side, leaf in (("saddr", source), ("daddr", destination)):
        if address(entry, leaf):
            match.append(f"{family} {side} {address(entry, leaf)}")
    protocol = entry.findtext(f"{NAT}transport-protocol")
    if protocol:
        ports = [entry.findtext(f"{NAT}{leaf}-port/{NAT}start-port-number") for leaf in (source, destination)]
        match.append(f"meta l4proto {protocol} th sport {ports[0]} th dport {ports[1]}")
    expires = re.search(r" x=(\d+) ", entry.findtext(f"{OURS}stamp", ""))
    if expires:
        match.append(f"meta time < {expires[1]}")
    return f"{' '.join(match)} notrack {family} {changed} set {image} accept"


def address(entry: ElementTree.Element, leaf: str) -> str:
    """A mapping's address without its length; the empty string where there is none."""
    return entry.findtext(f"{NAT}{leaf}-address", "").partition("/")[0]


def route_of(item: ElementTree.Element, namespace: str) -> list[str]:
    """A static route as words of ip."""
    words = [item.findtext(f"{namespace}destination-prefix", "")]
    hop = item.find(f"{namespace}next-hop")
    if hop is not None:
        for leaf in hop:
            name = leaf.tag.partition("}")[2]
            words += [{"next-hop-address": "via", "outgoing-interface": "dev"}[name], leaf.text or ""]
    return [" ".join(words)]


def route(family: str, wanted: set[str]) -> None:
    """Bring the static routes of one family to what is wanted."""
    if LEFT.get(family) == wanted:
        return
    listed = json.loads(run(f"ip {family} -j route show proto {PROTOCOL}") or "[]")
    prefixes = {line.partition(" ")[0].partition("/")[0] for line in wanted}
    gone = [item["dst"] for item in listed if item["dst"] not in prefixes]
    lines = [f"route del {dst} proto {PROTOCOL}" for dst in gone]
    lines += [f"route replace {line} proto {PROTOCOL}" for line in sorted(wanted)]
    if lines:
        run(f"ip {family} -batch -", "\n".join(lines) + "\n")
    LEFT[family] = wanted


def run(command: str, given: str = "") -> str:
    """What a command prints; one that fails is an error."""
    return subprocess.run(command.split(), input=given, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
