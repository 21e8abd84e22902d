# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a platform to the router that a task is for, through the connection that the platform needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.mobility.model import Change
from ..module_utils.platforms.base import Output, Platform
from .device import Device
from .netcommon_session import NetcommonSession
from .netconf_device import NetconfDevice
from .rendering import Renderer
from .router import ManagedRouter
from .shell_device import shell_router
from .step_text import step_text
from .transport import RouterShell

__all__ = ["reached"]


_Variables = Mapping[str, Any]


def reached(
    action: ActionBase, name: str, platform: Platform, renderer: Renderer, variables: _Variables
) -> ManagedRouter:
    """The router of a task. It is connected to only when it is used: rendering and parsing need no router.

    :param variables: the task's variables, with the router's.
    """
    return _WAYS[platform.transport](action, name, platform, renderer, variables)


def _by_shell(
    action: ActionBase, name: str, platform: Platform, renderer: Renderer, variables: _Variables
) -> ManagedRouter:
    return shell_router(name, platform, renderer, _LazyShell(action))


def _by_netconf(
    action: ActionBase, name: str, platform: Platform, renderer: Renderer, variables: _Variables
) -> ManagedRouter:
    return ManagedRouter(name, platform, _LazyNetconf(action, name, platform, renderer))


_WAYS: dict[str, Callable[[ActionBase, str, Platform, Renderer, _Variables], ManagedRouter]] = {
    "netconf": _by_netconf,
    "shell": _by_shell,
}


class _LazyShell:
    def __init__(self, action: Any) -> None:
        self._action = action

    def run(self, script: str) -> Output:
        """Errors as :class:`RouterShell`."""
        return RouterShell(self._action).run(script)


class _LazyNetconf(Device):
    def __init__(self, action: ActionBase, name: str, platform: Any, renderer: Renderer) -> None:
        self._action = action
        self._name = name
        self._platform = platform
        self._renderer = renderer
        self._made: NetconfDevice | None = None

    def text(self, change: Change, now: float) -> str:
        if self._made is not None:
            return self._made.text(change, now)
        return step_text(self._platform, self._renderer, change, now)

    def printed(self, text: str) -> Output:
        return Output({"data": text}, {})

    def read(self) -> Output:
        return self._device.read()

    def change(self, change: Change, now: float, hold: bool = False) -> Output:
        return self._device.change(change, now, hold)

    @property
    def held(self) -> bool:
        return self._made is not None and self._made.held

    @property
    def receipt(self) -> Mapping[str, str]:
        return self._device.receipt

    def resume(self, receipt: Mapping[str, str]) -> None:
        self._device.resume(receipt)

    def settle(self) -> None:
        self._device.settle()

    def release(self) -> None:
        self._device.release()

    @property
    def _device(self) -> NetconfDevice:
        if self._made is None:
            session = NetcommonSession(self._action)
            self._made = NetconfDevice(self._name, self._platform, self._renderer, session)
        return self._made
