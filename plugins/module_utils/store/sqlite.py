# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The history in a file, shared by runs of playbooks, the command line and the agent.

Cursor and store advance together, and only after the routers acknowledged. So a
run never writes what it learnt among what is known: it works on a *draft*, which
reads through to the store and keeps its changes apart. :meth:`Draft.save` puts
the draft into the file and returns its name; the caller keeps that name beside
the cursor, and hands both to the next run. :meth:`Store.commit` with the name
makes the draft part of what is known. A run whose name is never handed back (the
routers refused, the controller crashed) leaves nothing behind, and is repeated
from the old cursor with the same result; its draft goes after a day. A commit
that is repeated does nothing.

Writers do not wait for each other's runs. A draft notes the version of everything
that it was judged by; where any of that has changed when it is committed, the
commit is refused (``store_changed``) and the run is repeated on top of the change.
Two runs can therefore not both be the first to claim one old address. Only the
rate of all handovers together is left out of this: there the later one wins.

SQLite, write-ahead log, every commit one transaction that reaches the disk: a
crash at any moment leaves the state before or after it. The write-ahead log needs
a local file system. What is of no use to anybody any more is deleted, and so is
what would be forgotten first where there are more than :data:`MOST` entries.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import time
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Optional, Tuple

from ..errors import HandoverError
from ..mobility.memory import FINDINGS, Value

__all__ = ["MOST", "Draft", "Store"]

#: Most entries that are kept. A phone has about five, of some 200 bytes each.
MOST = 1_000_000
#: Seconds to wait for another process that is writing.
PATIENCE = 10
#: Changes and reads that a draft keeps in memory before it writes them to its own part of the file.
_SPILL = 20_000
_DRAFT_LIFETIME = 86_400
_NAMES_KEPT = 30 * 86_400
#: Counting a million entries takes a tenth of a second.
_COMMITS_BETWEEN_COUNTS = 64
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
#: What changes with every admitted pair of anybody.
_SHARED = ("rates", "all")

_Key = Tuple[str, str]


class Store:
    """The store in a file, which is made where there is none, readable by its owner only.

    :raises HandoverError: ``store_unreadable``, ``store_version``, ``store_busy``.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        with self._told():
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
            try:
                self._open()
            except BaseException:
                self._db.close()
                raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. A draft that was not saved is gone."""
        with self._told():
            self._db.close()

    def draft(self, after: Optional[str] = None) -> Draft:
        """A draft on top of what is known.

        :param after: a saved draft that counts as known, too. For looking only: such a draft cannot be saved.
        """
        return Draft(self, after)

    def commit(self, name: str, now: float) -> None:
        """Make a saved draft part of what is known; nothing where that was done before.

        :param now: Unix seconds UTC; what is of no use any more by then is deleted.
        :raises HandoverError: ``unknown_draft``, ``store_changed``, ``store_unreadable``, ``store_busy``.
        """
        with self.transaction() as db:
            found = db.execute("SELECT version FROM drafts WHERE name = ?", (name,)).fetchone()
            if found is None:
                raise HandoverError(
                    "unknown_draft", name, "a draft is named as an earlier run returned it, not more than a day ago"
                )
            if found[0] is not None:
                return
            changed = db.execute(
                "SELECT shelf, key FROM draft_reads LEFT JOIN entries USING (shelf, key)"
                " WHERE draft = ? AND coalesce(entries.version, 0) != draft_reads.version LIMIT 1",
                (name,),
            ).fetchone()
            if changed is not None:
                raise HandoverError(
                    "store_changed",
                    " ".join(changed),
                    "what a run was judged by is still so when it is committed",
                    "Another run has changed it. Run again from the cursor before.",
                )
            version = db.execute("SELECT coalesce(max(version), 0) + 1 FROM drafts").fetchone()[0]
            db.execute(
                "INSERT OR REPLACE INTO entries SELECT shelf, key, value, ?, keep_until FROM draft_entries"
                " WHERE draft = ? AND value IS NOT NULL",
                (version, name),
            )
            db.execute(
                "DELETE FROM entries WHERE (shelf, key) IN"
                " (SELECT shelf, key FROM draft_entries WHERE draft = ? AND value IS NULL)",
                (name,),
            )
            db.execute("UPDATE drafts SET version = ?, saved = ? WHERE name = ?", (version, now, name))
            _forget_drafts(db, name, now)
            db.execute("DELETE FROM entries WHERE keep_until < ?", (now,))
            if version % _COMMITS_BETWEEN_COUNTS == 0:
                _forget_most(db)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction, for this module."""
        with self._told():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def rows(self, query: str, *values: object) -> List[Tuple[Any, ...]]:
        """The rows of a query, for this module."""
        with self._told():
            return self._db.execute(query, values).fetchall()

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
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                rule = f"a store is free for writing within {PATIENCE} s"
                raise HandoverError("store_busy", self._path, rule) from error
            raise self._unreadable(error) from error
        except (sqlite3.Error, OSError, ValueError) as error:
            if isinstance(error, HandoverError):
                raise
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> HandoverError:
        why = error.strerror if isinstance(error, OSError) else error
        return HandoverError(
            "store_unreadable",
            f"{self._path}: {why}",
            "a store can be opened and is whole",
            "Correct path or permissions; move a damaged store away, and a new one begins without a history.",
        )


class Draft:
    """A memory (``mobility.memory.Memory``) on top of a store, whose changes stay apart until they are committed."""

    def __init__(self, store: Store, after: Optional[str] = None) -> None:
        self._store = store
        self._after = after
        self.name = secrets.token_hex(8)
        self._changed: Dict[str, Dict[str, Tuple[Optional[Value], float]]] = {}
        self._read: Dict[_Key, Tuple[int, Optional[Value]]] = {}
        self._spilt = False

    def get(self, shelf: str, key: str) -> Optional[Value]:
        """The value, or None."""
        changed = self._changed.get(shelf)
        if changed is not None and key in changed:
            return changed[key][0]
        if (shelf, key) in self._read:
            return self._read[shelf, key][1]
        for layer in self._layers():
            query = "SELECT value FROM draft_entries WHERE draft = ? AND shelf = ? AND key = ?"
            found = self._store.rows(query, layer, shelf, key)
            if found:
                return None if found[0][0] is None else json.loads(found[0][0])
        found = self._store.rows("SELECT value, version FROM entries WHERE shelf = ? AND key = ?", shelf, key)
        value = json.loads(found[0][0]) if found else None
        if (shelf, key) != _SHARED:
            self._read[shelf, key] = (found[0][1] if found else 0, value)
            self._spill_when_full()
        return value

    def put(self, shelf: str, key: str, value: Optional[Value], keep_until: float) -> None:
        """Put a value in the place of an earlier one; None takes it away."""
        self._changed.setdefault(shelf, {})[key] = (value, keep_until)
        self._spill_when_full()

    def items(self, shelf: str) -> List[Tuple[str, Value]]:
        """Every key of a shelf with its value."""
        found: Dict[str, Optional[Value]] = {}
        for key, value in self._store.rows("SELECT key, value FROM entries WHERE shelf = ?", shelf):
            found[key] = json.loads(value)
        for layer in reversed(self._layers()):
            query = "SELECT key, value FROM draft_entries WHERE draft = ? AND shelf = ?"
            for key, value in self._store.rows(query, layer, shelf):
                found[key] = None if value is None else json.loads(value)
        found.update((key, value) for key, (value, _end) in self._changed.get(shelf, {}).items())
        return [(key, value) for key, value in found.items() if value is not None]

    def save(self, now: float) -> str:
        """Put the draft into the file, and return its name for :meth:`Store.commit`.

        :param now: Unix seconds UTC.
        :raises HandoverError: ``store_unreadable``, ``store_busy``.
        """
        if self._after is not None:
            raise ValueError("a draft after another one is for looking only")
        self._spill()
        with self._store.transaction() as db:
            db.execute("INSERT OR REPLACE INTO drafts VALUES (?, ?, NULL)", (self.name, now))
            _forget_drafts(db, "", now)
        return self.name

    def discard(self) -> None:
        """Forget the draft, and what of it is in the file already."""
        self._changed.clear()
        self._read.clear()
        if self._spilt:
            with self._store.transaction() as db:
                for table in ("draft_entries", "draft_reads"):
                    db.execute(f"DELETE FROM {table} WHERE draft = ?", (self.name,))
                db.execute("DELETE FROM drafts WHERE name = ?", (self.name,))

    def _layers(self) -> List[str]:
        """The drafts in the file that this one sees, its own first."""
        own = [self.name] if self._spilt else []
        return own if self._after is None else [*own, self._after]

    def _spill_when_full(self) -> None:
        if sum(map(len, self._changed.values())) + len(self._read) > _SPILL:
            self._spill()

    def _spill(self) -> None:
        with self._store.transaction() as db:
            if not self._spilt:
                # Without a row of its own, another process would take what is here for rubbish.
                db.execute("INSERT OR REPLACE INTO drafts VALUES (?, ?, NULL)", (self.name, time.time()))
            db.executemany(
                "INSERT OR REPLACE INTO draft_entries VALUES (?, ?, ?, ?, ?)",
                (
                    (self.name, shelf, key, None if value is None else json.dumps(value), end)
                    for shelf, changed in self._changed.items()
                    for key, (value, end) in changed.items()
                ),
            )
            db.executemany(
                "INSERT OR IGNORE INTO draft_reads VALUES (?, ?, ?, ?)",
                ((self.name, shelf, key, version) for (shelf, key), (version, _value) in self._read.items()),
            )
        self._changed.clear()
        self._read.clear()
        self._spilt = True


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


def _forget_drafts(db: sqlite3.Connection, committed: str, now: float) -> None:
    """Delete what a committed draft held, drafts that nobody came back for, and names of long ago."""
    old = "SELECT name FROM drafts WHERE name = ?1 OR (version IS NULL AND saved < ?2)"
    values = (committed, now - _DRAFT_LIFETIME)
    for table in ("draft_entries", "draft_reads"):
        db.execute(f"DELETE FROM {table} WHERE draft IN ({old})", values)
    db.execute("DELETE FROM drafts WHERE version IS NULL AND saved < ?", (now - _DRAFT_LIFETIME,))
    # The latest name stays whatever its age: the next version follows from it.
    db.execute(
        "DELETE FROM drafts WHERE saved < ? AND version < (SELECT max(version) FROM drafts)", (now - _NAMES_KEPT,)
    )


def _forget_most(db: sqlite3.Connection) -> None:
    """Hold the bound, by what would be of no use soonest. What is live stays."""
    findings = ", ".join(f"'{shelf}'" for shelf in sorted(FINDINGS))
    over = db.execute("SELECT count(*) FROM entries").fetchone()[0] - MOST
    if over > 0:
        db.execute(
            f"DELETE FROM entries WHERE (shelf, key) IN (SELECT shelf, key FROM entries"
            f" WHERE shelf NOT IN ({findings}) ORDER BY keep_until LIMIT ?)",
            (over,),
        )
