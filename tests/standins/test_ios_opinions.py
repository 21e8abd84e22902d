# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Second opinions: programs of others on the lines that we send, and on what the stand-in shows."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from ..unit.platforms.ios_device import Terminal
from ..unit.platforms.test_ios_static_nat_states import CASES, OUT, WEB, A
from .conftest import BIN, ROOT
from .ios.dialogue import Dialogue


def asked(changes: list[tuple[str, str]], shown: str) -> dict[str, list[Any]]:
    done = subprocess.run(
        [str(BIN / "python"), "-m", "tests.standins.opinions"],
        input=json.dumps({"changes": changes, "shown": shown}),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, list[Any]] = json.loads(done.stdout)
    return answers


def test_hier_config_sends_the_same_lines() -> None:
    changes, ours = [], []
    for before, options, _ in CASES.values():
        router = Terminal(before)
        ours.append(sorted(router.run(options)["commands"]))
        changes.append(("\n".join(before), "\n".join(router.statics())))
    theirs = asked(changes, "")["remediation"]
    assert [sorted(map(_as_sent, lines)) for lines in theirs] == ours


def _as_sent(line: str) -> str:
    """IOS adds a word to a line with ports by itself, and we need not send it."""
    return line if line.startswith("no ") else line.removesuffix(" extendable")


def test_ntc_templates_read_what_the_stand_in_shows() -> None:
    router = Terminal([A, WEB, OUT])
    router.session("10.1.1.10")
    rows = asked([], Dialogue(router.config).enter("show ip nat translations"))["rows"]
    names = ("protocol", "inside_local_ip", "inside_local_port", "inside_global_ip", "outside_local_ip")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("---", "10.1.1.10", "", "203.0.113.10", "---"),
        ("tcp", "10.1.1.10", "", "203.0.113.10", "198.51.100.99"),
        ("tcp", "10.1.1.30", "80", "203.0.113.30", "---"),
        ("---", "---", "", "---", "10.9.9.7"),
    ]
