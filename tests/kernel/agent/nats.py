# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A NATS server of a test's own, with JetStream, on the loopback; and the publisher that fills the stream."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import nats
import yaml
from nats.js import JetStreamContext

from .place import Running

__all__ = ["NatsServer", "nats_server", "publishing"]

_T = TypeVar("_T")


class NatsServer:
    """One server; what it stores outlives it.

    :param options: of its command line.
    :param told: its configuration, which stands in a file; where it listens and stores is said here.
    """

    def __init__(self, directory: Path, *options: str, told: Mapping[str, Any] | None = None) -> None:
        self._directory = directory
        self._options = options
        self._told = told
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """On the loopback."""
        return self._port

    @property
    def url(self) -> str:
        """Where it is."""
        return f"nats://127.0.0.1:{self._port}"

    def config(self, **more: Any) -> dict[str, Any]:
        """The keys of the input."""
        return {"servers": self.url, "lease_seconds": 2, **more}

    def start(self) -> None:
        """Start it, on what it has stored."""
        stored, options = str(self._directory / "jetstream"), [*self._options]
        if self._told is None:
            options += ["--jetstream", "--addr", "127.0.0.1", "--port", str(self._port), "--store_dir", stored]
        else:
            config = self._directory / "nats.json"
            here = {"listen": f"127.0.0.1:{self._port}", "jetstream": {"store_dir": stored}}
            config.write_text(json.dumps({**self._told, **here}), encoding="utf-8")
            options += ["-c", str(config)]
        with (self._directory / "nats.log").open("ab") as log:
            self._process = subprocess.Popen([_binary(), *options], stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError((self._directory / "nats.log").read_text()[-2000:])

    def kill(self) -> None:
        """As when its machine is lost, but for what the kernel has not written yet."""
        self.stop(signal.SIGKILL)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it."""
        if self._process is not None:
            os.kill(self._process.pid, number)
            self._process.wait(60)
            self._process = None

    def asked(self, question: Callable[[JetStreamContext], Awaitable[_T]]) -> _T:
        """Ask it something."""

        async def ask() -> _T:
            client = await nats.connect(self.url)
            try:
                return await question(client.jetstream())
            finally:
                await client.close()

        return asyncio.run(ask())


@contextmanager
def nats_server(directory: Path, *options: str, told: Mapping[str, Any] | None = None) -> Iterator[NatsServer]:
    """A server that runs; parameters as :class:`NatsServer`."""
    directory.mkdir(exist_ok=True)
    server = NatsServer(directory, *options, told=told)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def publishing(server: NatsServer, log: Path, directory: Path, **settings: Any) -> Iterator[Running]:
    """``sip-handover publish`` of a log."""
    directory.mkdir(exist_ok=True)
    told = {"log": str(log), "state_dir": str(directory / "state"), "nats": server.config(), **settings}
    config = directory / "publish.yml"
    config.write_text(yaml.safe_dump(told), encoding="utf-8")
    command = [sys.executable, "-m", "ansible_collections.sipmobility.handover.agent.cli", "publish", "--verbose"]
    running = Running([*command, "--config", str(config)], directory, "published")
    try:
        yield running
    finally:
        running.stop()


def _binary() -> str:
    found = shutil.which("nats-server", path=f"{os.environ['PATH']}:/usr/sbin")
    assert found is not None, "make test-packages installs it"
    return found
