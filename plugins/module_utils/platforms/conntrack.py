# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Linux router's connection table, from ``conntrack -L -o extended`` or ``/proc/net/nf_conntrack``.

Both print a row as one line of words: family, protocol, timeout, state (of protocols that have one), then the first
packet's tuple and the answer's as ``KEY=VALUE``, and flags in brackets between them. A row that is none of ours (ICMP,
GRE, another host's) or that cannot be read is skipped and counted: other programs' flows are no reason to fail.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Dict, FrozenSet, Iterable, List, NamedTuple, Optional, Tuple

from ..errors import HandoverError
from ..mobility.connection import Connection, Standing
from ..mobility.model import Address
from .base import Output

__all__ = ["MAX_ROWS", "Table", "parse_connections", "read_connections"]

#: Most rows of one old address that a router sends, of those that carry traffic, and again of those that do not.
MAX_ROWS = 1000
#: Longest line that is read; the kernel's own are shorter than 400 characters.
_MAX_LINE = 2000

_PROTOCOLS = ("tcp", "udp", "sctp", "udplite", "dccp")
_FAMILIES = {"ipv4": 4, "ipv6": 6}
_TUPLE = ("src", "dst", "sport", "dport")
_NUMBER = re.compile("[0-9]{1,10}")
_STATE = re.compile("[A-Z][A-Z0-9_]*")

#: States of connections that carry data. What is half-closed still does in one direction.
_LIVE: Dict[str, FrozenSet[str]] = {
    "tcp": frozenset({"ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT"}),
    "sctp": frozenset({"ESTABLISHED", "HEARTBEAT_SENT", "HEARTBEAT_ACKED", "DATA_SENT"}),
    "dccp": frozenset({"OPEN", "PARTOPEN"}),
}
_OPENING: Dict[str, FrozenSet[str]] = {
    "tcp": frozenset({"SYN_SENT", "SYN_SENT2", "SYN_RECV"}),
    "sctp": frozenset({"COOKIE_WAIT", "COOKIE_ECHOED"}),
    "dccp": frozenset({"REQUEST", "RESPOND"}),
}


class Table(NamedTuple):
    """What a router's table says of some addresses.

    :ivar connections: each once.
    :ivar skipped: rows that were not read, by reason.
    :ivar left_out: rows beyond :data:`MAX_ROWS`, which the router did not send.
    :ivar tracked: rows of the whole table, whoever's; 0 may mean that the router tracks nothing.
    """

    connections: Tuple[Connection, ...]
    skipped: Dict[str, int]
    left_out: int = 0
    tracked: int = 0


def read_connections(output: Output) -> Table:
    """The table in what the gathering script printed.

    :raises HandoverError: ``connections_unknown`` where the router could not list them, ``unreadable_answer``.
    """
    said = output.sections.get("connections", "")
    if "connections" in output.status:
        lines = [line for line in said.splitlines() if line.strip()]
        raise HandoverError(
            "connections_unknown",
            lines[-1][:200] if lines else "no word",
            "a router lists its connections (conntrack, or /proc/net/nf_conntrack)",
            "Install conntrack there, or name the sessions in another way.",
        )
    counts = dict(re.findall("^(left_out|tracked) ([0-9]{1,12})$", output.sections.get("counts", ""), re.M))
    if counts.keys() != {"left_out", "tracked"}:
        raise HandoverError("unreadable_answer", output.sections.get("counts", "")[:200], "the script counts its rows")
    connections, skipped = parse_connections(said.splitlines())
    return Table(tuple(connections), skipped, int(counts["left_out"]), int(counts["tracked"]))


def parse_connections(lines: Iterable[str]) -> Tuple[List[Connection], Dict[str, int]]:
    """The connections in lines of the table, each once, and how many lines were skipped, by reason."""
    found: Dict[Connection, None] = {}
    skipped: Dict[str, int] = {}
    for line in lines:
        words = line[:_MAX_LINE].split()
        if not words:
            continue
        connection, why = _row(words) if len(line) <= _MAX_LINE else (None, "too long")
        if connection is not None:
            found[connection] = None
        else:
            skipped[why] = skipped.get(why, 0) + 1
    return list(found), skipped


def _row(words: List[str]) -> Tuple[Optional[Connection], str]:
    """The connection in a line, or why it is none."""
    if len(words) < 5 or words[0] not in _FAMILIES:
        return None, "no row"
    protocol, rest = words[2], words[4:]
    if protocol not in _PROTOCOLS:
        return None, "other protocol"
    # A timeout follows, but not of what is offloaded; then a state, of protocols that have one.
    rest = rest[1:] if _NUMBER.fullmatch(rest[0]) else rest
    state = rest[0] if rest and _STATE.fullmatch(rest[0]) else ""
    tuples = _tuples(rest, _FAMILIES[words[0]])
    if tuples is None:
        return None, "unreadable"
    standing = _standing(protocol, state, "[UNREPLIED]" in rest)
    if standing is None:
        return None, "unknown state"
    return Connection(protocol, *tuples[0], *tuples[1], standing), ""


_Ends = Tuple[Address, int, Address, int]


def _tuples(words: List[str], version: int) -> Optional[Tuple[_Ends, _Ends]]:
    """The first two tuples; what follows (mark, zone, counters) is not looked at."""
    found: List[Tuple[str, str]] = []
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key in _TUPLE:
            found.append((key, value))
    if [key for key, _value in found] != [*_TUPLE, *_TUPLE]:
        return None
    first, answer = _ends(found[:4], version), _ends(found[4:], version)
    return None if first is None or answer is None else (first, answer)


def _ends(words: List[Tuple[str, str]], version: int) -> Optional[_Ends]:
    source, destination, source_port, destination_port = (value for _key, value in words)
    try:
        one, other = ip_address(source), ip_address(destination)
    except ValueError:
        return None
    ports = [int(text) for text in (source_port, destination_port) if _NUMBER.fullmatch(text)]
    if len(ports) != 2 or not all(0 < port < 65536 for port in ports) or {one.version, other.version} != {version}:
        return None
    # A scope (fe80::1%2) is no part of an address that two networks know.
    if "%" in source + destination:
        return None
    return one, ports[0], other, ports[1]


def _standing(protocol: str, state: str, unreplied: bool) -> Optional[Standing]:
    if protocol not in _LIVE:
        return (Standing.ONE_WAY if unreplied else Standing.LIVE) if not state else None
    if state in _LIVE[protocol]:
        return Standing.ONE_WAY if unreplied else Standing.LIVE
    if state in _OPENING[protocol]:
        return Standing.OPENING
    return Standing.OVER if state else None
