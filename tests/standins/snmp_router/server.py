# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A router that is configured over SNMP and really forwards, in a private namespace.

Real: Debian's snmpd (net-snmp) with its users, views, and routes that it puts into the kernel (inetCidrRouteTable); the
kernel, nft and ip behind it. Ours: the agent behind snmpd that serves NAT-MIB and does its NAT (agent.py), a stand-in,
because no agent that lets NAT-MIB be written is to be had; or one that serves CISCO-CONFIG-COPY-MIB, with plain
lines (config_copy.py) or with the stand-in of IOS and its NAT in the kernel (ios_copy.py), also stand-ins.
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.plugin_utils.pysnmp_session import PysnmpSession
from ansible_collections.sipmobility.handover.plugins.plugin_utils.snmp_login import SnmpLogin

from ...kernel.namespaces import Namespace
from .front import BEHIND, PORT, SNMPD, WRITER, configuration, user
from .words import COMMUNITY

__all__ = ["KEYS", "READER", "WRITER", "Relay", "SnmpServer"]

_ROOT = Path(__file__).resolve().parents[3]
_START_SECONDS = 60
#: A user that may only read, beside the one that may write. Passphrases of a private namespace.
READER, KEYS = "watcher", ("authentic-passphrase", "private-passphrase")
_OTHERS = f"{user(READER, KEYS)}rouser {READER} priv .1\nrwcommunity public 127.0.0.1\n"


class Relay:
    """Carries datagrams between this network and an agent in a namespace, or loses them.

    :ivar asks: whether what is asked arrives.
    :ivar answers: whether answers come back.
    :ivar loses: asked for each answer: whether it is lost.
    """

    def __init__(self, namespace: Namespace, port: int = 161) -> None:
        self._port = port
        self.asks = self.answers = True
        self.loses: Callable[[], bool] = lambda: False
        self._near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._near.bind(("127.0.0.1", 0))
        self._far = namespace.open_socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._far.bind(("127.0.0.1", 0))  # not connected: an agent that is down must look like one that is silent
        self._stop, self._stopping = os.pipe()
        self._client: tuple[str, int] | None = None
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where the agent seems to listen."""
        return int(self._near.getsockname()[1])

    def close(self) -> None:
        """Carry nothing any longer."""
        os.close(self._stopping)
        self._thread.join()
        for sock in (self._near, self._far):
            sock.close()
        os.close(self._stop)

    def _carry(self) -> None:
        while True:
            waiting: list[Any] = [self._near, self._far, self._stop]
            ready = select.select(waiting, [], [])[0]
            if self._stop in ready:
                return
            with suppress(OSError):
                if self._near in ready:
                    data, self._client = self._near.recvfrom(65535)
                    if self.asks:
                        self._far.sendto(data, ("127.0.0.1", self._port))
                if self._far in ready:
                    data = self._far.recv(65535)
                    if self.answers and self._client and not self.loses():
                        self._near.sendto(data, self._client)


class SnmpServer:
    """snmpd, and the stand-in behind it, in a namespace that has the interfaces ``lan`` and ``wan``.

    :param home: an empty directory of this server's own.
    :param behind: the stand-in behind snmpd: ``agent``, ``config_copy``, ``ios_copy`` or ``nothing``.
    :param start: the configuration that a router of ``ios_copy`` starts with.
    :param one_name: have all NAT rows of an interface be of one name, as RFC 4008 has it to the letter.
    """

    def __init__(
        self, namespace: Namespace, home: Path, *, behind: str = "agent", one_name: bool = False, start: str = ""
    ) -> None:
        self.namespace = namespace
        self.home = home
        self._behind = behind
        self._one_name = one_name
        self._start = start
        self._snmpd: subprocess.Popen[bytes] | None = None
        self._agent: subprocess.Popen[bytes] | None = None
        self._relay: Relay | None = None

    @property
    def relay(self) -> Relay:
        """The way to it."""
        assert self._relay is not None
        return self._relay

    def login(
        self, user: str = WRITER, keys: tuple[str, str] = KEYS, timeout: float = 3, retries: int = 2
    ) -> SnmpLogin:
        """How to log in."""
        return SnmpLogin("127.0.0.1", user, *keys, port=self.relay.port, timeout=timeout, retries=retries)

    def session(self, login: SnmpLogin | None = None) -> PysnmpSession:
        """A new session."""
        return PysnmpSession(login or self.login())

    def command(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of net-snmp's, as the user that may write, in the namespace."""
        keys = ["-v3", "-u", WRITER, "-l", "authPriv", "-a", "SHA-256", "-A", KEYS[0], "-x", "AES", "-X", KEYS[1]]
        line = " ".join(f"'{word}'" for word in (name, "-On", "-Oe", *keys, "127.0.0.1", *words))
        return self.namespace.shell(f"export MIBS=; {line}", check=False)

    @contextmanager
    def stand_in(self) -> Iterator[PysnmpSession]:
        """A session with the stand-in itself, past snmpd."""
        relay = Relay(self.namespace, PORT)
        login = SnmpLogin("127.0.0.1", community=COMMUNITY, allow_v2c=True, port=relay.port, timeout=3)
        try:
            with PysnmpSession(login) as session:
                yield session
        finally:
            relay.close()

    @contextmanager
    def serving(self) -> Iterator[SnmpServer]:
        """Run it."""
        try:
            self._relay = Relay(self.namespace)
            text = configuration("udp:161", KEYS, self._behind) + _OTHERS
            (self.home / "snmpd.conf").write_text(text)
            if BEHIND[self._behind]:
                self.state.write_text(self._start, encoding="ascii")
                self._agent = self._run("agent", *self._agent_words)
            self._snmpd = self._run("snmpd", *self._snmpd_words)
            self._wait()
            yield self
        finally:
            for process in (self._snmpd, self._agent):
                _end(process)
            if self._relay is not None:
                self._relay.close()

    def restart(self) -> None:
        """End snmpd and start it anew: another count of its boots, its time from nothing."""
        _end(self._snmpd)
        self._snmpd = self._run("snmpd", *self._snmpd_words)
        self._wait()

    def without_nat(self) -> None:
        """End the stand-in: what snmpd passes on to it stays unanswered."""
        _end(self._agent)

    def with_nat(self) -> None:
        """Start it again: it still has its rows."""
        self._agent = self._run("agent", *self._agent_words)
        self._wait()

    @property
    def state(self) -> Path:
        """What the stand-in keeps: its rows, or its configuration."""
        return self.home / "state"

    @property
    def alive(self) -> bool:
        """Whether snmpd runs."""
        return self._snmpd is not None and self._snmpd.poll() is None

    @property
    def _snmpd_words(self) -> tuple[str, ...]:
        return (*SNMPD, str(self.home / "snmpd.conf"))

    @property
    def _agent_words(self) -> tuple[str, ...]:
        words = [sys.executable, "-m", f"{__package__}.{self._behind}", str(PORT), str(self.state)]
        return tuple([*words, "--one-name"] if self._one_name else words)

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                with self.session(self.login(timeout=2, retries=0)) as session:
                    session.walk(BEHIND[self._behind].lstrip(".") or "1.3.6.1.2.1.1")
                    return
            except HandoverError:
                if time.monotonic() > deadline or not self.alive:
                    raise
                time.sleep(0.1)

    def _run(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        inside = ["nsenter", "--target", str(self.namespace.pid), "--net", "--mount", "--"]
        environment = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.home),
            "MIBS": "",
            "PYTHONPATH": str(_ROOT),
        }
        with (self.home / f"{name}.out").open("ab") as log:
            return subprocess.Popen(
                [*inside, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None and process.poll() is None:
        process.terminate()
        process.wait(60)
