# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting that a signal ends.

A ``threading.Event`` is not for signal handlers: one that comes while the same thread waits finds the event's lock
held by it, and both wait for ever.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Signalled", "stop_on_signal"]


class Signalled:
    """Whether a signal has come."""

    def __init__(self) -> None:
        self._is_set = False
        self._read, self._write = os.pipe()

    def set(self, *_signal: object) -> None:
        """It has; may be the handler itself."""
        self._is_set = True
        os.write(self._write, b"!")

    def is_set(self) -> bool:
        """Whether it has."""
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for it, at most so many seconds; whether it has come."""
        if not self._is_set:
            select.select([self._read], [], [], timeout)
        return self._is_set

    def close(self) -> None:
        """Nobody waits any more."""
        os.close(self._read)
        os.close(self._write)


@contextmanager
def stop_on_signal() -> Iterator[Signalled]:
    """What SIGTERM and SIGINT set, so that the run ends as it should."""
    stop = Signalled()
    before = {number: signal.signal(number, stop.set) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()
