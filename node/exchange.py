# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request on its way over UDP, TCP or TLS, and its answer."""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import ssl
from dataclasses import replace

from ..plugins.module_utils.errors import HandoverError
from ..plugins.module_utils.sip.grammar import Address
from .model import Endpoint
from .sip.answer import Answer
from .sip.request import Request
from .sip.transaction import COOKIE, TIMER_F, Transaction, final_answer

__all__ = ["exchange"]

#: RFC 3261 section 18.1.1: a longer request goes over a transport with congestion control.
_MAX_DATAGRAM = 1300
#: Longest answer that is read from a stream.
_MAX_ANSWER = 65536
#: Seconds after which a socket is tried again that could not send: the link has just come up.
_PAUSE = 0.05
_CONNECT = 4.0
_LENGTH = re.compile(rb"(?im)^(?:content-length|l)[ \t]*:[ \t]*([0-9]{1,6})[ \t]*\r$")


async def exchange(
    request: Request, source: Address, server: Endpoint, ca_file: str | None = None, patience: float = TIMER_F
) -> Answer:
    """Send and wait for the final answer.

    :param ca_file: certificates that a server's is checked by; None for those of the system.
    :raises HandoverError: ``no_answer``, ``connection_failed``.
    """
    branch = COOKIE + secrets.token_hex(12)
    if server.transport == "udp":
        if len(request.text(branch, str(source), 65535)) <= _MAX_DATAGRAM:
            return await _datagrams(request, branch, source, server, patience)
        try:
            return await _stream(request, branch, source, replace(server, transport="tcp"), None, patience)
        except HandoverError as error:
            if error.code != "connection_failed":
                raise
        # The same section: where the connection fails, as of a server that has no TCP, UDP is tried all the same.
        return await _datagrams(request, branch, source, server, patience)
    context = ssl.create_default_context(cafile=ca_file) if server.transport == "tls" else None
    return await _stream(request, branch, source, server, context, patience)


async def _datagrams(request: Request, branch: str, source: Address, server: Endpoint, patience: float) -> Answer:
    loop = asyncio.get_running_loop()
    timers, heard = Transaction(loop.time(), patience=patience), _Heard(request, branch, server)
    while not timers.over(loop.time()):
        try:
            with _connected(source, server) as one:
                data = request.text(branch, str(source), one.getsockname()[1])
                one.send(data)
                while not timers.over(loop.time()):
                    try:
                        async with asyncio.timeout_at(timers.due):
                            answer = heard.answer(await loop.sock_recv(one, _MAX_ANSWER))
                        if answer is not None:
                            return answer
                    except TimeoutError:
                        if timers.timer(loop.time()):
                            one.send(data)
        except OSError:
            # No way, an ICMP error, or an address that duplicate address detection has not done with.
            await asyncio.sleep(_PAUSE)
    raise heard.nothing()


def _connected(source: Address, server: Endpoint) -> socket.socket:
    """Connected, so that the kernel lets nobody answer but the server."""
    one = socket.socket(socket.AF_INET6 if source.version == 6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        one.setblocking(False)
        one.bind((str(source), 0))
        one.connect((str(server.address), server.port))
    except OSError:
        one.close()
        raise
    return one


async def _stream(
    request: Request, branch: str, source: Address, server: Endpoint, context: ssl.SSLContext | None, patience: float
) -> Answer:
    loop = asyncio.get_running_loop()
    timers = Transaction(loop.time(), reliable=True, patience=patience)
    heard = _Heard(request, branch, server)
    name = (server.name or str(server.address)) if context is not None else None
    try:
        async with asyncio.timeout(min(_CONNECT, patience)):
            reader, writer = await asyncio.open_connection(
                str(server.address),
                server.port,
                local_addr=(str(source), 0),
                ssl=context,
                server_hostname=name,
                limit=_MAX_ANSWER,
            )
    except (OSError, TimeoutError) as error:
        raise HandoverError(
            "connection_failed", f"{server}: {error or 'no answer'}", "a SIP server takes connections"
        ) from error
    try:
        port = writer.get_extra_info("sockname")[1]
        writer.write(request.text(branch, str(source), port, server.transport.upper()))
        async with asyncio.timeout_at(timers.due):
            while True:
                answer = heard.answer(await _message(reader))
                if answer is not None:
                    return answer
    except (OSError, TimeoutError, EOFError, asyncio.LimitOverrunError) as error:
        raise heard.nothing() from error
    finally:
        writer.close()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """One message of a stream (RFC 3261 section 18.3)."""
    head = (await reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n")
    found = _LENGTH.search(head)
    length = int(found.group(1)) if found is not None else 0
    if length > _MAX_ANSWER:
        raise EOFError("a longer body than is read")
    return head + await reader.readexactly(length)


class _Heard:
    """What comes to a request: the answer, or something that is told where none comes."""

    def __init__(self, request: Request, branch: str, server: Endpoint) -> None:
        self._request, self._branch, self._server = request, branch, server
        self._strange = ""

    def answer(self, data: bytes) -> Answer | None:
        try:
            return final_answer(self._request, self._branch, data)
        except HandoverError as error:
            self._strange = f" ({error})"
            return None

    def nothing(self) -> HandoverError:
        return HandoverError("no_answer", f"{self._server}{self._strange}", "a SIP server answers in time")
