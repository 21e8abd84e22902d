# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""UDP datagrams as whole Ethernet frames, so that a test chooses every address and sees every next hop."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import ip_address

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.trace import Packet

__all__ = ["Frame", "checksum", "decode", "encode"]

_UDP = 17
#: The longest way that a packet can have: no test ends because its hops ran out.
_HOPS = 255
_ETHERTYPES = {4: 0x0800, 6: 0x86DD}


@dataclass(frozen=True)
class Frame:
    """A datagram on a link.

    :ivar to: the hardware address of the next hop.
    :ivar dscp: Differentiated Services codepoint (RFC 2474 section 3), 0 to 63.
    """

    to: bytes
    packet: Packet
    payload: bytes
    dscp: int = 0


def encode(frame: Frame) -> bytes:
    """The bytes of a frame, its checksums right."""
    packet = frame.packet
    if packet.source_port is None or packet.destination_port is None:
        raise ValueError(f"{packet} is not a datagram")
    length = 8 + len(frame.payload)
    source, destination = packet.source.packed, packet.destination.packed
    ports = struct.pack("!HHH", packet.source_port, packet.destination_port, length)
    total = checksum(_pseudo(source, destination, length) + ports + bytes(2) + frame.payload)
    udp = ports + struct.pack("!H", total or 0xFFFF) + frame.payload
    version = packet.source.version
    if version == 4:
        # RFC 791 section 3.1, without options.
        head = struct.pack("!BBHHHBBH", 0x45, frame.dscp << 2, 20 + length, 0, 0, _HOPS, _UDP, 0)
        total = checksum(head + source + destination)
        head = head[:10] + struct.pack("!H", total)
    else:
        # RFC 8200 section 3.
        head = struct.pack("!IHBB", 6 << 28 | frame.dscp << 22, length, _UDP, _HOPS)
    link = frame.to + b"\2\0\0\0\0\xff" + struct.pack("!H", _ETHERTYPES[version])
    return link + head + source + destination + udp


def decode(data: bytes) -> Frame | None:
    """The datagram in a frame; None where it is something else.

    :raises AssertionError: when a checksum in it is wrong.
    """
    kind, packet = struct.unpack("!H", data[12:14])[0], data[14:]
    if kind == _ETHERTYPES[4] and packet[9] == _UDP:
        assert checksum(packet[:20]) == 0, "IPv4 header checksum"
        dscp, addresses, udp = packet[1] >> 2, packet[12:20], packet[20 : struct.unpack("!H", packet[2:4])[0]]
    elif kind == _ETHERTYPES[6] and packet[6] == _UDP:
        length = struct.unpack("!H", packet[4:6])[0]
        dscp, addresses, udp = struct.unpack("!H", packet[:2])[0] >> 6 & 0x3F, packet[8:40], packet[40 : 40 + length]
    else:
        return None
    half = len(addresses) // 2
    source, destination = addresses[:half], addresses[half:]
    assert checksum(_pseudo(source, destination, len(udp)) + udp) == 0, "UDP checksum"
    ports = struct.unpack("!HH", udp[:4])
    return Frame(data[:6], Packet(_address(source), _address(destination), "udp", *ports), udp[8:], dscp)


def _address(packed: bytes) -> Address:
    return ip_address(packed)


def _pseudo(source: bytes, destination: bytes, length: int) -> bytes:
    """What the UDP checksum covers of the IP header (RFC 768, RFC 8200 section 8.1); its sum, not its layout."""
    return source + destination + struct.pack("!HH", length, _UDP)


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071); 0 over data that hold their own."""
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
