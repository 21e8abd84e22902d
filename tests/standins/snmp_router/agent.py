# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for what nobody ships: an agent that serves natAddrMapTable (RFC 4008) for writing, and a NAT under it.

The rows become stateless rewrites by nft in the kernel of its network namespace, or of the lab's router that it runs
on (lab/platforms/snmp.py), before the answer goes out; what the
kernel refuses is refused (commitFailed). It speaks SNMPv2c on the loopback: a real snmpd in front of it passes on what
is asked of NAT-MIB, and users, views, routes and the rest are snmpd's own. Whoever asks it without snmpd also finds
ifName, and a snmpSetSerialNo that works. Rows survive the agent: the NAT is the router's.

    python -m tests.standins.snmp_router.agent PORT STATE [--one-name]
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

from .nat_table import Refused, Table, changed, objects, rewrites
from .responders import serve

IF_NAME = (1, 3, 6, 1, 2, 1, 31, 1, 1, 1, 1)
#: snmpSetSerialNo.0: net-snmp's own cannot be set on machines of 64 bits.
SERIAL = (1, 3, 6, 1, 6, 3, 1, 1, 6, 1, 0)


class Nat:
    """The table, kept in a file, and the kernel."""

    def __init__(self, state: Path, one_name: bool) -> None:
        self._state = state
        self._one_name = one_name
        self._serial = 0
        self._table: Table = _loaded(state)
        apply(self._table)

    @property
    def objects(self) -> list[tuple[tuple[int, ...], int | bytes]]:
        """All that there is to see."""
        names = [((*IF_NAME, number), name.encode()) for number, name in sorted(socket.if_nameindex())]
        return [*names, *objects(self._table), (SERIAL, self._serial)]

    def set(self, varbinds: list[tuple[tuple[int, ...], int | bytes]]) -> None:
        """Do all of it or nothing."""
        for place, (oid, value) in enumerate(varbinds, 1):
            if oid == SERIAL and value != self._serial:
                raise Refused("inconsistentValue", place)
        rows = [pair for pair in varbinds if pair[0] != SERIAL]
        links = [number for number, _name in socket.if_nameindex()]
        after = changed(self._table, rows, links, self._one_name)
        try:
            apply(after)
        except subprocess.CalledProcessError as error:
            print(error.stderr, file=sys.stderr, flush=True)
            raise Refused("commitFailed", 1) from error
        self._serial += 1
        self._table = after
        kept = [[*index, {column: _written(value) for column, value in row.items()}] for index, row in after.items()]
        self._state.write_text(json.dumps(kept), encoding="ascii")


def apply(table: Table) -> None:
    """Bring the kernel to what the rows say, in one transaction."""
    names = dict(socket.if_nameindex())
    rules = []
    for link, way, end, seen, becomes in rewrites(table):
        family = "ip6" if ":" in seen else "ip"
        where = "iifname" if way == "in" else "iifname !="
        match = f"{where} {names.get(link, 'gone')} {family} {end} {seen}"
        rules.append(f"{match} notrack {family} {end} set {becomes} accept")
    text = "table inet nat {}\ndelete table inet nat\n"
    if rules:
        lines = "\n".join(rules)
        text += f"table inet nat {{\nchain maps {{\ntype filter hook prerouting priority raw\n{lines}\n}}\n}}\n"
    subprocess.run(["nft", "-f", "-"], input=text, capture_output=True, text=True, check=True)


def _loaded(state: Path) -> Table:
    kept = state.read_text(encoding="ascii") if state.exists() else ""
    return {
        (link, number): {int(column): _value(value) for column, value in row.items()}
        for link, number, row in json.loads(kept or "[]")
    }


def _written(value: int | bytes) -> int | str:
    return value if isinstance(value, int) else value.hex()


def _value(value: int | str) -> int | bytes:
    return value if isinstance(value, int) else bytes.fromhex(value)


if __name__ == "__main__":
    serve(int(sys.argv[1]), Nat(Path(sys.argv[2]), "--one-name" in sys.argv))
