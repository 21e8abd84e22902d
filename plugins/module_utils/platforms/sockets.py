# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions of a Linux host, from what ``ss`` prints."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import Dict, List, Tuple

from ..errors import HandoverError
from ..mobility.handover import Session
from ..mobility.model import Address
from ..reader import address

__all__ = ["parse_sockets", "sessions_by_address"]

#: An address, in brackets where it is IPv6, with the interface where ss tells it; and a port.
_ENDPOINT = re.compile(r"\[?([0-9A-Fa-f.:]+)\]?(?:%[^\s:\]]+)?\]?:([0-9]{1,5})")

#: States in which a connection no longer carries anything, or does not yet.
_IDLE = frozenset({"TIME-WAIT", "SYN-RECV", "LISTEN", "UNCONN", "CLOSED"})


def parse_sockets(printed: str) -> List[Session]:
    """The sessions in the output of ``ss -Hntu``, whatever their local address; see :func:`sessions_by_address`.

    :raises HandoverError: ``unreadable_answer``, naming the line.
    """
    return [session for found in sessions_by_address(printed).values() for session in found]


def sessions_by_address(printed: str) -> Dict[Address, List[Session]]:
    """By local address the sessions in the output of ``ss -Hntu``: TCP connections and connected UDP sockets.

    Unconnected UDP sockets have no peer here; their sessions must come from elsewhere.

    :raises HandoverError: ``unreadable_answer``, naming the line.
    """
    sessions: Dict[Address, List[Session]] = {}
    for line in printed.splitlines():
        fields = line.split()
        if not fields:
            continue
        if len(fields) < 6:
            raise HandoverError("unreadable_answer", line, "ss prints six columns for each socket")
        protocol, state, local, peer = fields[0], fields[1], fields[4], fields[5]
        if state in _IDLE:
            continue
        correspondent, correspondent_port = _endpoint(peer, line)
        host, port = _endpoint(local, line)
        sessions.setdefault(host, []).append(Session(protocol, port, correspondent, correspondent_port))
    return sessions


def _endpoint(text: str, line: str) -> Tuple[Address, int]:
    found = _ENDPOINT.fullmatch(text)
    if found is None:
        raise HandoverError("unreadable_answer", line, "ss prints a socket's ends as ADDRESS:PORT")
    host = address(found.group(1))
    # IPv4 through a socket of IPv6 (RFC 4291 section 2.5.5.2): on the wire it is IPv4.
    mapped = host.ipv4_mapped if isinstance(host, IPv6Address) else None
    return mapped or host, int(found.group(2))
