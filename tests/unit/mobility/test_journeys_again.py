# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stories that went wrong once, told again, with every end that their last plan can come to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Directions, Scope

from .journeys.journey import Journey
from .journeys.scenarios import Call, Event, Story

#: The first phone goes, or comes home, and still reaches its former router; the second one goes one network further.
TOGETHER = Event("together", 0, 0, False, "done", 0, 1, 3)
MOVE = Event("move", 0, 1, False, "done", 0, 0, 3)

#: Two phones that talk with each other have changed places; one of them moves on, or comes home.
_CHANGED_PLACES = Story(
    ("iptables", "nftables", "nftables"),
    (0, 1, 2),
    4,
    Scope.SESSION,
    Directions.BOTH,
    (0, 0),
    ((0, False), (1, False)),
    (Call(0, 1, "tcp", 5060, 5060), Call(0, 1, "tcp", 5060, 5060), Call(0, 2, "tcp", 5060, 7000)),
    (replace(MOVE, where=2), replace(MOVE, who=1), Event("swap", 0, 0, False, "done", 0, 0, 3)),
)

STORIES = {
    "they changed places, and do again": replace(
        _CHANGED_PLACES, events=(*_CHANGED_PLACES.events, Event("swap", 0, 0, False, "done", 0, 0, 3))
    ),
    "they changed places, one comes home": replace(
        _CHANGED_PLACES, events=(*_CHANGED_PLACES.events, Event("return", 0, 0, False, "done", 0, 0, 3))
    ),
    "one behind the home router of both, the other one away": Story(
        ("nftables",) * 3,
        (0, 0, 2),
        4,
        Scope.SESSION,
        Directions.FORWARD,
        (0, 0),
        ((0, False),),
        (Call(0, 1, "tcp", 5060, 5060),),
        (replace(MOVE, where=0), replace(TOGETHER, where=1)),
    ),
    "they change places, scope address": Story(
        ("nftables", "nftables"),
        (0, 1),
        4,
        Scope.ADDRESS,
        Directions.BOTH,
        (0, 0),
        ((0, False),),
        (Call(0, 1, "tcp", 40000, 7000),),
        (MOVE, TOGETHER),
    ),
}

FATES = ("done", "undone", "completed", "taken back", "abandoned")


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("name", STORIES)
def test_told_again(name: str, fate: str) -> None:
    story = STORIES[name]
    for cut in range(1 if fate == "done" else 8):
        for mask in (0, 1, 2, 3):
            last = replace(story.events[-1], fate=fate, cut=cut, mask=mask)
            Journey(replace(story, events=(*story.events[:-1], last))).tell()
