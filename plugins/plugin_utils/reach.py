# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a platform to the router that a task is for, through the connection that the platform needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.platforms.base import Output, Platform
from ..module_utils.platforms.ios.flow_lines import NatSettings
from .ios.command_line import NetworkCli
from .ios.router_device import ios_router
from .rendering import Renderer
from .router import ManagedRouter
from .shell_device import shell_router
from .transport import RouterShell

__all__ = ["reached"]


def reached(
    action: ActionBase, name: str, platform: Platform, renderer: Renderer, variables: Mapping[str, Any]
) -> ManagedRouter:
    """The router of a task. It is connected to only when it is used: rendering and parsing need no router.

    :param variables: its inventory variables.
    """
    return _WAYS[platform.transport](action, name, platform, renderer, variables)


def _by_shell(
    action: ActionBase, name: str, platform: Platform, renderer: Renderer, variables: Mapping[str, Any]
) -> ManagedRouter:
    return shell_router(name, platform, renderer, _LazyShell(action))


def _by_command_line(
    action: ActionBase, name: str, platform: Platform, renderer: Renderer, variables: Mapping[str, Any]
) -> ManagedRouter:
    settings = NatSettings(*(str(variables.get(f"handover_ios_{word}") or "") or None for word in _IOS_SETTINGS))
    return ios_router(name, platform, renderer, lambda: NetworkCli(action), settings)


_IOS_SETTINGS = ("vrf", "redundancy")
_WAYS: dict[str, Callable[[ActionBase, str, Platform, Renderer, Mapping[str, Any]], ManagedRouter]] = {
    "network_cli": _by_command_line,
    "shell": _by_shell,
}


class _LazyShell:
    def __init__(self, action: Any) -> None:
        self._action = action

    def run(self, script: str) -> Output:
        """Errors as :class:`RouterShell`."""
        return RouterShell(self._action).run(script)
