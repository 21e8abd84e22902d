# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a platform to the router that a task is for, through the connection that the platform needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, cast

from ansible.plugins.action import ActionBase

from ..module_utils.errors import HandoverError
from ..module_utils.mobility.model import Change
from ..module_utils.platforms.base import Output, Platform
from ..module_utils.platforms.ios.flow_lines import NatSettings
from ..module_utils.platforms.iosxe.release import NEWEST, Release
from ..module_utils.platforms.iosxe.router import IosxeNetconf
from ..module_utils.platforms.junos.router import Junos
from ..module_utils.platforms.junos.standing import Interfaces
from ..module_utils.platforms.netconf_platform import NetconfPlatform
from ..module_utils.platforms.snmp import Snmp
from ..module_utils.platforms.written_only.platform import WrittenOnly
from .device import Device
from .ios.command_line import CommandLine, NetworkCli
from .ios.copied_lines import COPY_VARIABLES, CopiedLines, way_of
from .ios.native_device import NativeDevice
from .ios.router_device import ios_router
from .junos.router_device import JunosDevice
from .lazy_snmp_session import LazySnmpSession
from .netcommon_session import NetcommonSession
from .netconf_device import NetconfDevice
from .rendering import Renderer
from .router import ManagedRouter
from .shell_device import shell_router
from .snmp_device import SnmpDevice
from .snmp_login import VARIABLES, login_of
from .step_text import step_text
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
        _given_transport(action, name, variables, platform.transport)
    return _WAYS[platform.transport](action, name, platform, renderer, variables)


def _by_shell(
    action: ActionBase, name: str, platform: Platform, renderer: Renderer, variables: _Variables
) -> ManagedRouter:
    return shell_router(name, platform, renderer, _LazyShell(action))


def _by_netconf(
    action: ActionBase, name: str, platform: Platform, renderer: Renderer, variables: _Variables
) -> ManagedRouter:
    known = cast(NetconfPlatform, platform)

    def connected() -> NetconfDevice:
        return NetconfDevice(name, known, renderer, NetcommonSession(action))

    return ManagedRouter(name, platform, _LazyNetconf(connected, partial(step_text, platform, renderer)))


def _by_native_netconf(
    action: ActionBase, name: str, platform: Platform, renderer: Renderer, variables: _Variables
) -> ManagedRouter:
    revision = _given(action, variables, [_REVISION]).get(_REVISION)
    release = NEWEST if revision is None else Release(str(revision), str(revision))
    known = IosxeNetconf(_nat_settings(action, variables), release)

    def connected() -> NetconfDevice:
        return NativeDevice(name, known, renderer, NetcommonSession(action))

    return ManagedRouter(name, known, _LazyNetconf(connected, partial(step_text, known, renderer)))


def _by_junos(
    action: ActionBase, name: str, platform: Platform, renderer: Renderer, variables: _Variables
) -> ManagedRouter:
    between = interfaces_of(action, variables)
    ends = {"inside": between.inside, "outside": between.outside}

    def connected() -> NetconfDevice:
        return JunosDevice(name, cast(Junos, platform), renderer, NetcommonSession(action), between)

    def text(change: Change, now: float) -> str:
        return step_text(platform, renderer, change, now, **ends)

    return ManagedRouter(name, platform, _LazyNetconf(connected, text, ends))


def _by_files(
    action: ActionBase, name: str, platform: Platform, renderer: Renderer, variables: _Variables
) -> ManagedRouter:
    between = interfaces_of(action, variables)
    device = WrittenOnlyDevice(cast(WrittenOnly, platform), renderer, between.inside, between.outside)
    return ManagedRouter(name, platform, device)


def interfaces_of(action: Any, variables: _Variables) -> Interfaces:
    """The interfaces between which a router rewrites, from a task's variables."""
    names = ("handover_inside_interface", "handover_outside_interface")
    given = _given(action, variables, names)
    return Interfaces(*(str(given.get(name) or "") for name in names))


def _by_command_line(
    action: ActionBase, name: str, platform: Platform, renderer: Renderer, variables: _Variables
) -> ManagedRouter:
    open_line = command_line(action, name, renderer, variables)
    return ios_router(name, platform, renderer, open_line, _nat_settings(action, variables))


def _nat_settings(action: Any, variables: _Variables) -> NatSettings:
    given = _given(action, variables, _IOS_SETTINGS)
    vrf, redundancy = (str(given.get(one) or "") or None for one in _IOS_SETTINGS)
    return NatSettings(vrf, redundancy)


def command_line(action: Any, name: str, renderer: Renderer, variables: _Variables) -> Callable[[], CommandLine]:
    """What opens the command line of an IOS router; or, as ``handover_transport`` has it, what takes its place.

    :raises HandoverError: ``wrong_transport``.
    """
    if _given_transport(action, name, variables, "network_cli", _COPY) != _COPY:
        return lambda: NetworkCli(action)
    session = _snmp_session(action, name, variables)

    def opened() -> CommandLine:
        given = _given(action, variables, (*VARIABLES, *COPY_VARIABLES))
        way = way_of(name, login_of(name, given).host, given)
        if way.protocol == "tftp":
            action._display.warning(
                f"The configuration of {name} goes over the network by TFTP, in the clear, with all that is secret in "
                "it. With handover_copy_protocol scp it does not."
            )
        return CopiedLines(name, renderer, session, way)

    return opened


def _given_transport(action: Any, name: str, variables: _Variables, *possible: str) -> str:
    """The router's transport; the first one where nothing is said."""
    given = str(_given(action, variables, [_TRANSPORT]).get(_TRANSPORT) or possible[0])
    if given not in possible:
        raise HandoverError(
            "wrong_transport",
            f"{name}: {given}",
            f"a router of this platform is reached by {' or '.join(possible)}",
            f"Leave {_TRANSPORT} out, or set handover_platform to what the router is.",
        )
    return given


def _by_snmp(
    action: ActionBase, name: str, platform: Platform, renderer: Renderer, variables: _Variables
) -> ManagedRouter:
    return ManagedRouter(name, platform, snmp_reached(action, name, cast(Snmp, platform), renderer, variables))


def snmp_reached(action: Any, name: str, platform: Snmp, renderer: Renderer, variables: _Variables) -> SnmpDevice:
    """The router of a task over SNMP; as :func:`reached`."""
    _given_transport(action, name, variables, platform.transport)
    outside = _given(action, variables, ["handover_outside_interface"]).get("handover_outside_interface")
    return SnmpDevice(name, platform, renderer, _snmp_session(action, name, variables), str(outside or ""))


def _snmp_session(action: Any, name: str, variables: _Variables) -> LazySnmpSession:
    login = partial(_given, action, variables, VARIABLES)
    return LazySnmpSession(lambda: login_of(name, login()), action._display.warning)


def _given(action: Any, variables: _Variables, names: Iterable[str]) -> dict[str, Any]:
    """Those of the variables that are there, with what is in them."""
    return {one: action._templar.template(variables[one]) for one in names if one in variables}


#: A router's variable that says how it is reached, where its platform has more than one way; and the other way of IOS.
_TRANSPORT, _COPY = "handover_transport", "snmp_config_copy"
_IOS_SETTINGS = ("handover_ios_vrf", "handover_ios_redundancy")
#: For which revision of Cisco's modules text is made without asking the router.
_REVISION = "handover_iosxe_revision"
_WAYS: dict[str, Callable[[ActionBase, str, Platform, Renderer, _Variables], ManagedRouter]] = {
    "files": _by_files,
    "junos_netconf": _by_junos,
    "native_netconf": _by_native_netconf,
    "netconf": _by_netconf,
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


class _LazyNetconf(Device):
    """A router that is connected to when it is used.

    :param connected: the router, connected.
    :param text: the text of a change while it is not.
    :param sections: what is known beside what a router printed.
    """

    def __init__(
        self,
        connected: Callable[[], NetconfDevice],
        text: Callable[[Change, float], str],
        sections: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._connected = connected
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
