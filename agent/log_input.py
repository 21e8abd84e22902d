# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A log as a command reads it: a file, through rotation and compression, or standard input."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Iterator
from typing import cast

from ..plugins.module_utils.errors import HandoverError
from ..plugins.module_utils.log_files import LogReader, Stop
from ..plugins.module_utils.mobility.intake import Item
from ..plugins.module_utils.sip.refusal import Refusal, refusal
from ..plugins.module_utils.sip.sources import open_source
from ..plugins.module_utils.sip.sources.cursor import Cursor
from ..plugins.module_utils.sip.sources.gzip_stream import inflated
from .progress import Progress

__all__ = ["LogInput", "unix_time"]

_CHUNK = 64 * 1024


class LogInput:
    """One input. Iterating over it moves its cursor; one that cannot be read yields a refusal."""

    def __init__(
        self, name: str, format_name: str, cursor: Cursor | None, stop: Stop | None, progress: Progress
    ) -> None:
        self.name = name
        self.failed = False
        self.progress = progress
        self.heard: Callable[[], None] | None = None
        self._format = format_name
        self._reader = None if name == "-" else LogReader(name, format_name, cursor, stop, self._heard)

    @property
    def cursor(self) -> Cursor | None:
        """Where a next run goes on; None for standard input."""
        return None if self._reader is None else self._reader.cursor

    def __iter__(self) -> Iterator[Item]:
        try:
            if self._reader is None:
                stdin = cast(io.BufferedReader, sys.stdin.buffer)  # its read1 takes what is there
                chunks = iter(lambda: stdin.read1(_CHUNK), b"")
                yield from open_source(self._format, inflated(chunks), "standard input")[1]
            else:
                yield from self._reader
        except HandoverError as error:
            self.failed = True
            yield refusal(error, "standard input")
        except OSError as error:
            self.failed = True
            yield Refusal("unreadable_input", f"the file can be read: {error.strerror}", error.filename or self.name)

    def _heard(self) -> None:
        if self._reader is not None:
            self.progress.tick(self._reader)
        if self.heard is not None:
            self.heard()


def unix_time(text: str) -> float:
    """The type of an option that takes Unix seconds."""
    value = float(text)
    if not 0 <= value < 2**33:
        raise argparse.ArgumentTypeError(f"{text} is no Unix time")
    return value
