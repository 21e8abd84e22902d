# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SSH server for one transfer by scp: it gives or takes one file, once, at one address, for one client.

There is no file system behind it, no shell and no other program: it speaks the protocol of ``scp -f`` and ``scp -t``
for one name, to whoever has a password that is made for this transfer alone. Routers rarely look at a server's host
key, so somebody between could take its place; who only listens learns nothing.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import shlex
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from types import TracebackType
from typing import Any

from ..module_utils.errors import HandoverError
from ..module_utils.mobility.model import Address
from .tftp_once import LARGEST

try:
    import asyncssh

    HAS_ASYNCSSH = True
except ImportError:
    HAS_ASYNCSSH = False

__all__ = ["PORT", "ScpFile"]

PORT = 22
_OpenSocket = Callable[[int, int], socket.socket]
_OK, _FATAL = b"\0", b"\2"


class ScpFile:
    """Serves while a ``with`` statement lasts.

    :param address: where it listens.
    :param client: who is served.
    :param name: the file's name.
    :param content: the file, to be given; None takes one.
    :param open_socket: makes a socket, where it is not to be in this network.
    :ivar user: who logs in.
    :ivar password: his password.
    :raises HandoverError: ``transfer_port``, ``file_too_large``, ``library_missing``.
    """

    def __init__(
        self,
        address: Address,
        client: Address,
        name: str,
        content: bytes | None = None,
        open_socket: _OpenSocket = socket.socket,
    ) -> None:
        if not HAS_ASYNCSSH:
            raise HandoverError("library_missing", "asyncssh", "for scp the controller has asyncssh", "Install it.")
        if content is not None and len(content) > LARGEST:
            raise HandoverError("file_too_large", f"{len(content)} octets", f"a file has at most {LARGEST} octets")
        self.user, self.password = "sipmobility", secrets.token_hex(16)
        self._address, self._client, self._name, self._content = address, client, name, content
        self._open_socket = open_socket
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        #: What was taken, once all of it is here.
        self.taken: bytes | None = None
        self._begun = False
        self._done = threading.Event()

    def wait(self, seconds: float) -> bool:
        """Whether the whole file was given or taken, now or within a time."""
        return self._done.wait(seconds)

    def __enter__(self) -> ScpFile:
        door = self._open_socket(socket.AF_INET if self._address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
        try:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind((str(self._address), PORT))
            door.listen()
        except OSError as error:
            door.close()
            self._loop.close()
            raise HandoverError(
                "transfer_port",
                f"{self._address} port {PORT}: {error.strerror}",
                "the controller has the address, may listen at SSH's port, and no sshd does there",
                "Run as root or with CAP_NET_BIND_SERVICE, at an address that the controller's own sshd leaves free "
                "(handover_copy_server; ListenAddress of sshd_config).",
            ) from error
        self._thread.start()
        self._server = self._call(self._listen(door))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _listen(self, door: socket.socket) -> Any:
        # RSA is what every router knows; the key is of this transfer alone, as the password is.
        key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
        return await asyncssh.listen(
            sock=door,
            server_factory=lambda: _door_keeper(self),
            server_host_keys=[key],
            process_factory=self._serve,
            encoding=None,
            login_timeout=20,
        )

    async def _end(self) -> None:
        self._server.close()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._server.wait_closed(), 2)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def serves(self, peer: str) -> bool:
        """Whether it is the client that asks, and nobody was served yet."""
        return ip_address(peer) == self._client and not self._done.is_set()

    def knows(self, user: str, password: str) -> bool:
        """Whether that is who logs in."""
        return user == self.user and secrets.compare_digest(password.encode(), self.password.encode())

    async def _serve(self, process: Any) -> None:
        options = _options(process.command or "", self._name)
        status = 1
        if ("t" if self._content is None else "f") in options and not self._begun:
            self._begun = True
            with suppress(asyncio.IncompleteReadError, OSError, asyncssh.Error):
                carried = self._take(process) if self._content is None else self._give(process, "p" in options)
                status = int(not await carried)
            self._begun = self._done.is_set()
        else:
            process.stdout.write(_FATAL + b"scp: no such file\n")
        process.exit(status)

    async def _give(self, process: Any, timed: bool) -> bool:
        content = self._content or b""
        for said in (b"T0 0 0 0\n" * timed, f"C0600 {len(content)} {self._name}\n".encode(), content + _OK):
            if not said:
                continue
            if await process.stdin.readexactly(1) != _OK:
                return False
            process.stdout.write(said)
            await process.stdout.drain()
        if not await _ended(process):
            return False
        self._done.set()
        return True

    async def _take(self, process: Any) -> bool:
        process.stdout.write(_OK)
        while (head := await process.stdin.readline()).startswith(b"T"):  # times, which nobody needs
            process.stdout.write(_OK)
        found = re.fullmatch(rb"C[0-7]{4} ([0-9]{1,9}) [^\n]+\n", head)
        if found is None or int(found.group(1)) > LARGEST:
            process.stdout.write(_FATAL + b"scp: one file, of so many octets\n")
            return False
        process.stdout.write(_OK)
        taken = await process.stdin.readexactly(int(found.group(1)))
        if not await _ended(process):
            return False
        process.stdout.write(_OK)
        self.taken = taken
        self._done.set()
        return True


async def _ended(process: Any) -> bool:
    """Whether the other end is content after all octets. Some clients (libssh2) say so by closing their side."""
    return await process.stdin.read(1) in (_OK, b"")


def _options(command: str, name: str) -> str:
    """The letters behind ``scp``, where it is asked for this file and nothing else."""
    try:
        program, *options, file = shlex.split(command)
    except ValueError:
        return ""
    good = program == "scp" and file.lstrip("/") == name and all(re.fullmatch("-[a-z]*", one) for one in options)
    return "".join(options) if good else ""


def _door_keeper(transfer: ScpFile) -> Any:
    class DoorKeeper(asyncssh.SSHServer):
        """One connection: nothing but that transfer."""

        def connection_made(self, connection: Any) -> None:
            if not transfer.serves(connection.get_extra_info("peername")[0]):
                connection.abort()

        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return transfer.knows(username, password)

    return DoorKeeper()
