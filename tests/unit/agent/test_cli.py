# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover``: its commands are found, each loaded when it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ansible_collections.sipmobility.handover.agent.cli import COMMANDS, DONE, USAGE, main


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == DONE
    assert f"sip-handover {command}" in capsys.readouterr().out


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == DONE
    told = capsys.readouterr().out
    assert [command for command in COMMANDS if f"    {command} " not in told] == []


def test_a_command_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["walk"]) == USAGE
    told = capsys.readouterr().err
    assert [command for command in COMMANDS if command not in told] == []
    assert main([]) == USAGE


def test_reading_a_log_loads_nothing_that_renders_or_serves() -> None:
    """Their libraries take longer to load than a short log takes to read."""
    code = (
        "import sys; from ansible_collections.sipmobility.handover.agent.cli import main; main(sys.argv[1:]);"
        " print(*[name for name in ('jinja2', 'asyncio') if name in sys.modules], file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "pairs", "--policy", "none", "--json", "/dev/null"]
    assert subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stderr.split() == []
