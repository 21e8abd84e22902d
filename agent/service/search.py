# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sessions of what is wanted, where they are looked for: what is known at once, and what routers must be asked for.

To walk a connection table takes a router longer than all the rest of a handover. A call that the phone lists, or that
the SIP server's dialogs know, does not wait for that: it is carried out as it is known, and wanted once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.connection import Connection
from ...plugins.module_utils.mobility.handover import Handover
from ...plugins.module_utils.mobility.model import Scope
from ...plugins.module_utils.mobility.recover import standing
from ...plugins.module_utils.mobility.registration_policy import Policy
from ...plugins.module_utils.mobility.session_search import Evidence, Found, find_sessions
from ...plugins.module_utils.mobility.topology import Topology
from ...plugins.module_utils.reader import address
from ...plugins.module_utils.sip.agreed import AgreedFlow
from .holdings import Holdings
from .link import Link
from .threads import in_thread
from .wanted import Wanted

__all__ = ["SessionSearch", "Sought"]

#: So many take no time to speak of: they are not worth a thread.
_FEW = 4

_Held = Mapping[str, Holdings]
#: The routers' connections, and those that do not tell theirs and why.
_Tables = tuple[dict[str, Sequence[Connection]], dict[str, str]]


@dataclass(frozen=True)
class Sought:
    """What was found.

    :ivar handovers: by id; the error where one cannot be made.
    :ivar early: the ids of those of which routers were not asked yet.
    """

    handovers: Mapping[str, Handover | HandoverError]
    early: frozenset[str]


class SessionSearch:
    """Looks for sessions.

    :param thread: one, for what takes time.
    :param flows: what the SIP server's dialogs have agreed on.
    :param patient: whether routers are asked in any case before anything is told of.
    """

    def __init__(
        self,
        links: Mapping[str, Link],
        topology: Topology,
        policy: Policy,
        thread: Executor,
        flows: Callable[[], Awaitable[Sequence[AgreedFlow]]],
        *,
        patient: bool = False,
    ) -> None:
        self._links = links
        self._topology = topology
        self._policy = policy
        self._thread = thread
        self._flows = flows
        self._patient = patient

    async def look(self, wanted: Sequence[Wanted], held: _Held) -> Sought:
        """Look for the sessions of all of these.

        :param held: what the routers hold.
        """
        flows = await self._flows()
        soon = [] if self._patient else [one for one in wanted if not one.early]
        few = len(soon) <= _FEW
        known = self._known(soon, held, flows) if few else await in_thread(self._thread, self._known, soon, held, flows)
        rest = [one for one in wanted if one.id not in known]
        found: dict[str, Handover | HandoverError] = {**known}
        if rest:
            tables = await self._tables(rest)
            found.update(await in_thread(self._thread, self._found, rest, held, flows, tables))
        return Sought(found, frozenset(name for name, one in known.items() if _may_have_more(one)))

    def _known(self, wanted: Sequence[Wanted], held: _Held, flows: Sequence[AgreedFlow]) -> dict[str, Handover]:
        """Those that can be carried out as they are known, with nothing left out and nothing to be told of."""
        found = self._all(wanted, held, ({}, {}), flows)
        return {
            name: one.handover
            for name, one in found.items()
            if isinstance(one, Found) and one.handover is not None and not one.left_out and not one.notes
        }

    def _found(
        self, wanted: Sequence[Wanted], held: _Held, flows: Sequence[AgreedFlow], tables: _Tables
    ) -> dict[str, Handover | HandoverError]:
        made: dict[str, Handover | HandoverError] = {}
        for name, one in self._all(wanted, held, tables, flows).items():
            if isinstance(one, HandoverError):
                made[name] = one
            elif one.handover is not None:
                made[name] = one.handover
            elif one.error is not None:
                made[name] = one.error
        return made

    def _all(
        self, wanted: Sequence[Wanted], held: _Held, tables: _Tables, flows: Sequence[AgreedFlow]
    ) -> dict[str, Found | HandoverError]:
        if not wanted:
            return {}
        own = {name: one.part(one.id for one in wanted) for name, one in held.items()}
        evidence = Evidence(*tables, flows, {one.id: one for one in standing(own, topology=self._topology)})
        found: dict[str, Found | HandoverError] = {}
        for one in wanted:
            try:
                found[one.id] = find_sessions(one.record, self._topology, evidence, self._policy)
            except HandoverError as error:
                found[one.id] = error
        return found

    async def _tables(self, wanted: Sequence[Wanted]) -> _Tables:
        """What the routers' connection tables say of the old addresses."""
        asked = [address(one.record["old"]) for one in wanted if not one.record.get("ended")]
        if not asked:
            return {}, dict.fromkeys(self._links, "not asked")
        told = await asyncio.gather(*(link.connections(asked) for link in self._links.values()), return_exceptions=True)
        tables: dict[str, Sequence[Connection]] = {}
        silent: dict[str, str] = {}
        for name, answer in zip(self._links, told, strict=True):
            if isinstance(answer, HandoverError):
                silent[name] = str(answer)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                tables[name] = answer
        return tables, silent


def _may_have_more(handover: Handover) -> bool:
    """Whether routers could know of more than it has."""
    return not handover.over and handover.scope is Scope.SESSION
