# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Kamailio as the role sip_server configures it, without the lab: on loopback, or in a private namespace.

Its events come from standard error.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.kamailio import write_in
from lab.phone import Phone, Request

ROOT = Path(__file__).resolve().parents[3]
ADDRESS, DOMAIN, PASSWORD = "127.0.0.1", "visited.example", "kept between alice and her server"


class Kamailio:
    """Starts; :meth:`stop` ends it. Its users are alice and bob, with one password.

    :param settings: variables of the role.
    :param listen: further sockets.
    :param own: the operator's own kamailio.cfg, in place of the role's.
    :param address: of the loopback, where it listens.
    :param port: 0 for one that is free.
    :param within: a command by which it is run, as in a namespace of its own.
    :param opened: opens a socket where it runs.
    :param stderr: whether it logs to standard error, where :meth:`events` finds them; else by syslog(3).
    """

    def __init__(
        self,
        directory: Path,
        settings: Mapping[str, Any] | None = None,
        own: str | None = None,
        listen: Sequence[str] = (),
        address: str = ADDRESS,
        port: int = 0,
        within: Sequence[str] = (),
        opened: Callable[..., socket.socket] = socket.socket,
        stderr: bool = True,
    ) -> None:
        self.address = address
        self._opened = opened
        with _datagrams(address) as free:
            free.bind((address, port))
            self.port: int = free.getsockname()[1]
        variables = {
            "sip_server_listen": [f"udp:{_host(address)}:{self.port}", *listen],
            "sip_server_domains": [{"name": DOMAIN, "mobility": True}],
            "sip_server_users": [{"name": user, "domain": DOMAIN, "password": PASSWORD} for user in ("alice", "bob")],
            "sip_server_requests_per_source": 0,
            "sip_server_own_configuration": own is not None,
            **(settings or {}),
        }
        write_in(directory, variables, told=stderr)
        if own is not None:
            text = own.replace("DIRECTORY", str(directory)).replace("LISTEN", f"listen=udp:{address}:{self.port}")
            (directory / "kamailio.cfg").write_text(text, encoding="utf-8")
        self._log = directory / "log"
        options = ["-DD", "-m", "32", "-Y", directory, *(["-E"] if stderr else [])]
        command = [*within, "kamailio", "-f", directory / "kamailio.cfg", *options]
        with self._log.open("wb") as log:
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                [*map(str, command), "-w", str(directory)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_it_answers()

    def stop(self) -> None:
        """End it, with its children: a main process that ends while it starts may leave some behind."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def kill(self) -> None:
        """Kill it with its children, as when the machine fails."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for _ in range(100):
            with suppress(OSError), _datagrams(self.address) as free:
                free.bind((self.address, self.port))
                return
            time.sleep(0.05)
        raise RuntimeError("its children do not end")

    def phone(self, local: str = ADDRESS) -> Phone:
        """A phone's socket."""
        return Phone(local, self.address, self.port, 0, 3)

    def events(self, call_id: str, count: int = 1) -> bytes:
        """The event lines of a call, as they would stand in the server's log; so many are waited for."""
        wanted = call_id.encode().hex().encode()
        return self.lines(wanted, count)

    def lines(self, wanted: bytes = b"", count: int = 0) -> bytes:
        """The event lines that hold something; so many are waited for."""
        end = time.monotonic() + 60
        while True:
            # The reply is sent before the event is written: what should not come is given time to come.
            time.sleep(0.02 if count else 0.2)
            lines = [line for line in self._log.read_bytes().splitlines(keepends=True) if b'"v":1' in line]
            found = [line for line in lines if wanted in line]
            if len(found) >= count or time.monotonic() > end:
                # Behind the level's name stands what xlog wrote; the process number is standard error's.
                return b"".join(re.sub(rb"^ *\d+\(\d+\) ", b"", line) for line in found)

    def _wait_until_it_answers(self) -> None:
        with self._opened(_family(self.address), socket.SOCK_DGRAM) as probe:
            probe.connect((self.address, self.port))
            probe.settimeout(0.1)
            text = (
                request("OPTIONS", "probe")
                .text("probe", "probe", probe.getsockname()[1])
                .replace(b"REGISTER", b"OPTIONS")
            )
            for _ in range(100):
                try:
                    probe.send(text)
                    probe.recv(65535)
                    return
                except OSError:
                    time.sleep(0.05)
        self.stop()
        raise RuntimeError(self._log.read_text(errors="replace")[-2000:])


def request(call_id: str, user: str = "alice") -> Request:
    """A REGISTER of a user, without anything special."""
    return Request(
        user=user,
        aor_user=user,
        domain=DOMAIN,
        local=ADDRESS,
        contacts=(f"<sip:{user}@{ADDRESS}:5060>",),
        expires=600,
        call_id=call_id,
        cseq=1,
    )


def _datagrams(address: str) -> socket.socket:
    return socket.socket(_family(address), socket.SOCK_DGRAM)


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address
