# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in of IOS in this process, whose configuration a namespace carries out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..standins.ios.kernel import kernel_script
from ..unit.platforms.ios_device import Terminal
from .namespaces import Namespace

__all__ = ["KernelTerminal"]


class KernelTerminal(Terminal):
    """Its kernel follows each call.

    :param lan: address and mask of the inside interface, ``wan`` those of the outside one.
    """

    def __init__(self, namespace: Namespace, lan: str, wan: str) -> None:
        self._namespace: Namespace | None = None
        inside = ("interface lan", f"ip address {lan}", "ip nat inside")
        super().__init__(interfaces=(*inside, "interface wan", f"ip address {wan}", "ip nat outside"))
        self._namespace = namespace

    def configure(self, lines: Sequence[str], forced: bool) -> Mapping[str, str]:
        said = super().configure(lines, forced)
        if self._namespace is not None:
            self._namespace.shell(kernel_script(self.config))
        return said
