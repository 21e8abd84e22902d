# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an IOS router needs before handovers are programmed on it: an inside and an outside interface for NAT."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...module_utils.errors import HandoverError
from ...module_utils.platforms.ios.complaints import diagnosed
from ...module_utils.platforms.ios.own_names import FREEZES
from ..rendering import Renderer
from .nat_marks import SIP, Facts, Mark, NatMarks, plainly

__all__ = ["IosPreparation"]


class IosPreparation:
    """Prepares a router of IOS or IOS-XE.

    :param name: its inventory name, for the errors.
    :param wanted: the interface of each side, by ``inside`` and ``outside``.
    :param place: where its marks stand.
    """

    def __init__(self, name: str, wanted: dict[str, str], renderer: Renderer, place: NatMarks) -> None:
        self._name = name
        self._wanted = [Mark(interface, side) for side, interface in wanted.items() if interface]
        self._renderer = renderer
        self._place = place

    def rendered(self) -> dict[str, str]:
        """What marks both interfaces; nothing is asked of the router."""
        return {self._place.file: self._place.text(self._wanted, remove=False)}

    def gathered(self) -> dict[str, Any]:
        """What the router has, and what the operator should know.

        :raises HandoverError: ``device_unreachable``.
        """
        facts = self._place.facts()
        return {"gathered": {**facts.record(), "elements_count": facts.records}, "advice": list(self._advice(facts))}

    def converge(self, *, present: bool, checking: bool, setting: bool, dropping: bool) -> dict[str, Any]:
        """Mark what is not marked, or take back what we marked.

        :param setting: marks that are missing are set; else they are an error that names them.
        :param dropping: marks may be taken back although the router holds handovers.
        :raises HandoverError: ``no_such_interface``, ``nat_marked_otherwise``, ``nat_not_marked``, ``handovers_live``,
            or what IOS says.
        """
        facts = self._place.facts()
        if present:
            marks = self._missing(facts)
            text = self._place.text(marks, remove=False)
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
            marks = [Mark(interface, side) for side, interface in facts.ours.items()]
            text = self._place.text(marks, remove=True)
        after = facts
        if marks and not checking:
            after = self._apply(text, marks, present)
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

    def _missing(self, facts: Facts) -> list[Mark]:
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

    def _apply(self, text: str, marks: list[Mark], present: bool) -> Facts:
        said = self._place.send(text)
        after = self._place.facts()
        for mark in marks:
            if (after.sides.get(mark.interface, "") == mark.side) is not present:
                line = f" {'' if present else 'no '}ip nat {mark.side}"
                raise diagnosed(self._name, f"interface {mark.interface}:{line}", said.get(line, ""))
        return after

    def _advice(self, facts: Facts) -> Iterator[str]:
        for mark in self._wanted:
            access = facts.access.get(mark.interface, "")
            if access and access not in FREEZES:
                yield (
                    f"{mark.interface} has ip access-group {access} in. Handovers that need a freeze, as between two "
                    "IOS routers, are refused on it (access_list_taken)."
                )
        if facts.looks_into_sip:
            yield (
                f"IOS takes port 5060 for SIP and rewrites addresses in messages that it translates: {SIP} stops "
                "that, where no other translation needs it."
            )

    def _plain(self, marks: list[Mark]) -> list[str]:
        lines = self._renderer.render("ios/prerequisites.j2", {"marks": plainly(marks)}).splitlines()
        return [line.strip() for line in lines if not line.startswith("event ")]


def _shown(facts: Facts) -> str:
    return "".join(f"interface {name}: ip nat {side}\n" for name, side in sorted(facts.sides.items()) if side)
