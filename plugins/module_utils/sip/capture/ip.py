# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IPv4 and IPv6 headers (RFC 791, RFC 8200), and UDP's (RFC 768).

Checksums are not checked: a capture on the sending machine is taken before the
network card fills them in.
"""

from __future__ import annotations

from typing import NamedTuple, Optional

from ...errors import HandoverError
from .packet import Segment

__all__ = ["TCP", "UDP", "Fragment", "IpPacket", "parse_ip", "parse_udp", "upper_layer"]

TCP, UDP = 6, 17

_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _DESTINATION = 0, 43, 44, 51, 60
_MOBILITY, _HIP, _SHIM6 = 135, 139, 140
_EXTENSIONS = frozenset((_HOP_BY_HOP, _ROUTING, _AUTHENTICATION, _DESTINATION, _MOBILITY, _HIP, _SHIM6))
_MAX_EXTENSIONS = 16


class Fragment(NamedTuple):
    """Which part of a datagram this is.

    :ivar key: same for all fragments of one datagram.
    :ivar offset: in bytes.
    :ivar more: whether further ones follow it.
    """

    key: bytes
    offset: int
    more: bool


class IpPacket(NamedTuple):
    """One IP packet.

    :ivar protocol: of the payload; of a fragment of IPv6, what its Fragment header says.
    :ivar missing: payload bytes that the packet had and the capture has not.
    :ivar fragment: None for a whole datagram.
    """

    source: bytes
    destination: bytes
    protocol: int
    payload: bytes
    missing: int
    fragment: Optional[Fragment]


def parse_ip(version: int, data: bytes, start: int) -> IpPacket:
    """The IP packet whose header begins at ``start``.

    :raises HandoverError: ``bad_packet``; ``truncated_capture`` where the capture ends within the headers.
    """
    header_end = start + (20 if version == 4 else 40)
    if len(data) < header_end:
        raise HandoverError("truncated_capture", f"{len(data) - start} bytes", "a packet has its IP header")
    if data[start] >> 4 != version:
        raise _bad(data, start, "the link layer and the IP header name one version")
    return _ipv4(data, start) if version == 4 else _ipv6(data, start, header_end)


def parse_udp(packet: IpPacket) -> Segment:
    """The datagram in an IP packet.

    :raises HandoverError: ``bad_packet``; ``truncated_capture`` where the capture ends within the header.
    """
    data = packet.payload
    if len(data) < 8:
        raise short(packet, "UDP")
    length = data[4] << 8 | data[5]
    there = len(data) + packet.missing
    if not 8 <= length <= there:
        raise HandoverError("bad_packet", f"{length} of {there} bytes", "a datagram is as long as its header says")
    payload = data[8:length]
    return Segment(
        packet.source,
        data[0] << 8 | data[1],
        packet.destination,
        data[2] << 8 | data[3],
        payload,
        length - 8 - len(payload),
    )


def upper_layer(packet: IpPacket) -> IpPacket:
    """The packet with the extension headers of IPv6 taken off its payload, down to a Fragment header.

    :raises HandoverError: as :func:`parse_ip`.
    """
    protocol, data = packet.protocol, packet.payload
    if len(packet.source) == 4:
        return packet
    at = 0
    for _n in range(_MAX_EXTENSIONS):
        if protocol not in _EXTENSIONS and protocol != _FRAGMENT:
            return packet._replace(protocol=protocol, payload=data[at:])
        if len(data) < at + 8:
            raise short(packet, "IPv6 extension")
        if protocol == _FRAGMENT:
            return _fragment6(packet, data, at)
        if protocol == _ROUTING and data[at + 3]:
            raise _bad(data, at, "a packet at its destination has no segments left to visit (RFC 8200 section 4.4)")
        size = (data[at + 1] + 2) * 4 if protocol == _AUTHENTICATION else (data[at + 1] + 1) * 8
        protocol, at = data[at], at + size
        if at > len(data):
            raise short(packet, "IPv6 extension")
    raise _bad(data, 0, f"a packet has at most {_MAX_EXTENSIONS} extension headers")


def short(packet: IpPacket, name: str) -> HandoverError:
    """The error of a packet that ends within a header: the capture's fault, or the sender's."""
    code = "truncated_capture" if packet.missing else "bad_packet"
    return HandoverError(code, packet.payload[:40].hex(), f"a packet has its whole {name} header")


def _ipv4(data: bytes, start: int) -> IpPacket:
    size = (data[start] & 15) * 4
    # Zero: captured before the network card cut one large segment into packets.
    total = data[start + 2] << 8 | data[start + 3] or len(data) - start
    if not 20 <= size <= total:
        raise _bad(data, start, "the lengths in an IPv4 header agree")
    # What follows the packet in a frame is padding.
    payload = data[start + size : start + total]
    flags = data[start + 6] << 8 | data[start + 7]
    source, destination = data[start + 12 : start + 16], data[start + 16 : start + 20]
    fragment = None
    if flags & 0x3FFF:
        key = source + destination + data[start + 4 : start + 6] + data[start + 9 : start + 10]
        fragment = Fragment(key, (flags & 0x1FFF) * 8, bool(flags & 0x2000))
    return IpPacket(source, destination, data[start + 9], payload, total - size - len(payload), fragment)


def _ipv6(data: bytes, start: int, end: int) -> IpPacket:
    length = data[start + 4] << 8 | data[start + 5]
    if not length and data[start + 6] in (TCP, UDP):
        # As in IPv4. With a hop-by-hop header it would be a jumbogram, which no SIP message is.
        length = len(data) - end
    payload = data[end : end + length]
    packet = IpPacket(
        data[start + 8 : start + 24],
        data[start + 24 : start + 40],
        data[start + 6],
        payload,
        length - len(payload),
        None,
    )
    return upper_layer(packet)


def _fragment6(packet: IpPacket, data: bytes, at: int) -> IpPacket:
    flags = data[at + 2] << 8 | data[at + 3]
    packet = packet._replace(protocol=data[at], payload=data[at + 8 :])
    if not flags & 0xFFF9:
        # RFC 6946: a fragment that is the whole datagram stands for itself.
        return upper_layer(packet)
    key = packet.source + packet.destination + data[at + 4 : at + 8]
    return packet._replace(fragment=Fragment(key, flags & 0xFFF8, bool(flags & 1)))


def _bad(data: bytes, start: int, rule: str) -> HandoverError:
    return HandoverError("bad_packet", data[start : start + 40].hex(), rule)
