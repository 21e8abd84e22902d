# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in as a process of its own, which listens until its standard input ends."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ["BIN", "BUILD", "PEERS", "ROOT", "started"]

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / ".build"
#: What drives stand-ins, with an environment of its own.
PEERS = BUILD / "standins"
BIN = PEERS / "venv" / "bin"


@contextmanager
def started(
    module: str, *options: str | Path, within: tuple[str, ...] = (), said: IO[str] | None = None
) -> Iterator[int]:
    """A stand-in; the port that it listens on.

    :param module: of this package, for example ``ios``.
    :param within: the words before its command, which put it elsewhere.
    :param said: the file for what it complains about; None is the test's own.
    """
    command = [*within, str(BIN / "python"), "-m", f"{__package__}.{module}", *map(str, options)]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        text=True,
        env={**os.environ, "PYTHONPATH": ""},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
