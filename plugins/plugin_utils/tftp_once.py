# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TFTP server (RFC 1350) for one transfer: it gives or takes one file, once, at one address, for one client.

TFTP knows no login. So the file has a name that nobody guesses, and whoever else asks gets no answer.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable
from ipaddress import ip_address
from types import TracebackType

from ..module_utils.errors import HandoverError
from ..module_utils.mobility.model import Address

__all__ = ["LARGEST", "PORT", "OneFile"]

PORT = 69
#: Octets of a file, at most. Blocks are numbered with 16 bits.
LARGEST = 16 * 1024 * 1024
_BLOCK = 512
_READ, _WRITE, _DATA, _ACK, _ERROR = range(1, 6)
_NOT_FOUND, _ACCESS, _FULL = 1, 2, 3
#: Seconds until something is sent again, how often, and how long a last acknowledgement is repeated.
_AGAIN, _TIMES, _LINGER = 1.0, 8, 1.0

_OpenSocket = Callable[[int, int], socket.socket]


class OneFile:
    """Serves while a ``with`` statement lasts.

    :param address: where it listens.
    :param client: who is served.
    :param name: the file's name.
    :param content: the file, to be given; None takes one.
    :param open_socket: makes a socket, where it is not to be in this network.
    :raises HandoverError: ``transfer_port``, ``file_too_large``.
    """

    def __init__(
        self,
        address: Address,
        client: Address,
        name: str,
        content: bytes | None = None,
        open_socket: _OpenSocket = socket.socket,
    ) -> None:
        if content is not None and len(content) > LARGEST:
            raise HandoverError("file_too_large", f"{len(content)} octets", f"a file has at most {LARGEST} octets")
        self._address, self._client, self._name, self._content = address, client, name, content
        self._family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        self._open_socket = open_socket
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        #: What was taken, once all of it is here.
        self.taken: bytes | None = None
        self._done = threading.Event()

    def wait(self, seconds: float) -> bool:
        """Whether the whole file was given or taken, now or within a time."""
        return self._done.wait(seconds)

    def __enter__(self) -> OneFile:
        self._door = self._open_socket(self._family, socket.SOCK_DGRAM)
        try:
            self._door.bind((str(self._address), PORT))
        except OSError as error:
            self._door.close()
            raise HandoverError(
                "transfer_port",
                f"{self._address} port {PORT}: {error.strerror}",
                "the controller has the address, may listen at TFTP's port, and nobody else does",
                "Run as root or with CAP_NET_BIND_SERVICE, and end other TFTP servers at this address.",
            ) from error
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ending.set()
        self._thread.join()
        self._door.close()

    def _serve(self) -> None:
        while not self._ending.is_set() and not self._done.is_set():
            data, peer = _received(self._door, 0.05)
            if data is None or ip_address(peer[0]) != self._client:
                continue
            with self._open_socket(self._family, socket.SOCK_DGRAM) as line:
                line.bind((str(self._address), 0))
                line.connect(peer)
                self._one(line, data)

    def _one(self, line: socket.socket, asked: bytes) -> None:
        name, mode = ([*asked[2:].split(b"\0"), b"", b""])[:2]
        if name != self._name.encode() or mode.lower() not in (b"octet", b"netascii"):
            return _say(line, _ERROR, _NOT_FOUND, b"no such file\0")
        if int.from_bytes(asked[:2], "big") != (_WRITE if self._content is None else _READ):
            return _say(line, _ERROR, _ACCESS, b"not so\0")
        if self._content is None:
            return self._take(line)
        text = mode.lower() == b"netascii"
        return self._give(line, self._content.replace(b"\n", b"\r\n") if text else self._content)

    def _give(self, line: socket.socket, content: bytes) -> None:
        for number, at in enumerate(range(0, len(content) + 1, _BLOCK), 1):
            block = content[at : at + _BLOCK]
            if not self._acknowledged(line, number, block):
                return
        self._done.set()

    def _acknowledged(self, line: socket.socket, number: int, block: bytes) -> bool:
        for _attempt in range(_TIMES):
            _say(line, _DATA, number, block)
            until = time.monotonic() + _AGAIN
            while (left := until - time.monotonic()) > 0 and not self._ending.is_set():
                kind, said, _rest = _heard(line, min(left, 0.05))
                if kind == _ERROR:
                    return False
                if (kind, said) == (_ACK, number & 0xFFFF):  # older ones are not answered, or all would go twice
                    return True
            if self._ending.is_set():
                return False
        return False

    def _take(self, line: socket.socket) -> None:
        held, number = bytearray(), 0
        _say(line, _ACK, 0)
        until = time.monotonic() + _AGAIN * _TIMES
        while time.monotonic() < until and (self._done.is_set() or not self._ending.is_set()):
            kind, said, block = _heard(line, 0.05)
            if kind == _ERROR:
                return
            if kind != _DATA:
                continue
            if said == (number + 1) & 0xFFFF and not self._done.is_set():
                number, until = number + 1, time.monotonic() + _AGAIN * _TIMES
                held += block
                if len(held) > LARGEST:
                    return _say(line, _ERROR, _FULL, b"too large\0")
                if len(block) < _BLOCK:
                    self.taken = bytes(held)
                    self._done.set()
                    until = time.monotonic() + _LINGER
            _say(line, _ACK, number)


def _received(sock: socket.socket, seconds: float) -> tuple[bytes | None, tuple[str, int]]:
    if not select.select([sock], [], [], seconds)[0]:
        return None, ("", 0)
    try:
        data, peer = sock.recvfrom(4096)
    except OSError:  # an ICMP error for what was sent before
        return None, ("", 0)
    return data, peer[:2]


def _heard(line: socket.socket, seconds: float) -> tuple[int, int, bytes]:
    """Opcode, number and the rest of the next packet; zeros after a silence."""
    data, _peer = _received(line, seconds)
    if data is None or len(data) < 4:
        return 0, 0, b""
    return int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big"), data[4:]


def _say(line: socket.socket, kind: int, number: int, rest: bytes = b"") -> None:
    try:
        line.send(kind.to_bytes(2, "big") + (number & 0xFFFF).to_bytes(2, "big") + rest)
    except OSError:
        return  # the client is gone: it asks again, or nobody waits for it
