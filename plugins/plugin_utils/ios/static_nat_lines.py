# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines of static NAT, as the templates have them."""

from __future__ import annotations

from collections.abc import Iterable

from ...module_utils.platforms.ios.static_nat import StaticNat
from ...module_utils.platforms.ios.static_nat_change import NatChange
from ...module_utils.platforms.ios.static_nat_text import line_context
from ..rendering import Renderer

__all__ = ["StaticNatLines"]


class StaticNatLines:
    """Entries to lines; no device is needed for it."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer

    @property
    def pipe(self) -> str:
        """The filter of ``show running-config`` that leaves those lines.

        :raises HandoverError: ``bad_template``.
        """
        return self._renderer.render("ios/static_nat_filter.j2", {}).strip()

    def of(self, entries: Iterable[StaticNat]) -> list[str]:
        """The lines of entries as a running configuration has them.

        :raises HandoverError: ``bad_template``.
        """
        return [self._line(entry) for entry in entries]

    def changing(self, change: NatChange, forced: bool) -> list[str]:
        """The lines that make a change, in their order.

        :raises HandoverError: ``bad_template``.
        """
        return [self._line(entry, True, forced) for entry in change.remove] + self.of(change.put)

    def _line(self, entry: StaticNat, remove: bool = False, forced: bool = False) -> str:
        context = {**line_context(entry), "remove": remove, "forced": forced}
        return self._renderer.render("ios/static_nat.j2", context).strip()
