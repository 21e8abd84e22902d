# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stand-in shows to its test, in a file."""

from __future__ import annotations

from pathlib import Path

__all__ = ["show"]


def show(path: Path, text: str) -> None:
    """Write a file anew in one go: a test may read it at any moment, also while an unlock is on its way."""
    whole = path.with_name(f"{path.name}.new")
    whole.write_text(text, encoding="utf-8")
    whole.replace(path)
