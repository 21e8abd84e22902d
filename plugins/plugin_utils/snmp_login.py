# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the inventory says to log in by SNMP."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..module_utils.errors import HandoverError
from ..module_utils.platforms.varbinds import Varbind
from .pysnmp_session import PysnmpSession, SnmpLogin
from .snmp_device import Refusal

__all__ = ["VARIABLES", "LazySnmpSession", "login_of"]

_PREFIX = "handover_snmp_"
_TEXTS = ("user", "auth_key", "privacy_key", "auth", "privacy", "community")
_NUMBERS = {"port": int, "timeout": float, "retries": int}

#: The variables that a login is made of.
VARIABLES = ("ansible_host", *(_PREFIX + key for key in ("host", *_TEXTS, *_NUMBERS, "allow_v2c")))


def login_of(name: str, variables: Mapping[str, Any]) -> SnmpLogin:
    """The login in a router's variables: ``handover_snmp_user``, ``handover_snmp_auth_key`` and so on.

    :param name: the router's inventory name, which is its address where no other is given.
    :raises HandoverError: ``bad_login``, ``plain_snmp``. No message has a key in it.
    """
    given: dict[str, Any] = {"host": str(variables.get("ansible_host") or name)}
    for key in ("host", *_TEXTS):
        if variables.get(_PREFIX + key) is not None:
            given[key] = str(variables[_PREFIX + key])
    try:
        for key, kind in _NUMBERS.items():
            if variables.get(_PREFIX + key) is not None:
                given[key] = kind(variables[_PREFIX + key])
    except (TypeError, ValueError) as error:
        raise HandoverError("bad_login", f"{name}: {_PREFIX}{key}", "port, timeout and retries are numbers") from error
    allowed = variables.get(f"{_PREFIX}allow_v2c")
    return SnmpLogin(**given, allow_v2c=str(allowed).lower() in ("true", "yes", "1"))


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
            self._opened = PysnmpSession(login)
        return self._opened
