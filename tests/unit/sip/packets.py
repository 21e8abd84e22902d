# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets and capture files for tests, written from the RFCs and the drafts of the pcap formats."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.dialog_message import DialogMessage
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Registration
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import open_source

from .messages import NOW, REGISTER, changed, message

PHONE, SERVER = "2.2.2.20", "2.2.2.10"
PHONE6, SERVER6 = "2001:db8::20", "2001:db8::10"
ETHERNET, RAW = 1, 101


def pcap(
    frames: Iterable[bytes],
    link: int = ETHERNET,
    order: str = "<",
    nano: bool = False,
    cut: int = 65535,
    step: int = 1,
) -> bytes:
    """A pcap file, one frame every ``step`` seconds from :data:`NOW` on, cut at ``cut`` bytes."""
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    found = [struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, cut, link)]
    for number, frame in enumerate(frames):
        header = struct.pack(order + "IIII", int(NOW) + number * step, 0, len(frame[:cut]), len(frame))
        found.append(header + frame[:cut])
    return b"".join(found)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block."""
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def section(order: str = "<") -> bytes:
    """A Section Header Block of unstated length."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(link: int = ETHERNET, order: str = "<", snaplen: int = 0, options: bytes = b"") -> bytes:
    """An Interface Description Block."""
    return block(1, struct.pack(order + "HHI", link, 0, snaplen) + options, order)


def enhanced(frame: bytes, ticks: int, order: str = "<", number: int = 0) -> bytes:
    """An Enhanced Packet Block."""
    head = struct.pack(order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame))
    return block(6, head + frame, order)


def ethernet(packet: bytes, *tags: tuple[int, int]) -> bytes:
    """An Ethernet frame, with VLAN tags from the outermost on."""
    kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
    return bytes(12) + b"".join(struct.pack("!HH", *tag) for tag in tags) + kind + packet


def ip(
    payload: bytes,
    source: str = PHONE,
    destination: str = SERVER,
    protocol: int = 17,
    fragment: tuple[int, bool] | None = None,
    ident: int = 7,
    extensions: Sequence[tuple[int, bytes]] = (),
) -> bytes:
    """An IP packet; ``fragment`` is offset in bytes and whether more follow, ``extensions`` number and whole header."""
    start, end = ip_address(source).packed, ip_address(destination).packed
    if len(start) == 4:
        flags = 0 if fragment is None else fragment[0] // 8 | fragment[1] << 13
        return (
            struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), ident, flags, 64, protocol, 0) + start + end + payload
        )
    if fragment is not None:
        extensions = [*extensions, (44, struct.pack("!BBHI", 0, 0, fragment[0] | fragment[1], ident))]
    numbers = [*(number for number, _header in extensions), protocol]
    chain = b"".join(bytes([number]) + header[1:] for number, (_, header) in zip(numbers[1:], extensions, strict=True))
    return struct.pack("!IHBB", 6 << 28, len(chain + payload), numbers[0], 64) + start + end + chain + payload


def udp(data: bytes, source: int = 5061, destination: int = 5060) -> bytes:
    """A UDP datagram."""
    return struct.pack("!HHHH", source, destination, 8 + len(data), 0) + data


def tcp(data: bytes, sequence: int, flags: int = 0x18, ack: int = 0, back: bool = False) -> bytes:
    """A TCP segment; flags are PSH and ACK unless stated."""
    ports = (5060, 5061) if back else (5061, 5060)
    return struct.pack("!HHIIBBHHH", *ports, sequence % 2**32, ack % 2**32, 0x50, flags, 65535, 0, 0) + data


def split(data: bytes, size: int, **options: object) -> list[bytes]:
    """The IP fragments of a payload, ``size`` bytes each (a multiple of eight)."""
    starts = range(0, len(data), size)
    return [ip(data[at : at + size], fragment=(at, at + size < len(data)), **options) for at in starts]  # type: ignore[arg-type]


def reply(request: bytes, status: str = "200 OK", headers: Iterable[tuple[str, str]] = ()) -> bytes:
    """A response with the headers that RFC 3261 section 8.2.6 has it copy."""
    lines = request.split(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
    fields = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
    copied = [field for field in fields if field[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
    return message([*copied, *headers, ("Content-Length", "0")], f"SIP/2.0 {status}")


def numbered(number: int, size: int = 0, **headers: str | None) -> bytes:
    """The patent's REGISTER with this CSeq, with a body of ``size`` bytes."""
    values = {"cseq": f"{number} REGISTER", "content_length": str(size), **headers}
    return message(changed(REGISTER, **values), body=b"b" * size)


def exchange(number: int) -> list[bytes]:
    """The IP packets of a REGISTER over UDP and its 200."""
    request = numbered(number)
    return [ip(udp(request)), ip(udp(reply(request), 5060, 5061), SERVER, PHONE)]


def read(data: bytes, name: str = "pcap", chunk: int = 1 << 20) -> list[int | str | None]:
    """CSeq of each registration and code of each refusal, in order."""
    return [item.cseq if isinstance(item, Registration) else item.code for item in items(data, name, chunk)]


def items(data: bytes, name: str = "pcap", chunk: int = 1 << 20) -> Iterator[Registration | Refusal]:
    """What a source yields of registrations."""
    for item in open_source(name, (data[at : at + chunk] for at in range(0, len(data), chunk)), "f")[1]:
        if not isinstance(item, DialogMessage):
            assert isinstance(item, (Registration, Refusal))
            yield item
