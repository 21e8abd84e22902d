# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on the wire, header by header: US 7,082,118 section 7, and what RFC 3261 lets servers on the way change."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.phone import TAG

from .ua import Dialog, Message, Ua
from .world import ABROAD, AT, AT_HOME, CORRESPONDENT, FAR, HOME, PORT, VISITED, World

ALICE, BOB = f"sip:alice@{HOME}", f"sip:bob@{CORRESPONDENT}"
#: What a proxy may add, change or take away (RFC 3261 section 16.6 and table 2; RFC 3327; RFC 3325).
ON_THE_WAY = {"via", "max-forwards", "route", "record-route", "path", "p-asserted-identity", "proxy-authorization"}

_ETH_P_ALL, _OUTGOING, _UDP = 3, 4, 17
Hop = tuple[str, str, Message]


class Wire:
    """What was sent from one address to another."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        self._socket.settimeout(0.2)

    def close(self) -> None:
        self._socket.close()

    def heard(self, method: str, call_id: str) -> list[Hop]:
        """Each request of this method in a call, hop by hop; with credentials, where it came with and without."""
        found: list[Hop] = []
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            try:
                data, address = self._socket.recvfrom(65535)
            except TimeoutError:
                break
            if address[2] == _OUTGOING or data[9] != _UDP:
                continue  # loopback shows each packet twice
            size = (data[0] & 15) * 4
            message = Message.read(data[size + 8 : size + struct.unpack("!H", data[size + 4 : size + 6])[0]])
            if message.method == method and message.all("Call-ID") == [call_id]:
                found.append((socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20]), message))
        last = max((int(hop[2].one("CSeq").split()[0]) for hop in found), default=0)
        return [hop for hop in found if int(hop[2].one("CSeq").split()[0]) == last]


@pytest.fixture(scope="module")
def world(network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    it = World(tmp_path_factory.mktemp("servers"), tls=False)
    yield it
    it.close()


@contextmanager
def listening() -> Iterator[Wire]:
    wire = Wire()
    try:
        yield wire
    finally:
        wire.close()


@pytest.fixture(scope="module")
def alice(world: World) -> Ua:
    """Alice, abroad."""
    home = world.phone("alice", HOME, AT_HOME, HOME)
    assert home.register().status == 200
    return world.phone("alice", HOME, ABROAD, VISITED)


@pytest.fixture(scope="module")
def call(world: World, alice: Ua) -> Dialog:
    """Her call to Bob."""
    assert alice.register(f"Require: {TAG}", f"{TAG}: <sip:alice@{AT_HOME}>").status == 200
    bob = world.phone("bob", CORRESPONDENT, FAR, CORRESPONDENT)
    assert bob.register().status == 200
    answer, dialog = alice.call(BOB)
    assert answer.status == 200
    return dialog


def path_of(hops: list[Hop]) -> list[tuple[str, str]]:
    return [(source, destination) for source, destination, _message in hops]


def changed(hops: list[Hop]) -> set[str]:
    """The headers that are not the same on every hop."""
    names = {name for _source, _destination, message in hops for name, _value in message.headers}
    return {name for name in names if len({tuple(message.all(name)) for _s, _d, message in hops}) > 1}


def stated(message: Message) -> dict[str, list[str]]:
    """The headers that the patent's example has, but Via, Call-ID and what is the dialog's."""
    return {
        name: message.all(name) for name in ("contact", "require", "proxy-require", TAG.lower()) if message.all(name)
    }


def test_the_registration(alice: Ua) -> None:
    """To and From are the address of record, Contact the new address, Require the tag, the tag's header the old one."""
    with listening() as wire:
        answer = alice.register(f"Require: {TAG}", f"{TAG}: LittleGuy <sip:alice@{AT_HOME}>")
        assert answer.status == 200
        hops = wire.heard("REGISTER", answer.one("Call-ID"))
    assert path_of(hops) == [(ABROAD, AT[VISITED]), (AT[VISITED], AT[HOME])]
    assert changed(hops) <= ON_THE_WAY
    for _source, _destination, message in hops:
        assert message.first == f"REGISTER sip:{HOME} SIP/2.0"
        assert message.one("To") == f"<{ALICE}>"
        assert message.one("From").startswith(f"<{ALICE}>;tag=")
        assert message.one("CSeq").endswith(" REGISTER")
        assert stated(message) == {
            "contact": [f"<sip:alice@{ABROAD}:5060>"],
            "require": [TAG],
            TAG.lower(): [f"LittleGuy <sip:alice@{AT_HOME}>"],
        }
    assert hops[1][2].all("Path") == [f"<sip:{AT[VISITED]}:{PORT};lr>"]


def test_the_re_invite(alice: Ua, call: Dialog) -> None:
    """To the correspondent by his server: the same two addresses. The tag is for the servers on the way."""
    with listening() as wire:
        answer = alice.within(call, "INVITE", f"Proxy-Require: {TAG}", f"{TAG}: <sip:alice@{AT_HOME}>")
        assert answer.status == 200
        hops = wire.heard("INVITE", call.call_id)
    assert path_of(hops) == [
        (ABROAD, AT[VISITED]),
        (AT[VISITED], AT[HOME]),
        (AT[HOME], AT[CORRESPONDENT]),
        (AT[CORRESPONDENT], FAR),
    ]
    assert changed(hops) <= ON_THE_WAY
    for _source, _destination, message in hops:
        assert message.one("To").startswith(f"<{BOB}>;tag=")
        assert message.one("From").startswith(f"<{ALICE}>;tag=")
        assert stated(message) == {
            "contact": [f"<sip:alice@{ABROAD}:5060>"],
            "proxy-require": [TAG],
            TAG.lower(): [f"<sip:alice@{AT_HOME}>"],
        }
    # Her password's digest is for her home server; from there on it says who she is.
    told = [(bool(message.all("Proxy-Authorization")), message.all("P-Asserted-Identity")) for _s, _d, message in hops]
    assert told == [(True, []), (True, []), (False, [f"<{ALICE}>"]), (False, [f"<{ALICE}>"])]


def test_the_notify(alice: Ua, call: Dialog) -> None:
    """To the correspondent's server, which answers: it goes no further."""
    with listening() as wire:
        answer = alice.within(call, "NOTIFY", f"Require: {TAG}", f"{TAG}: <sip:alice@{AT_HOME}>", "Event: dialog")
        assert answer.status == 200
        hops = wire.heard("NOTIFY", call.call_id)
    assert path_of(hops) == [(ABROAD, AT[VISITED]), (AT[VISITED], AT[HOME]), (AT[HOME], AT[CORRESPONDENT])]
    assert changed(hops) <= ON_THE_WAY
    for _source, _destination, message in hops:
        assert stated(message) == {
            "contact": [f"<sip:alice@{ABROAD}:5060>"],
            "require": [TAG],
            TAG.lower(): [f"<sip:alice@{AT_HOME}>"],
        }


def test_what_is_switched_off_is_named(world: World, tmp_path: Path) -> None:
    """420 with Unsupported, which the phone meets where the administrator wants no handovers."""
    one = world.phone("olga", "other.example", "198.18.9.66", VISITED)
    with listening() as wire:
        answer = one.register(f"Require: {TAG}", f"{TAG}: <sip:olga@{AT_HOME}>")
        assert (answer.first, answer.all("Unsupported")) == ("SIP/2.0 420 Bad Extension", [TAG])
        assert path_of(wire.heard("REGISTER", answer.one("Call-ID"))) == [("198.18.9.66", AT[VISITED])]
