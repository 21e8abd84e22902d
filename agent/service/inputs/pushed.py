# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events that are pushed: one a datagram, or Kamailio's evapi, netstrings over TCP."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Callable

from ....plugins.module_utils.errors import HandoverError
from ..config import Endpoint

__all__ = ["datagrams", "evapi", "netstring"]

Pushed = Callable[[bytes], None]

#: Longest event, in bytes.
_LONGEST = 256 * 1024
_DIGITS = len(str(_LONGEST))
#: Seconds between two attempts to reach Kamailio, at first and at most.
_SOON, _LATEST = 0.2, 10.0


async def datagrams(at: Endpoint | str, pushed: Pushed) -> asyncio.DatagramTransport:
    """Listen on a UDP port, or on a Unix socket that owner and group may write to.

    :raises HandoverError: ``bad_input``.
    """
    loop = asyncio.get_running_loop()
    try:
        if isinstance(at, str):
            receiver = _unix(at)
        else:
            receiver = socket.socket(socket.AF_INET6 if ":" in at.host else socket.AF_INET, socket.SOCK_DGRAM)
            receiver.bind((at.host, at.port))
        receiver.setblocking(False)
        # A burst of a thousand events has room while the first ones are looked at.
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        transport, _protocol = await loop.create_datagram_endpoint(lambda: _Datagrams(pushed), sock=receiver)
    except OSError as error:
        raise HandoverError("bad_input", f"{at}: {error.strerror}", "an input can be opened") from error
    return transport


async def evapi(at: Endpoint, pushed: Pushed, told: Callable[[str], None]) -> None:
    """Take what Kamailio pushes, and connect again whenever it was lost; until cancelled.

    :param told: is told why there is no connection, and when there is one.
    """
    delay = _SOON
    while True:
        try:
            reader, writer = await asyncio.open_connection(at.host, at.port, limit=2 * _LONGEST)
            told("connected")
            delay = _SOON
            try:
                while True:
                    pushed(await netstring(reader))
            finally:
                writer.close()
        except (OSError, EOFError, ValueError) as error:
            told(str(error) or type(error).__name__)
        await asyncio.sleep(delay)
        delay = min(2 * delay, _LATEST)


async def netstring(reader: asyncio.StreamReader) -> bytes:
    """One netstring: its length in digits, a colon, so many bytes, a comma.

    :raises ValueError: for anything else; what follows cannot be told apart then.
    :raises EOFError: when there is no more.
    """
    try:
        digits = await reader.readuntil(b":")
    except asyncio.LimitOverrunError as error:
        raise ValueError("no netstring: it does not begin with digits and a colon") from error
    number = digits[:-1].strip()
    if not number.isdigit() or len(number) > _DIGITS or int(number) > _LONGEST:
        raise ValueError(f"no netstring: {digits[:20]!r}")
    data = await reader.readexactly(int(number))
    if await reader.readexactly(1) != b",":
        raise ValueError("no netstring: it does not end with a comma")
    return data


def _unix(path: str) -> socket.socket:
    """A socket at a path, in the place of one that an earlier run left there."""
    try:
        if stat.S_ISSOCK(os.lstat(path).st_mode):
            os.unlink(path)
    except FileNotFoundError:
        pass
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    before = os.umask(0o117)
    try:
        receiver.bind(path)
    finally:
        os.umask(before)
    return receiver


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, pushed: Pushed) -> None:
        self._pushed = pushed

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._pushed(data)
