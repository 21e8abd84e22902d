# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes Kamailio's event lines to a file, from a socket that systemd holds and Kamailio has as its /dev/log.

Nothing is lost between the two, and no line is torn:

- a datagram leaves the socket only when its line is in a file, so what this process has not written waits for the
  next one. Killed in between, it writes a line once more; readers know a registration that came before.
- where the log cannot be written (the disk is full), what was written of a line is taken back, and lines go to another
  file, in memory (/run), until the log takes them, in their order. So the server goes on. When that is full, too, the
  socket fills, and Kamailio waits.
- a line that a power failure has cut short is ended before the next.

Whatever else Kamailio logs, and the events too, goes to the journal as it would without this, as far as that takes it
at once.
"""

from __future__ import annotations

import argparse
import errno
import os
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

#: Facility local1, which the events have, and nothing else.
EVENTS = 17
JOURNAL = "/run/systemd/journal/dev-log"
_PRIORITY = re.compile(rb"<(\d{1,3})>")
_LONGEST = 256 * 1024
#: Seconds until a file that cannot be written is tried again.
_AGAIN = 0.5
#: Bytes that wait, at most, while the log cannot be written.
_OVERFLOW = 64 * 1024 * 1024
#: The first descriptor that systemd hands over (sd_listen_fds(3)).
_FIRST = 3


def main() -> None:
    """Write until SIGTERM; SIGHUP has the log opened anew, before the next line."""
    parser = argparse.ArgumentParser(description="write Kamailio's event lines to a file")
    parser.add_argument("--log", required=True, metavar="FILE")
    parser.add_argument("--group", help="who may read it")
    parser.add_argument("--overflow", default="/run/sipmobility/overflow.jsonl", metavar="FILE")
    args = parser.parse_args()
    if os.environ.get("LISTEN_PID") != str(os.getpid()) or os.environ.get("LISTEN_FDS") != "1":
        sys.exit("started by systemd, with its socket")
    orders = Orders()
    log = Log(Lines(args.log, args.group), Lines(args.overflow, args.group, _OVERFLOW))
    with socket.socket(fileno=_FIRST) as source, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.setblocking(False)
        while True:
            source.settimeout(_AGAIN if log.waits else None)
            try:
                with orders.at_once():
                    data = source.recv(_LONGEST, socket.MSG_PEEK)
            except TimeoutError:
                data = b""
            if orders.reopen:
                orders.reopen = False
                log.lines.close()
            line = event_in(data)
            while not log.write(line):
                if orders.stop:
                    return
                time.sleep(_AGAIN)
            if not data:
                continue
            source.recv(1)
            with suppress(OSError):  # it is full, or there is none; the file is what counts
                journal.sendto(data, JOURNAL)


def event_in(data: bytes) -> bytes | None:
    """The line of a datagram of syslog(3), None where it is no event."""
    found = _PRIORITY.match(data)
    begin = data.find(b"{")
    if found is None or int(found.group(1)) >> 3 != EVENTS or begin < 0:
        return None
    # Kamailio puts the level's name before the text; a NUL ends what some libraries send.
    return data[begin:].rstrip(b"\0\r\n") + b"\n"


class Orders:
    """What signals have asked for. The end comes between two lines."""

    def __init__(self) -> None:
        self.reopen = self.stop = self._idle = False
        signal.signal(signal.SIGHUP, self._take)
        signal.signal(signal.SIGTERM, self._take)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """The end may come here at any moment."""
        self._idle = True
        if self.stop:
            sys.exit(0)
        try:
            yield
        finally:
            self._idle = False

    def _take(self, number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            self.reopen = True
        elif self._idle:
            sys.exit(0)
        else:
            self.stop = True


class Log:
    """The log, and where its lines wait while it cannot be written."""

    def __init__(self, lines: Lines, overflow: Lines) -> None:
        self.lines = lines
        self._overflow = overflow
        self._due = 0.0
        self._said = ""

    @property
    def waits(self) -> bool:
        """Whether lines wait for the log."""
        return self._overflow.size > 0

    def write(self, line: bytes | None) -> bool:
        """Write a line, if there is one, and what waits before it. False where there is no room for it at all."""
        try:
            if time.monotonic() >= self._due:
                if self.waits:
                    self._overflow.move_to(self.lines)
                if line is not None:
                    self.lines.add(line)
                self._say("")
                return True
        except OSError as error:
            self._due = time.monotonic() + _AGAIN
            self._say(f"{self.lines.path}: {error.strerror}; events wait in {self._overflow.path}")
        if line is None:
            return True
        try:
            self._overflow.add(line)
        except OSError:
            return False
        return True

    def _say(self, what: str) -> None:
        if what != self._said:
            print(what or f"{self.lines.path}: it is written again", file=sys.stderr, flush=True)
        self._said = what


class Lines:
    """A file that is only ever added to, by whole lines.

    :param most: how long it may become, in bytes.
    """

    def __init__(self, path: str, group: str | None, most: int | None = None) -> None:
        self.path = path
        self._group = group
        self._most = most
        self._file = -1

    @property
    def size(self) -> int:
        """In bytes; 0 where there is none."""
        try:
            return os.stat(self.path).st_size
        except FileNotFoundError:
            return 0

    def close(self) -> None:
        """Let the file go; another has its name now, or will have."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def add(self, line: bytes) -> None:
        """Add a line, whole or not at all.

        :raises OSError: not at all.
        """
        if self._file < 0:
            self._open()
        size = os.fstat(self._file).st_size
        if self._most is not None and size + len(line) > self._most:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        written = 0
        try:
            written = os.write(self._file, line)
        finally:
            if written < len(line):
                os.ftruncate(self._file, size)
        if written < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def move_to(self, other: Lines) -> None:
        """Add every line to another file; those that it did not take stay.

        :raises OSError: it did not take all.
        """
        with open(self.path, "rb") as file:
            lines = file.read().splitlines(keepends=True)
        moved = 0
        try:
            for line in lines:
                other.add(line)
                moved += 1
        finally:
            self.close()
            if moved == len(lines):
                os.unlink(self.path)
            elif moved:
                self._keep(lines[moved:])

    def _keep(self, lines: list[bytes]) -> None:
        with open(self.path + ".new", "wb") as file:
            file.writelines(lines)
        os.replace(self.path + ".new", self.path)

    def _open(self) -> None:
        file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            if self._group is not None:
                shutil.chown(self.path, group=self._group)
            size = os.fstat(file).st_size
            if size and os.pread(file, 1, size - 1) != b"\n":
                os.write(file, b"\n")
        except BaseException:
            os.close(file)
            raise
        self._file = file


if __name__ == "__main__":
    main()
