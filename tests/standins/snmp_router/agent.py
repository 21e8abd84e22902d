# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for what nobody ships: an agent that serves natAddrMapTable (RFC 4008) for writing, and a NAT under it.

The rows become stateless rewrites by nft in the kernel of its network namespace, before the answer goes out; what the
kernel refuses is refused (commitFailed). It speaks SNMPv2c on the loopback: a real snmpd in front of it passes on what
is asked of NAT-MIB, and users, views, routes and the rest are snmpd's own. Whoever asks it without snmpd also finds
ifName, and a snmpSetSerialNo that works. Rows survive the agent: the NAT is the router's.

    python -m tests.standins.snmp_router.agent PORT STATE [--one-name]
"""

from __future__ import annotations

import asyncio
import bisect
import json
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pysnmp.carrier.asyncio.dgram import udp
from pysnmp.entity import config, engine
from pysnmp.entity.rfc3413 import cmdrsp, context
from pysnmp.proto.api import v2c
from pysnmp.proto.rfc1902 import Integer32, ObjectName, OctetString
from pysnmp.proto.rfc1905 import EndOfMibView, NoSuchInstance

from .nat_table import Refused, Table, changed, objects, rewrites
from .words import COMMUNITY

_AT_ONCE = 50


IF_NAME = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1)
#: snmpSetSerialNo.0: net-snmp's own cannot be set on machines of 64 bits.
SERIAL = (1, 3, 6, 1, 6, 3, 1, 1, 6, 1, 0)


class Nat:
    """The table, kept in a file, and the kernel."""

    def __init__(self, state: Path, one_name: bool) -> None:
        self._state = state
        self._one_name = one_name
        self.serial = 0
        self.table: Table = _loaded(state)
        apply(self.table)

    @property
    def objects(self) -> list[tuple[tuple[int, ...], int | bytes]]:
        """All that there is to see."""
        names = [((*IF_NAME, number), name.encode()) for number, name in sorted(socket.if_nameindex())]
        return [*names, *objects(self.table), (SERIAL, self.serial)]

    def set(self, varbinds: list[tuple[tuple[int, ...], int | bytes]]) -> None:
        """Do all of it or nothing."""
        for place, (oid, value) in enumerate(varbinds, 1):
            if oid == SERIAL and value != self.serial:
                raise Refused("inconsistentValue", place)
        varbinds = [pair for pair in varbinds if pair[0] != SERIAL]
        after = changed(self.table, varbinds, [number for number, _name in socket.if_nameindex()], self._one_name)
        try:
            apply(after)
        except subprocess.CalledProcessError as error:
            print(error.stderr, file=sys.stderr, flush=True)
            raise Refused("commitFailed", 1) from error
        self.serial += 1
        self.table = after
        rows = [[*index, {column: _written(value) for column, value in row.items()}] for index, row in after.items()]
        self._state.write_text(json.dumps(rows), encoding="ascii")


def apply(table: Table) -> None:
    """Bring the kernel to what the rows say, in one transaction."""
    names = dict(socket.if_nameindex())
    rules = []
    for link, way, end, seen, becomes in rewrites(table):
        family = "ip6" if ":" in seen else "ip"
        where = "iifname" if way == "in" else "iifname !="
        rules.append(
            f"{where} {names.get(link, 'gone')} {family} {end} {seen} notrack {family} {end} set {becomes} accept"
        )
    text = "table inet nat {}\ndelete table inet nat\n"
    if rules:
        lines = "\n".join(rules)
        text += f"table inet nat {{\nchain maps {{\ntype filter hook prerouting priority raw\n{lines}\n}}\n}}\n"
    subprocess.run(["nft", "-f", "-"], input=text, capture_output=True, text=True, check=True)


def _loaded(state: Path) -> Table:
    if not state.exists():
        return {}
    return {
        (link, number): {int(column): _value(value) for column, value in row.items()}
        for link, number, row in json.loads(state.read_text(encoding="ascii"))
    }


def _written(value: int | bytes) -> int | str:
    return value if isinstance(value, int) else value.hex()


def _value(value: int | str) -> int | bytes:
    return value if isinstance(value, int) else bytes.fromhex(value)


class Reader(cmdrsp.CommandResponderBase):
    """Answers GET, GETNEXT and GETBULK."""

    SUPPORTED_PDU_TYPES = (v2c.GetRequestPDU.tagSet, v2c.GetNextRequestPDU.tagSet, v2c.GetBulkRequestPDU.tagSet)

    def handle_management_operation(self, engine: Any, reference: Any, name: Any, pdu: Any) -> None:
        """Answer one question."""
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


class Writer(cmdrsp.CommandResponderBase):
    """Answers SET."""

    SUPPORTED_PDU_TYPES = (v2c.SetRequestPDU.tagSet,)

    def handle_management_operation(self, engine: Any, reference: Any, name: Any, pdu: Any) -> None:
        """Do what one SET asks for, or refuse it."""
        varbinds = v2c.apiPDU.get_varbinds(pdu)
        status, place = "noError", 0
        try:
            self.cbCtx.set([(tuple(oid), _plain(value)) for oid, value in varbinds])
        except Refused as refused:
            status, place = refused.status, refused.place
        self.send_varbinds(engine, reference, status, place, varbinds)


def _next(held: list[Any], oid: tuple[int, ...], most: int) -> Iterable[Any]:
    at = bisect.bisect_right([one for one, _value in held], oid)
    found = [(one, _shown(value)) for one, value in held[at : at + most]]
    return found or [(oid, EndOfMibView(""))]


def _shown(value: int | bytes) -> Any:
    return Integer32(value) if isinstance(value, int) else OctetString(value)


def _plain(value: Any) -> int | bytes:
    return bytes(value.asOctets()) if isinstance(value, OctetString) else int(value)


def serve(port: int, nat: Nat) -> None:
    """Serve until the process is ended."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    agent = engine.SnmpEngine()
    config.add_transport(agent, udp.DOMAIN_NAME, udp.UdpTransport().open_server_mode(("127.0.0.1", port)))
    config.add_v1_system(agent, "front", COMMUNITY)
    config.add_vacm_user(agent, 2, "front", "noAuthNoPriv", (1, 3, 6), (1, 3, 6))
    where = context.SnmpContext(agent)
    Reader(agent, where, nat)
    Writer(agent, where, nat)
    agent.transport_dispatcher.job_started(1)
    agent.open_dispatcher()


if __name__ == "__main__":
    serve(int(sys.argv[1]), Nat(Path(sys.argv[2]), "--one-name" in sys.argv))
