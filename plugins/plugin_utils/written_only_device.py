# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A router whose text is written to files: it is neither read nor changed."""

from __future__ import annotations

from ..module_utils.mobility.model import Change
from ..module_utils.platforms.base import Output
from ..module_utils.platforms.written_only.platform import WrittenOnly, never_reached
from .device import Device
from .rendering import Renderer
from .step_text import step_text

__all__ = ["WrittenOnlyDevice"]


class WrittenOnlyDevice(Device):
    """What stands for a router of a platform that is only written.

    :param inside: its interface towards the hosts, as its text names it.
    :param outside: the other one.
    """

    def __init__(self, platform: WrittenOnly, renderer: Renderer, inside: str, outside: str) -> None:
        self._platform = platform
        self._renderer = renderer
        self._ends = {"inside": inside, "outside": outside}

    def text(self, change: Change, now: float) -> str:
        return step_text(self._platform, self._renderer, change, now, **self._ends)

    def prerequisites(self) -> str:
        """What a router needs before its first step.

        :raises HandoverError: ``bad_template``.
        """
        return self._renderer.render(self._platform.prerequisites_template, self._ends)

    def printed(self, text: str) -> Output:
        return Output({"data": text}, {})

    def read(self) -> Output:
        """
        :raises HandoverError: ``render_only``, always.
        """
        raise never_reached(self._platform.name)

    def change(self, change: Change, now: float, hold: bool = False) -> Output:
        """
        :raises HandoverError: ``render_only``, always.
        """
        raise never_reached(self._platform.name)
