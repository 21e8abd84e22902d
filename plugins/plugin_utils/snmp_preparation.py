# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a router must have before handovers are programmed on it over SNMP. It is checked; nothing is made there."""

from __future__ import annotations

import time
from typing import Any

from ..module_utils.errors import HandoverError
from ..module_utils.mobility.model import Change
from ..module_utils.mobility.router_state import RouterState
from ..module_utils.platforms.snmp import Snmp
from .router import ManagedRouter
from .snmp_device import SnmpDevice

__all__ = ["SnmpPreparation"]

_ADVICE = (
    "Nothing that is put on this router goes by itself when its time is over (RFC 4008 and RFC 4292 have no lifetime): "
    "run reconcile.yml on a timer."
)


class SnmpPreparation:
    """Checks a router, or takes away what still stands there.

    :param inside: the interface towards the hosts, by its ifName.
    """

    def __init__(self, name: str, platform: Snmp, device: SnmpDevice, inside: str) -> None:
        self._router = ManagedRouter(name, platform, device)
        self._device = device
        self._inside = inside

    def gathered(self) -> dict[str, Any]:
        """How the router stands.

        :raises HandoverError: as :meth:`ManagedRouter.gather`; ``no_such_interface`` for the outside one.
        """
        handovers = len(self._router.gather())
        inside = self._device.has_interface(self._inside)
        return {"gathered": {"handovers": handovers, "inside_interface": inside}, "advice": [_ADVICE]}

    def converge(self, *, present: bool, checking: bool, drop: bool) -> dict[str, Any]:
        """Refuse a router that cannot hold handovers; or take away those that it holds.

        :param drop: whether they may go.
        :raises HandoverError: ``no_such_interface``, ``not_writable``, ``no_privilege``, ``handovers_stand``, or what
            the router says.
        """
        held = self._router.gather()
        changed = not present and len(held) > 0
        if present:
            self._device.require_interface(self._inside)
            if not checking:
                self._device.require_writable()
        elif changed and not drop:
            raise HandoverError(
                "handovers_stand",
                f"{len(held)} entries",
                "a router that is given back holds no handovers",
                "Withdraw them first, or set drop_handovers.",
            )
        elif changed and not checking:
            self._router.apply(Change(remove=tuple(held)), RouterState(held), time.time())
        after = 0 if changed else len(held)
        return {
            "changed": changed,
            "before": {"handovers": len(held)},
            "after": {"handovers": after},
            "advice": [_ADVICE] if present else [],
        }
