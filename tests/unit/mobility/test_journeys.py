# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The planner, by stories: phones of random networks move up to twenty times, no wrong address is shown.

A failure prints the story, the steps of each plan, and the way of the packet that went wrong.
"""

from __future__ import annotations

import pytest
from hypothesis import given, note, settings

from .journeys.journey import Journey
from .journeys.scenarios import Story, stories


def told(story: Story) -> None:
    """Told again with every line where it fails."""
    try:
        Journey(story).tell()
    except AssertionError:
        Journey(story, note).tell()
        raise


@settings(max_examples=400)
@given(stories())
def test_no_host_is_ever_shown_a_wrong_address(story: Story) -> None:
    told(story)


@settings(max_examples=300)
@given(stories(foreign_sources=True))
def test_nor_where_foreign_sources_pass(story: Story) -> None:
    """Correspondents behind routers that nobody manages, too; and routers that send on what is under way to them."""
    told(story)


@pytest.mark.deep
@pytest.mark.parametrize("part", range(5))
def test_no_host_is_ever_shown_a_wrong_address_in_twenty_thousand_stories(part: int) -> None:
    @settings(max_examples=5000)
    @given(stories(foreign_sources=part == 4))
    def five_thousand(story: Story) -> None:
        told(story)

    five_thousand()
