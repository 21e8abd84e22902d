# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far the reading of a long log is, on standard error."""

from __future__ import annotations

import sys
import time

from ..plugins.module_utils.log_files import LogReader

__all__ = ["Progress"]

#: Seconds before anything is shown, and between two lines where there is no terminal.
_FIRST, _TERMINAL, _ELSEWHERE = 1.0, 0.2, 5.0


class Progress:
    """Shows bytes, lines and rate of what is read; a short file shows nothing.

    :param forced: show it also where standard error is no terminal: a line now and then, and one at the end.
    """

    def __init__(self, forced: bool = False) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown = False
        self._forced = forced
        self._active = forced or self._terminal
        self._begin = time.monotonic()
        self._next = self._begin + _FIRST
        self._last = ""

    def tick(self, reader: LogReader) -> None:
        """Take note of how far a reader is, and show it when it is time."""
        if not self._active:
            return
        now = time.monotonic()
        self._last = _text(reader, now - self._begin)
        if now >= self._next:
            self._next = now + (_TERMINAL if self._terminal else _ELSEWHERE)
            self._show("\r\x1b[K" if self._terminal else "", "" if self._terminal else "\n")

    def end(self) -> None:
        """Take the line away from a terminal; elsewhere leave the last word."""
        if self._terminal and self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        elif self._forced and self._last:
            self._show("", "\n")

    def _show(self, before: str, after: str) -> None:
        self._shown = True
        print(before + self._last, end=after, file=sys.stderr, flush=True)


def _text(reader: LogReader, seconds: float) -> str:
    part = f" ({100 * reader.read // reader.size}%)" if 0 < reader.read <= reader.size else ""
    rate = reader.read / max(seconds, 0.001)
    return f"{reader.name}: {_bytes(reader.read)}{part}, {reader.position.line - 1:,} lines, {_bytes(rate)}/s"


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.1f} {unit}" if unit != "B" else f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
