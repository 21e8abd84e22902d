# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Logs as files: rotated, compressed, truncated, and still being written.

The one place in ``module_utils`` that opens files. It is here because Ansible takes nothing else to a managed host,
and the module and the command line must read alike; nothing of the core imports it.
"""

from __future__ import annotations

import os
import stat
from itertools import chain
from typing import IO, Callable, Iterator, List, Optional, Protocol, Tuple

from .errors import HandoverError
from .sip.refusal import Refusal, refusal
from .sip.sources import AUTO, Item, Parser, open_source
from .sip.sources.cursor import HEAD_SIZE, Cursor, FileFacts, cursor_after, is_copy, is_same, resume
from .sip.sources.gzip_stream import MAGIC, inflated
from .sip.sources.lines import Position

__all__ = ["LogReader", "Stop"]

_CHUNK = 256 * 1024
#: Seconds between two looks at a file that is followed.
_POLL = 0.2
#: Findings at the end of an input that more input may undo.
_UNFINISHED = ("truncated_line", "truncated_message", "unreadable_line")


class Stop(Protocol):
    """When to stop following; a :class:`threading.Event` is one, where no signal handler sets it."""

    def is_set(self) -> bool:
        """Whether it is time."""

    def wait(self, timeout: float) -> bool:
        """Wait until it is time, at most so many seconds; whether it is."""


class LogReader:
    """A log, with the files that it was rotated to since a cursor, read as one. Iterate over it once.

    The cursor's file is looked for under the log's own name first, then among the files beside it that rotation
    names: by inode, and by what it begins with where it was copied or compressed. What is left of it is read, then
    the files that came after it, in the order of their times, then the log. A cursor whose file is nowhere is told as
    a refusal ``lost_input``.

    Gzip is known by its first bytes; offsets are those of what it holds. ``OSError`` comes through: the cursor then
    stands where reading stopped.

    :ivar path: as given.
    :ivar name: the file that is being read.
    :ivar position: how far it has been read.
    :ivar read: bytes of the file itself that have been read; of a compressed one, compressed bytes.
    :ivar size: of the file itself when it was opened.
    """

    def __init__(
        self,
        path: str,
        format_name: str = AUTO,
        cursor: Optional[Cursor] = None,
        follow: Optional[Stop] = None,
        heard: Optional[Callable[[], None]] = None,
        parser: Optional[Parser] = None,
    ) -> None:
        """:param follow: go on waiting for more, through rotation and truncation, until this says stop.
        :param heard: called after each piece that was read, and now and then while waiting.
        :param parser: what reads the format in the place of its own parser; the format is named then.
        """
        self.path = self.name = path
        self.position = Position()
        self.read = self.size = 0
        self._format = format_name
        self._follow = follow
        self._heard = heard
        self._parser = parser
        self._cursor = cursor
        self._reading: Optional[_Reading] = None

    @property
    def cursor(self) -> Optional[Cursor]:
        """Where a next run goes on, as far as the items went that have been taken; None before anything was opened."""
        if self._reading is None:
            return self._cursor
        return cursor_after(self._reading.format_name, self.position, self._reading.facts)

    def __iter__(self) -> Iterator[Item]:
        files, lost = self._files()
        while files:
            if lost is not None:
                yield lost
            name, position = files.pop(0)
            yield from self._file(name, position, waits=self._follow is not None and not files)
            lost = None
            if self._follow is not None and self._follow.is_set():
                return
            if not files and self._follow is not None:
                files, lost = self._files()

    def _files(self) -> Tuple[List[Tuple[str, Position]], Optional[Refusal]]:
        """The files to read now, each with the place to begin at, and what cannot be read any more."""
        cursor = self.cursor
        own = _facts(self.path)
        if cursor is None or (own is not None and is_same(cursor, own)):
            return [(self.path, Position() if own is None else resume(cursor, own))], None
        names = _rotated(self.path)
        found = next((n for n, name in enumerate(names) if _is(is_same, cursor, name)), None)
        if found is None:
            found = next((n for n, name in enumerate(names) if _is(is_copy, cursor, name)), None)
        lost = None
        files: List[Tuple[str, Position]] = []
        drained = self._reading is not None and self._reading.drained
        if found is not None:
            if not drained:
                files.append((names[found], Position(cursor.offset, cursor.line)))
            files += [(name, Position()) for name in reversed(names[:found])]
        elif not drained:
            reason = "the file that the cursor stands in is gone, with what followed there"
            lost = Refusal("lost_input", reason, self.path)
        # A new log that nobody has written to yet: the old one may still be written to.
        if not files or (own is not None and own.size != 0):
            files.append((self.path, Position()))
        return files, lost

    def _file(self, name: str, position: Position, waits: bool) -> Iterator[Item]:
        with open(name, "rb", buffering=0) as file:
            status, head = os.fstat(file.fileno()), file.read(HEAD_SIZE)
            file.seek(0)
            zipped = head.startswith(MAGIC)
            facts = _facts_of(file)
            reading = _Reading(facts, AUTO, waits and not zipped)
            chunks = self._chunks(file, reading, 0 if zipped else position.offset)
            if zipped:
                chunks = _skipped(_held(inflated(chunks), reading), position.offset)
            known = self._format
            if known == AUTO and self.cursor is not None and (position.offset or self._reading is not None):
                known = self.cursor.format  # as the last run, or the last file, was recognised
            reading.format_name = known
            self._reading, self.name, self.position = reading, name, position
            self.read, self.size = 0, status.st_size
            if self._parser is not None:
                items = self._parser(chunks, name, position)
            else:
                reading.format_name, items = open_source(known, chunks, name, position)
            for item in items:
                if reading.again and isinstance(item, Refusal) and item.code in _UNFINISHED:
                    continue  # its rest will be read later, with its beginning
                yield item
            if reading.problem is not None:
                yield refusal(reading.problem, name)

    def _chunks(self, file: IO[bytes], reading: _Reading, offset: int) -> Iterator[bytes]:
        file.seek(offset)
        self.read = offset
        while self._follow is None or not self._follow.is_set():
            chunk = file.read(_CHUNK)
            if chunk:
                self.read += len(chunk)
                reading.learn_head(file)
                yield chunk
                if self._heard is not None:
                    self._heard()
            elif not reading.waits or not self._more(file, reading):
                reading.drained = not reading.again
                return
        reading.again = True

    def _more(self, file: IO[bytes], reading: _Reading) -> bool:
        """Wait until there is more in the file; False when there will not be, or it is time to stop."""
        while self._follow is not None and not self._follow.is_set():
            size = os.fstat(file.fileno()).st_size
            if size < self.read or os.pread(file.fileno(), len(reading.facts.head), 0) != reading.facts.head:
                break  # truncated in place; there may be a copy of what was there
            if size > self.read:
                return True
            if self._replaced(file):
                # What was written until the new file had its first byte is there now.
                return os.fstat(file.fileno()).st_size > self.read
            if self._heard is not None:
                self._heard()
            self._follow.wait(_POLL)
        reading.again = True
        return False

    def _replaced(self, file: IO[bytes]) -> bool:
        try:
            there, here = os.stat(self.path), os.fstat(file.fileno())
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) != (here.st_dev, here.st_ino) and there.st_size > 0


class _Reading:
    """One file while it is read.

    :ivar waits: whether its end is waited at.
    :ivar drained: whether it has been read to an end that is final.
    :ivar again: whether what stands unfinished at the end will be read again: nothing is to be said of it.
    """

    def __init__(self, facts: FileFacts, format_name: str, waits: bool) -> None:
        self.facts = facts
        self.format_name = format_name
        self.waits = waits
        self.drained = False
        self.again = False
        self.problem: Optional[HandoverError] = None

    def learn_head(self, file: IO[bytes]) -> None:
        """A file that was short when it was opened is known by more of it as it grows."""
        facts = self.facts
        if facts.size is not None and len(facts.head) < HEAD_SIZE:
            head = os.pread(file.fileno(), HEAD_SIZE, 0)
            self.facts = FileFacts(facts.device, facts.inode, facts.size, head)


def _held(chunks: Iterator[bytes], reading: _Reading) -> Iterator[bytes]:
    """The stream, which ends where it cannot be read; what was wrong is kept."""
    try:
        yield from chunks
    except HandoverError as error:
        reading.problem = error


def _skipped(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    for chunk in chunks:
        if size < len(chunk):
            yield chunk[size:]
        size = max(0, size - len(chunk))


def _rotated(path: str) -> List[str]:
    """The files beside a log that rotation names after it, newest first; compressed ones whose original is still
    there are left out."""
    directory, base = os.path.split(path)
    stem, suffix = os.path.splitext(base)
    try:
        names = set(os.listdir(directory or "."))
    except OSError:
        return []
    found = []
    for name in names:
        after = name.startswith((base + ".", base + "-"))
        within = bool(suffix) and name.startswith((stem + ".", stem + "-")) and name.endswith((suffix, suffix + ".gz"))
        if name == base or not (after or within) or (name.endswith(".gz") and name[:-3] in names):
            continue
        full = os.path.join(directory, name)
        try:
            status = os.stat(full)
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            # Of two of one time, the lower number is the newer: log.1, log.2.
            found.append((-status.st_mtime_ns, len(name), name, full))
    return [full for _time, _length, _name, full in sorted(found)]


def _is(test: Callable[[Cursor, FileFacts], bool], cursor: Cursor, name: str) -> bool:
    try:
        facts = _facts(name)
    except OSError:
        return False
    return facts is not None and test(cursor, facts)


def _facts(name: str) -> Optional[FileFacts]:
    try:
        with open(name, "rb", buffering=0) as file:
            return _facts_of(file)
    except FileNotFoundError:
        return None


def _facts_of(file: IO[bytes]) -> FileFacts:
    """Facts of an open file; its place is the beginning before and after."""
    status = os.fstat(file.fileno())
    head = file.read(HEAD_SIZE)
    zipped = head.startswith(MAGIC)
    if zipped:
        head = _unzipped_head(chain([head], iter(lambda: file.read(_CHUNK), b"")))
    file.seek(0)
    return FileFacts(status.st_dev, status.st_ino, None if zipped else status.st_size, head)


def _unzipped_head(chunks: Iterator[bytes]) -> bytes:
    head = b""
    try:
        for chunk in inflated(chunks):
            head += chunk
            if len(head) >= HEAD_SIZE:
                break
    except HandoverError:
        pass  # told when it is read
    return head[:HEAD_SIZE]
