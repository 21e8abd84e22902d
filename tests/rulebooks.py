# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real ansible-rulebook, running one of our rulebooks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

__all__ = ["BIN", "Rulebook", "environment", "rulebook"]

_ROOT = Path(__file__).resolve().parents[1]
#: Where its programs are.
BIN = _ROOT / ".build" / "eda" / "venv" / "bin"


class Rulebook:
    """A rulebook that runs."""

    def __init__(self, process: subprocess.Popen[bytes], told: Path) -> None:
        self._process = process
        self._told = told

    def await_(self, what: str, condition: Callable[[], bool], seconds: float) -> None:
        """Wait for something that comes to pass while it runs."""
        end = time.monotonic() + seconds
        while not condition():
            assert self._process.poll() is None, self.output
            assert time.monotonic() < end, f"no {what} within {seconds} s:\n{self.output[-4000:]}"
            time.sleep(0.05)

    def await_recaps(self, count: int, seconds: float) -> None:
        """Wait until so many playbooks have ended."""
        self.await_("end of a playbook", lambda: self.recaps >= count, seconds)

    @property
    def output(self) -> str:
        """What it has said."""
        return self._told.read_text(encoding="utf-8", errors="replace")

    @property
    def recaps(self) -> int:
        """Playbooks that have ended."""
        return self.output.count("PLAY RECAP")


@contextmanager
def rulebook(
    name: str, directory: Path, inventory: Path, told: Mapping[str, Any], within: Sequence[str] = ()
) -> Iterator[Rulebook]:
    """``ansible-rulebook --rulebook sipmobility.handover.NAME``, reading; ended with all that it started.

    :param directory: for its files.
    :param inventory: it is copied elsewhere, so no path in it may begin at itself.
    :param told: its variables; ``handover_state_dir`` is among them.
    :param within: a command that runs it.
    """
    variables, output = directory / "variables.yml", directory / "rulebook.log"
    variables.write_text(yaml.safe_dump(dict(told)), encoding="utf-8")
    argv: list[str | Path] = [*within, BIN / "ansible-rulebook", "--rulebook", f"sipmobility.handover.{name}"]
    argv += ["--inventory", inventory, "--vars", variables]
    # Connections of its own: one that another playbook left open would hide that this one cannot log in.
    connections = tempfile.mkdtemp(prefix="sipmobility-")
    with output.open("wb") as record:
        process = subprocess.Popen(
            argv,
            cwd=directory,
            env={**environment(), "ANSIBLE_SSH_CONTROL_PATH_DIR": connections},
            stdout=record,
            stderr=record,
            start_new_session=True,
        )
    try:
        running = Rulebook(process, output)
        running.await_("source", (Path(told["handover_state_dir"]) / "history.sqlite").exists, 60)
        yield running
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        shutil.rmtree(connections)


def environment() -> dict[str, str]:
    """For its programs."""
    return {
        **{key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(_ROOT / ".build" / "collections"),
        "ANSIBLE_NOCOLOR": "1",
    }
