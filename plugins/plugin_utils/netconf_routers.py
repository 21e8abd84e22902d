# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routers with a NETCONF server, of whatever platform, that are connected to when they are used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from ..module_utils.mobility.model import Change
from ..module_utils.platforms.base import Output, Platform
from ..module_utils.platforms.iosxe.router import IosxeNetconf
from ..module_utils.platforms.junos.router import Junos
from ..module_utils.platforms.netconf_platform import NetconfPlatform
from .device import Device
from .ios.native_device import NativeDevice
from .junos.router_device import JunosDevice
from .netconf_device import NetconfDevice, NetconfSession
from .rendering import Renderer
from .router import ManagedRouter
from .router_settings import interfaces, nat_settings, release
from .step_text import step_text

__all__ = ["NETCONF_TRANSPORTS", "netconf_router_of"]


def netconf_router_of(
    name: str,
    platform: Platform,
    renderer: Renderer,
    given: Mapping[str, Any],
    connect: Callable[[], NetconfSession],
    disconnect: Callable[[], None] = lambda: None,
) -> ManagedRouter:
    """The router of a platform whose transport is one of :data:`NETCONF_TRANSPORTS`.

    :param given: its variables.
    :param connect: opens a session, when the router is used first and after each :meth:`ManagedRouter.close`.
    :param disconnect: ends the session.
    """
    known, device, ends = _KINDS[platform.transport](platform, given)

    def connected() -> NetconfDevice:
        return device(name, renderer, connect())

    def text(change: Change, now: float) -> str:
        return step_text(known, renderer, change, now, **ends)

    return ManagedRouter(name, known, _Lazy(connected, disconnect, text, ends))


class _Kind(NamedTuple):
    """What tells the routers of one transport from those of another."""

    platform: Platform
    #: The router with an open session.
    device: Callable[[str, Renderer, NetconfSession], NetconfDevice]
    #: What is known of it beside what it prints.
    ends: Mapping[str, str] = MappingProxyType({})


def _plain(platform: Platform, given: Mapping[str, Any]) -> _Kind:
    known = cast(NetconfPlatform, platform)
    return _Kind(known, lambda name, renderer, session: NetconfDevice(name, known, renderer, session))


def _native(platform: Platform, given: Mapping[str, Any]) -> _Kind:
    known = IosxeNetconf(nat_settings(given), release(given))
    return _Kind(known, lambda name, renderer, session: NativeDevice(name, known, renderer, session))


def _junos(platform: Platform, given: Mapping[str, Any]) -> _Kind:
    known, between = cast(Junos, platform), interfaces(given)
    ends = {"inside": between.inside, "outside": between.outside}
    return _Kind(known, lambda name, renderer, session: JunosDevice(name, known, renderer, session, between), ends)


_KINDS = {"netconf": _plain, "native_netconf": _native, "junos_netconf": _junos}
#: The transports of :class:`Platform` that are NETCONF.
NETCONF_TRANSPORTS = frozenset(_KINDS)


class _Lazy(Device):
    """A router that is connected to when it is used.

    :param connected: the router, connected.
    :param text: the text of a change while it is not.
    :param sections: what is known beside what a router printed.
    """

    def __init__(
        self,
        connected: Callable[[], NetconfDevice],
        disconnect: Callable[[], None],
        text: Callable[[Change, float], str],
        sections: Mapping[str, str],
    ) -> None:
        self._connected = connected
        self._disconnect = disconnect
        self._text = text
        self._sections = sections
        self._made: NetconfDevice | None = None

    def text(self, change: Change, now: float) -> str:
        return (self._text if self._made is None else self._made.text)(change, now)

    def printed(self, text: str) -> Output:
        return Output({"data": text, **self._sections}, {})

    def read(self) -> Output:
        return self._device.read()

    def change(self, change: Change, now: float, hold: bool = False) -> Output:
        return self._device.change(change, now, hold)

    def close(self) -> None:
        self._made = None
        self._disconnect()

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
            self._made = self._connected()
        return self._made
