# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an SRX must have before handovers are programmed on it: checked, made where that is wanted, taken away again."""

from __future__ import annotations

import time
from typing import Any

from ...module_utils.errors import HandoverError
from ...module_utils.mobility.model import Change
from ...module_utils.mobility.router_state import RouterState
from ...module_utils.platforms.junos.readiness import Readiness, readiness_of
from ...module_utils.platforms.junos.router import Junos
from ...module_utils.platforms.junos.standing import Interfaces, configuration_of
from ..rendering import Renderer
from ..router import ManagedRouter
from .router_device import JunosDevice

__all__ = ["JunosPreparation"]

_SECURITY = (
    "no-syn-check and no-sequence-check are for the whole router: it lets in what belongs to no session that it saw "
    "begin, as far as its policies permit."
)
_EXPIRY = "Junos has no lifetime for what a handover puts there: run reconcile.yml on a timer."
_POLICIES = "Its security policies must permit the phone's sessions under both addresses; they are not looked at."


class JunosPreparation:
    """Prepares a router, or gives it back.

    :param between: the interfaces between which it rewrites.
    """

    def __init__(
        self, name: str, platform: Junos, device: JunosDevice, renderer: Renderer, between: Interfaces
    ) -> None:
        self._name = name
        self._router = ManagedRouter(name, platform, device)
        self._platform = platform
        self._device = device
        self._renderer = renderer
        self._between = between

    def gathered(self) -> dict[str, Any]:
        """How the router stands.

        :raises HandoverError: ``session_lost``, ``unreadable_answer``.
        """
        readiness, held = self._read()
        lines = self._lines(readiness)
        return {
            "gathered": {**readiness.record(), "handovers": len(held), "ready": readiness.ready},
            "advice": [*lines, _SECURITY, _POLICIES, _EXPIRY],
        }

    def converge(self, *, present: bool, checking: bool, firewall: str, drop: bool) -> dict[str, Any]:
        """Make a router ready, or take away what was made for that.

        :param firewall: ``check`` refuses a router that lacks something, ``insert`` makes it, ``ignore`` says so.
        :param drop: whether handovers that stand may go.
        :raises HandoverError: ``router_not_prepared``, ``filter_taken``, ``no_such_interface``, ``handovers_stand``, or
            what the router says.
        """
        readiness, held = self._read()
        before = {**readiness.record(), "handovers": len(held)}
        edit = self._wanted(readiness, firewall) if present else self._unwanted(readiness, held, drop)
        changed = bool(edit) or (not present and len(held) > 0)
        text = ""
        if changed and not checking:
            if not present and len(held):
                self._router.apply(Change(remove=tuple(held)), held, time.time())
            if edit:
                text = self._device.edit("junos/prepare", **edit)
            readiness, held = self._read()
            if (readiness.lacking if present else readiness.removable) != _NOTHING and edit:
                raise HandoverError(
                    "not_read_back", f"{self._name}: {readiness.record()}", "the router shows what it was told"
                )
        after = {**readiness.record(), "handovers": len(held)}
        advice = [*self._lines(readiness), _SECURITY, _POLICIES, _EXPIRY] if present else []
        return {
            "changed": changed,
            "before": before,
            "after": after,
            "commands": text.splitlines(),
            "advice": advice,
        }

    def _read(self) -> tuple[Readiness, RouterState]:
        output = self._device.read()
        configuration = configuration_of(output.sections["data"])
        return readiness_of(configuration, self._between), self._platform.parse(output)

    def _wanted(self, readiness: Readiness, firewall: str) -> dict[str, Any]:
        """The variables of the edit that makes what is missing; empty where nothing is, or nothing is to be made."""
        if readiness.missing:
            raise HandoverError(
                "no_such_interface",
                f"{self._name}: {', '.join(readiness.missing)}",
                "both interfaces are configured, with an address",
                "Correct handover_inside_interface and handover_outside_interface.",
            )
        if readiness.ready or firewall == "ignore":
            return {}
        lines = self._lines(readiness)
        if firewall == "check":
            raise HandoverError(
                "router_not_prepared",
                f"{self._name} lacks {len(lines)} lines",
                "flows can be frozen by our filter, and sessions may begin in the middle of a connection",
                f"Configure, or set first_hop_router_firewall: insert: {'; '.join(lines)}",
            )
        for unit in readiness.units:
            if unit.taken and not unit.ready:
                raise HandoverError(
                    "filter_taken",
                    f"{self._name}: {unit.logical} {unit.family}: {unit.single or ' '.join(unit.filters)}",
                    "where an interface has a filter of its own, its operator puts ours before it",
                    "Make it an input-list that begins with sipmobility-freeze.",
                )
        return dict(readiness.lacking)

    def _unwanted(self, readiness: Readiness, held: RouterState, drop: bool) -> dict[str, Any]:
        """The variables of the edit that takes away what was made; empty where there is nothing."""
        if len(held) and not drop:
            raise HandoverError(
                "handovers_stand",
                f"{self._name}: {len(held)} entries",
                "a router that is given back holds no handovers",
                "Withdraw them first, or set drop_handovers.",
            )
        for unit in readiness.units:
            if unit.taken and unit.ready:
                raise HandoverError(
                    "filter_taken",
                    f"{self._name}: {unit.logical} {unit.family}: {' '.join(unit.filters)}",
                    "a list that its operator wrote is his to change",
                    "Take sipmobility-freeze out of it first.",
                )
        removable = readiness.removable
        return {} if removable == _NOTHING else dict(removable)

    def _lines(self, readiness: Readiness) -> list[str]:
        """What is missing, as an operator would type it."""
        return self._renderer.render("junos/prerequisites.j2", readiness.lacking).splitlines()


_NOTHING: dict[str, Any] = {"filters": [], "units": [], "flow": {}}
