# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger: what is wanted, and what is being done for it, on disk before a router is touched.

Routers stay the truth. The ledger tells a service that starts again what it owed when it was stopped.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.step import Stage
from ...plugins.module_utils.reader import time_to_text

__all__ = ["Ledger", "Owed", "Status"]

_VERSION = 1
_SCHEMA = (
    "CREATE TABLE handovers (id TEXT PRIMARY KEY, record TEXT NOT NULL, status TEXT NOT NULL, code TEXT, reason TEXT,"
    " changed REAL NOT NULL, plan INTEGER)",
    "CREATE TABLE plans (number INTEGER PRIMARY KEY, begun REAL NOT NULL, ended REAL, outcome TEXT,"
    " handovers TEXT NOT NULL, stages TEXT NOT NULL)",
    f"PRAGMA user_version = {_VERSION}",
)
#: Bytes of the write-ahead log, less the two million that SQLite keeps in memory.
_RESERVED = 8_000_000
#: Plans that are remembered, and seconds that a handover is that nothing is left of.
_PLANS, _OVER = 5000, 86_400


class Status(Enum):
    """How a handover stands."""

    #: It is to be carried out, or is being carried out.
    WANTED = "wanted"
    #: It needs a router that is not there.
    WAITING = "waiting"
    #: The routers hold it, or have let it go.
    DONE = "done"
    #: It cannot be carried out; nothing of it stands.
    REFUSED = "refused"


@dataclass(frozen=True)
class Owed:
    """A handover as the ledger has it.

    :ivar record: as :func:`handover_records` makes it.
    :ivar changed: Unix seconds.
    """

    id: str
    record: Mapping[str, Any]
    status: Status
    code: str | None
    reason: str | None
    changed: float


class Ledger:
    """The ledger in a file, which is made where there is none. One thread at a time.

    :raises HandoverError: ``ledger_unreadable``, ``ledger_version``.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        with self._told():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._db = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            # Its pages are sorted in when there is time for it, see `forget`: a move does not wait for that.
            self._db.execute("PRAGMA wal_autocheckpoint = 0")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version > _VERSION:
                self._db.close()
                raise HandoverError(
                    "ledger_version",
                    f"{path}: version {version}",
                    f"a ledger is of version {_VERSION} or older",
                    "Install the version that wrote it, or move the file away: what it owes is lost then.",
                )
            if version == 0:
                with self._transaction():
                    for statement in _SCHEMA:
                        self._db.execute(statement)
            self._reserve()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def want(self, records: Iterable[Mapping[str, Any]], now: float) -> None:
        """Note what is wanted. It is on disk when this returns."""
        with self._transaction():
            self._want(records, now)

    def begin(
        self,
        records: Iterable[Mapping[str, Any]],
        refused: Mapping[str, tuple[Status, str, str]],
        stages: Iterable[Stage],
        now: float,
        waits: Callable[[], object] = lambda: None,
    ) -> int:
        """Note what is wanted, what of it is not made and why, and the steps of the rest; on disk when this returns.

        Of a step there is its name, which tells how far a plan was when it was cut: what routers hold they tell
        themselves, and a plan is made anew from that.

        :param refused: by id: how it stands, code and reason.
        :param waits: is called when all that is left is to wait for the disk.
        :returns: the number of the plan.
        """
        with self._transaction():
            wanted = {str(record["id"]): record for record in records}
            self._want(wanted.values(), now)
            for identity, (status, code, reason) in refused.items():
                self._db.execute(
                    "UPDATE handovers SET status = ?, code = ?, reason = ? WHERE id = ?",
                    (status.value, code, reason, identity),
                )
            made = [identity for identity in wanted if identity not in refused]
            added = self._db.execute(
                "INSERT INTO plans (begun, handovers, stages) VALUES (?, ?, ?)",
                (now, json.dumps(made), json.dumps([[step.id for step in stage.steps] for stage in stages])),
            )
            number = added.lastrowid or 0
            self._db.executemany("UPDATE handovers SET plan = ? WHERE id = ?", [(number, one) for one in made])
            waits()
        return number

    def end(
        self, number: int, outcome: str, standing: Mapping[str, tuple[Status, str | None, str | None]], now: float
    ) -> None:
        """Note what became of a plan. It is on disk with the next plan at the latest: without it, the handovers of this
        one are planned anew, to no step.

        :param standing: by id: how it stands, code and reason. One that was wanted anew meanwhile stays wanted.
        """
        with self._transaction("NORMAL"):
            self._db.execute("UPDATE plans SET ended = ?, outcome = ? WHERE number = ?", (now, outcome, number))
            self._db.executemany(
                "UPDATE handovers SET status = ?, code = ?, reason = ?, changed = ? WHERE id = ? AND plan = ?",
                [(status.value, code, why, now, one, number) for one, (status, code, why) in standing.items()],
            )
            self._db.execute("DELETE FROM plans WHERE number <= ?", (number - _PLANS,))

    def forget(self, now: float) -> list[Mapping[str, Any]]:
        """Forget the handovers that were over, or refused, long ago, and put the file in order; those forgotten."""
        with self._transaction():
            gone = self._db.execute(
                "DELETE FROM handovers WHERE changed < ? AND (status = ? OR (status = ? AND"
                " json_extract(record, '$.ended'))) RETURNING record",
                (now - _OVER, Status.REFUSED.value, Status.DONE.value),
            ).fetchall()
        with self._told():
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        return [json.loads(row[0]) for row in gone]

    def all(self) -> list[Owed]:
        """Every handover, in the order in which they were changed."""
        with self._told():
            rows = self._db.execute("SELECT id, record, status, code, reason, changed FROM handovers ORDER BY changed")
            return [Owed(row[0], json.loads(row[1]), Status(row[2]), *row[3:]) for row in rows.fetchall()]

    def lapsed(self, before: int) -> list[Mapping[str, Any]]:
        """The handovers that stand although they have expired.

        :param before: Unix seconds.
        """
        with self._told():
            rows = self._db.execute(
                "SELECT record FROM handovers WHERE status IN (?, ?) AND NOT json_extract(record, '$.ended')"
                " AND json_extract(record, '$.expires') < ?",
                (Status.DONE.value, Status.WAITING.value, time_to_text(before)),
            )
            return [json.loads(row[0]) for row in rows.fetchall()]

    def unended(self) -> list[int]:
        """The plans that were begun and of which no end is known."""
        with self._told():
            return [row[0] for row in self._db.execute("SELECT number FROM plans WHERE ended IS NULL ORDER BY number")]

    def _reserve(self) -> None:
        """Have the write-ahead log as large as it will be, where there is plenty of room.

        A write that makes a file longer waits for the file system's journal, and so for whatever others write: one in
        ten took ten times as long. SQLite writes over what it wrote before, once that is sorted in, see :meth:`forget`.
        """
        directory = os.statvfs(os.path.dirname(self._path) or ".")
        if directory.f_bavail * directory.f_frsize < 16 * _RESERVED:
            return
        self._db.execute("BEGIN IMMEDIATE")
        # More than SQLite keeps in memory: what is beyond that goes into the log, and counts for nothing.
        self._db.execute("CREATE TABLE reserved (bytes BLOB)")
        self._db.execute("INSERT INTO reserved VALUES (zeroblob(?))", (_RESERVED,))
        self._db.execute("ROLLBACK")
        with self._transaction():
            self._db.execute(f"PRAGMA user_version = {_VERSION}")  # the next one waits for the disk to have all of it

    def _want(self, records: Iterable[Mapping[str, Any]], now: float) -> None:
        self._db.executemany(
            "INSERT OR REPLACE INTO handovers (id, record, status, changed) VALUES (?, ?, ?, ?)",
            [(record["id"], json.dumps(record), Status.WANTED.value, now) for record in records],
        )

    @contextmanager
    def _transaction(self, synchronous: str = "FULL") -> Iterator[None]:
        with self._told():
            self._db.execute(f"PRAGMA synchronous = {synchronous}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise HandoverError(
                "ledger_unreadable",
                f"{self._path}: {error}",
                "the ledger can be read and written",
                "Make room, or correct its permissions. What routers hold can be repaired without it (reconcile.yml).",
            ) from error
