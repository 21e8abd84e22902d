# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/sources.md against the code: each format has its row in both tables, and there is none besides."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import FORMATS, SOURCES

DOCS = Path(__file__).resolve().parents[3] / "docs" / "sources.md"


def rows(section: str) -> set[str]:
    """The formats that begin a row of the table in a section."""
    text = DOCS.read_text(encoding="utf-8").partition(f"## {section}\n")[2].partition("\n## ")[0]
    return set(re.findall(r"^\| `(\w+)`", text, re.MULTILINE))


def test_every_format_has_a_row_in_each_table() -> None:
    assert rows("What each can tell") == set(FORMATS)
    assert rows("Where it comes from, and on what proof") == set(FORMATS)


def test_every_source_can_be_recognised_and_has_a_name_of_its_own() -> None:
    assert len(FORMATS) == len(SOURCES)
    assert all(source.telling is not None or source.magic for source in SOURCES)
