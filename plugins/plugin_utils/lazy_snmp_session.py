# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SNMP session that costs nothing until a router is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..module_utils.platforms.varbinds import Varbind
from .snmp_device import Refusal
from .snmp_login import SnmpLogin

if TYPE_CHECKING:
    from .pysnmp_session import PysnmpSession

__all__ = ["LazySnmpSession"]


class LazySnmpSession:
    """A session that is opened when it is used: rendering and parsing need no router and no login.

    :param login: asked for it then.
    :param warn: told where a login lets everybody read it.
    """

    def __init__(self, login: Callable[[], SnmpLogin], warn: Callable[[str], object]) -> None:
        self._login = login
        self._warn = warn
        self._opened: PysnmpSession | None = None

    def get(self, oids: Sequence[str]) -> list[Varbind]:
        """As :meth:`PysnmpSession.get`."""
        return self._session.get(oids)

    def walk(self, below: str) -> list[Varbind]:
        """As :meth:`PysnmpSession.walk`."""
        return self._session.walk(below)

    def set(self, varbinds: Sequence[Varbind]) -> Refusal | None:
        """As :meth:`PysnmpSession.set`."""
        return self._session.set(varbinds)

    def close(self) -> None:
        """End the session, where there is one."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def _session(self) -> PysnmpSession:
        if self._opened is None:
            login = self._login()
            if login.community:
                self._warn(
                    f"{login.host} is changed by SNMPv2c: whoever sees its packets can change it, too. "
                    "Use SNMPv3, with authentication and privacy."
                )
            from .pysnmp_session import PysnmpSession  # pysnmp takes as long to load as all of ours

            self._opened = PysnmpSession(login)
        return self._opened
