# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets that tcpdump, Wireshark and their kin recorded: pcap and pcapng files.

A file is read whole each time, so ``position`` stays where it is: the file's
header, the streams and the requests that wait for an answer all stand before any
place at which a next run could go on.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Dict, Iterable, Iterator, Optional, Tuple, Union

from ...errors import HandoverError
from ..capture.feed import Feed
from ..capture.fragments import Fragments
from ..capture.framing import Framed
from ..capture.ip import TCP, UDP, IpPacket, parse_ip, parse_udp, upper_layer
from ..capture.link import ip_packet
from ..capture.packet import Fault, Packet, Place, Segment
from ..capture.pcap_file import MAGIC, packets
from ..capture.tcp import Found, Streams, parse_tcp
from ..message import START_LINE
from ..refusal import Refusal
from .exchange import Doubt, Exchanges, Recorded
from .lines import Position
from .source import Item, Source

__all__ = ["SOURCE", "messages", "parse"]

_Found = Union[Recorded, Doubt, Refusal]

#: The beginning of a message whose start line may be cut.
_CUT = re.compile(rb"[A-Z]+ sips?:|SIP/2\.0 ")


def parse(stream: Iterable[bytes], where: str, position: Optional[Position] = None) -> Iterator[Item]:
    """Read a capture file. A registration comes out with the server's 2xx to it."""
    exchanges = Exchanges()
    for item in messages(stream, where):
        if isinstance(item, Refusal):
            yield item
        elif isinstance(item, Doubt):
            exchanges.doubt(item)
        else:
            yield from exchanges.take(item)
    yield from exchanges.finish()


SOURCE = Source("pcap", parse, magic=MAGIC)


def messages(stream: Iterable[bytes], where: str) -> Iterator[_Found]:
    """The SIP messages of a capture file, each once whole.

    A message that is lost is a refusal at once. Of what else cannot be read, each kind is one refusal at the end,
    which counts it: a capture may hold millions of packets that have nothing to do with SIP.
    """
    reader = _Reader(where)
    for packet in packets(Feed(stream)):
        if isinstance(packet, Fault):
            yield from reader.fault(packet)
        else:
            yield from reader.take(packet)
    yield from reader.finish()


class _Reader:
    """The layers above the file."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._fragments = Fragments()
        self._streams = Streams()
        self._faults: Dict[str, Tuple[Fault, int]] = {}

    def take(self, packet: Packet) -> Iterator[_Found]:
        """Read one packet."""
        place = Place(packet.number, packet.time)
        try:
            yield from self._take(packet, place)
        except HandoverError as error:
            yield from self.fault(Fault(error.code, error.rule, packet.number))

    def fault(self, fault: Fault) -> Iterator[Refusal]:
        """Tell of something that could not be read, or count it."""
        if fault.sip:
            yield Refusal(fault.code, fault.reason, f"{self._where}:{fault.number}")
        else:
            first, count = self._faults.get(fault.code, (fault, 0))
            self._faults[fault.code] = first, count + 1

    def finish(self) -> Iterator[_Found]:
        """The file ends."""
        for fault in self._fragments.finish():
            yield from self.fault(fault)
        for found, ends in self._streams.finish():
            yield from self._stream(found, ends)
        for first, count in self._faults.values():
            reason = first.reason if count == 1 else f"{first.reason}: {count} packets, of which this is the first"
            yield Refusal(first.code, reason, f"{self._where}:{first.number}")

    def _take(self, packet: Packet, place: Place) -> Iterator[_Found]:
        found = ip_packet(packet.link, packet.data)
        if found is None:
            return
        ip = parse_ip(found[0], packet.data, found[1])
        if ip.fragment is None:
            yield from self._datagram(ip, place)
        elif ip.missing:
            raise HandoverError("truncated_capture", len(packet.data), "fragments are recorded whole")
        else:
            for whole in self._fragments.take(ip, place):
                if isinstance(whole, Fault):
                    yield from self.fault(whole)
                else:
                    yield from self._datagram(upper_layer(whole.packet), whole.place)

    def _datagram(self, ip: IpPacket, place: Place) -> Iterator[_Found]:
        if ip.protocol == UDP:
            segment = parse_udp(ip)
            if segment.missing and _CUT.match(segment.payload):
                reason = f"the capture has not the last {segment.missing} bytes of this message"
                yield Refusal("truncated_capture", reason, f"{self._where}:{place.number}")
            elif START_LINE.match(segment.payload.lstrip(b"\r\n")):
                yield self._recorded(segment.payload, segment, "udp", place)
        elif ip.protocol == TCP:
            for found, ends in self._streams.take(parse_tcp(ip), place):
                yield from self._stream(found, ends)

    def _stream(self, found: Found, ends: Segment) -> Iterator[_Found]:
        if isinstance(found, Framed):
            yield self._recorded(found.data, ends, "tcp", found.place)
            return
        if found.code == "conflicting_packets":
            source, destination = ip_address(ends.source), ip_address(ends.destination)
            yield Doubt(source, ends.source_port, destination, ends.destination_port)
        yield from self.fault(found)

    def _recorded(self, data: bytes, ends: Segment, transport: str, place: Place) -> Recorded:
        return Recorded(
            data=data,
            source=ip_address(ends.source),
            source_port=ends.source_port,
            destination=ip_address(ends.destination),
            destination_port=ends.destination_port,
            transport=transport,
            time=place.time,
            where=f"{self._where}:{place.number}",
        )
