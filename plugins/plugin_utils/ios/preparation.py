# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an IOS router needs before handovers are programmed on it: an inside and an outside interface for NAT."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ...module_utils.errors import HandoverError
from ...module_utils.platforms.ios.complaints import diagnosed
from ...module_utils.platforms.ios.own_names import FREEZES, RECORD
from ..rendering import Renderer
from .command_line import CommandLine

__all__ = ["IosPreparation"]

#: How the notes of what we marked are called: a side of NAT follows.
_NOTE = "sipmobilitynat_"
_SIP = "no ip nat service sip udp port 5060"


@dataclass(frozen=True)
class _Mark:
    """An interface and its side of NAT."""

    interface: str
    side: str


@dataclass
class _Facts:
    """The router as it stands.

    :ivar sides: the side of each interface; empty where it has none.
    :ivar access: the list on what comes in, of those that have one.
    :ivar ours: the marks that we set, by side.
    :ivar records: how many entries of handovers it holds.
    """

    sides: dict[str, str] = field(default_factory=dict)
    access: dict[str, str] = field(default_factory=dict)
    ours: dict[str, str] = field(default_factory=dict)
    records: int = 0
    looks_into_sip: bool = True

    def record(self) -> dict[str, Any]:
        return {"nat": {name: side for name, side in sorted(self.sides.items()) if side}, "marked_by_us": self.ours}


class IosPreparation:
    """Prepares a router that is reached by its command line.

    :param name: its inventory name, for the errors.
    :param wanted: the interface of each side, by ``inside`` and ``outside``.
    :param connect: called when the router is first needed.
    """

    def __init__(
        self, name: str, wanted: dict[str, str], renderer: Renderer, connect: Callable[[], CommandLine]
    ) -> None:
        self._name = name
        self._wanted = [_Mark(interface, side) for side, interface in wanted.items() if interface]
        self._renderer = renderer
        self._connect = connect

    def rendered(self) -> dict[str, str]:
        """The lines that mark both interfaces; nothing is asked of the router."""
        return {"prerequisites.cfg": self._text(self._wanted, remove=False)}

    def gathered(self) -> dict[str, Any]:
        """What the router has, and what the operator should know.

        :raises HandoverError: ``device_unreachable``.
        """
        facts = self._facts(self._connect())
        return {"gathered": {**facts.record(), "elements_count": facts.records}, "advice": list(self._advice(facts))}

    def converge(self, *, present: bool, checking: bool, setting: bool, dropping: bool) -> dict[str, Any]:
        """Mark what is not marked, or take back what we marked.

        :param setting: marks that are missing are set; else they are an error that names them.
        :param dropping: marks may be taken back although the router holds handovers.
        :raises HandoverError: ``no_such_interface``, ``nat_marked_otherwise``, ``nat_not_marked``, ``handovers_live``,
            or what IOS says.
        """
        device = self._connect()
        facts = self._facts(device)
        if present:
            marks = self._missing(facts)
            text = self._text(marks, remove=False)
            if marks and not setting:
                raise HandoverError(
                    "nat_not_marked",
                    f"{self._name}: {', '.join(f'{mark.interface}: ip nat {mark.side}' for mark in marks)}",
                    "the inside interface is inside for NAT, and the outside interface outside",
                    f"Configure it: {'; '.join(self._plain(marks))}. Or set first_hop_router_nat_interfaces: set.",
                )
        else:
            if facts.records and facts.ours and not dropping:
                raise HandoverError(
                    "handovers_live",
                    f"{self._name}: {facts.records} entries",
                    "a router that is taken out of service holds no handovers",
                    "Run withdraw.yml first, or set first_hop_router_drop_handovers and lose the sessions.",
                )
            marks = [_Mark(interface, side) for side, interface in facts.ours.items()]
            text = self._text(marks, remove=True)
        after = facts
        if marks and not checking:
            after = self._apply(device, text, marks, present)
        result: dict[str, Any] = {
            "changed": bool(marks),
            "before": facts.record(),
            "after": after.record(),
            "commands": text.splitlines(),
            "advice": list(self._advice(facts)) if present else [],
            "diff": {"before": _shown(facts), "after": _shown(after)},
        }
        if result["advice"]:
            result["warnings"] = [f"{self._name}: {one}" for one in result["advice"]]
        return result

    def _missing(self, facts: _Facts) -> list[_Mark]:
        for mark in self._wanted:
            if mark.interface not in facts.sides:
                raise HandoverError(
                    "no_such_interface",
                    f"{self._name}: {mark.interface}",
                    f"the {mark.side} interface is one of {', '.join(sorted(facts.sides))}",
                    f"Set handover_{mark.side}_interface, as the running configuration names it.",
                )
            if facts.sides[mark.interface] not in ("", mark.side):
                raise HandoverError(
                    "nat_marked_otherwise",
                    f"{self._name}: {mark.interface}: ip nat {facts.sides[mark.interface]}",
                    f"the {mark.side} interface is {mark.side} for NAT",
                    "Exchange handover_inside_interface and handover_outside_interface, or use another interface: what "
                    "the operator's own NAT needs is not changed.",
                )
        return [mark for mark in self._wanted if not facts.sides[mark.interface]]

    def _apply(self, device: CommandLine, text: str, marks: list[_Mark], present: bool) -> _Facts:
        said = device.configure(text.splitlines(), forced=True)
        after = self._facts(device)
        for mark in marks:
            if (after.sides.get(mark.interface, "") == mark.side) is not present:
                line = f" {'' if present else 'no '}ip nat {mark.side}"
                raise diagnosed(self._name, f"interface {mark.interface}:{line}", said.get(line, ""))
        return after

    def _advice(self, facts: _Facts) -> Iterator[str]:
        for mark in self._wanted:
            access = facts.access.get(mark.interface, "")
            if access and access not in FREEZES:
                yield (
                    f"{mark.interface} has ip access-group {access} in. Handovers that need a freeze, as between two "
                    "IOS routers, are refused on it (access_list_taken)."
                )
        if facts.looks_into_sip:
            yield (
                f"IOS takes port 5060 for SIP and rewrites addresses in messages that it translates: {_SIP} stops "
                "that, where no other translation needs it."
            )

    def _facts(self, device: CommandLine) -> _Facts:
        facts, interface = _Facts(), ""
        pipe = self._renderer.render("ios/prerequisites_filter.j2", {}).strip()
        for line in device.running(pipe).splitlines():
            interface = _looked(line, interface, facts)
        return facts

    def _text(self, marks: list[_Mark], *, remove: bool) -> str:
        told = [
            {"interface": mark.interface, "side": mark.side, "note": _NOTE + mark.side, "remove": remove}
            for mark in marks
        ]
        return self._renderer.render("ios/prerequisites.j2", {"marks": told})

    def _plain(self, marks: list[_Mark]) -> list[str]:
        lines = self._text(marks, remove=False).splitlines()
        return [line.strip() for line in lines if not line.startswith("event ")]


def _looked(line: str, interface: str, facts: _Facts) -> str:
    """Take note of a line; the interface that the next one may belong to."""
    words = line.split()
    if line.startswith("interface "):
        facts.sides[words[1]] = ""
        return words[1]
    if not line.startswith(" "):
        if note := re.fullmatch(rf"event manager environment {_NOTE}(inside|outside) (\S+)", line.strip()):
            facts.ours[note.group(1)] = note.group(2)
        facts.records += line.startswith(f"event manager environment {RECORD}")
        facts.looks_into_sip = facts.looks_into_sip and line.strip() != _SIP
        return ""
    if interface and words in (["ip", "nat", "inside"], ["ip", "nat", "outside"]):
        facts.sides[interface] = words[2]
    if interface and words[:2] == ["ip", "access-group"] and words[-1] == "in":
        facts.access[interface] = words[2]
    return interface


def _shown(facts: _Facts) -> str:
    return "".join(f"interface {name}: ip nat {side}\n" for name, side in sorted(facts.sides.items()) if side)
