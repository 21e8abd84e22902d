# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in: the static NAT table, its refusals, its translations and its ARP aliases.

Refusals as users have quoted them: "similar static entry", "already mapped", "Static entry in use, do you want to
delete child entries?", "static entry in use, cannot remove". An entry with two addresses and two ports gets
``extendable`` by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface

__all__ = ["Child", "NatTable", "Static", "Unknown", "read_static"]

VALUED = ("vrf", "route-map", "redundancy", "mapping-id")
FLAGS = ("match-in-vrf", "reversible", "extendable", "no-alias", "no-payload", "add-route", "forced")
#: Options that the two forms do not share.
ONLY = {"inside": ("route-map", "reversible", "forced"), "outside": ("add-route",)}
QUESTION = "Static entry in use, do you want to delete child entries? [no]: "


class Unknown(Exception):
    """A word that the command line does not know.

    :param index: its place among the words; their number where one more was expected.
    """

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


@dataclass(frozen=True)
class Static:
    """One entry: the words that say what is translated, and its options."""

    side: str
    form: tuple[str, ...]
    valued: tuple[tuple[str, str], ...]
    flags: frozenset[str]

    @property
    def identity(self) -> tuple[object, ...]:
        valued = dict(self.valued)
        return self.side, self.form, valued.get("vrf"), valued.get("route-map")

    @property
    def ends(self) -> tuple[str, str]:
        """What is translated and into what, with the port where there is one."""
        kind, *words = self.form
        if kind in ("tcp", "udp"):
            return " ".join([kind, *words[:2]]), " ".join([kind, *words[2:]])
        return words[0], " ".join(words[1:])

    def shown(self) -> str:
        kind, *words = self.form
        start = ["ip", "nat", self.side, "source", "static", *([] if kind == "address" else [kind]), *words]
        valued = dict(self.valued)
        for name in ("vrf", "match-in-vrf", "route-map", "reversible", "redundancy", "mapping-id"):
            start += [name, valued[name]] if name in valued else [name] if name in self.flags else []
        return " ".join([*start, *(name for name in FLAGS[2:6] if name in self.flags)])


@dataclass(frozen=True)
class Child:
    """A translation that traffic made from an entry: a live session."""

    local: str
    other: str


@dataclass
class NatTable:
    """All entries, in the order in which they came."""

    statics: list[Static] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)

    def add(self, entry: Static) -> str:
        """Take an entry, and say what is wrong with it; empty where it was taken."""
        if entry.form[0] in ("tcp", "udp") and "interface" not in entry.form:
            entry = Static(entry.side, entry.form, entry.valued, entry.flags | {"extendable"})
        for old in self.statics:
            if old == entry:
                return ""
            if (old.side, dict(old.valued).get("vrf")) != (entry.side, dict(entry.valued).get("vrf")):
                continue
            first, second = old.ends
            if old.identity == entry.identity:
                return f"%NAT: similar static entry ({first} -> {second}) already exists"
            if "extendable" in old.flags & entry.flags:
                continue
            if second == entry.ends[1]:
                return f"%NAT: similar static entry ({first} -> {second}) already exists"
            if first == entry.ends[0]:
                return f"% {first} already mapped ({first} -> {second})"
        self.statics.append(entry)
        return ""

    def remove(self, entry: Static, *, agreed: bool | None = None) -> str:
        """Take an entry away; what is said, or :data:`QUESTION` while nobody has agreed that its sessions end."""
        found = next((old for old in self.statics if old.identity == entry.identity), None)
        if found is None:
            return "% Translation not found"
        children = [child for child in self.children if child.local == found.ends[0]]
        if children and "forced" not in entry.flags and not agreed:
            return QUESTION if agreed is None else "%: Error: static entry in use, cannot remove"
        self.statics.remove(found)
        self.children = [child for child in self.children if child not in children]
        return ""

    def aliases(self, connected: Iterable[IPv4Interface]) -> list[IPv4Address]:
        """The addresses that the router answers ARP for, because an entry translates into them on a link of its own."""
        links = list(connected)
        found = []
        for entry in self.statics:
            kind, *words = entry.form
            if "no-alias" in entry.flags or kind == "network" or "interface" in words:
                continue
            address = IPv4Address(words[2] if kind != "address" else words[1])
            if any(address in link.network and address != link.ip for link in links) and address not in found:
                found.append(address)
        return found

    def translations(self) -> list[str]:
        """As ``show ip nat translations`` prints them."""
        row = "{:<3} {:<21} {:<18} {:<18} {}".format
        lines = [row("Pro", "Inside global", "Inside local", "Outside local", "Outside global")]
        for entry in self.statics:
            kind, *words = entry.form
            if kind == "network" or "interface" in words:
                continue
            ported = kind in ("tcp", "udp")
            first, second = (f"{words[0]}:{words[1]}", f"{words[2]}:{words[3]}") if ported else (words[0], words[1])
            name, none = (kind if ported else "---"), "---"
            inside = entry.side == "inside"
            lines.append(row(name, second, first, none, none) if inside else row(name, none, none, second, first))
            lines += [row("tcp", second, first, child.other, child.other) for child in self._of(entry)]
        return lines

    def clear(self, first: str) -> int:
        """End the sessions of one address; how many there were."""
        before = len(self.children)
        self.children = [child for child in self.children if child.local != first]
        return before - len(self.children)

    def _of(self, entry: Static) -> list[Child]:
        return [child for child in self.children if child.local == entry.ends[0]]


def read_static(words: list[str], at: int) -> Static:
    """The entry in the words of a line; `at` is the place of `inside` or `outside`.

    :raises Unknown: at the word that does not fit.
    """
    side, at = words[at], at + 3
    kind = words[at] if at < len(words) and words[at] in ("tcp", "udp", "network") else "address"
    at += kind != "address"
    if kind in ("tcp", "udp"):
        shapes: tuple[str, ...] = ("ip", "port", "ip", "port")
        if side == "inside" and words[at + 2 : at + 3] == ["interface"]:
            shapes = ("ip", "port", "word", "word", "port")
    elif kind == "network":
        shapes = ("ip", "ip", "mask")
    else:
        shapes = (
            ("ip", "word", "word") if words[at + 1 : at + 2] == ["interface"] and side == "inside" else ("ip", "ip")
        )
    form = []
    for offset, shape in enumerate(shapes):
        form.append(_shaped(words, at + offset, shape))
    return _options(side, (kind, *form), words, at + len(shapes))


def _options(side: str, form: tuple[str, ...], words: list[str], at: int) -> Static:
    valued: list[tuple[str, str]] = []
    flags: set[str] = set()
    other = ONLY["outside" if side == "inside" else "inside"]
    while at < len(words):
        word = words[at]
        if word in other:
            raise Unknown(at)
        if word in VALUED:
            valued.append((word, _shaped(words, at + 1, "word")))
            at += 1
        elif word in FLAGS:
            flags.add(word)
        else:
            raise Unknown(at)
        at += 1
    return Static(side, form, tuple(sorted(valued)), frozenset(flags))


def _shaped(words: list[str], at: int, shape: str) -> str:
    if at >= len(words):
        raise Unknown(at)
    word = words[at]
    try:
        if shape == "ip":
            IPv4Address(word)
        elif shape == "port" and not 1 <= int(word) <= 65535:
            raise ValueError(word)
        elif shape == "mask":
            length = int(word[1:]) if word.startswith("/") else IPv4Interface(f"0.0.0.0/{word}").network.prefixlen
            return f"/{length}"
    except ValueError:
        raise Unknown(at) from None
    return word
