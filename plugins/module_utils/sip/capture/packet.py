# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the layers of a capture hand to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Optional

__all__ = ["MAX_PACKET", "Fault", "Packet", "Place", "Segment", "seconds_or_none"]

#: Largest packet, in bytes: libpcap's MAXIMUM_SNAPLEN.
MAX_PACKET = 262144

#: The year 2200; times beyond it are no times.
_MAX_TIME = 7258118400


class Packet(NamedTuple):
    """One packet of a capture file.

    :ivar number: from 1, as tcpdump and Wireshark count.
    :ivar time: Unix seconds UTC; None where the file has none.
    :ivar link: the link type of its interface (LINKTYPE_ of tcpdump.org).
    :ivar data: from the link header on.
    :ivar length: on the wire; more than ``data`` has where the capture cut it.
    """

    number: int
    time: Optional[float]
    link: int
    data: bytes
    length: int


class Place(NamedTuple):
    """Where something stands in a capture: number and time of its packet."""

    number: int
    time: Optional[float]


class Segment(NamedTuple):
    """The payload of one UDP datagram or TCP segment.

    :ivar source: address as on the wire, 4 or 16 bytes.
    :ivar missing: payload bytes that the packet had and the capture has not.
    """

    source: bytes
    source_port: int
    destination: bytes
    destination_port: int
    payload: bytes
    missing: int


@dataclass(frozen=True)
class Fault:
    """Something that could not be read.

    :ivar code: of :data:`...refusal.CODES`.
    :ivar number: of the packet.
    :ivar sip: whether a SIP message is lost with it; of all others only the first of each code and the number of them
        are worth telling.
    """

    code: str
    reason: str
    number: int
    sip: bool = False


def seconds_or_none(value: float) -> Optional[float]:
    """A packet's time; None for one that is no time."""
    return value if 0 < value < _MAX_TIME else None
