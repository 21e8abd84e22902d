# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/refusals.md against the code: one row for every code, with its meaning, and none besides."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.admission import CODES as ADMISSION
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.home import CODES as HOME
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.listed_sessions import CODES as SESSIONS
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import CODES as READING

#: Of a store.
STORE = {"store_busy", "store_changed", "store_unreadable", "store_version", "unknown_draft"}

ROOT = Path(__file__).resolve().parents[3]
CORE = ROOT / "plugins" / "module_utils"
#: Codes that end a run instead of refusing an input.
CALLER = {"bad_cursor", "bad_policy", "bad_record", "unknown_policy_key"} | STORE
#: Keyword of the rule that every raised error names first.
RAISED = re.compile(r'(?:HandoverError|Refusal|Fault)\(\s*"(\w+)"|return "(\w+)", f?"')


def rows(text: str) -> list[tuple[str, str, str]]:
    """Code, meaning and advice of each row of the tables."""
    return re.findall(r"^\| `(\w+)` \| (.+?) \| (.+?) \|$", text, re.MULTILINE)


def raised() -> set[str]:
    """The codes that the source of the reading side and of the policy raises."""
    files = [
        *(CORE / "sip").rglob("*.py"),
        *(CORE / "mobility" / f"{name}.py" for name in ("registration_policy", "intake", "home")),
        *(CORE / "store").rglob("*.py"),
        CORE / "log_files.py",
    ]
    agent = [ROOT / "agent" / "policy_file.py", ROOT / "agent" / "commands" / "pairs.py"]
    return {
        code for file in [*files, *agent] for codes in RAISED.findall(file.read_text("utf-8")) for code in codes if code
    }


def test_every_code_is_documented_with_its_meaning() -> None:
    told = rows((ROOT / "docs" / "refusals.md").read_text(encoding="utf-8"))
    documented = {code: meaning for code, meaning, _advice in told if code not in CALLER}
    assert documented == {**READING, **ADMISSION, **SESSIONS, **HOME}
    assert len(told) == len(documented) + len(CALLER)
    assert all(advice.endswith(".") for _code, _meaning, advice in told)


def test_rules_stand_in_the_order_in_which_they_are_asked() -> None:
    told = [code for code, _meaning, _advice in rows((ROOT / "docs" / "refusals.md").read_text(encoding="utf-8"))]
    assert [code for code in told if code in ADMISSION] == list(ADMISSION)
    assert [code for code in told if code in SESSIONS] == list(SESSIONS)


def test_every_code_that_is_raised_is_known_and_every_known_one_raised() -> None:
    assert raised() - CALLER - set(ADMISSION) == {*READING, *HOME}
    assert raised() >= STORE
