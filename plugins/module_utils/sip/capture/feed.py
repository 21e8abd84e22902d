# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stream of chunks, taken in pieces of the reader's size."""

from __future__ import annotations

from typing import Iterable

__all__ = ["Feed"]


class Feed:
    """Holds at most the piece asked for and one chunk."""

    def __init__(self, stream: Iterable[bytes]) -> None:
        self._chunks = iter(stream)
        self._data = bytearray()
        self._start = 0

    def peek(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer at the end; they stay."""
        while len(self._data) - self._start < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            if self._start:
                del self._data[: self._start]
                self._start = 0
            self._data += chunk
        return bytes(self._data[self._start : self._start + size])

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes, fewer at the end."""
        found = self.peek(size)
        self._start += len(found)
        return found

    def skip(self, size: int) -> bool:
        """Pass ``size`` bytes without holding them; whether they were there."""
        while size:
            passed = len(self.take(min(size, 65536)))
            if not passed:
                return False
            size -= passed
        return True
