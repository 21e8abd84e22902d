# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SIP servers of a place: what the system was told by DHCP, what the configuration says, or what DNS knows.

DNS may take seconds, and what is to be done first after a move is not to wait for it. So a look takes what is known,
and the search goes on beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..plugins.module_utils.errors import HandoverError
from ..plugins.module_utils.sip.grammar import Address
from .config import Config
from .locate import Where, endpoint_of, locate
from .model import Endpoint

__all__ = ["Directory"]

#: Seconds for which an answer of DNS is used at one place.
_FRESH = 300.0


class Directory:
    """Knows the servers of the places where the node has been.

    :param tell: called when a search has ended.
    """

    def __init__(self, config: Config, tell: Callable[[], None]) -> None:
        self._config, self._tell = config, tell
        #: By interface, what a hook has said (RFC 3361, RFC 3319).
        self._hinted: dict[str, Where] = {}
        self._known: dict[tuple[Where, Address], tuple[float, tuple[Endpoint, ...]]] = {}
        self._searches: dict[tuple[Where, Address], asyncio.Task[None]] = {}

    def hint(self, interface: str, server: Where | None) -> None:
        """Take what the system was told about an interface's network; None where that is gone."""
        if server is None:
            self._hinted.pop(interface, None)
        else:
            self._hinted[interface] = server

    def at(self, here: Address, interface: str) -> tuple[Endpoint, ...]:
        """The servers for an address; empty while they are searched for."""
        where = self._hinted.get(interface) or self._config.server_at(here)
        key = (where, here)
        now = asyncio.get_running_loop().time()
        since, found = self._known.get(key, (-_FRESH, ()))
        literal = where.literal
        if literal is not None:
            return (endpoint_of(where, literal),) if literal.version == here.version else ()
        if (not found or now - since > _FRESH) and key not in self._searches:
            self._searches[key] = asyncio.create_task(self._search(key))
        return found

    async def close(self) -> None:
        for search in self._searches.values():
            search.cancel()
        await asyncio.gather(*self._searches.values(), return_exceptions=True)

    async def _search(self, key: tuple[Where, Address]) -> None:
        where, here = key
        try:
            found = await locate(where, here.version)
        except HandoverError:
            found = self._known.get(key, (0.0, ()))[1]
        finally:
            del self._searches[key]
        while len(self._known) > 64:
            del self._known[next(iter(self._known))]
        changed = self._known.get(key, (0.0, ()))[1] != found
        self._known[key] = (asyncio.get_running_loop().time(), found)
        if changed:
            self._tell()
