# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One router over SNMP: a step is one SET where it fits, and the router is read back after it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from ..module_utils.errors import HandoverError
from ..module_utils.mobility.change import unfinished
from ..module_utils.mobility.model import Change
from ..module_utils.platforms.base import Output
from ..module_utils.platforms.snmp import IF_NAME, NAT, ROUTE, SERIAL, Snmp
from ..module_utils.platforms.varbinds import MOST, Varbind, blocks_of, packed, resolved
from .device import Device
from .rendering import Renderer
from .router import ManagedRouter
from .step_text import step_text

__all__ = ["NO_ANSWER", "Refusal", "SnmpDevice", "SnmpSession", "snmp_router"]

#: nsCacheStatus (NET-SNMP-AGENT-MIB) of net-snmp's copy of the routing table, and the value that empties it.
_CACHE = "1.3.6.1.4.1.8072.1.5.3.1.3.1.3.6.1.2.1.4.24.7"
_EMPTY = "3"
_TOO_BIG = "tooBig"
#: The status of a SET that nobody answered, and seconds to wait for what it may do yet, look by look.
NO_ANSWER = "no answer"
LATE = (0.3, 0.7, 2.0)


class Refusal(NamedTuple):
    """What an agent refused.

    :ivar status: RFC 3416's name of the error-status, or :data:`NO_ANSWER`.
    :ivar place: which variable binding it is about, from 1; 0 where it says none.
    """

    status: str
    place: int


class SnmpSession(Protocol):
    """A way to an agent, with the login."""

    def get(self, oids: Sequence[str]) -> list[Varbind]:
        """The values of these objects; those that are not there are left out.

        :raises HandoverError: when the agent does not answer, or knows no such login.
        """

    def walk(self, below: str) -> list[Varbind]:
        """All objects below an OID; errors as :meth:`get`."""

    def set(self, varbinds: Sequence[Varbind]) -> Refusal | None:
        """Set all of these, or none, in one PDU that is sent once; None when the agent has done it.

        :raises HandoverError: when the agent does not take the login.
        """

    def close(self) -> None:
        """End it."""


class SnmpDevice(Device):
    """A router with an SNMP session.

    Each SET carries snmpSetSerialNo (RFC 3418), where the agent has it: another controller's SET in between, or one of
    ours that comes late, is refused.

    :param outside: the interface on which the router's NAT rows lie.
    """

    def __init__(self, name: str, platform: Snmp, renderer: Renderer, session: SnmpSession, outside: str) -> None:
        self._name = name
        self._platform = platform
        self._renderer = renderer
        self._session = session
        self._outside = outside
        self._names: list[Varbind] = []
        self._guarded = True
        self._caches: bool | None = None
        self._sent = False

    def text(self, change: Change, now: float) -> str:
        return step_text(self._platform, self._renderer, change, now, outside=self._outside)

    def printed(self, text: str) -> Output:
        return Output({"data": text, "outside": self._outside}, {})

    def read(self) -> Output:
        self._names = self._walk(IF_NAME)
        return self._read()

    def _read(self) -> Output:
        """As :meth:`read`, with the interfaces' numbers as they were a moment before."""
        self._index(self._outside)
        rows = _lines(self._walk(NAT))
        routes = self._platform.route_objects(rows)
        found = self._get(routes) if routes else []
        return Output({"data": _lines(self._names) + rows + _lines(found), "outside": self._outside}, {})

    def change(self, change: Change, now: float, hold: bool = False) -> Output:
        blocks = blocks_of(self.text(change, now))
        self._names = self._names or self._walk(IF_NAME)
        wanted = [[resolved(item, self._index) for item in block] for block in blocks]
        self._sent = False
        try:
            said = self._said(wanted)
            self._sent = True
            if any(_of_a_route(item) for block in wanted for item in block):
                self._refresh_cache()
            read = self._read()
            if said == NO_ANSWER:
                read, said = self._found_out(change, read)
        except HandoverError as error:
            if not self._sent:
                raise
            stands = "How the router stands is not known: run reconcile."
            raise HandoverError(error.code, error.subject, error.rule, f"{error.advice} {stands}".strip()) from error
        return read if said is None else Output({**read.sections, "step": said}, {"step": 1})

    def has_interface(self, name: str) -> bool:
        """Whether the router had an interface of this ifName when it was read."""
        return any(item.octets == name.encode() for item in self._names)

    def require_interface(self, name: str) -> None:
        """Refuse a router without an interface of this ifName.

        :raises HandoverError: ``no_such_interface``.
        """
        self._index(name)

    def require_writable(self) -> None:
        """Refuse a router that lets no row of natAddrMapTable be made, or its user make none.

        :raises HandoverError: ``not_writable``, ``no_privilege``, ``no_answer``, ``step_refused``.
        """
        absent = f"{NAT}.21.{self._index(self._outside)}.{2**32 - 1}"
        if not self._get([absent]):
            said = self._said([[Varbind(absent, "i", "6")]])  # to destroy what is not there is no error (RFC 2579)
            if said is not None:
                raise self._platform.diagnose(self._name, said)

    def close(self) -> None:
        self._session.close()

    def _said(self, blocks: Sequence[list[Varbind]]) -> str | None:
        """Set the blocks, PDU by PDU; the words of the first that is refused."""
        pdus = packed(blocks)
        while pdus:
            pdu = pdus.pop(0)
            flat = [item for block in pdu for item in block]
            if any(_of_a_route(item) for item in flat):
                self._refresh_cache()
            serial = self._serial()
            refusal = self._set([*serial, *flat])
            if refusal is None:
                self._sent = True
                continue
            if serial and refusal.place == 1 and refusal.status != "inconsistentValue":
                self._guarded = False  # net-snmp 5.9 shows the number, and refuses to have it set (wrongLength)
                pdus.insert(0, pdu)
                continue
            if refusal.status == _TOO_BIG and len(pdu) > 1:
                pdus[:0] = packed(pdu, max(len(flat) // 2, *map(len, pdu)))
                continue
            if refusal.place == 0:
                return refusal.status
            told = [*serial, *flat][refusal.place - 1 : refusal.place]
            return f"{refusal.status} at {told[0]}" if told else refusal.status
        return None

    def _found_out(self, change: Change, read: Output) -> tuple[Output, str | None]:
        """Whether a SET was done whose answer did not come: it may have come, or be on its way still."""
        for wait in (0, *LATE):
            time.sleep(wait)
            read = self._read() if wait else read
            try:
                if unfinished(change, self._platform.parse(read)) is None:
                    return read, None
            except HandoverError:
                continue  # told when it is parsed at the end
        return read, NO_ANSWER

    def _serial(self) -> list[Varbind]:
        """snmpSetSerialNo as it is now; nothing where the agent has none that can be set."""
        return self._get([SERIAL]) if self._guarded else []

    def _refresh_cache(self) -> None:
        """Have net-snmp read the kernel's routes again; other agents have no such object, and are not told.

        What it shows after a step is then the kernel's, not its own memory. And net-snmp 5.9 takes a route that it
        made itself, and has not read from the kernel since, for one that is still to be made: destroying it makes it
        again and fails with genErr, and the next attempt may crash the agent. So does a route that is made before
        anybody had the table read.
        """
        if self._caches is None:
            self._caches = bool(self._get([_CACHE]))
        if self._caches:
            self._set([Varbind(_CACHE, "i", _EMPTY)])
            self._get([f"{ROUTE}.7.0"])  # nothing is there; whoever asks for anything has the table read

    def _index(self, name: str) -> int:
        for item in self._names:
            if item.octets == name.encode():
                return int(item.oid.rpartition(".")[2])
        raise HandoverError(
            "no_such_interface",
            f"{self._name}: {name}",
            "the router has the interface, by its ifName",
            "Check handover_inside_interface and handover_outside_interface.",
        )

    def _walk(self, below: str) -> list[Varbind]:
        try:
            return self._session.walk(below)
        except HandoverError as error:
            raise self._named(error) from error

    def _get(self, oids: Sequence[str]) -> list[Varbind]:
        try:
            return [
                item for at in range(0, len(oids), MOST // 4) for item in self._session.get(oids[at : at + MOST // 4])
            ]
        except HandoverError as error:
            raise self._named(error) from error

    def _set(self, varbinds: Sequence[Varbind]) -> Refusal | None:
        try:
            return self._session.set(varbinds)
        except HandoverError as error:
            raise self._named(error) from error

    def _named(self, error: HandoverError) -> HandoverError:
        return HandoverError(error.code, f"{self._name}: {error.subject}", error.rule, error.advice)


def _of_a_route(item: Varbind) -> bool:
    return item.oid.startswith(f"{ROUTE}.")


def _lines(varbinds: Iterable[Varbind]) -> str:
    return "".join(f"{item}\n" for item in varbinds)


def snmp_router(name: str, platform: Snmp, renderer: Renderer, session: SnmpSession, outside: str) -> ManagedRouter:
    """A router of a platform, reached over SNMP; parameters as of :class:`SnmpDevice`."""
    return ManagedRouter(name, platform, SnmpDevice(name, platform, renderer, session, outside))
