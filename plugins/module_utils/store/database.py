# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of a store: opened, checked, made where there is none; SQLite's errors as ours."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import contextmanager
from typing import Any, Iterator, List, Tuple

from ..errors import HandoverError

__all__ = ["PATIENCE", "Database"]

#: Seconds to wait for another process that is writing.
PATIENCE = 10
_APPLICATION = 0x53_69_70_48  # "SipH"
_VERSION = 1
_SCHEMA = (
    "CREATE TABLE entries (shelf TEXT, key TEXT, value TEXT NOT NULL, version INTEGER NOT NULL,"
    " keep_until REAL NOT NULL, PRIMARY KEY (shelf, key)) WITHOUT ROWID",
    "CREATE INDEX entries_by_end ON entries (keep_until)",
    "CREATE TABLE drafts (name TEXT PRIMARY KEY, saved REAL NOT NULL, version INTEGER)",
    "CREATE TABLE draft_entries (draft TEXT, shelf TEXT, key TEXT, value TEXT, keep_until REAL NOT NULL,"
    " PRIMARY KEY (draft, shelf, key)) WITHOUT ROWID",
    "CREATE TABLE draft_reads (draft TEXT, shelf TEXT, key TEXT, version INTEGER NOT NULL,"
    " PRIMARY KEY (draft, shelf, key)) WITHOUT ROWID",
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_VERSION}",
)


class Database:
    """The file, which is made where there is none, readable by its owner only.

    :raises HandoverError: ``store_unreadable``, ``store_version``, ``store_busy``.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._reading = False
        with self._told():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
            try:
                self._open()
            except BaseException:
                self._db.close()
                raise

    def close(self) -> None:
        """Close the file."""
        with self._told():
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it reaches the disk, or nothing. Within another one, it is a part of that."""
        self._end_reading()
        if self._db.in_transaction:
            yield self._db
            return
        with self._told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Many queries, of the file as it is at the first one: each by itself asks the system for locks.

        What is written meanwhile ends it.
        """
        if not self._db.in_transaction:
            with self._told():
                self._db.execute("BEGIN")
            self._reading = True
        try:
            yield
        finally:
            self._end_reading()

    def rows(self, query: str, *values: object) -> List[Tuple[Any, ...]]:
        """The rows of a query."""
        try:
            return self._db.execute(query, values).fetchall()
        except (sqlite3.Error, OSError, ValueError) as error:
            raise self._told_as(error) from error

    def _end_reading(self) -> None:
        if self._reading:
            self._reading = False
            with self._told():
                self._db.execute("COMMIT")

    def _open(self) -> None:
        self._db.execute(f"PRAGMA busy_timeout = {PATIENCE * 1000}")
        # Before anything is changed. In a transaction, or another process could make the store between two looks.
        self._db.execute("BEGIN")
        self._check()
        self._db.execute("ROLLBACK")
        _write_ahead(self._db)
        self._db.execute("PRAGMA synchronous = FULL")
        with self.transaction() as db:
            if not self._check():
                for statement in _SCHEMA:
                    db.execute(statement)

    def _check(self) -> bool:
        """Whether the file holds a store of ours; an empty one does not yet."""
        application = self._db.execute("PRAGMA application_id").fetchone()[0]
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if application == 0 and version == 0 and not self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
            return False
        if application != _APPLICATION:
            raise HandoverError("store_unreadable", self._path, "a store is a file that this collection has made")
        if version > _VERSION:
            raise HandoverError(
                "store_version", f"{self._path}: version {version}", f"a store is of version {_VERSION} or older"
            )
        return True

    @contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's errors as ours."""
        try:
            yield
        except (sqlite3.Error, OSError, ValueError) as error:
            if isinstance(error, HandoverError):
                raise
            raise self._told_as(error) from error

    def _told_as(self, error: Exception) -> HandoverError:
        if isinstance(error, sqlite3.OperationalError) and ("locked" in str(error) or "busy" in str(error)):
            return HandoverError("store_busy", self._path, f"a store is free for writing within {PATIENCE} s")
        why = error.strerror if isinstance(error, OSError) else error
        return HandoverError(
            "store_unreadable",
            f"{self._path}: {why}",
            "a store can be opened and is whole",
            "Correct path or permissions; move a damaged store away, and a new one begins without a history.",
        )


def _write_ahead(db: sqlite3.Connection) -> None:
    """Switch the write-ahead log on. SQLite does not wait by itself where two processes do so at once."""
    last = time.monotonic() + PATIENCE
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > last:
                raise
            time.sleep(0.02)
