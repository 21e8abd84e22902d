# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits that docs/platforms/README.md tells are those that the planner goes by."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Directions
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.capabilities import Capabilities, Part
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.registry import PLATFORMS

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "platforms" / "README.md").read_text(encoding="utf-8")
ROWS = {
    name: [cell.strip() for cell in rest.strip("|").split("|")]
    for name, rest in re.findall(r"^\| `(\w+)` \|(.*)\|$", TEXT.partition("## Limits")[2], re.M)
}


def told(can: Capabilities) -> list[str]:
    """A row of the page."""
    scopes = ", ".join(sorted(scope.value for scope in can.scopes))
    if {part: one.scopes for part, one in can.narrower.items()} == dict.fromkeys(Part, frozenset()):
        scopes = "none, a route alone"
    elif Part.CORRESPONDENT in can.narrower:
        there = ", ".join(sorted(scope.value for scope in can.narrower[Part.CORRESPONDENT].scopes))
        scopes += f"; at the correspondent's router {there}"
    if not can.joint:
        drops = "no"
    elif not can.freezes:
        drops = "never; refused where they would have to"
    else:
        drops = "where another such router changes too, or lines come and go at once" if can.atomic else "yes"
    flags = (Directions.FORWARD in can.directions, can.neighbours, can.expires)
    alone, neighbours, expires = ("yes" if flag else "no" for flag in flags)
    return [scopes, alone, drops, neighbours, expires]


def test_every_platform_has_a_row() -> None:
    assert set(ROWS) == set(PLATFORMS)


@pytest.mark.parametrize("name", sorted(PLATFORMS))
def test_the_row_says_what_the_planner_goes_by(name: str) -> None:
    assert ROWS[name] == told(PLATFORMS[name].capabilities)
