# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server with the way of its event lines as on a machine: syslog(3), a socket that outlives all, a writer, a file.

In a mount namespace of its own, whose /dev/log is that socket, and whose log stands on a file system as small as a test
wants it. The socket is held here, as systemd holds it, and handed over as systemd does.
"""

from __future__ import annotations

import itertools
import json
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.unit.roles.private_kamailio import ROOT, Kamailio

__all__ = ["Logged"]

_WRITER = ROOT / "roles" / "sip_server" / "files" / "sipmobility_events.py"
_SETUP = """
set -e
mount -t tmpfs run /run
mkdir -p /run/real /run/small /run/sipmobility
mount --rbind /dev /run/real
mount -t tmpfs -o mode=755 dev /dev
for name in null zero full random urandom tty; do touch /dev/$name; mount --bind /run/real/$name /dev/$name; done
ln -s /proc/self/fd /dev/fd
ln -s /run/sipmobility/events.sock /dev/log
mount -t tmpfs -o size={size} small /run/small
echo ready
exec cat
"""
#: As the unit sipmobility-events.socket has it.
_RECEIVE_BUFFER = 8 * 1024 * 1024
_SO_RCVBUFFORCE = 33


class Logged:
    """Starts server and writer; :meth:`close` ends them.

    :param size: of the file system that the log is on, as mount has it.
    :param settings: variables of the role.
    """

    def __init__(
        self,
        directory: Path,
        *,
        size: str = "16m",
        address: str = "203.0.113.2",
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.directory = directory
        # Lines stand in the order of the registrations of one worker: here there is one.
        self._settings = {"sip_server_children": 1, **(settings or {})}
        self.address = address
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", _SETUP.format(size=size)]
        self._holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == "ready\n"
        root = Path(f"/proc/{self._holder.pid}/root")
        #: The log as seen from here.
        self.log = root / "run/small/registrations.jsonl"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
        self._socket.bind(str(root / "run/sipmobility/events.sock"))
        self._writer: subprocess.Popen[bytes] | None = None
        self._starts = itertools.count(1)
        self.start_writer()
        self.server: Kamailio
        self.start_server()

    def start_server(self) -> None:
        """Start Kamailio, which knows of no registration."""
        # Short: it makes a socket there, whose path may have some hundred letters.
        place = self.directory / f"kamailio-{next(self._starts)}"
        place.mkdir()
        told = self._settings
        self.server = Kamailio(place, told, address=self.address, port=5060, within=self._inside(), stderr=False)

    def kill_server(self) -> None:
        """Kill it, as nothing that runs can help."""
        self.server.kill()

    def start_writer(self) -> None:
        """Start what writes the file."""
        script = f'exec 3<&{self._socket.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
        command = ["python3", str(_WRITER), "--log", "/run/small/registrations.jsonl", "--group", "root"]
        with (self.directory / "writer.log").open("ab") as log:
            self._writer = subprocess.Popen(
                [*self._inside(), "bash", "-c", script, "bash", *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self._socket.fileno(),),
            )

    def stop_writer(self, number: int = signal.SIGTERM) -> None:
        """End the writer."""
        if self._writer is not None:
            self.signal_writer(number)
            self._writer.wait(60)
            self._writer = None

    def signal_writer(self, number: int) -> None:
        """Send it a signal; nsenter and bash have become it."""
        if self._writer is not None:
            self._writer.send_signal(number)

    def resize(self, size: str) -> None:
        """Give the log's file system another size."""
        subprocess.run([*self._inside(), "mount", "-o", f"remount,size={size}", "/run/small"], check=True)

    def events(self, count: int, seconds: float = 60) -> list[dict[str, Any]]:
        """What stands in the log; so many are waited for, and nothing else may stand there."""
        return [json.loads(line) for line in self.lines(count, seconds)]

    def lines(self, count: int, seconds: float = 60) -> list[bytes]:
        """The log's lines as they are; so many are waited for."""
        end = time.monotonic() + seconds
        while True:
            lines = self.log.read_bytes().splitlines() if self.log.exists() else []
            if len(lines) >= count or time.monotonic() > end:
                return lines
            time.sleep(0.05)

    def close(self) -> None:
        """End them."""
        with suppress(ProcessLookupError):
            self.server.stop()
        self.stop_writer()
        self._socket.close()
        self._holder.communicate()

    def _inside(self) -> Sequence[str]:
        return ["nsenter", "--target", str(self._holder.pid), "--mount"]
