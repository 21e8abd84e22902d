# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The TFTP server for one transfer, against packets as RFC 1350 has them. tests/kernel/snmp has curl against it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.plugin_utils import tftp_once
from ansible_collections.sipmobility.handover.plugins.plugin_utils.tftp_once import OneFile

HERE = ip_address("127.0.0.1")
NAME = "sipmobility-1"


@pytest.fixture(autouse=True)
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """Any port that is free: 69 is the system's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((str(HERE), 0))
        number = int(probe.getsockname()[1])
    monkeypatch.setattr(tftp_once, "PORT", number)
    monkeypatch.setattr(tftp_once, "_AGAIN", 0.2)
    monkeypatch.setattr(tftp_once, "_LINGER", 0.05)
    return number


class Client:
    """Sends packets and hears them; after the first answer, to where it came from."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._to = (str(HERE), tftp_once.PORT)

    def say(self, *parts: bytes | int) -> None:
        packet = b"".join(part if isinstance(part, bytes) else part.to_bytes(2, "big") for part in parts)
        self._sock.sendto(packet, self._to)

    def ask(self, opcode: int, name: str = NAME, mode: bytes = b"octet") -> None:
        self._to = (str(HERE), tftp_once.PORT)
        self.say(opcode, name.encode() + b"\0" + mode + b"\0")

    def hears(self, seconds: float = 3) -> tuple[int, int, bytes] | None:
        self._sock.settimeout(seconds)
        try:
            data, self._to = self._sock.recvfrom(4096)
        except TimeoutError:
            return None
        return int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big"), data[4:]

    def fetch(self, **ask: bytes) -> bytes:
        """The whole file, as a client gets it."""
        self.ask(1, **ask)  # type: ignore[arg-type]
        held = b""
        while True:
            heard = self.hears()
            assert heard is not None
            assert heard[0] == 3
            held += heard[2]
            self.say(4, heard[1])
            if len(heard[2]) < 512:
                return held


@contextmanager
def client(address: str = "127.0.0.1") -> Iterator[Client]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((address, 0))
        yield Client(sock)


@settings(max_examples=20)
@given(st.binary(max_size=2000) | st.sampled_from([b"x" * 512, b"x" * 1024, b""]))
def test_a_file_is_given_whole(content: bytes) -> None:
    with client() as one, OneFile(HERE, HERE, NAME, content) as server:
        assert one.fetch() == content
        assert server.wait(60)


def test_text_gets_its_line_ends() -> None:
    with client() as one, OneFile(HERE, HERE, NAME, b"one\ntwo\n"):
        assert one.fetch(mode=b"NetASCII") == b"one\r\ntwo\r\n"


def test_only_once() -> None:
    with client() as one, OneFile(HERE, HERE, NAME, b"x"):
        assert one.fetch() == b"x"
        one.ask(1)
        assert one.hears(0.5) is None


@pytest.mark.parametrize("wrong", [{"name": "running-config"}, {"mode": b"mail"}, {"opcode": 2}, {"opcode": 9}])
def test_what_is_not_to_be_had(wrong: dict[str, object]) -> None:
    """It goes on waiting for the right question."""
    with client() as one, OneFile(HERE, HERE, NAME, b"x"):
        one.ask(**{"opcode": 1, **wrong})  # type: ignore[arg-type]
        heard = one.hears()
        assert heard is not None
        assert heard[0] == 5
        assert one.fetch() == b"x"


def test_nobody_else_is_answered() -> None:
    with client("127.0.0.2") as stranger, client() as one, OneFile(HERE, HERE, NAME, b"x"):
        stranger.ask(1)
        assert stranger.hears(0.5) is None
        assert one.fetch() == b"x"


def test_what_is_lost_is_sent_again_and_a_late_acknowledgement_does_not_double_it() -> None:
    with client() as one, OneFile(HERE, HERE, NAME, b"a" * 600):
        one.ask(1)
        assert one.hears() == one.hears() == (3, 1, b"a" * 512)  # the first was lost
        one.say(4, 1)
        assert one.hears() == (3, 2, b"a" * 88)
        one.say(4, 1)  # the acknowledgement of what came twice
        one.say(4, 2)
        assert one.hears(0.3) is None


def test_a_client_that_gives_up_may_come_again() -> None:
    with client() as one, OneFile(HERE, HERE, NAME, b"x" * 600):
        one.ask(1)
        assert one.hears() is not None
        one.say(5, 0, b"disk full\0")
        assert one.fetch() == b"x" * 600


def test_a_file_is_taken_and_its_last_block_acknowledged_again() -> None:
    with client() as one, OneFile(HERE, HERE, NAME) as server:
        one.ask(2)
        assert one.hears() == (4, 0, b"")
        for number, block in ((1, b"a" * 512), (1, b"a" * 512), (2, b"end")):
            one.say(3, number, block)
            assert one.hears() == (4, number, b"")
        one.say(3, 2, b"end")
        assert one.hears() == (4, 2, b"")
        assert server.wait(60)
    assert server.taken == b"a" * 512 + b"end"


def test_a_file_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tftp_once, "LARGEST", 100)
    with client() as one, OneFile(HERE, HERE, NAME) as server:
        one.ask(2)
        one.hears()
        one.say(3, 1, b"a" * 512)
        assert one.hears() == (5, 3, b"too large\0")
    assert not server.wait(0)
    with pytest.raises(HandoverError, match="file_too_large"):
        OneFile(HERE, HERE, NAME, b"a" * 101)


@pytest.mark.parametrize("garbage", [b"", b"\0", b"\0\1", b"\0\1" + b"x" * 600, b"\0\3\0\1data"])
def test_garbage_harms_nothing(garbage: bytes) -> None:
    with client() as one, OneFile(HERE, HERE, NAME, b"x"):
        one.say(garbage)
        one.hears(0.3)
        assert one.fetch() == b"x"
