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
what would be forgotten first of most entries, where there are more than
:data:`MOST`.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from typing import ContextManager, Dict, List, Optional, Tuple

from ..errors import HandoverError
from ..mobility.memory import FINDINGS, Value
from .database import Database

__all__ = ["MOST", "Draft", "Store"]

#: Most entries that are kept. A phone has about five, of some 200 bytes each.
MOST = 1_000_000
#: Changes and reads that a draft keeps in memory before it writes them to its own part of the file.
_SPILL = 20_000
#: How many more there may be before that is noticed: to count them takes longer than to keep one.
_BETWEEN_COUNTS = 256
_DRAFT_LIFETIME = 86_400
_NAMES_KEPT = 30 * 86_400
#: Counting a million entries takes a tenth of a second.
_COMMITS_BETWEEN_COUNTS = 64
#: What changes with every admitted pair of anybody.
_SHARED = ("rates", "all")

_Key = Tuple[str, str]


class Store:
    """The store in a file, which is made where there is none.

    :raises HandoverError: ``store_unreadable``, ``store_version``, ``store_busy``.
    """

    def __init__(self, path: str) -> None:
        self._database = Database(path)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. A draft that was not saved is gone."""
        self._database.close()

    def draft(self, after: Optional[str] = None) -> Draft:
        """A draft on top of what is known.

        :param after: a saved draft that counts as known, too. For looking only: such a draft cannot be saved.
        """
        return Draft(self._database, after)

    def commit_at_once(self, draft: Draft, now: float) -> None:
        """Save a draft and make it part of what is known, in one transaction: one wait for the disk.

        :param now: as for :meth:`commit`, whose errors it has.
        """
        with self._database.transaction():
            self.commit(draft.save(now), now)

    def commit(self, name: str, now: float) -> None:
        """Make a saved draft part of what is known; nothing where that was done before.

        :param now: Unix seconds UTC; what is of no use any more by then is deleted.
        :raises HandoverError: ``unknown_draft``, ``store_changed``, ``store_unreadable``, ``store_busy``.
        """
        with self._database.transaction() as db:
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


class Draft:
    """A memory (``mobility.memory.Memory``) on top of a store, whose changes stay apart until they are committed."""

    def __init__(self, database: Database, after: Optional[str] = None) -> None:
        self._database = database
        self._after = after
        self.name = secrets.token_hex(8)
        self._changed: Dict[str, Dict[str, Tuple[Optional[Value], float]]] = {}
        self._read: Dict[_Key, Tuple[int, Optional[Value]]] = {}
        self._spilt = False
        self._uncounted = 0

    def get(self, shelf: str, key: str) -> Optional[Value]:
        """The value, or None."""
        changed = self._changed.get(shelf)
        if changed is not None and key in changed:
            return changed[key][0]
        if (shelf, key) in self._read:
            return self._read[shelf, key][1]
        for layer in self._layers():
            query = "SELECT value FROM draft_entries WHERE draft = ? AND shelf = ? AND key = ?"
            found = self._database.rows(query, layer, shelf, key)
            if found:
                return None if found[0][0] is None else _value(found[0][0])
        found = self._database.rows("SELECT value, version FROM entries WHERE shelf = ? AND key = ?", shelf, key)
        value = _value(found[0][0]) if found else None
        if (shelf, key) != _SHARED:
            self._read[shelf, key] = (found[0][1] if found else 0, value)
            self._spill_when_full()
        return value

    def put(self, shelf: str, key: str, value: Optional[Value], keep_until: float) -> None:
        """Put a value in the place of an earlier one; None takes it away."""
        self._changed.setdefault(shelf, {})[key] = (value, keep_until)
        self._spill_when_full()

    def reading(self) -> ContextManager[None]:
        """Meanwhile what is asked for is found faster; what others commit meanwhile is not seen."""
        return self._database.reading()

    def items(self, shelf: str) -> List[Tuple[str, Value]]:
        """Every key of a shelf with its value."""
        found: Dict[str, Optional[Value]] = {}
        for key, value in self._database.rows("SELECT key, value FROM entries WHERE shelf = ?", shelf):
            found[key] = _value(value)
        for layer in reversed(self._layers()):
            query = "SELECT key, value FROM draft_entries WHERE draft = ? AND shelf = ?"
            for key, value in self._database.rows(query, layer, shelf):
                found[key] = None if value is None else _value(value)
        found.update((key, value) for key, (value, _end) in self._changed.get(shelf, {}).items())
        return [(key, value) for key, value in found.items() if value is not None]

    def save(self, now: float) -> str:
        """Put the draft into the file, and return its name for :meth:`Store.commit`.

        :param now: Unix seconds UTC.
        :raises HandoverError: ``store_unreadable``, ``store_busy``.
        """
        if self._after is not None:
            raise ValueError("a draft after another one is for looking only")
        with self._database.transaction() as db:
            self._spill()
            db.execute("INSERT OR REPLACE INTO drafts VALUES (?, ?, NULL)", (self.name, now))
            _forget_drafts(db, "", now)
        return self.name

    def discard(self) -> None:
        """Forget the draft, and what of it is in the file already."""
        self._changed.clear()
        self._read.clear()
        if self._spilt:
            with self._database.transaction() as db:
                for table in ("draft_entries", "draft_reads"):
                    db.execute(f"DELETE FROM {table} WHERE draft = ?", (self.name,))
                db.execute("DELETE FROM drafts WHERE name = ?", (self.name,))

    def _layers(self) -> List[str]:
        """The drafts in the file that this one sees, its own first."""
        own = [self.name] if self._spilt else []
        return own if self._after is None else [*own, self._after]

    def _spill_when_full(self) -> None:
        self._uncounted += 1
        if self._uncounted < _BETWEEN_COUNTS:
            return
        self._uncounted = 0
        if sum(map(len, self._changed.values())) + len(self._read) > _SPILL:
            self._spill()

    def _spill(self) -> None:
        with self._database.transaction() as db:
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


def _value(text: str) -> Value:
    try:
        return json.loads(text)
    except ValueError as error:
        raise HandoverError(
            "store_unreadable", text, "a store holds JSON", "Move it away, and a new one begins without a history."
        ) from error


def _forget_drafts(db: sqlite3.Connection, committed: str, now: float) -> None:
    """Delete what a committed draft held, drafts that nobody came back for, and names of long ago."""
    old = "SELECT name FROM drafts WHERE name = ? OR (version IS NULL AND saved < ?)"
    values = (committed, now - _DRAFT_LIFETIME)
    for table in ("draft_entries", "draft_reads"):
        db.execute(f"DELETE FROM {table} WHERE draft IN ({old})", values)
    db.execute("DELETE FROM drafts WHERE version IS NULL AND saved < ?", (now - _DRAFT_LIFETIME,))
    # The latest name stays whatever its age: the next version follows from it.
    db.execute(
        "DELETE FROM drafts WHERE saved < ? AND version < (SELECT max(version) FROM drafts)", (now - _NAMES_KEPT,)
    )


def _forget_most(db: sqlite3.Connection) -> None:
    """Hold the bound, by what would be of no use soonest, of the largest shelf: a phone that has its REGISTERs
    remembered, each with a Call-ID of its own, pushes out no history of addresses. What is live stays.
    """
    findings = ", ".join(f"'{shelf}'" for shelf in sorted(FINDINGS))
    over = db.execute("SELECT count(*) FROM entries").fetchone()[0] - MOST
    if over > 0:
        largest = (
            f"SELECT shelf FROM entries WHERE shelf NOT IN ({findings}) GROUP BY shelf ORDER BY count(*) DESC LIMIT 1"
        )
        db.execute(
            f"DELETE FROM entries WHERE (shelf, key) IN (SELECT shelf, key FROM entries"
            f" WHERE shelf = ({largest}) ORDER BY keep_until LIMIT ?)",
            (over,),
        )
