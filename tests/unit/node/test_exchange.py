# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request on its way over real sockets of the loopback, to servers that behave well and badly."""

from __future__ import annotations

import asyncio
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address

import pytest

from ansible_collections.sipmobility.handover.node.exchange import exchange
from ansible_collections.sipmobility.handover.node.model import Endpoint
from ansible_collections.sipmobility.handover.node.sip.answer import Answer
from ansible_collections.sipmobility.handover.node.sip.request import Request
from ansible_collections.sipmobility.handover.node.sip.transaction import T1, Transaction
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError

HERE = ip_address("127.0.0.1")
REQUEST = Request("REGISTER", "sip:x.example", "<sip:a@x.example>;tag=1", "<sip:a@x.example>", "id", 7)
Behaviour = Callable[[bytes], list[bytes]]


def answer_to(data: bytes, status: int = 200, **changes: str) -> bytes:
    """A right answer, but for what is changed: the value of a header."""
    text = data.decode().partition("\r\n\r\n")[0]
    kept = [line for line in text.split("\r\n")[1:] if re.match("(Via|From|To|Call-ID|CSeq):", line)]
    for name, value in changes.items():
        kept = [f"{name}: {value}" if line.lower().startswith(name.lower() + ":") else line for line in kept]
    return ("\r\n".join([f"SIP/2.0 {status} So", *kept, "Content-Length: 0"]) + "\r\n\r\n").encode()


@contextmanager
def udp(behave: Behaviour) -> Iterator[Endpoint]:
    """A server that answers each datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind((str(HERE), 0))
        one.settimeout(5)

        def serve() -> None:
            try:
                for _ in range(20):
                    data, source = one.recvfrom(65535)
                    for reply in behave(data):
                        one.sendto(reply, source)
            except OSError:
                pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Endpoint(HERE, one.getsockname()[1])


def ask(server: Endpoint, request: Request = REQUEST, patience: float = 2) -> Answer:
    return asyncio.run(exchange(request, HERE, server, None, patience))


def test_an_answer() -> None:
    with udp(lambda data: [answer_to(data)]) as server:
        assert ask(server).status == 200


def test_what_is_lost_is_sent_again() -> None:
    seen: list[bytes] = []

    def deaf(data: bytes) -> list[bytes]:
        seen.append(data)
        return [answer_to(data)] if len(seen) == 2 else []

    with udp(deaf) as server:
        assert ask(server).status == 200
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    "noise",
    [
        lambda data: b"\0" * 40,
        lambda data: b"SIP/2.0 200 OK\r\n\r\n",
        lambda data: data,
        lambda data: answer_to(data, cseq="8 REGISTER"),
        lambda data: answer_to(data).replace(b"Call-ID: id", b"Call-ID: other"),
        lambda data: answer_to(data, via="SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKguessed"),
        lambda data: answer_to(data, 100),
        lambda data: answer_to(data).replace(b"Content-Length: 0", b"Contact: <\r\nContent-Length: 0"),
    ],
)
def test_noise_is_no_answer_and_does_no_harm(noise: Callable[[bytes], bytes]) -> None:
    with udp(lambda data: [noise(data), answer_to(data, 404)]) as server:
        assert ask(server).status == 404
    with udp(lambda data: [noise(data)]) as server, pytest.raises(HandoverError) as wrong:
        ask(server, patience=0.6)
    assert wrong.value.code == "no_answer"


def test_nobody_else_may_answer() -> None:
    """Another socket than the one that was asked, from the very same host."""

    def other(data: bytes) -> list[bytes]:
        port = int(re.search(rb"Via: [^:]+:(\d+)", data).group(1))  # type: ignore[union-attr]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(answer_to(data), (str(HERE), port))
        return []

    with udp(other) as server, pytest.raises(HandoverError):
        ask(server, patience=0.6)


def test_nobody_is_there() -> None:
    with pytest.raises(HandoverError) as wrong:
        ask(Endpoint(HERE, 1), patience=0.6)
    assert wrong.value.code == "no_answer"


LONG = Request("REGISTER", "sip:x", "<sip:a@x>;tag=1", "<sip:a@x>", "id", 7, body=b"x" * 2000)


@contextmanager
def tcp(reply: Callable[[bytes], bytes]) -> Iterator[Endpoint]:
    with socket.create_server((str(HERE), 0)) as one:

        def serve() -> None:
            with one.accept()[0] as connection:
                connection.sendall(reply(connection.recv(65535)))
                connection.recv(1)

        threading.Thread(target=serve, daemon=True).start()
        yield Endpoint(HERE, one.getsockname()[1])


def test_a_long_request_goes_over_tcp() -> None:
    seen: list[bytes] = []

    def answers(data: bytes) -> bytes:
        seen.append(data)
        return b"\r\n\r\n" + answer_to(data, 100) + answer_to(data)

    with tcp(answers) as server:
        assert ask(server, LONG).status == 200
    assert b"Via: SIP/2.0/TCP " in seen[0]


def test_or_over_udp_where_the_server_has_no_tcp() -> None:
    with udp(lambda data: [answer_to(data)]) as server:
        assert ask(server, LONG).status == 200


@pytest.mark.parametrize("answer", [b"", b"x" * 70000, b"SIP/2.0 200 OK\r\nContent-Length: 999999\r\n\r\n"])
def test_a_stream_of_nonsense(answer: bytes) -> None:
    with tcp(lambda data: answer) as server, pytest.raises(HandoverError) as wrong:
        ask(server, LONG, patience=1)
    assert wrong.value.code == "no_answer"


def test_the_timers_of_rfc_3261() -> None:
    """Timer E: T1, then twice as long up to T2; timer F: 64*T1 (section 17.1.2.2)."""
    timers = Transaction(0.0)
    sent, now = [], 0.0
    while not timers.over(now):
        now = timers.due
        if timers.timer(now):
            sent.append(now)
    assert sent == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert now == 64 * T1
