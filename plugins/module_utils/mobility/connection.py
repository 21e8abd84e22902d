# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One row of a router's connection table: the two ends of a flow, as its first packet and as its answer show them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum
from typing import Any, Dict, Mapping, Optional

from ..errors import HandoverError
from ..reader import Reader, address, count, text
from .handover import Session
from .model import Address

__all__ = ["Connection", "Standing", "connection_from_record", "connection_to_record", "session_of"]


class Standing(Enum):
    """How a connection stands.

    LIVE: both ends have spoken, or are free to. ONE_WAY: only the first packet's direction was seen. OPENING: a
    handshake is under way. OVER: nothing but the end of it is still to come (TIME_WAIT, CLOSE).
    """

    LIVE = "live"
    ONE_WAY = "one_way"
    OPENING = "opening"
    OVER = "over"


@dataclass(frozen=True)
class Connection:
    """One flow that a router tracks.

    :ivar source: of its first packet, as the router received it; likewise its port and ``destination``.
    :ivar answer_source: of the packets that answer it, as the router receives them: where the router translates, it is
        not ``destination``. ``answer_destination`` is where they are sent, likewise.
    """

    protocol: str
    source: Address
    source_port: int
    destination: Address
    destination_port: int
    answer_source: Address
    answer_source_port: int
    answer_destination: Address
    answer_destination_port: int
    standing: Standing

    def began_at(self, host: Address) -> bool:
        """Whether this host sent the first packet."""
        return self.source == host


def session_of(connection: Connection, host: Address) -> Optional[Session]:
    """The session that a connection is for ``host``, its mobile node.

    The other end has two endpoints where the router translates it: source NAT of what the other end began, destination
    NAT of what the host began (a published port).

    :returns: None where the host is at neither end, or its own end is translated: it is another host outside then.
    """
    one = connection
    if one.source == host:
        port, kept = one.source_port, (one.answer_destination, one.answer_destination_port) == (host, one.source_port)
        inside, outside = (one.answer_source, one.answer_source_port), (one.destination, one.destination_port)
    elif one.destination == host:
        port, kept = one.destination_port, (one.answer_source, one.answer_source_port) == (host, one.destination_port)
        inside, outside = (one.source, one.source_port), (one.answer_destination, one.answer_destination_port)
    else:
        return None
    if not kept or inside[0].version != host.version or inside[0] == host:
        return None
    return Session(
        one.protocol,
        port,
        inside[0],
        inside[1],
        outside=None if outside[0] == inside[0] else outside[0],
        outside_port=None if outside[1] == inside[1] else outside[1],
    )


def connection_to_record(connection: Connection) -> Dict[str, Any]:
    """A connection as plain data."""
    values = {item.name: getattr(connection, item.name) for item in fields(connection)}
    values["standing"] = connection.standing.value
    return {key: value if isinstance(value, (int, str)) else str(value) for key, value in values.items()}


def connection_from_record(record: Mapping[str, Any]) -> Connection:
    """A connection from plain data.

    :raises HandoverError: naming the key.
    """
    read = Reader(record, "connection")
    found = Connection(
        read.take("protocol", text),
        read.take("source", address),
        read.take("source_port", _port),
        read.take("destination", address),
        read.take("destination_port", _port),
        read.take("answer_source", address),
        read.take("answer_source_port", _port),
        read.take("answer_destination", address),
        read.take("answer_destination_port", _port),
        read.take("standing", Standing),
    )
    read.done()
    return found


def _port(value: object) -> int:
    number = count(value)
    if not 0 < number < 65536:
        raise HandoverError("bad_record", value, "a port is a number from 1 to 65535")
    return number
