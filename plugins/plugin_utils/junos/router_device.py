# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One SRX over NETCONF: read under the candidate's lock, changed, its sessions cleared, read back, confirmed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ...module_utils.errors import HandoverError
from ...module_utils.mobility.model import Change, Role
from ...module_utils.platforms.base import Output
from ...module_utils.platforms.junos.router import LOGICAL_INTERFACE, Junos
from ...module_utils.platforms.junos.standing import Interfaces, Standing, as_written
from ...module_utils.platforms.netconf_reply import BASE
from ..netconf_device import CONFIRM_SECONDS, NetconfDevice, NetconfSession, Refused
from ..rendering import Renderer
from ..router import ManagedRouter

__all__ = ["END_OF_MESSAGE", "JunosDevice", "junos_router"]

#: Between the messages of a step, as RFC 6242 section 4.3 ends each.
END_OF_MESSAGE = "]]>]]>"

_ENCODERS = (Role.ENCODER_DST, Role.ENCODER_SRC)
#: A library that knows Junos takes the namespaces out of its answers.
_BARE_REPLY = re.compile(r"<rpc-reply(?![^>]*xmlns=)")


class JunosDevice(NetconfDevice):
    """A router with a NETCONF session.

    What a step takes away depends on what else stands, so the router is read once more under its lock. Sessions that
    were made as it was before are cleared after the commit: no rule says anything to them. Encoders are committed
    under a confirmed commit of version 1.0, which nothing cancels: ``rollback 1`` takes it back, or the router itself
    does. Nothing is held until other routers have theirs: flows are frozen, so that no packet uses too early what
    is there.

    :param between: the router's interfaces.
    :raises HandoverError: ``bad_interface``, ``wrong_device``, ``no_transaction``.
    """

    _platform: Junos

    def __init__(
        self, name: str, platform: Junos, renderer: Renderer, session: NetconfSession, between: Interfaces
    ) -> None:
        for logical in (between.inside, between.outside):
            if LOGICAL_INTERFACE.fullmatch(logical) is None:
                raise HandoverError(
                    "bad_interface",
                    f"{name}: {logical or 'none'}",
                    "an interface on junos is named with its unit, as in ge-0/0/1.0",
                    "Set handover_inside_interface and handover_outside_interface.",
                )
        super().__init__(name, platform, renderer, session)
        self._between = between
        self._standing: Standing | None = None
        #: The change that was sent last: the router no longer stands as it did when its text was written.
        self._sent: tuple[Change, str] | None = None
        self._clears: list[str] = []

    def text(self, change: Change, now: float) -> str:
        if self._sent is not None and self._sent[0] == change:
            return self._sent[1]
        return self._written(self._standing or as_written(change), change, now)

    def printed(self, text: str) -> Output:
        return Output({"data": text, "inside": self._between.inside, "outside": self._between.outside}, {})

    def read(self) -> Output:
        output = super().read()
        try:
            self._standing = self._platform.standing(output)
        except (HandoverError, AttributeError, IndexError, KeyError, TypeError, ValueError):
            self._standing = None  # told by whoever parses it
        return output

    def change(self, change: Change, now: float, hold: bool = False) -> Output:
        self._sent = None
        try:
            with self._locked():
                self._platform.parse(self.read())
                text = self._written(self._standing or Standing(), change, now)
                self._sent = (change, text)
                edit, *self._clears = (message.strip() for message in text.split(END_OF_MESSAGE))
                self._ask(edit)
                confirmed = self.confirms and any(entry.role in _ENCODERS for entry in (*change.remove, *change.put))
                self._ask(self._text("netconf/commit", confirm_seconds=CONFIRM_SECONDS if confirmed else 0))
                return self._finished(change, confirmed)
        except Refused as refused:
            return Output({**self.read().sections, "step": refused.answer}, {"step": 1})

    def _finished(self, change: Change, confirmed: bool) -> Output:
        try:
            self._clear()
        except Refused:
            if confirmed:
                self._take_back()
            raise
        read = self.read()
        return self._confirmed(change, read, hold=False) if confirmed else read

    def _take_back(self) -> None:
        self._ask(self._text("junos/rollback"))
        self._ask(self._text("netconf/commit", confirm_seconds=0))
        self._clear()

    def _clear(self) -> None:
        """End the sessions that were made as it was before."""
        for message in self._clears:
            self._ask(message)

    def _written(self, standing: Standing, change: Change, now: float) -> str:
        context = self._platform.context_on(standing, change, now)
        return self._renderer.render(self._platform.step_template, {**self.settings, **context})

    def _answers(self, *operations: str) -> Sequence[str]:
        named = f'<rpc-reply xmlns="{BASE[1:-1]}"'
        return [_BARE_REPLY.sub(named, answer, count=1) for answer in super()._answers(*operations)]

    @property
    def settings(self) -> Mapping[str, object]:
        return {**super().settings, "inside": self._between.inside, "outside": self._between.outside}

    @property
    def confirms(self) -> bool:
        return self.candidate and (self._can("confirmed-commit:1.0") or self._can("confirmed-commit:1.1"))

    def _can(self, capability: str) -> bool:
        # Older releases name RFC 4741's capabilities otherwise.
        older = f"urn:ietf:params:xml:ns:netconf:capability:{capability}"
        return super()._can(capability) or older in self._session.capabilities


def junos_router(
    name: str, platform: Junos, renderer: Renderer, session: NetconfSession, between: Interfaces
) -> ManagedRouter:
    """An SRX, reached by a NETCONF session; errors as :class:`JunosDevice`."""
    return ManagedRouter(name, platform, JunosDevice(name, platform, renderer, session, between))
