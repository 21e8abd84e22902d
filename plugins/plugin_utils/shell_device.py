# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A router that is reached by a shell."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from ..module_utils.mobility.model import Change
from ..module_utils.platforms.base import Output, Platform
from .device import Device
from .rendering import Renderer
from .router import ManagedRouter
from .step_text import step_text

__all__ = ["Shell", "ShellDevice", "shell_router"]


class Shell(Protocol):
    """Whatever runs a sectioned script on the router."""

    def run(self, script: str) -> Output:
        """Run the script and return what it printed."""


class ShellDevice(Device):
    """A step is one script, which also prints what the router holds after it."""

    def __init__(self, platform: Platform, renderer: Renderer, shell: Shell) -> None:
        self._platform = platform
        self._renderer = renderer
        self._shell = shell

    def text(self, change: Change, now: float) -> str:
        return step_text(self._platform, self._renderer, change, now)

    def read(self) -> Output:
        return self._shell.run(self._rendered(self._platform.gather_template))

    def change(self, change: Change, now: float, hold: bool = False) -> Output:
        script = {"step": self.text(change, now), "gather": self._rendered(self._platform.gather_template)}
        return self._shell.run(self._rendered("linux/transaction.sh.j2", script))

    def change_unread(self, change: Change, known: str, now: float) -> Output | None:
        generation = self._platform.generation
        if not known or generation is None:
            return None
        text = {"step": self.text(change, now), "generation": self._rendered(generation.template)}
        output = self._shell.run(self._rendered("linux/guarded.sh.j2", {**text, "known": known}))
        return output if "step" in output.sections else None

    def _rendered(self, template: str, more: Mapping[str, str] = MappingProxyType({})) -> str:
        return self._renderer.render(template, {**self._platform.settings, **more})


def shell_router(name: str, platform: Platform, renderer: Renderer, shell: Shell) -> ManagedRouter:
    """A router of a platform, reached by a shell.

    :param name: its inventory name, for the errors.
    """
    return ManagedRouter(name, platform, ShellDevice(platform, renderer, shell))
