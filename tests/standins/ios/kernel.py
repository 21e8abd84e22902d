# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in: a running configuration as a shell script for a real Linux kernel, in the order of operations of IOS.

From inside to outside IOS routes first and translates then; from outside to inside it translates first (Cisco document
6209, "NAT Order of Operation"). Access lists of an interface come before either. The kernel translates without state,
as a static entry of IOS does, so packets of a session may begin anywhere.

What has no counterpart here is refused, and not left out: networks, ports, interfaces in place of addresses, VRFs.
"""

from __future__ import annotations

from collections.abc import Iterable

from .configuration import RunningConfiguration
from .nat import Static

__all__ = ["kernel_script"]

_TABLE = """\
table ip standin
delete table ip standin
table ip standin {
    chain access {
        type filter hook prerouting priority -310
%(access)s
    }
    chain from_inside {
        type filter hook prerouting priority -305
%(mark)s
    }
    chain outside_to_inside_destination {
        type filter hook prerouting priority -300
%(before_daddr)s
    }
    chain outside_to_inside_source {
        type filter hook prerouting priority -299
%(before_saddr)s
    }
    chain inside_to_outside_destination {
        type filter hook postrouting priority -150
%(after_daddr)s
    }
    chain inside_to_outside_source {
        type filter hook postrouting priority -149
%(after_saddr)s
    }
}
"""


def kernel_script(config: RunningConfiguration) -> str:
    """The script that makes a kernel do what the configuration says. Its interfaces have the same names."""
    marked = {side: _interfaces(config, f"ip nat {side}") for side in ("inside", "outside")}
    entries = [(entry, *_ends(entry)) for entry in config.nat.statics]
    rules: dict[str, list[str]] = {
        f"{when}_{field}": [] for when in ("before", "after") for field in ("daddr", "saddr")
    }
    for entry, local, outer in entries:
        there, back = ("daddr", "saddr") if entry.side == "inside" else ("saddr", "daddr")
        first, second = _conditions(config, entry)
        # One line is looked up for each address: what it gives is not looked up again.
        rules[f"before_{there}"] += [
            f"iifname {name} {condition} ip {there} {outer} ip {there} set {local} accept"
            for name in marked["outside"]
            for condition in second
        ]
        rules[f"after_{back}"] += [
            f"meta mark 1 oifname {name} {condition} ip {back} {local} ip {back} set {outer} accept"
            for name in marked["outside"]
            for condition in first
        ]
    table = _TABLE % {
        "mark": _block(f"iifname {name} meta mark set 1" for name in marked["inside"]),
        "access": _block(_access(config)),
        **{name: _block(lines) for name, lines in rules.items()},
    }
    # One static route, tag 182, for each route of the configuration and each add-route.
    routes = [
        f"ip route replace {_prefix(*route.split()[2:4])} {_next_hop(route.split()[4:])} proto 182"
        for route in config.routes
    ]
    routes += [
        f'ip route replace {local} $(ip route get {outer} | grep -o "via [0-9.]* dev [^ ]*") proto 182'
        for entry, local, outer in entries
        if "add-route" in entry.flags
    ]
    return "\n".join(["set -e", "ip route flush proto 182", *routes, "nft -f - <<'TABLE'", table + "TABLE", ""])


def _ends(entry: Static) -> tuple[str, str]:
    """Local and global address."""
    kind, *words = entry.form
    if kind != "address" or "interface" in words or dict(entry.valued).get("vrf"):
        raise NotImplementedError(f"no kernel for this form: {entry.shown()}")
    return (words[0], words[1]) if entry.side == "inside" else (words[1], words[0])


def _conditions(config: RunningConfiguration, entry: Static) -> tuple[list[str], list[str]]:
    """What the entry's route-map lets it translate, from inside and, where it is reversible, from outside."""
    name = dict(entry.valued).get("route-map")
    if name is None:
        return [""], [""]
    found = [
        line
        for section in config.sections
        if section.startswith(f"route-map {name} ")
        for line in config.sections[section]
    ]
    lists = [line.split()[-1] for line in found if line.startswith("match ip address ")]
    permits = [words for one in lists for words in _entries(config, one) if words[0] == "permit"]
    if "reversible" not in entry.flags:
        raise NotImplementedError(f"sessions of a route-map that is not reversible need state: {entry.shown()}")
    outer = _ends(entry)[1]
    forward = [f"{_match('saddr', words[2])} {_match('daddr', words[3])}" for words in permits]
    backward = [f"{_match('saddr', words[3])} {_match('daddr', outer)}" for words in permits]
    return forward, backward


def _access(config: RunningConfiguration) -> list[str]:
    rules = []
    for name, lines in config.sections.items():
        for line in lines:
            if not line.startswith("ip access-group "):
                continue
            interface, (access, way) = name.split()[1], line.split()[2:]
            if way != "in":
                raise NotImplementedError(line)
            for words in _entries(config, access):
                verdict = "accept" if words[0] == "permit" else "drop"
                rules.append(f"iifname {interface} {_match('saddr', words[2])} {_match('daddr', words[3])} {verdict}")
            rules.append(f"iifname {interface} drop")
    return rules


def _entries(config: RunningConfiguration, access: str) -> list[list[str]]:
    """The lines of an extended list as verdict, protocol, source, destination."""
    found = []
    for line in config.sections.get(f"ip access-list extended {access}", []):
        words = line.replace("host ", "").split()
        if len(words) != 4 or words[1] != "ip":
            raise NotImplementedError(line)
        found.append(words)
    return found


def _match(field: str, address: str) -> str:
    return "" if address == "any" else f"ip {field} {address}"


def _next_hop(words: list[str]) -> str:
    """An interface and an address, or an address alone, to which IOS finds the way by its other routes."""
    if words[0][0].isdigit():
        far = r"s/.* via \([0-9.]*\) dev \([^ ]*\).*/via \1 dev \2/p"
        near = rf"s/^{words[0]} dev \([^ ]*\).*/via {words[0]} dev \1/p"
        return f"$(ip route get {words[0]} | sed -n '{far};{near}')"
    return f"via {words[1]} dev {words[0]}"


def _prefix(address: str, mask: str) -> str:
    return f"{address}/{sum(bin(int(part)).count('1') for part in mask.split('.'))}"


def _interfaces(config: RunningConfiguration, line: str) -> list[str]:
    return [
        name.split()[1] for name, lines in config.sections.items() if name.startswith("interface ") and line in lines
    ]


def _block(rules: Iterable[str]) -> str:
    return "\n".join(f"        {rule}" for rule in rules)
