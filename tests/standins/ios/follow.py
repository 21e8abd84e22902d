# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in: a real kernel that follows the configuration."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ..shown import show
from .configuration import RunningConfiguration
from .kernel import kernel_script

__all__ = ["Kernel"]


class Kernel:
    """A network namespace that follows the configuration; none without a process that holds it."""

    def __init__(self, config: RunningConfiguration, process: int | None, shown: Path | None) -> None:
        self._shown = shown
        self._config = config
        self._process = process
        self._script = self._text = ""

    def follow(self) -> None:
        """Let it carry out what the configuration says now."""
        text = "\n".join(self._config.lines())
        if self._shown is not None and text != self._text:
            show(self._shown, text)
            self._text = text
        if self._process is None:
            return
        script = kernel_script(self._config)
        if script != self._script:
            inside = ["nsenter", "--target", str(self._process), "--net", "/bin/sh", "-s"]
            done = subprocess.run(inside, input=script, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"{script}\n{done.stdout}{done.stderr}", file=sys.stderr, flush=True)
            self._script = script
