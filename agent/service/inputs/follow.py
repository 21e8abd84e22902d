# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A log that is followed, from where the last run has been."""

from __future__ import annotations

import ctypes
import os
import select
import struct
import threading
from collections.abc import Callable

from ....plugins.module_utils.errors import HandoverError
from ....plugins.module_utils.log_files import LogReader
from ....plugins.module_utils.mobility.intake import Item
from ....plugins.module_utils.sip.refusal import refusal
from ....plugins.module_utils.sip.sources import Parser
from ....plugins.module_utils.sip.sources.cursor import Cursor

__all__ = ["Follower"]

#: Seconds until a log that cannot be read is tried again.
_AGAIN = 1.0
_MODIFIED, _MOVED_TO, _CREATED = 0x2, 0x80, 0x100  # <sys/inotify.h>

Taken = Callable[[list[Item], Cursor | None], None]


class Follower(threading.Thread):
    """Follows one log in a thread of its own; a write is noticed at once where the file system tells (inotify).

    :param taken: takes what came, with the cursor behind it; the next piece is read when it returns.
    :param parser: what reads the log in the place of the format's own.
    """

    def __init__(
        self, path: str, format_name: str, cursor: Cursor | None, taken: Taken, parser: Parser | None = None
    ) -> None:
        super().__init__(name=f"follow {path}", daemon=True)
        self._path = path
        self._format = format_name
        self._cursor = cursor
        self._taken = taken
        self._parser = parser
        self._watch = _Watch(path)
        self._items: list[Item] = []
        self._said = ""
        self._reader: LogReader | None = None

    def run(self) -> None:
        while not self._watch.is_set():
            self._reader = LogReader(self._path, self._format, self._cursor, self._watch, self._heard, self._parser)
            try:
                for item in self._reader:
                    self._items.append(item)
            except HandoverError as error:
                self._items.append(refusal(error, self._path))
            except OSError as error:
                self._unreadable(error)
            self._heard()
            self._cursor = self._reader.cursor
            self._watch.wait(_AGAIN)
        self._watch.close()

    def _unreadable(self, error: OSError) -> None:
        """Tell, once, of a log that cannot be read. One that is not there yet may come, as with tail -F."""
        said = "" if isinstance(error, FileNotFoundError) else str(error)
        if said and said != self._said:
            told = HandoverError("unreadable_file", said, "the log can be read", "It is tried again every second.")
            self._items.append(refusal(told, self._path))
        self._said = said

    def stop(self) -> None:
        """Have the thread end."""
        self._watch.set()

    def _heard(self) -> None:
        if self._reader is not None and not self._watch.is_set():
            items, self._items = self._items, []
            self._taken(items, self._reader.cursor)


class _Watch:
    """When to stop, and an early end of waiting when something is written beside the log."""

    def __init__(self, path: str) -> None:
        self._stopped = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        self._poll = select.poll()
        self._poll.register(self._wake_read, select.POLLIN)
        self._notify = self._begin(os.path.dirname(os.path.abspath(path)))

    def is_set(self) -> bool:
        return self._stopped.is_set()

    def set(self) -> None:
        if not self._stopped.is_set():
            os.write(self._wake_write, b"x")  # first: once it is stopped, the other thread closes this
            self._stopped.set()

    def wait(self, timeout: float) -> bool:
        if not self._stopped.is_set():
            for descriptor, _event in self._poll.poll(timeout * 1000):
                if descriptor == self._notify:
                    os.read(descriptor, 64 * struct.calcsize("iIII"))
        return self._stopped.is_set()

    def close(self) -> None:
        for descriptor in (self._wake_read, self._wake_write, self._notify):
            if descriptor >= 0:
                os.close(descriptor)

    def _begin(self, directory: str) -> int:
        """A descriptor that tells of changes; -1 where there is none, and the log is only looked at now and then."""
        libc = ctypes.CDLL(None, use_errno=True)
        descriptor: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        mask = _MODIFIED | _MOVED_TO | _CREATED
        if descriptor >= 0 and libc.inotify_add_watch(descriptor, os.fsencode(directory), mask) < 0:
            os.close(descriptor)
            return -1
        if descriptor >= 0:
            self._poll.register(descriptor, select.POLLIN)
        return descriptor
