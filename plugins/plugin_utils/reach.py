# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a platform to the router that a task is for, through the connection that the platform needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.platforms.base import Output, Platform
from .rendering import Renderer
from .router import ManagedRouter
from .shell_device import shell_router
from .transport import RouterShell

__all__ = ["reached"]


def reached(action: ActionBase, name: str, platform: Platform, renderer: Renderer) -> ManagedRouter:
    """The router of a task. It is connected to only when it is used: rendering and parsing need no router."""
    return _WAYS[platform.transport](action, name, platform, renderer)


def _by_shell(action: ActionBase, name: str, platform: Platform, renderer: Renderer) -> ManagedRouter:
    return shell_router(name, platform, renderer, _LazyShell(action))


_WAYS: dict[str, Callable[[ActionBase, str, Platform, Renderer], ManagedRouter]] = {"shell": _by_shell}


class _LazyShell:
    def __init__(self, action: Any) -> None:
        self._action = action

    def run(self, script: str) -> Output:
        """Errors as :class:`RouterShell`."""
        return RouterShell(self._action).run(script)
