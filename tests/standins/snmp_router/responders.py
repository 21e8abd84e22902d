# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of an agent for whatever objects somebody holds: the protocol's side of a stand-in, by pysnmp."""

from __future__ import annotations

import asyncio
import bisect
from collections.abc import Iterable
from typing import Any, Protocol

from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config, engine
from pysnmp.entity.rfc3413 import cmdrsp, context
from pysnmp.proto.api import v2c
from pysnmp.proto.rfc1902 import Integer32, IpAddress, ObjectName, OctetString
from pysnmp.proto.rfc1905 import EndOfMibView, NoSuchInstance

from .nat_table import Refused
from .words import COMMUNITY

__all__ = ["Held", "serve"]

_AT_ONCE = 50
_Pair = tuple[tuple[int, ...], "int | bytes"]


class Held(Protocol):
    """What an agent shows and lets be set."""

    @property
    def objects(self) -> list[_Pair]:
        """All objects, in the order of their OIDs."""

    def set(self, varbinds: list[_Pair]) -> None:
        """Do all of it, or raise :class:`Refused`."""


class _Reader(cmdrsp.CommandResponderBase):
    """Answers GET, GETNEXT and GETBULK."""

    SUPPORTED_PDU_TYPES = (v2c.GetRequestPDU.tagSet, v2c.GetNextRequestPDU.tagSet, v2c.GetBulkRequestPDU.tagSet)

    def handle_management_operation(self, engine: Any, reference: Any, name: Any, pdu: Any) -> None:
        held = self.cbCtx.objects
        asked = [tuple(oid) for oid, _value in v2c.apiPDU.get_varbinds(pdu)]
        if pdu.isSameTypeWith(v2c.GetRequestPDU()):
            values = dict(held)
            answer = [(oid, _shown(values[oid]) if oid in values else NoSuchInstance("")) for oid in asked]
        elif pdu.isSameTypeWith(v2c.GetNextRequestPDU()):
            answer = [pair for oid in asked for pair in _next(held, oid, 1)]
        else:
            most = min(int(v2c.apiBulkPDU.get_max_repetitions(pdu)), _AT_ONCE)
            answer = [pair for oid in asked for pair in _next(held, oid, most)]
        self.send_varbinds(engine, reference, 0, 0, [(ObjectName(oid), value) for oid, value in answer])


class _Writer(cmdrsp.CommandResponderBase):
    """Answers SET."""

    SUPPORTED_PDU_TYPES = (v2c.SetRequestPDU.tagSet,)

    def handle_management_operation(self, engine: Any, reference: Any, name: Any, pdu: Any) -> None:
        varbinds = v2c.apiPDU.get_varbinds(pdu)
        status, place = "noError", 0
        try:
            self.cbCtx.set([(tuple(oid), _plain(value)) for oid, value in varbinds])
        except Refused as refused:
            status, place = refused.status, refused.place
        self.send_varbinds(engine, reference, status, place, varbinds)


def serve(port: int, held: Held) -> None:
    """Serve on the loopback, by SNMPv2c, until the process is ended."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    agent = engine.SnmpEngine()
    config.add_transport(agent, udp.DOMAIN_NAME, udp.UdpTransport().open_server_mode(("127.0.0.1", port)))
    config.add_v1_system(agent, "front", COMMUNITY)
    config.add_vacm_user(agent, 2, "front", "noAuthNoPriv", (1, 3, 6), (1, 3, 6))
    where = context.SnmpContext(agent)
    _Reader(agent, where, held)
    _Writer(agent, where, held)
    agent.transport_dispatcher.job_started(1)
    agent.open_dispatcher()


def _next(held: list[_Pair], oid: tuple[int, ...], most: int) -> Iterable[Any]:
    at = bisect.bisect_right([one for one, _value in held], oid)
    found = [(one, _shown(value)) for one, value in held[at : at + most]]
    return found or [(oid, EndOfMibView(""))]


def _shown(value: int | bytes) -> Any:
    return Integer32(value) if isinstance(value, int) else OctetString(value)


def _plain(value: Any) -> int | bytes:
    return bytes(value.asOctets()) if isinstance(value, (OctetString, IpAddress)) else int(value)
