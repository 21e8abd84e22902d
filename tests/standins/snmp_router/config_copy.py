# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for CISCO-CONFIG-COPY-MIB: a router that fetches lines and merges them, or sends what it has.

**Not Cisco's software.** The table behaves as the MIB describes it; TFTP and scp are curl's; merging is the plainest:
a line is added where it is not yet, one that begins with ``no`` takes away what follows, one that begins with no known
word is refused (someConfigApplyFailed) while the others stand. ios_copy.py has the stand-in of IOS in place of that.

    python -m tests.standins.snmp_router.config_copy PORT CONFIGURATION
"""

from __future__ import annotations

import subprocess
import sys
import threading
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol

from .nat_table import Refused
from .responders import serve

ENTRY = (1, 3, 6, 1, 4, 1, 9, 9, 96, 1, 1, 1, 1)
#: Columns that can be written, and their types.
WRITABLE: dict[int, type] = {
    **{2: int, 3: int, 4: int, 5: bytes, 6: bytes, 7: bytes, 8: bytes},
    **{14: int, 15: int, 16: bytes},
}
PASSWORD = 8
TFTP, SCP = 1, 4
WAITING, RUNNING, SUCCESSFUL, FAILED = 1, 2, 3, 4
BAD_NAME, TIMEOUT, UNSUPPORTED, SOME_FAILED = 2, 3, 6, 7
NETWORK_FILE, RUNNING_CONFIG = 1, 4
KNOWN = ("ip", "interface", "route-map", "event", "hostname", "permit", "match", "end", "!")
SECONDS = 6


class Configuration(Protocol):
    """A running configuration."""

    @property
    def file(self) -> Path:
        """Where it is to be read."""

    def merge(self, lines: list[str]) -> bool:
        """Take lines; whether all of them could be."""


class Lines:
    """The plainest: a file of lines."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def merge(self, lines: list[str]) -> bool:
        held, good = self.file.read_text(encoding="ascii").splitlines(), True
        for line in lines:
            word = "!" if line.startswith("!") else next(iter(line.split()), "!")
            if word == "no" and line[3:] in held:
                held.remove(line[3:])
            elif word not in KNOWN:
                good = False
            elif word not in ("end", "!") and line not in held:
                held.append(line)
        self.file.write_text("".join(f"{line}\n" for line in held), encoding="ascii")
        return good


class Copies:
    """The requests, and the running configuration."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._requests: dict[int, dict[int, int | bytes]] = {}
        self._lock = threading.Lock()

    @property
    def objects(self) -> list[tuple[tuple[int, ...], int | bytes]]:
        """All that there is to see."""
        with self._lock:
            shown = [
                ((*ENTRY, column, request), value)
                for request, row in self._requests.items()
                for column, value in row.items()
                if column != PASSWORD
            ]
        return sorted(shown, key=lambda item: item[0])

    def set(self, varbinds: list[tuple[tuple[int, ...], int | bytes]]) -> None:
        """Begin one request, or forget one."""
        given: dict[int, dict[int, int | bytes]] = {}
        for place, (oid, value) in enumerate(varbinds, 1):
            column, request = oid[len(ENTRY) :] if oid[: len(ENTRY)] == ENTRY and len(oid) == len(ENTRY) + 2 else (0, 0)
            if column not in WRITABLE:
                raise Refused("noCreation", place)
            if not isinstance(value, WRITABLE[column]):
                raise Refused("wrongType", place)
            given.setdefault(request, {})[column] = value
        for request, row in given.items():
            if row.get(14) == 6:
                with self._lock:
                    self._requests.pop(request, None)
                continue
            server = row.get(5, row.get(16))
            if row.get(14) != 4 or request in self._requests or not isinstance(server, bytes) or 6 not in row:
                raise Refused("inconsistentValue", 1)
            if {row.get(3), row.get(4)} != {NETWORK_FILE, RUNNING_CONFIG}:
                raise Refused("inconsistentValue", 1)
            with self._lock:
                self._requests[request] = {**row, 10: WAITING, 14: 1}
            threading.Thread(target=self._carry, args=(request, row, server), daemon=True).start()

    def _carry(self, request: int, row: dict[int, int | bytes], server: bytes) -> None:
        self._say(request, RUNNING)
        if row[2] not in (TFTP, SCP):
            return self._say(request, FAILED, UNSUPPORTED)
        host = ip_address(server)
        name = bytes(row[6]).decode("ascii")
        url = f"{'tftp' if row[2] == TFTP else 'scp'}://{f'[{host}]' if host.version == 6 else host}/{name}"
        load = row[3] == NETWORK_FILE
        words = [url] if load else ["--upload-file", str(self._configuration.file), url]
        if row[2] == TFTP:
            words.append("--tftp-no-options")
        else:  # a router seldom knows a server's key
            login = b":".join(bytes(row.get(column, b"")) for column in (7, PASSWORD)).decode("ascii")
            words += ["--insecure", "--user", login]
        command = ["curl", "--silent", "--max-time", str(SECONDS), *words]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            # 67 to 79: what a server refuses with; anything else is a server that does not answer.
            return self._say(request, FAILED, BAD_NAME if 67 <= done.returncode <= 79 else TIMEOUT)
        if load and not self._configuration.merge(done.stdout.decode("ascii").splitlines()):
            return self._say(request, FAILED, SOME_FAILED)
        return self._say(request, SUCCESSFUL)

    def _say(self, request: int, state: int, cause: int | None = None) -> None:
        with self._lock:
            if request in self._requests:
                self._requests[request][10] = state
                if cause is not None:
                    self._requests[request][13] = cause


if __name__ == "__main__":
    serve(int(sys.argv[1]), Copies(Lines(Path(sys.argv[2]))))
