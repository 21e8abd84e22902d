# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A router that is reached by a shell in whose place a program of ours may stay, which carries steps out faster."""

from __future__ import annotations

from typing import Protocol

from ...plugins.module_utils.mobility.model import Change
from ...plugins.module_utils.platforms.base import Output, Platform
from ...plugins.plugin_utils.rendering import Renderer
from ...plugins.plugin_utils.shell_device import Shell, ShellDevice

__all__ = ["ResidentDevice", "StepShell"]


class StepShell(Shell, Protocol):
    """A shell that may know a faster way to carry out a step."""

    def step(self, text: str, known: str) -> Output | None:
        """Carry out the text of a step where the router is of the generation ``known``.

        :returns: as :meth:`Device.change_unread`, with sections ``held`` and no ``step`` where it is of another; None
            where it knows no such way: nothing was done.
        """


class ResidentDevice(ShellDevice):
    """As :class:`ShellDevice`, with the same text for each step."""

    def __init__(self, platform: Platform, renderer: Renderer, shell: StepShell) -> None:
        super().__init__(platform, renderer, shell)
        self._steps = shell

    def change_unread(self, change: Change, known: str, now: float) -> Output | None:
        if not known:
            return None
        output = self._steps.step(self.text(change, now), known)
        if output is None:
            return super().change_unread(change, known, now)
        return output if "step" in output.sections else None
