# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A log that a server writes and that is rotated meanwhile, in each way that is met."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path

from ansible_collections.sipmobility.handover.plugins.module_utils.log_files import LogReader
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Registration
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import Item
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.cursor import Cursor

from .sip.messages import NOW, line


class Log:
    """A log that a server writes, and the runs that read it, each from the cursor of the one before."""

    def __init__(self, directory: Path, name: str = "register.jsonl") -> None:
        self.path = directory / name
        self.written = 0
        self.cursor: Cursor | None = None
        # Rotation is told by time; the clock of a file system is coarser than a test.
        self._clock = count(1_700_000_000)
        self.path.touch()

    def write(self, lines: int = 1) -> None:
        """Append event lines, numbered by their CSeq."""
        with self.path.open("ab") as file:
            for _n in range(lines):
                self.written += 1
                file.write(event(self.written))
        self.touch(self.path)

    def touch(self, path: Path) -> None:
        """Give a file the next moment."""
        moment = next(self._clock)
        os.utime(path, (moment, moment))

    def beside(self, name: str) -> Path:
        """A file beside the log."""
        return self.path.with_name(name)

    def rotate(self, create: bool = True) -> None:
        """As logrotate does: log.1 to log.2, log to log.1."""
        for number in range(8, 0, -1):
            for end in ("", ".gz"):
                old = self.beside(f"{self.path.name}.{number}{end}")
                if old.exists():
                    old.rename(self.beside(f"{self.path.name}.{number + 1}{end}"))
        self.path.rename(self.beside(f"{self.path.name}.1"))
        if create:
            self.path.touch()

    def compress(self, name: str) -> None:
        """As gzip does: a new file with the times of the old."""
        old, new = self.beside(name), self.beside(name + ".gz")
        with old.open("rb") as source, gzip.open(new, "wb") as target:
            shutil.copyfileobj(source, target)
        shutil.copystat(old, new)
        old.unlink()

    def copy_and_truncate(self) -> None:
        """As logrotate's copytruncate does."""
        copy = self.beside(f"{self.path.name}.1")
        shutil.copy(self.path, copy)
        self.touch(copy)
        os.truncate(self.path, 0)
        self.touch(self.path)

    def run(self) -> tuple[list[int | None], list[str]]:
        """CSeqs and refusal codes of one run, which goes on where the last one stopped."""
        reader = LogReader(str(self.path), cursor=self.cursor)
        found = list(reader)
        self.cursor = reader.cursor
        return cseqs(found), [item.code for item in found if isinstance(item, Refusal)]


def event(number: int) -> bytes:
    """The line of an event, with a time of its own: by the first one a file is known again."""
    return line(cseq=number, time=NOW + number)


def cseqs(items: list[Item]) -> list[int | None]:
    return [item.cseq for item in items if isinstance(item, Registration)]


def _rotated(log: Log) -> None:
    log.rotate()


def _rotated_by_date(log: Log) -> None:
    log.path.rename(log.beside("register.jsonl-20261124"))
    log.path.touch()


def _rotated_by_date_before_the_suffix(log: Log) -> None:
    log.path.rename(log.beside("register-20261124.jsonl"))
    log.path.touch()


def _compressed(log: Log) -> None:
    log.rotate()
    log.compress("register.jsonl.1")


def _copied(log: Log) -> None:
    log.copy_and_truncate()


ROTATIONS: list[Callable[[Log], None]] = [
    _rotated,
    _rotated_by_date,
    _rotated_by_date_before_the_suffix,
    _compressed,
    _copied,
]
