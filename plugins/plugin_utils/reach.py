# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a platform to the router that a task is for, through the connection that the platform needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, cast

from ansible.plugins.action import ActionBase

from ..module_utils.platforms.base import Output, Platform
from ..module_utils.platforms.junos.standing import Interfaces
from ..module_utils.platforms.snmp import Snmp
from ..module_utils.platforms.written_only.platform import WrittenOnly
from .ios.command_line import CommandLine
from .ios.copied_lines import COPY_VARIABLES, copied_lines
from .ios.network_cli import NetworkCli
from .ios.router_device import ios_router
from .lazy_snmp_session import LazySnmpSession
from .netcommon_session import NetcommonSession
from .netconf_routers import NETCONF_TRANSPORTS, netconf_router_of
from .rendering import Renderer
from .router import ManagedRouter
from .router_settings import COPY, SETTINGS, interfaces, nat_settings, transport
from .shell_device import shell_router
from .snmp_device import SnmpDevice
from .snmp_login import VARIABLES, login_of
from .transport import RouterShell
from .written_only_device import WrittenOnlyDevice

__all__ = ["command_line", "interfaces_of", "reached", "snmp_reached"]


_Variables = Mapping[str, Any]


def reached(
    action: ActionBase, name: str, platform: Platform, renderer: Renderer, variables: _Variables
) -> ManagedRouter:
    """The router of a task. It is connected to only when it is used: rendering and parsing need no router.

    :param variables: the task's variables, with the router's.
    :raises HandoverError: ``wrong_transport`` for a ``handover_transport`` that the platform does not have.
    """
    if platform.transport != "network_cli":
        transport(name, _given(action, variables, SETTINGS), platform.transport)
    return _WAYS[platform.transport](action, name, platform, renderer, variables)


def _by_shell(
    action: ActionBase, name: str, platform: Platform, renderer: Renderer, variables: _Variables
) -> ManagedRouter:
    return shell_router(name, platform, renderer, _LazyShell(action))


def _by_netconf(
    action: ActionBase, name: str, platform: Platform, renderer: Renderer, variables: _Variables
) -> ManagedRouter:
    given = _given(action, variables, SETTINGS)
    return netconf_router_of(name, platform, renderer, given, lambda: NetcommonSession(action))


def _by_files(
    action: ActionBase, name: str, platform: Platform, renderer: Renderer, variables: _Variables
) -> ManagedRouter:
    between = interfaces_of(action, variables)
    device = WrittenOnlyDevice(cast(WrittenOnly, platform), renderer, between.inside, between.outside)
    return ManagedRouter(name, platform, device)


def interfaces_of(action: Any, variables: _Variables) -> Interfaces:
    """The interfaces between which a router rewrites, from a task's variables."""
    return interfaces(_given(action, variables, SETTINGS))


def _by_command_line(
    action: ActionBase, name: str, platform: Platform, renderer: Renderer, variables: _Variables
) -> ManagedRouter:
    open_line = command_line(action, name, renderer, variables)
    return ios_router(name, platform, renderer, open_line, nat_settings(_given(action, variables, SETTINGS)))


def command_line(action: Any, name: str, renderer: Renderer, variables: _Variables) -> Callable[[], CommandLine]:
    """What opens the command line of an IOS router; or, as ``handover_transport`` has it, what takes its place.

    :raises HandoverError: ``wrong_transport``.
    """
    if transport(name, _given(action, variables, SETTINGS), "network_cli", COPY) != COPY:
        return lambda: NetworkCli(action)
    session = _snmp_session(action, name, variables)
    given = partial(_given, action, variables, (*VARIABLES, *COPY_VARIABLES))
    return lambda: copied_lines(name, renderer, session, given(), action._display.warning)


def _by_snmp(
    action: ActionBase, name: str, platform: Platform, renderer: Renderer, variables: _Variables
) -> ManagedRouter:
    return ManagedRouter(name, platform, snmp_reached(action, name, cast(Snmp, platform), renderer, variables))


def snmp_reached(action: Any, name: str, platform: Snmp, renderer: Renderer, variables: _Variables) -> SnmpDevice:
    """The router of a task over SNMP; as :func:`reached`."""
    given = _given(action, variables, SETTINGS)
    transport(name, given, platform.transport)
    return SnmpDevice(name, platform, renderer, _snmp_session(action, name, variables), interfaces(given).outside)


def _snmp_session(action: Any, name: str, variables: _Variables) -> LazySnmpSession:
    login = partial(_given, action, variables, VARIABLES)
    return LazySnmpSession(lambda: login_of(name, login()), action._display.warning)


def _given(action: Any, variables: _Variables, names: Iterable[str]) -> dict[str, Any]:
    """Those of the variables that are there, with what is in them."""
    return {one: action._templar.template(variables[one]) for one in names if one in variables}


_WAYS: dict[str, Callable[[ActionBase, str, Platform, Renderer, _Variables], ManagedRouter]] = {
    **dict.fromkeys(NETCONF_TRANSPORTS, _by_netconf),
    "files": _by_files,
    "network_cli": _by_command_line,
    "shell": _by_shell,
    "snmp": _by_snmp,
}


class _LazyShell:
    def __init__(self, action: Any) -> None:
        self._action = action

    def run(self, script: str) -> Output:
        """Errors as :class:`RouterShell`."""
        return RouterShell(self._action).run(script)
