# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Path-MTU errors, byte by byte: what a router in the middle sends, and what comes to the host."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Scope
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.trace import Packet

from .frames import Frame, checksum, encode
from .moving import NEW, OLD, PEER, Journey, journey, moved
from .namespaces import Namespace

PORT, PEER_PORT, OTHER = 40000, 7000, 40001


@pytest.fixture(scope="module")
def road() -> Iterator[Journey]:
    """The phone has moved, and its session with it."""
    with journey() as made:
        made.at_home()
        made.move()
        yield made


def quotation(packet: Packet) -> bytes:
    """A packet's beginning, as an error quotes it."""
    whole = encode(Frame(bytes(6), packet, b"twelve bytes"))[14:]
    return whole[: 28 if packet.source.version == 4 else 60]


def known_by(quoted: bytes) -> bytes:
    """A quotation less what no host looks at: UDP's own checksum, which is that of the packet on the way."""
    at = 26 if quoted[0] >> 4 == 4 else 46
    return quoted[:at] + quoted[at + 2 :]


def error(version: int, quoted: bytes) -> bytes:
    """RFC 1191 section 4, RFC 4443 section 3.2; of IPv6, the kernel makes the checksum."""
    if version == 6:
        return struct.pack("!BBHI", 2, 0, 0, 1300) + quoted
    # Not all routers leave the unused word zero: RFC 4884 has a length there.
    head = struct.pack("!BBHHH", 3, 4, 0, 5, 1300) + quoted
    return head[:2] + struct.pack("!H", checksum(head)) + head[4:]


def come(wire: socket.socket, version: int, kind: int) -> tuple[bytes, bytes]:
    """Destination and message of the next ICMP error on a host's link; its checksums are right."""
    deadline = time.monotonic() + 60
    wire.settimeout(60)
    while time.monotonic() < deadline:
        data, (_link, _protocol, direction, *_rest) = wire.recvfrom(2048)
        packet = data[14:]
        if direction == socket.PACKET_OUTGOING:
            continue
        if version == 4 and data[12:14] == b"\x08\0" and packet[9] == 1 and packet[20] == kind:
            assert (checksum(packet[:20]), checksum(packet[20:])) == (0, 0)
            return packet[16:20], packet[20:]
        if version == 6 and data[12:14] == b"\x86\xdd" and packet[6] == 58 and packet[40] == kind:
            pseudo = packet[8:40] + struct.pack("!II", len(packet) - 40, 58)
            assert checksum(pseudo + packet[40:]) == 0
            return packet[24:40], packet[40:]
    raise AssertionError("no error came")


def tracked(road: Journey, one: Namespace, packet: Packet) -> None:
    """A datagram of the session: a strict firewall takes errors of what it has seen only."""
    with one.udp(str(packet.source), packet.source_port or 0) as sender:
        sender.sendto(b"x", (str(packet.destination), packet.destination_port))
    assert road


@pytest.mark.parametrize("scope", Scope, ids=lambda scope: scope.value)
@pytest.mark.parametrize("side", ["peer", "phone"])
@pytest.mark.parametrize("version", [4, 6])
def test_the_quotation_is_as_the_host_sent_it(road: Journey, version: int, side: str, scope: Scope) -> None:
    road.program(moved(version, Session("udp", PORT, PEER[version], PEER_PORT), scope=scope))
    sent = Packet(PEER[version], OLD[version], "udp", PEER_PORT, PORT)
    on_the_way = sent._replace(destination=NEW[version])
    if side == "phone":
        sent = Packet(OLD[version], PEER[version], "udp", PORT, PEER_PORT)
        on_the_way = sent._replace(source=NEW[version])
    destination, found = through(road, side, version, on_the_way, sent)
    assert destination == sent.source.packed
    assert known_by(found[8:]) == known_by(quotation(sent))
    assert found[4:8] == error(version, b"")[4:8], "the MTU, and what stands beside it"


@pytest.mark.parametrize("side", ["peer", "phone"])
@pytest.mark.parametrize("version", [4, 6])
def test_an_error_of_another_session_is_not_touched(road: Journey, version: int, side: str) -> None:
    road.program(moved(version, Session("udp", PORT, PEER[version], PEER_PORT)))
    packet = Packet(PEER[version], NEW[version], "udp", PEER_PORT, OTHER)
    if side == "phone":
        packet = Packet(NEW[version], PEER[version], "udp", OTHER, PEER_PORT)
    destination, found = through(road, side, version, packet, packet)
    assert destination == packet.source.packed
    assert found[4:] == error(version, quotation(packet))[4:]


def through(road: Journey, side: str, version: int, quoted: Packet, sent: Packet) -> tuple[bytes, bytes]:
    """What becomes of an error from the core on its way to a host that sent a packet."""
    host = road.peer if side == "peer" else road.mobile
    tracked(road, host, sent)
    family, protocol = (socket.AF_INET, socket.IPPROTO_ICMP) if version == 4 else (socket.AF_INET6, 58)
    core = road.spaces["core"].open_socket(family, socket.SOCK_RAW, protocol)
    with closing(core), closing(host.wire()) as wire:
        core.sendto(error(version, quotation(quoted)), (str(quoted.source), 0))
        return come(wire, version, 3 if version == 4 else 2)
