# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The patent's own example on the command line: fixtures, one clock, and the command run in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.agent.cli import main

__all__ = ["EXPECTED", "FIXTURES", "NOW", "CommandLine", "steps_in"]

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "patent"
EXPECTED = FIXTURES / "expected"
#: Ten minutes before the registration of the fixtures expires.
NOW = 1795495800


class CommandLine:
    """``sip-handover`` with the patent's topology, and a directory for files."""

    def __init__(self, path: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capture = capture
        self.errors = ""

    def run(self, *args: str) -> tuple[int, str]:
        """Exit status and standard output; standard error in ``errors``."""
        status = main(args)
        out, self.errors = self._capture.readouterr()
        return status, out

    def plan(self, *args: str) -> tuple[int, str]:
        """As :meth:`run`, of ``plan --topology ...``."""
        return self.run("plan", "--topology", str(FIXTURES / "topology.yml"), *args)

    def render(self, *args: str, now: int = NOW) -> tuple[int, str]:
        """As :meth:`run`, of ``render --topology ... --now ...``."""
        return self.run("render", "--topology", str(FIXTURES / "topology.yml"), "--now", str(now), *args)

    def states(self, name: str) -> str:
        """A file with what ``plan --json`` says of the handovers in a fixture."""
        status, out = self.plan("--to", str(FIXTURES / f"{name}.yml"), "--json")
        assert status == 0, self.errors
        return self.file(f"{name}.json", json.loads(out))

    def file(self, name: str, data: Any) -> str:
        """Write a file and return its path; data other than text as JSON."""
        path = self.path / name
        path.write_text(data if isinstance(data, str) else json.dumps(data), encoding="utf-8")
        return str(path)


def steps_in(text: str) -> dict[str, str]:
    """The text of each step in what ``render`` printed."""
    parts = text.split("==> ")[1:]
    return {head: body for head, _sign, body in (part.partition(" <==\n") for part in parts)}
