# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What followed from the events of a stream, until it is known to be done; and how far the stream was judged.

The history takes an event once. So what followed is remembered beside it, for the time when this service has to carry
out what another one has left.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ...plugins.module_utils.errors import HandoverError

__all__ = ["Followed"]

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS followed (number INTEGER PRIMARY KEY, partition INTEGER NOT NULL,"
    " records TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS judged (stream TEXT PRIMARY KEY, number INTEGER NOT NULL)",
)

Records = Sequence[Mapping[str, Any]]


class Followed:
    """In a file, which is made where there is none. What touches the file is called by one thread.

    :param stream: which stream this is; of another one nothing is known.
    :ivar judged: number of the last event that was judged.
    :raises HandoverError: ``history_unreadable``.
    """

    def __init__(self, path: str, stream: str) -> None:
        self._path = path
        self._stream = stream
        self._held: dict[int, tuple[int, Records]] = {}
        with self._told():
            self._db = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            for statement in _SCHEMA:
                self._db.execute(statement)
            rows = self._db.execute("SELECT number FROM judged WHERE stream = ?", (stream,)).fetchall()
            if rows:
                for number, partition, records in self._db.execute("SELECT number, partition, records FROM followed"):
                    self._held[number] = (partition, json.loads(records))
            self.judged: int = rows[0][0] if rows else 0
            self._kept = set(self._held)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def note(self, number: int, partition: int, records: Records) -> None:
        """An event was judged; what follows from it. Judged a second time, after a crash, nothing new follows."""
        if records:
            self._held.setdefault(number, (partition, records))
        self.judged = number

    def records(self, number: int) -> Records:
        """What follows from an event, as far as it is not known to be done."""
        return self._held.get(number, (0, ()))[1]

    def done(self, number: int) -> None:
        """All that follows from an event is done."""
        self._held.pop(number, None)

    def done_to(self, partition: int, number: int) -> None:
        """All that follows from the events of a partition is done, up to one."""
        for one in [
            one for one, (where, _records) in tuple(self._held.items()) if where == partition and one <= number
        ]:
            self._held.pop(one, None)

    def keep(self) -> None:
        """Write what follows, before the history takes the events."""
        held = dict(self._held)
        with self._told():
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("DELETE FROM followed WHERE number = ?", [(one,) for one in self._kept - set(held)])
            self._db.executemany(
                "INSERT OR REPLACE INTO followed (number, partition, records) VALUES (?, ?, ?)",
                [(one, held[one][0], json.dumps(list(held[one][1]))) for one in set(held) - self._kept],
            )
            self._db.execute("COMMIT")
        self._kept = set(held)

    def reached(self) -> None:
        """Write how far the stream was judged, after the history has taken the events."""
        with self._told():
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM judged")
            self._db.execute("INSERT INTO judged (stream, number) VALUES (?, ?)", (self._stream, self.judged))
            self._db.execute("COMMIT")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise HandoverError(
                "history_unreadable", f"{self._path}: {error}", "what followed from events can be read and written"
            ) from error
