# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NETCONF session that Ansible holds for a play (``ansible.netcommon.netconf``), shared by its tasks."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence, Set
from contextlib import suppress
from functools import cached_property
from typing import Any

from ansible.module_utils.connection import Connection, ConnectionError
from ansible.plugins.action import ActionBase

from ..module_utils.errors import HandoverError

__all__ = ["NetcommonSession"]

_BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")


class NetcommonSession:
    """The session of a host's persistent connection.

    :raises HandoverError: ``wrong_connection``.
    """

    def __init__(self, action: ActionBase) -> None:
        transport = action._connection.transport
        if transport.rpartition(".")[2] != "netconf":
            raise HandoverError(
                "wrong_connection",
                transport,
                "a router of this platform is reached by NETCONF",
                "Set ansible_connection to ansible.netcommon.netconf, or handover_platform to what the device is.",
            )
        self._connection: Any = Connection(action._connection.socket_path)

    @property
    def number(self) -> str:
        """The number that the server gave the session."""
        return str(self._hello["session_id"])

    @property
    def capabilities(self) -> Set[str]:
        """What the server announced in its hello."""
        return frozenset(self._hello["server_capabilities"])

    def request(self, operation: str) -> str:
        """Send one operation and return the reply as text, errors included.

        :raises HandoverError: ``session_lost``, also where the answer is late.
        """
        try:
            return str(self._connection.rpc(operation))
        except ConnectionError as error:  # it also carries what the server refused
            said = _DECLARATION.sub("", str(error)).strip()
            if said.startswith("<") and "rpc-error" in said:
                return said if "rpc-reply" in said else f'<rpc-reply xmlns="{_BASE}">{said}</rpc-reply>'
            # Ansible would go on with the dead session in every later task of the play; so they get a new one.
            with suppress(ConnectionError):
                self._connection.close()
            raise _lost(error) from error

    def requests(self, *operations: str) -> Sequence[str]:
        """Send operations one by one: the connection has no other way. Errors as :meth:`request`."""
        return [self.request(operation) for operation in operations]

    def tell(self, operation: str) -> None:
        """As :meth:`request`, without the reply."""
        self.request(operation)

    @cached_property
    def _hello(self) -> dict[str, Any]:
        try:
            told: dict[str, Any] = json.loads(self._connection.get_capabilities())
        except (ConnectionError, ValueError) as error:
            raise _lost(error) from error
        return told


def _lost(error: Exception) -> HandoverError:
    return HandoverError("session_lost", " ".join(str(error).split()), "a NETCONF session lasts for a whole step")
