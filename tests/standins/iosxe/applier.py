# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in: what a router does with its datastore. It is read as lines of IOS, and these are carried out by the kernel.

Started once by our plug-in of netconfd, and asked at each commit. It reads Cisco-IOS-XE-native with nothing of the
collection's own code, so that writer and reader check each other; the lines go through the stand-in of IOS, which
refuses what IOS is known to refuse, and are carried out in the order of operations that Cisco documents for IOS (see
``ios/kernel.py``). What comes of it is what the words of the datastore mean to us: no Cisco software is here.

    applier.py RUNNING APPLIED    (APPLIED: the datastore that the kernel took last)

Each line of standard input is a request; the answer is ``0``, or ``1`` where it is refused.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, parse

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
from tests.standins.ios.configuration import RunningConfiguration
from tests.standins.ios.dialogue import Dialogue
from tests.standins.ios.kernel import kernel_script

#: How the kernel calls an interface; a router with two uplinks has the one to the visited network second.
UPLINK = next((name for name in ("wan_b", "wan") if Path("/sys/class/net", name).exists()), "wan")
NAMES = {"GigabitEthernet1": "lan", "GigabitEthernet2": UPLINK}
OPTIONS = ("vrf", "match-in-vrf", "route-map", "reversible", "redundancy", "extendable", "no-alias", "no-payload")


def main(running: Path, applied: Path) -> None:
    """Carry out the datastore for each line that comes in."""
    for _request in sys.stdin:
        print(serve(running, applied), flush=True)


def serve(running: Path, applied: Path) -> int:
    """Carry out a datastore; where that fails, nothing is changed."""
    config = RunningConfiguration("standin")
    dialogue = Dialogue(config)
    dialogue.enter("configure terminal")
    native = parse(running).getroot().find(".//{*}native")
    for line in () if native is None else lines(native):
        said = dialogue.enter(line)
        if said.strip():
            print(line, said, file=sys.stderr, flush=True)
            return 1
    subprocess.run(["sh", "-s"], input=kernel_script(config), text=True, stdout=sys.stderr, check=True)
    shutil.copy(running, applied)
    return 0


def lines(native: Element) -> Iterator[str]:
    """The lines of IOS that the datastore stands for."""
    for interface in native.findall("{*}interface/{*}GigabitEthernet"):
        name = f"GigabitEthernet{interface.findtext('{*}name')}"
        yield f"interface {NAMES.get(name, name)}"
        for marked in interface.findall("{*}ip/{*}nat/*"):
            yield f"ip nat {word(marked)}"
        for access in interface.findall("{*}ip/{*}access-group/{*}in/{*}acl/{*}acl-name"):
            yield f"ip access-group {access.text} in"
    for access_list in native.findall("{*}ip/{*}access-list/{*}extended"):
        yield f"ip access-list extended {access_list.findtext('{*}name')}"
        rules = access_list.findall("{*}access-list-seq-rule")
        for rule in sorted(rules, key=lambda one: int(one.findtext("{*}sequence", ""))):
            yield " ".join(ace(rule.findall("{*}ace-rule/*")))
    for route_map in native.findall("{*}route-map"):
        for entry in route_map.findall("{*}route-map-without-order-seq"):
            operation, number = entry.findtext("{*}operation"), entry.findtext("{*}seq_no")
            yield f"route-map {route_map.findtext('{*}name')} {operation} {number}"
            yield f"match ip address {entry.findtext('.//{*}access-list')}"
    yield "exit"
    for route in native.findall("{*}ip/{*}route/{*}ip-route-interface-forwarding-list"):
        for forward in route.findall("{*}fwd-list"):
            to = forward.findtext("{*}fwd", "")
            hops = [hop.findtext("{*}ip-address", "") for hop in forward.findall("{*}interface-next-hop")]
            for hop in hops or [""]:
                way = f"{NAMES.get(to, to)} {hop}".strip()
                yield f"ip route {route.findtext('{*}prefix')} {route.findtext('{*}mask')} {way}"
    for side in ("inside", "outside"):
        for entry in native.findall(f"{{*}}ip/{{*}}nat/{{*}}{side}/{{*}}source/{{*}}static/*"):
            first, second = ("local", "global") if side == "inside" else ("global", "local")
            told = {word(leaf): leaf.text or "" for leaf in entry}
            options = [f"{name} {told[name]}".strip() for name in OPTIONS if name in told]
            yield " ".join([f"ip nat {side} source static {told[f'{first}-ip']} {told[f'{second}-ip']}", *options])


def ace(leaves: list[Element]) -> Iterator[str]:
    """A rule of an access list, word by word."""
    for leaf in leaves:
        name = word(leaf)
        if name in ("action", "protocol"):
            yield leaf.text or ""
        elif name in ("any", "dst-any"):
            yield "any"
        elif name in ("host", "host-address", "dst-host", "dst-host-address"):
            yield f"host {leaf.text}"
        else:
            raise NotImplementedError(name)


def word(item: Element) -> str:
    """The name of an element."""
    return item.tag.partition("}")[2]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
