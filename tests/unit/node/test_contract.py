# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What decides in the mobile node's client opens nothing and asks no clock: so tests can play a world around it."""

from __future__ import annotations

import ast
from pathlib import Path

from ..test_import_contract import PURE

NODE = Path(__file__).resolve().parents[3] / "node"


def imported(path: Path) -> tuple[set[str], set[Path]]:
    """The modules of elsewhere that a file imports, and the files of this package."""
    outside, inside = set(), set()
    for one in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(one, ast.Import):
            outside |= {alias.name for alias in one.names}
        elif isinstance(one, ast.ImportFrom) and one.level:
            package = path.parents[one.level - 1]
            target = package.joinpath(*(one.module or "").split("."))
            if target.is_relative_to(NODE):
                inside |= {found for found in (target.with_suffix(".py"),) if found.is_file()}
            elif "module_utils" not in target.parts:
                outside.add(str(one.module))
        elif isinstance(one, ast.ImportFrom):
            outside.add(str(one.module))
    return outside, inside


def behind(start: Path) -> set[Path]:
    found, left = {start}, [start]
    while left:
        for path in imported(left.pop())[1] - found:
            found.add(path)
            left.append(path)
    return found


def test_the_mind_is_pure() -> None:
    files = behind(NODE / "mind.py")
    assert {path.name for path in files} >= {"mind.py", "registering.py", "attempt.py", "digest.py", "answer.py"}
    assert {name: imported(name)[0] - PURE for name in files if imported(name)[0] - PURE} == {}


def test_the_hands_are_not() -> None:
    assert {"asyncio", "pyroute2"} <= imported(NODE / "kernel.py")[0] - PURE
