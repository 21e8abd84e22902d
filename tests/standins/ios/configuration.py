# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in: the running configuration, as far as NAT and what belongs to it go."""

from __future__ import annotations

from ipaddress import IPv4Interface

from .nat import NatTable

__all__ = ["SECTIONS", "RunningConfiguration"]

#: What opens a section with lines of its own, and the mode that it leads to.
SECTIONS = {
    "interface": "config-if",
    "route-map": "config-route-map",
    "ip access-list extended": "config-ext-nacl",
    "vrf definition": "config-vrf",
}
#: Of these a section holds one, and a new one takes its place.
SINGLE = ("ip address", "description", "ip nat", "ip access-group", "rd")
TITLE = "! Stand-in for tests. This is not Cisco IOS, and no Cisco software is in it."


class RunningConfiguration:
    """Sections, routes and NAT, in the order in which IOS prints them."""

    def __init__(self, hostname: str) -> None:
        self.hostname = hostname
        self.sections: dict[str, list[str]] = {}
        self.routes: list[str] = []
        self.environment: dict[str, str] = {}
        self.nat = NatTable()

    def put(self, section: str, line: str) -> None:
        lines = self.sections.setdefault(section, [])
        single = next((name for name in SINGLE if line == name or line.startswith(name + " ")), None)
        if single is not None:
            lines[:] = [old for old in lines if not old.startswith(single + " ")]
        if line not in lines:
            lines.append(line)

    def drop(self, section: str, line: str) -> None:
        lines = self.sections.get(section, [])
        lines[:] = [old for old in lines if old != line and not old.startswith(line + " ")]

    def route(self, words: list[str], off: bool) -> None:
        """Take a route, or take away those that the words name: IOS needs only where it leads."""
        named = list(words)
        for option in ("name", "tag"):
            if option in named:
                del named[named.index(option) : named.index(option) + 2]
        rest = [old for old in self.routes if old.split()[: len(named)] != named]
        self.routes = rest if off else [*rest, " ".join(words)]

    def connected(self) -> list[IPv4Interface]:
        found = []
        for name, lines in self.sections.items():
            for line in lines if name.startswith("interface ") else ():
                if line.startswith("ip address "):
                    found.append(IPv4Interface("/".join(line.split()[2:4])))
        return found

    def lines(self) -> list[str]:
        shown = ["!", TITLE, "version 15.9", f"hostname {self.hostname}", "!"]
        for opening in ("vrf definition", "interface"):
            shown += self._sections(opening)
        shown += [entry.shown() for entry in self.nat.statics]
        shown += [*self.routes, "!"]
        for opening in ("ip access-list extended", "route-map"):
            shown += self._sections(opening)
        shown += [f"event manager environment {name} {value}" for name, value in self.environment.items()]
        return [*shown, "end"]

    def _sections(self, opening: str) -> list[str]:
        shown = []
        for name, lines in self.sections.items():
            if name.startswith(opening + " "):
                shown += [name, *(f" {line}" for line in lines), "!"]
        return shown
