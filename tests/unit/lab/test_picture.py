# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's picture can be read, however long the gap was."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

from demo.picture import Panel, Row, draw


@pytest.mark.parametrize("seconds", [3, 30, 200])
def test_the_figures_of_the_axis_have_room(tmp_path: Path, seconds: int) -> None:
    rows = [Row(f"TCP, heard by {node}", "#1f6fb2", [99.5 + at for at in range(seconds + 1)]) for node in ("mn", "cn")]
    panel = Panel("A move.", 100.0, 1.0, seconds, [("decode on router B", 101.0)])
    draw(tmp_path / "picture.svg", "Packets", rows, [panel])
    text = (tmp_path / "picture.svg").read_text(encoding="utf-8")
    places = [float(at) for at in re.findall(r'<text x="([\d.]+)"[^>]*>\d+ s</text>', text)]
    assert len(places) >= 2
    assert all(b - a >= 40 for a, b in pairwise(places)), places
