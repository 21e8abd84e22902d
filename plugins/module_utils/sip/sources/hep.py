# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HEP3 packets, one after the other: what a SIP server mirrors to a Homer collector.

As they come over TCP, or datagrams stored one after another. Each begins with
``HEP3`` and its length, then chunks: vendor, type, length, value (HEP/EEP
reference, revision 12, github.com/sipcapture/HEP). Like a capture file, an input is
read whole each time and ``position`` stays: requests may wait for their answer.
"""

from __future__ import annotations

import zlib
from ipaddress import IPv4Address, IPv6Address
from typing import Dict, Iterable, Iterator, Optional, Union

from ...errors import HandoverError
from ..capture.feed import Feed
from ..capture.packet import seconds_or_none
from ..grammar import Address
from ..message import MAX_MESSAGE, START_LINE
from ..refusal import Refusal, refusal
from .exchange import Exchanges, Recorded
from .lines import Position
from .source import Item, Source

__all__ = ["SOURCE", "messages", "parse"]

_MAGIC = b"HEP3"
_HEADER = 6

_PROTOCOL, _SOURCE4, _DESTINATION4, _SOURCE6, _DESTINATION6, _SOURCE_PORT, _DESTINATION_PORT = 2, 3, 4, 5, 6, 7, 8
_FAMILY, _SECONDS, _MICROSECONDS, _PAYLOAD_TYPE, _PAYLOAD, _COMPRESSED = 1, 9, 10, 11, 15, 16
#: Bytes of each chunk that is read; None for any number.
_SIZES: Dict[int, Optional[int]] = {
    _FAMILY: 1,
    _PROTOCOL: 1,
    _SOURCE4: 4,
    _DESTINATION4: 4,
    _SOURCE6: 16,
    _DESTINATION6: 16,
    _SOURCE_PORT: 2,
    _DESTINATION_PORT: 2,
    _SECONDS: 4,
    _MICROSECONDS: 4,
    _PAYLOAD_TYPE: 1,
    _PAYLOAD: None,
    _COMPRESSED: None,
}
_SIP = 1
_AF_INET, _AF_INET6 = 2, 10
#: IP protocols. Kamailio writes 22 for TLS and, in some versions, for WebSocket without TLS too, so 22 is neither here:
#: what the phone's Via says must not decide whether a transport counts as secure.
_TRANSPORTS = {6: "tcp", 17: "udp", 132: "sctp"}


def parse(stream: Iterable[bytes], where: str, position: Optional[Position] = None) -> Iterator[Item]:
    """Read packets. A registration comes out with the server's 2xx to it."""
    exchanges = Exchanges()
    for item in messages(stream, where):
        if isinstance(item, Refusal):
            yield item
        else:
            yield from exchanges.take(item)
    yield from exchanges.finish()


SOURCE = Source("hep", parse, magic=(_MAGIC,))


def messages(stream: Iterable[bytes], where: str) -> Iterator[Union[Recorded, Refusal]]:
    """The SIP messages.

    A packet whose chunks are wrong is refused, and the next is read. Where no packet begins the rest is not read: the
    next ``HEP3`` may be the text of a message.
    """
    feed = Feed(stream)
    number = 0
    while True:
        header = feed.take(_HEADER)
        if not header:
            return
        number += 1
        place = f"{where}:{number}"
        if not _MAGIC.startswith(header[:4]) or (
            len(header) == _HEADER and int.from_bytes(header[4:], "big") < _HEADER
        ):
            yield Refusal("bad_capture", "a HEP3 packet begins with HEP3 and its length: the rest is not read", place)
            return
        size = int.from_bytes(header[4:], "big") - _HEADER
        data = feed.take(size) if len(header) == _HEADER else b""
        if len(header) < _HEADER or len(data) < size:
            yield Refusal("truncated_capture", "the input ends within a packet", place)
            return
        try:
            found = _message(_chunks(data), place)
        except HandoverError as error:
            yield refusal(error, place)
            continue
        if found is not None and START_LINE.match(found.data.lstrip(b"\r\n")):
            yield found


def _chunks(data: bytes) -> Dict[int, bytes]:
    """The chunks that are read, by type. Those of vendors, and those that carry something else, are passed."""
    found: Dict[int, bytes] = {}
    start = 0
    while start < len(data):
        vendor, kind, size = (int.from_bytes(data[start + at : start + at + 2], "big") for at in (0, 2, 4))
        value = data[start + _HEADER : start + size]
        if size < _HEADER or len(value) < size - _HEADER:
            raise _bad(data[start:], "a chunk is as long as it says, within its packet")
        start += size
        if vendor == 0 and kind in _SIZES:
            if kind in found or _SIZES[kind] not in (None, len(value)):
                raise _bad(data, f"chunk {kind} stands once, with its own size")
            found[kind] = value
    return found


def _message(chunks: Dict[int, bytes], where: str) -> Optional[Recorded]:
    """The message in a packet; None where it carries something else."""
    if chunks.get(_PAYLOAD_TYPE) != bytes([_SIP]):
        return None
    ipv6 = _number(chunks, _FAMILY) == _AF_INET6
    if not ipv6 and _number(chunks, _FAMILY) != _AF_INET:
        raise _bad(chunks[_FAMILY], "the family is IPv4 or IPv6")
    time = None
    if _SECONDS in chunks:
        time = seconds_or_none(
            _number(chunks, _SECONDS) + int.from_bytes(chunks.get(_MICROSECONDS, b""), "big") / 10**6
        )
    return Recorded(
        data=_payload(chunks),
        source=_address(chunks, _SOURCE6 if ipv6 else _SOURCE4),
        source_port=_number(chunks, _SOURCE_PORT),
        destination=_address(chunks, _DESTINATION6 if ipv6 else _DESTINATION4),
        destination_port=_number(chunks, _DESTINATION_PORT),
        transport=_TRANSPORTS.get(_number(chunks, _PROTOCOL), "unknown"),
        time=time,
        where=where,
    )


def _payload(chunks: Dict[int, bytes]) -> bytes:
    if (_PAYLOAD in chunks) == (_COMPRESSED in chunks):
        raise _bad(b"", "a packet has one payload, plain or compressed")
    if _PAYLOAD in chunks:
        return chunks[_PAYLOAD]
    inflate = zlib.decompressobj()
    try:
        data = inflate.decompress(chunks[_COMPRESSED], MAX_MESSAGE + 1)
    except zlib.error as error:
        raise _bad(chunks[_COMPRESSED], "a compressed payload is zlib's (RFC 1950)") from error
    if len(data) > MAX_MESSAGE:
        raise HandoverError("message_too_large", data[:80], f"a message has at most {MAX_MESSAGE} bytes")
    if not inflate.eof:
        raise _bad(chunks[_COMPRESSED], "a compressed payload is whole")
    return data


def _address(chunks: Dict[int, bytes], kind: int) -> Address:
    value = _value(chunks, kind)
    return IPv4Address(value) if len(value) == 4 else IPv6Address(value)


def _number(chunks: Dict[int, bytes], kind: int) -> int:
    return int.from_bytes(_value(chunks, kind), "big")


def _value(chunks: Dict[int, bytes], kind: int) -> bytes:
    if kind not in chunks:
        raise _bad(b"", f"a packet with SIP has chunk {kind}")
    return chunks[kind]


def _bad(data: bytes, rule: str) -> HandoverError:
    return HandoverError("bad_packet", data[:40].hex(), rule)
