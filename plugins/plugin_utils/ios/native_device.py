# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An IOS-XE router with a NETCONF session: what a step means there depends on what stands."""

from __future__ import annotations

from ...module_utils.errors import HandoverError
from ...module_utils.mobility.model import Change
from ...module_utils.platforms.base import Output
from ...module_utils.platforms.iosxe.native import Native
from ...module_utils.platforms.iosxe.release import Release
from ...module_utils.platforms.iosxe.router import IosxeNetconf
from ..netconf_device import NetconfDevice, NetconfSession
from ..rendering import Renderer
from ..router import ManagedRouter

__all__ = ["NativeDevice", "native_router"]


class NativeDevice(NetconfDevice):
    """A router whose datastore is that of Cisco-IOS-XE-native. It is read once more under the lock of each step.

    :raises HandoverError: as :class:`NetconfDevice`.
    """

    def __init__(self, name: str, platform: IosxeNetconf, renderer: Renderer, session: NetconfSession) -> None:
        super().__init__(name, platform, renderer, session)
        self._native_platform = platform
        self._announced = platform.release(session.capabilities)
        self._native: Native | None = None
        #: The change that was sent last: the router no longer stands as it did when its text was written.
        self._sent: tuple[Change, str] | None = None

    def text(self, change: Change, now: float) -> str:
        if self._sent is not None and self._sent[0] == change:
            return self._sent[1]
        if self._native is None:
            return super().text(change, now)
        context = self._native_platform.context_native(self._native, change, now, self.software)
        return self._renderer.render(self._platform.step_template, {**self.settings, **context})

    def printed(self, text: str) -> Output:
        output = super().printed(text)
        try:
            self._native = self._native_platform.native(output)
        except HandoverError:
            self._native = None  # whoever parses it tells that
        return output

    @property
    def native(self) -> Native:
        """The router as it stands.

        :raises HandoverError: as its platform's ``native``.
        """
        return self._native_platform.native(self.read())

    @property
    def software(self) -> Release:
        """What the modules of the router have a place for.

        :raises HandoverError: ``module_missing``.
        """
        if self._announced is None:
            self._announced = self._native_platform.release_in(self.ask("netconf/modules"))
        return self._announced

    def _renewed(self, step: str, change: Change, now: float) -> str:
        self._native, self._sent = self.native, None
        text = self.text(change, now)
        self._sent = (change, text)
        return text


def native_router(name: str, platform: IosxeNetconf, renderer: Renderer, session: NetconfSession) -> ManagedRouter:
    """A router of IOS-XE, reached by a NETCONF session; errors as :class:`NativeDevice`."""
    return ManagedRouter(name, platform, NativeDevice(name, platform, renderer, session))
