# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of a run: private, and nothing else is ever removed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.action.workdir import ActionModule
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError


def worked(state: str, path: str | None = None) -> dict[str, Any]:
    action = object.__new__(ActionModule)  # its work needs nothing of a task
    return action.work({"state": state, "path": path}, {})


def test_it_is_private_and_goes_with_all_that_is_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = [Path(worked("present")["path"]) for unused in range(2)]
    assert [place.stat().st_mode & 0o777 for place in made] == [0o700, 0o700]
    (made[0] / "plan").mkdir()
    (made[0] / "plan" / "stages.json").write_text("[]", encoding="utf-8")
    assert worked("absent", str(made[0])) == {"changed": False, "path": str(made[0])}
    assert list(tmp_path.iterdir()) == made[1:]
    worked("absent", str(made[0]))


def test_a_directory_of_somebody_else_stays(tmp_path: Path) -> None:
    with pytest.raises(HandoverError, match="bad_directory"):
        worked("absent", str(tmp_path))
    assert tmp_path.exists()
