# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An IOS router as something that is read, and changed in one step.

IOS has neither transactions nor a status: lines take effect one by one, and what it did not take is missing from the
running configuration afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ...module_utils.errors import HandoverError
from ...module_utils.mobility.change import unfinished
from ...module_utils.mobility.model import Change
from ...module_utils.mobility.router_state import RouterState
from ...module_utils.platforms.base import Output, Platform
from ...module_utils.platforms.ios.complaints import message_in
from ...module_utils.platforms.ios.flow_lines import NatSettings
from ...module_utils.platforms.ios.router import Ios
from ...module_utils.platforms.ios.router_change import as_written
from ...module_utils.platforms.ios.standing import Standing
from ...module_utils.platforms.ios.static_nat import alike
from ...module_utils.platforms.ios.static_nat_text import parse_configuration
from ..device import Device
from ..rendering import Renderer
from ..router import ManagedRouter
from .command_line import CommandLine

__all__ = ["IosDevice", "ios_router"]


class IosDevice(Device):
    """A router with a command line.

    :param connect: called when the router is first needed, and after each :meth:`close`.
    :param disconnect: ends what that has opened.
    """

    def __init__(
        self,
        platform: Ios,
        renderer: Renderer,
        connect: Callable[[], CommandLine],
        settings: NatSettings,
        disconnect: Callable[[], None] = lambda: None,
    ) -> None:
        self._platform = platform
        self._renderer = renderer
        self._connect = connect
        self._disconnect = disconnect
        self._settings = settings
        self._line: CommandLine | None = None
        self._standing: Standing | None = None
        #: The change that was sent last: the router no longer stands as it did when its text was written.
        self._sent: tuple[Change, str] | None = None

    def text(self, change: Change, now: float) -> str:
        if self._sent is not None and self._sent[0] == change:
            return self._sent[1]
        standing = self._standing or as_written(Standing(), change, self._settings)
        return self._written(standing, change, now)

    def read(self) -> Output:
        pipe = self._renderer.render(self._platform.gather_template, self._platform.settings).strip()
        output = self.printed(self._router.running(pipe))
        self._standing = self._understood(output)
        return output

    def printed(self, text: str) -> Output:
        """A running configuration, whole or filtered."""
        return Output({"config": text}, {})

    def change(self, change: Change, now: float, hold: bool = False) -> Output:
        if self._standing is None:
            self.read()
        self._sent = None
        text = self.text(change, now)
        self._sent = (change, text)
        lines, said = self._send(text)
        output = self.read()
        refused = self._refused(change, lines, said)
        if refused is None:
            return output
        if self._standing is not None:
            # What was to go with the refused line: no entry shows that it is there.
            self._send(self._written(self._standing, Change(), now))
            output = self.read()
        return Output({**output.sections, "step": refused}, {"step": 1})

    def close(self) -> None:
        self._line = self._standing = self._sent = None
        self._disconnect()

    def _written(self, standing: Standing, change: Change, now: float) -> str:
        context = self._platform.context_on(standing, change, now, self._settings)
        return self._renderer.render(self._platform.step_template, {**self._platform.settings, **context})

    def _send(self, text: str) -> tuple[list[str], Mapping[str, str]]:
        """The lines of configuration that were sent, and what was answered."""
        lines = [line for line in text.splitlines() if line and not line.startswith("!")]
        asked = [line[3:] for line in lines if line.startswith("do ")]
        lines = [line for line in lines if not line.startswith("do ")]
        said = self._router.configure(lines, forced=True) if lines else {}
        for command in asked:
            self._router.ask(command)  # a translation that is gone already is told as a complaint
        return lines, said

    def _refused(self, change: Change, lines: Sequence[str], said: Mapping[str, str]) -> str | None:
        """The line that did not do what it should and the answer to it, where the router is not as it was asked."""
        standing = self._standing
        if standing is None:
            return None  # what it holds cannot be read, which is told by whoever parses it
        held = {entry.key: entry for entry in standing.statics}
        wrong = [
            line
            for line in lines
            for entry in parse_configuration(line).entries
            if entry.key not in held or not alike(held[entry.key], entry)
        ]
        if not wrong and unfinished(change, RouterState(standing.entries)) is None:
            return None
        told = [line for line in lines if message_in(said.get(line, ""))]
        unsent = [line for line in lines if line not in said]
        blamed = next(iter([*told, *wrong, *unsent]), None)
        return None if blamed is None else f"{blamed.strip()}\n{said.get(blamed, '')}"

    def _understood(self, output: Output) -> Standing | None:
        try:
            return self._platform.standing(output)
        except HandoverError:
            return None

    @property
    def _router(self) -> CommandLine:
        if self._line is None:
            self._line = self._connect()
        return self._line


def ios_router(
    name: str,
    platform: Platform,
    renderer: Renderer,
    connect: Callable[[], CommandLine],
    settings: NatSettings | None = None,
    disconnect: Callable[[], None] = lambda: None,
) -> ManagedRouter:
    """A router that is reached by its command line; parameters as of :class:`IosDevice`.

    :param name: its inventory name, for the errors.
    """
    if not isinstance(platform, Ios):
        raise TypeError(f"{platform.name} is not spoken on a command line of IOS")
    return ManagedRouter(name, platform, IosDevice(platform, renderer, connect, settings or NatSettings(), disconnect))
