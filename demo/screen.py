"""The timeline on the terminal: what is being done, since when, and what came of it."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_BOLD, _DIM, _GREEN, _RED = "1", "2", "32", "31"
# Where the output is a file there is no spinner, but a word now and then. Seconds.
_HEARTBEAT = 10.0


class Work:
    """Something that takes time. ``detail`` is shown while it lasts, ``told`` replaces the text when it is done."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.detail = ""
        self.told = ""


class Screen:
    """Lines with two clocks: seconds since the beginning and, after a move, seconds since the move."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._moves = out.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._colours = self._moves and "NO_COLOR" not in os.environ
        self._start = time.monotonic()
        self._move: float | None = None
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._start

    def chapter(self, title: str) -> None:
        self._move = None
        self._write(f"\n{self._paint(title, _BOLD)}\n")

    def moved(self, at: float) -> None:
        """From here on lines also tell the time since ``at`` (monotonic seconds)."""
        self._move = at

    def line(self, text: str, *, at: float | None = None, good: bool | None = None) -> None:
        """One line; ``at`` (monotonic seconds) where it tells of an earlier moment."""
        sign = " " if good is None else self._paint("✓", _GREEN) if good else self._paint("✗", _RED)
        self._write(f"{self._clock(time.monotonic() if at is None else at)}  {sign} {text}\n")

    def text(self, text: str = "", *, bold: bool = False) -> None:
        """Text without clocks."""
        self._write((self._paint(text, _BOLD) if bold else text) + "\n")

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Columns as wide as needed; those whose cells begin with a digit or a blank stand to the right."""
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        right = [all(row[i][:1] in "0123456789+- " for row in rows) for i in range(len(head))]
        for number, row in enumerate([head, *rows]):
            cells = (f"{cell:>{w}}" if r else f"{cell:<{w}}" for cell, w, r in zip(row, widths, right, strict=True))
            line = "  " + "   ".join(cells).rstrip()
            self.text(self._paint(line, _DIM) if number == 0 else line)

    @contextmanager
    def working(self, text: str) -> Iterator[Work]:
        """Show that something is under way, and how it ended."""
        work = Work(text)
        begun = time.monotonic()
        ended = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(work, begun, ended), daemon=True)
        ticker.start()
        good = False
        try:
            yield work
            good = True
        finally:
            ended.set()
            ticker.join()
            took = time.monotonic() - begun
            self.line(f"{work.told or work.text}{self._paint(f'  {took:.1f} s', _DIM)}", at=begun, good=good)

    # -- below ----------------------------------------------------------------------------------------------------

    def _tick(self, work: Work, begun: float, ended: threading.Event) -> None:
        if not self._moves:
            while not ended.wait(_HEARTBEAT):
                self.line(f"… {work.text}: {work.detail or 'under way'}")
            return
        for frame in itertools.cycle(_FRAMES):
            text = f"{work.text}: {work.detail}" if work.detail else work.text
            line = f"{self._clock(begun)}  {frame} {text}"[: _width() - 9]
            self._write(f"\r\x1b[K{line}  {time.monotonic() - begun:.1f} s", keep=True)
            if ended.wait(0.1):
                self._write("\r\x1b[K", keep=True)
                return

    def _clock(self, at: float) -> str:
        since = f"{at - self._move:+8.2f}" if self._move is not None else " " * 8
        return self._paint(f"{at - self._start:7.1f} {since}", _DIM)

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours else text

    def _write(self, text: str, *, keep: bool = False) -> None:
        with self._lock:
            self._out.write(text if keep or not self._moves else "\r\x1b[K" + text)
            self._out.flush()


def _width() -> int:
    try:
        return os.get_terminal_size().columns
    except OSError:
        return 80
