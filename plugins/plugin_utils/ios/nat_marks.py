# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which interface is on which side of NAT, on a command line of IOS, and in a datastore of IOS-XE."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...module_utils.platforms.ios.own_names import RECORD
from ...module_utils.platforms.iosxe.edit import interface_parts
from ..rendering import Renderer
from .command_line import CommandLine
from .native_device import NativeDevice

__all__ = ["SIP", "DatastoreMarks", "Facts", "LineMarks", "Mark", "NatMarks", "plainly"]

#: How the notes of what we marked are called: a side of NAT follows.
_NOTE = "sipmobilitynat_"
#: What keeps IOS from rewriting addresses in SIP.
SIP = "no ip nat service sip udp port 5060"


@dataclass(frozen=True)
class Mark:
    """An interface and its side of NAT."""

    interface: str
    side: str


@dataclass
class Facts:
    """The router as it stands.

    :ivar sides: the side of each interface; empty where it has none.
    :ivar access: the list on what comes in, of those that have one.
    :ivar ours: the marks that we set, by side.
    :ivar records: how many entries of handovers it holds.
    :ivar looks_into_sip: it rewrites addresses in SIP, as far as it tells.
    """

    sides: dict[str, str] = field(default_factory=dict)
    access: dict[str, str] = field(default_factory=dict)
    ours: dict[str, str] = field(default_factory=dict)
    records: int = 0
    looks_into_sip: bool = True

    def record(self) -> dict[str, Any]:
        return {"nat": {name: side for name, side in sorted(self.sides.items()) if side}, "marked_by_us": self.ours}


class NatMarks(Protocol):
    """The marks of one router. It is reached only for its facts, and when something is set."""

    #: What the file with the text of a change is called.
    file: str

    def facts(self) -> Facts:
        """The router as it stands.

        :raises HandoverError: when it cannot be reached.
        """

    def text(self, marks: Iterable[Mark], *, remove: bool) -> str:
        """What sets marks, or takes them back."""

    def send(self, text: str) -> Mapping[str, str]:
        """Send it; what was answered to each line, where lines have answers.

        :raises HandoverError: where the router refuses it as a whole.
        """


class LineMarks:
    """Marks as lines of configuration.

    :param connect: called when the router is first needed.
    """

    file = "prerequisites.cfg"

    def __init__(self, renderer: Renderer, connect: Callable[[], CommandLine]) -> None:
        self._renderer = renderer
        self._connect = connect
        self._line: CommandLine | None = None

    def facts(self) -> Facts:
        found, interface = Facts(), ""
        pipe = self._renderer.render("ios/prerequisites_filter.j2", {}).strip()
        for line in self._router.running(pipe).splitlines():
            interface = _looked(line, interface, found)
        return found

    def text(self, marks: Iterable[Mark], *, remove: bool) -> str:
        return self._renderer.render("ios/prerequisites.j2", {"marks": plainly(marks, remove)})

    def send(self, text: str) -> Mapping[str, str]:
        return self._router.configure(text.splitlines(), forced=True)

    @property
    def _router(self) -> CommandLine:
        if self._line is None:
            self._line = self._connect()
        return self._line


class DatastoreMarks:
    """Marks as an edit.

    :param connect: called when the router is first needed.
    """

    file = "prerequisites.xml"

    def __init__(self, renderer: Renderer, connect: Callable[[], NativeDevice]) -> None:
        self._renderer = renderer
        self._connect = connect
        self._device: NativeDevice | None = None

    def facts(self) -> Facts:
        native = self._router.native
        return Facts(
            {one.name: one.side for one in native.interfaces},
            {one.name: one.access for one in native.interfaces if one.access},
            {name[len(_NOTE) :]: value for name, value in native.variables.items() if name.startswith(_NOTE)},
            sum(name.startswith(RECORD) for name in native.variables),
            looks_into_sip=False,
        )

    def text(self, marks: Iterable[Mark], *, remove: bool) -> str:
        told = [{**one, **interface_parts(one["interface"])} for one in plainly(marks, remove)]
        settings = {"target": "candidate", "rollback_on_error": True} if self._device is None else self._device.settings
        return self._renderer.render("iosxe_netconf/prerequisites.xml.j2", {**settings, "marks": told})

    def send(self, text: str) -> Mapping[str, str]:
        self._router.send(text)
        return {}

    @property
    def _router(self) -> NativeDevice:
        if self._device is None:
            self._device = self._connect()
        return self._device


def plainly(marks: Iterable[Mark], remove: bool = False) -> list[dict[str, Any]]:
    """Marks as the templates take them."""
    return [
        {"interface": mark.interface, "side": mark.side, "note": _NOTE + mark.side, "remove": remove} for mark in marks
    ]


def _looked(line: str, interface: str, facts: Facts) -> str:
    """Take note of a line; the interface that the next one may belong to."""
    words = line.split()
    if line.startswith("interface "):
        facts.sides[words[1]] = ""
        return words[1]
    if not line.startswith(" "):
        if note := re.fullmatch(rf"event manager environment {_NOTE}(inside|outside) (\S+)", line.strip()):
            facts.ours[note.group(1)] = note.group(2)
        facts.records += line.startswith(f"event manager environment {RECORD}")
        facts.looks_into_sip = facts.looks_into_sip and line.strip() != SIP
        return ""
    if interface and words in (["ip", "nat", "inside"], ["ip", "nat", "outside"]):
        facts.sides[interface] = words[2]
    if interface and words[:2] == ["ip", "access-group"] and words[-1] == "in":
        facts.access[interface] = words[2]
    return interface
