# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a NETCONF router must have before handovers are programmed on it, and the places in which they will stand."""

from __future__ import annotations

from typing import Any

from ..module_utils.errors import HandoverError
from ..module_utils.platforms.base import Output
from ..module_utils.platforms.ietf_netconf import IetfNetconf
from .netconf_device import NetconfDevice

__all__ = ["NetconfPreparation"]

_PLACES = frozenset({"instance", "protocol"})


class NetconfPreparation:
    """Checks a router, and makes or removes our NAT instance and our static protocol.

    :param inside: the interface towards the hosts, as the router calls it.
    """

    def __init__(self, name: str, platform: IetfNetconf, device: NetconfDevice, inside: str) -> None:
        self._name = name
        self._platform = platform
        self._device = device
        self._inside = inside

    def gathered(self) -> dict[str, Any]:
        """How the router stands.

        :raises HandoverError: ``session_lost``, ``unreadable_answer``.
        """
        return {"gathered": {**self._record(self._device.read()), **self._abilities()}, "advice": self._advice()}

    def converge(self, *, present: bool, checking: bool, drop: bool) -> dict[str, Any]:
        """Prepare the router, or take our places away.

        :param drop: whether places that still hold handovers may go.
        :raises HandoverError: ``module_missing``, ``no_such_interface``, ``handovers_stand``, or what the router says.
        """
        if present:
            self._check()
        standing = self._device.read()
        before = self._record(standing)
        wanted = sorted(_PLACES) if present else []
        if before["handovers"] and not present and not drop:
            raise HandoverError(
                "handovers_stand",
                f"{self._name}: {before['handovers']} entries",
                "a router that is given back holds no handovers",
                "Withdraw them first, or set drop_handovers.",
            )
        changed = before["places"] != wanted
        text = ""
        if changed and not checking:
            left = () if present else self._platform.records(standing)
            text = self._device.edit("ietf_netconf/prepare", present=present, left=left)
        after = {"places": wanted, "handovers": before["handovers"] if present else 0}
        found = self._record(self._device.read()) if changed and not checking else after
        if found != after:
            raise HandoverError(
                "not_read_back",
                f"{self._name}: {found}",
                "the router shows what it was told, when read back",
            )
        return {
            "changed": changed,
            "before": before,
            "after": after,
            "commands": text.splitlines(),
            "advice": self._advice() if present else [],
        }

    def _record(self, read: Output) -> dict[str, Any]:
        return {"places": sorted(self._platform.places(read)), "handovers": len(self._platform.parse(read))}

    def _abilities(self) -> dict[str, Any]:
        missing = self._missing()
        return {
            "candidate": self._device.candidate,
            "confirmed_commit": self._device.confirms,
            "rollback_on_error": self._device.whole,
            "modules_missing": list(missing) if missing is not None else None,
            "inside_interface": self._has_inside(),
        }

    def _check(self) -> None:
        missing = self._missing()
        if missing:
            raise HandoverError(
                "module_missing",
                f"{self._name}: {', '.join(missing)}",
                "the router's NETCONF server knows the modules of a step",
                "Load them on the server.",
            )
        if not self._has_inside():
            raise HandoverError(
                "no_such_interface",
                f"{self._name}: {self._inside}",
                "the inside interface is configured on the router (ietf-interfaces)",
                "Configure it there, or correct handover_inside_interface.",
            )

    def _has_inside(self) -> bool:
        return self._platform.has_interface(self._device.ask("ietf_netconf/interface", interface=self._inside))

    def _missing(self) -> tuple[str, ...] | None:
        """The modules that the server lacks; None where it does not tell."""
        try:
            return self._platform.missing(self._device.ask("netconf/modules"))
        except HandoverError as error:
            if error.code != "library_unknown":
                raise
            return None

    def _advice(self) -> list[str]:
        told = []
        if not self._device.confirms:
            told.append(
                "The server has no confirmed-commit (RFC 6241 section 8.4) over a candidate datastore: what a lost "
                "controller leaves half done stands until reconcile.yml runs. Switch on :candidate and "
                ":confirmed-commit:1.1 where the server has them."
            )
        if not self._device.candidate:
            told.append("The server has no candidate datastore: running is edited directly.")
        if self._missing() is None:
            told.append(
                "The server shows no YANG library (RFC 7895): whether it has every module, the first step tells."
            )
        return told
