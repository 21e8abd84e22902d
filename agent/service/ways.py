# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a router of the inventory to the way to it that is held open, by the transport of its platform."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.util import find_spec
from typing import cast

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.platforms.snmp import Snmp
from ...plugins.plugin_utils.ios.copied_lines import copied_lines
from ...plugins.plugin_utils.ios.router_device import ios_router
from ...plugins.plugin_utils.lazy_snmp_session import LazySnmpSession
from ...plugins.plugin_utils.netconf_routers import NETCONF_TRANSPORTS, netconf_router_of
from ...plugins.plugin_utils.rendering import Renderer
from ...plugins.plugin_utils.router import ManagedRouter
from ...plugins.plugin_utils.router_settings import COPY, interfaces, nat_settings, transport
from ...plugins.plugin_utils.snmp_device import SnmpDevice
from ...plugins.plugin_utils.snmp_login import login_of
from .config import Ssh
from .held_line import HeldLine
from .inventory import RouterEntry
from .shell_way import ShellWay
from .shells import held_shell
from .way import Way

__all__ = ["require_libraries", "way_to"]

_Warn = Callable[[str], object]


def require_libraries(router: RouterEntry) -> None:
    """Refuse a router for which a library is missing.

    :raises HandoverError: ``library_missing``, ``wrong_transport``.
    """
    kind = router.platform.transport
    needed = {"ncclient": kind in NETCONF_TRANSPORTS, "pysnmp": kind == "snmp" or _copied(router)}
    for (library, needs), extra in zip(needed.items(), ("netconf", "snmp"), strict=True):
        if needs and find_spec(library) is None:
            raise HandoverError(
                "library_missing",
                f"{router.name}: {library}",
                "the library for a router's platform is there",
                f"pip install 'sipmobility-handover[agent,{extra}]'",
            )


def way_to(router: RouterEntry, settings: Ssh, renderer: Renderer, warn: _Warn) -> Way:
    """The way to a router. Nothing is opened yet.

    :param warn: told where a login, or a configuration, goes over the network in the clear.
    """
    kind = router.platform.transport
    if kind == "shell":
        return ShellWay(router.platform, renderer, held_shell(router, settings))
    if kind in NETCONF_TRANSPORTS:
        return _by_netconf(router, settings, renderer)
    if kind == "snmp":
        return _by_snmp(router, renderer, warn)
    if _copied(router):
        return _by_copy(router, renderer, warn)
    return _by_command_line(router, settings, renderer)


def _by_netconf(router: RouterEntry, settings: Ssh, renderer: Renderer) -> Way:
    from .held_netconf import HeldNetconf  # ncclient takes as long to load as all of ours

    held = HeldNetconf(router, settings, renderer)
    made = netconf_router_of(router.name, router.platform, renderer, router.given, held.open, held.close)
    return Way(made, held.check)


def _by_command_line(router: RouterEntry, settings: Ssh, renderer: Renderer) -> Way:
    held = HeldLine(router, settings, renderer, asyncio.get_running_loop())
    nat = nat_settings(router.given)
    return Way(ios_router(router.name, router.platform, renderer, lambda: held, nat, held.close), held.check)


def _by_copy(router: RouterEntry, renderer: Renderer, warn: _Warn) -> Way:
    session = _snmp_session(router, warn)
    variables = _snmp_variables(router)
    return Way(
        ios_router(
            router.name,
            router.platform,
            renderer,
            lambda: copied_lines(router.name, renderer, session, variables, warn),
            nat_settings(router.given),
            session.close,
        )
    )


def _by_snmp(router: RouterEntry, renderer: Renderer, warn: _Warn) -> Way:
    session = _snmp_session(router, warn)
    outside = interfaces(router.given).outside
    device = SnmpDevice(router.name, cast(Snmp, router.platform), renderer, session, outside)
    return Way(ManagedRouter(router.name, router.platform, device))


def _snmp_session(router: RouterEntry, warn: _Warn) -> LazySnmpSession:
    return LazySnmpSession(lambda: login_of(router.name, _snmp_variables(router)), warn)


def _snmp_variables(router: RouterEntry) -> dict[str, object]:
    return {"ansible_host": router.login.host, **router.given}


def _copied(router: RouterEntry) -> bool:
    """Whether a router of IOS copies its lines, in place of a command line."""
    kind = router.platform.transport
    return kind == "network_cli" and transport(router.name, router.given, kind, COPY) == COPY
