# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HEP3 packets, written from the HEP/EEP reference; test_captures_recorded.py has those of a real Kamailio."""

from __future__ import annotations

import struct
import zlib
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Registration

from .messages import NOW
from .packets import PHONE, PHONE6, SERVER, SERVER6, items, numbered, read, reply


def chunk(kind: int, value: bytes, vendor: int = 0) -> bytes:
    return struct.pack("!HHH", vendor, kind, 6 + len(value)) + value


def packet(chunks: dict[int, bytes], more: bytes = b"") -> bytes:
    body = b"".join(chunk(kind, value) for kind, value in chunks.items()) + more
    return b"HEP3" + struct.pack("!H", 6 + len(body)) + body


def chunks(data: bytes, source: str = PHONE, destination: str = SERVER, **changes: bytes | None) -> dict[int, bytes]:
    """The chunks of a packet with SIP; ``c15=None`` leaves number 15 out, other values replace it."""
    start, end = ip_address(source).packed, ip_address(destination).packed
    v6 = len(start) == 16
    found = {
        1: bytes([10 if v6 else 2]),
        2: b"\x11",
        (5 if v6 else 3): start,
        (6 if v6 else 4): end,
        7: struct.pack("!H", 5061),
        8: struct.pack("!H", 5060),
        9: struct.pack("!I", int(NOW)),
        10: struct.pack("!I", 250_000),
        11: b"\x01",
        12: struct.pack("!I", 7),
        15: data,
    }
    for name, value in changes.items():
        if value is None:
            del found[int(name[1:])]
        else:
            found[int(name[1:])] = value
    return found


def pair(number: int, ends: tuple[str, str] = (PHONE, SERVER), **changes: bytes | None) -> bytes:
    """A REGISTER and its 200."""
    request = numbered(number)
    there = packet(chunks(request, ends[0], ends[1], **changes))
    return there + packet(chunks(reply(request), ends[1], ends[0], **changes))


@pytest.mark.parametrize("ends", [(PHONE, SERVER), (PHONE6, SERVER6)])
def test_what_the_chunks_say(ends: tuple[str, str]) -> None:
    (found,) = items(pair(1, ends), "hep")
    assert isinstance(found, Registration)
    assert (found.source_address, found.source_port) == (ip_address(ends[0]), 5061)
    assert (found.server_address, found.received_at) == (ip_address(ends[1]), NOW + 0.25)
    assert (found.transport, found.where) == ("udp", "f:1")


@pytest.mark.parametrize(
    ("protocol", "transport"), [(6, "tcp"), (17, "udp"), (132, "sctp"), (22, "unknown"), (50, "unknown")]
)
def test_a_transport_is_never_what_the_via_claims(protocol: int, transport: str) -> None:
    """The Via says TLS. Kamailio's 22 is TLS or WebSocket without it."""
    (found,) = items(pair(1, c2=bytes([protocol])), "hep")
    assert isinstance(found, Registration)
    assert found.transport == transport


def compressed(data: bytes) -> dict[int, bytes]:
    return chunks(data, c15=None, c16=zlib.compress(data))


def test_a_compressed_payload() -> None:
    request = numbered(1)
    assert read(packet(compressed(request)) + pair(1)[len(packet(chunks(request))) :], "hep") == [1]


def test_vendors_chunks_and_other_payloads_are_passed() -> None:
    vendor = chunk(15, b"not the payload", vendor=7) + chunk(1, b"of any size", vendor=7)
    rtcp = packet(chunks(numbered(9), c11=b"\x05"))
    log = packet({11: b"\x64", 15: b"no SIP"})
    unknown = packet(chunks(numbered(2)), chunk(0x7FFF, b"?") + vendor)
    answer = packet(chunks(reply(numbered(2)), SERVER, PHONE))
    assert read(rtcp + log + unknown + packet({}) + answer, "hep") == [2]


def test_a_packet_without_a_time() -> None:
    (found,) = items(pair(1, c9=None, c10=None), "hep")
    assert isinstance(found, Registration)
    assert found.received_at is None


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (packet(chunks(numbered(1), c1=None)), "bad_packet"),
        (packet(chunks(numbered(1), c1=b"\x07")), "bad_packet"),
        (packet(chunks(numbered(1), c2=None)), "bad_packet"),
        (packet(chunks(numbered(1), c3=None)), "bad_packet"),
        (packet(chunks(numbered(1), c4=b"\x01\x02\x03")), "bad_packet"),
        (packet(chunks(numbered(1), c7=None)), "bad_packet"),
        (packet(chunks(numbered(1), c15=None)), "bad_packet"),
        (packet(chunks(numbered(1)), chunk(15, b"again")), "bad_packet"),
        (packet(chunks(numbered(1)), chunk(16, zlib.compress(b"both"))), "bad_packet"),
        (packet(chunks(numbered(1)), b"\0\0\0\x0c\0"), "bad_packet"),
        (packet(chunks(numbered(1)), b"\0\0\0\x0c\0\x05"), "bad_packet"),
        (packet(chunks(numbered(1)), b"\0\0\0\x0c\0\x40"), "bad_packet"),
        (packet(chunks(b"", c15=None, c16=b"no zlib")), "bad_packet"),
        (packet(chunks(b"", c15=None, c16=zlib.compress(numbered(1))[:-9])), "bad_packet"),
        (packet(compressed(bytes(10_000_000))), "message_too_large"),
        (packet(chunks(numbered(1, contact="<<>>"))), "bad_address"),
    ],
)
def test_the_packets_around_a_bad_one_are_still_read(bad: bytes, code: str) -> None:
    assert read(pair(2) + bad + pair(3), "hep") == [2, code, 3]


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (b"HEP3\0\x05", "bad_capture"),
        (b"HEP2\0\x40" + bytes(58), "bad_capture"),
        (b"\0" + pair(3), "bad_capture"),
        (b"HE", "truncated_capture"),
        (b"HEP3\0", "truncated_capture"),
        (packet(chunks(numbered(3)))[:-1], "truncated_capture"),
    ],
)
def test_where_no_packet_begins_the_rest_is_not_read(damage: bytes, code: str) -> None:
    assert read(pair(2) + damage, "hep") == [2, code]


def test_a_packet_inside_a_message_is_text() -> None:
    """A phone may write a HEP packet with another's REGISTER, and the 200 to it, into the body of a message."""
    inner = pair(66)
    outer = packet(chunks(numbered(1, len(inner))[: -len(inner)] + inner))
    answer = packet(chunks(reply(numbered(1)), SERVER, PHONE))
    assert read(outer + answer, "hep") == [1]
    # Nor where the outer packet is damaged, so that one would have to look for the next beginning.
    assert read(b"HEP3\0\x01" + outer[6:] + answer, "hep") == ["bad_capture"]


def test_recognised_by_its_first_bytes() -> None:
    assert read(pair(1), "auto") == [1]
    assert isinstance(next(items(b"HEP3", "auto")), Refusal)


@given(st.binary(max_size=300), st.integers(0, 600), st.integers(1, 40))
def test_a_damaged_packet_never_raises_and_chunks_do_not_matter(noise: bytes, at: int, size: int) -> None:
    data = pair(1)
    damaged = data[:at] + noise + data[at + len(noise) :]
    whole = list(items(damaged, "hep"))
    assert whole == list(items(damaged, "hep", size))
