# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger's write-ahead log is as large as it will be from the beginning; a newer one's file is left alone."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.sipmobility.handover.agent.service.ledger import Ledger
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError


def log_of(path: Path) -> int:
    """Bytes of the write-ahead log."""
    return (path / "ledger.sqlite-wal").stat().st_size


def write(ledger: Ledger, first: int, count: int) -> None:
    for number in range(first, first + count):
        ledger.begin([{"id": f"h{number}", "aor": "sip:alice@example.net"}], {}, [], number)


def test_what_is_written_makes_it_no_longer(tmp_path: Path) -> None:
    ledger = Ledger(str(tmp_path / "ledger.sqlite"))
    size = log_of(tmp_path)
    assert size > 4_000_000
    for first in (0, 100, 200):
        write(ledger, first, 100)
        ledger.forget(first)
        assert log_of(tmp_path) == size
    ledger.close()
    again = Ledger(str(tmp_path / "ledger.sqlite"))
    assert [one.id for one in again.all()] == [f"h{number}" for number in range(300)]
    again.close()


def test_it_takes_no_room_where_there_is_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _path: SimpleNamespace(f_bavail=1000, f_frsize=4096))
    ledger = Ledger(str(tmp_path / "ledger.sqlite"))
    assert log_of(tmp_path) < 1_000_000
    write(ledger, 0, 3)
    assert len(ledger.all()) == 3
    ledger.close()


def test_one_of_a_newer_version_is_told_and_left_as_it_is(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger.sqlite")
    Ledger(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 2")
    db.close()
    with pytest.raises(HandoverError, match="version 2") as caught:
        Ledger(path)
    assert caught.value.code == "ledger_version"
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (2,)
    db.close()
