# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stories that went wrong once, told again, with every end that their last plan can come to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility import goals
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Directions, Scope

from .journeys.journey import Journey
from .journeys.scenarios import Call, Event, Story

#: The first phone goes, or comes home, and still reaches its former router; the second one goes one network further.
TOGETHER = Event("together", 0, 0, False, "done", 0, 1, 3)
MOVE = Event("move", 0, 1, False, "done", 0, 0, 3)
OPEN = Event("open", 0, 0, False, "done", 0, 0, 3)

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

#: The second phone talks from an address that the first one gets, and talks from, too, before both have left it.
_ONE_ADDRESS = (replace(MOVE, where=0), Event("swap", 0, 0, False, "done", 0, 0, 3), OPEN, replace(MOVE, where=0))
_CHANGE_PLACES = Event("together", 0, 1, False, "done", 0, 1, 3)

STORIES = {
    "they changed places, and do again": replace(
        _CHANGED_PLACES, events=(*_CHANGED_PLACES.events, Event("swap", 0, 0, False, "done", 0, 0, 3))
    ),
    "they changed places, one comes home": replace(
        _CHANGED_PLACES, events=(*_CHANGED_PLACES.events, Event("return", 0, 0, False, "done", 0, 0, 3))
    ),
    "they had one address, one after the other, and change places": Story(
        ("nftables",) * 2,
        (0, 1),
        4,
        Scope.SESSION,
        Directions.FORWARD,
        (0, 0),
        ((0, True),),
        (Call(1, 0, "tcp", 5060, 5060),),
        (*_ONE_ADDRESS[:3], replace(MOVE, who=1), replace(MOVE, where=0), _CHANGE_PLACES),
    ),
    "they had one address, which a third one has by now, and change places": Story(
        ("nftables", "iptables"),
        (0, 1),
        4,
        Scope.SESSION,
        Directions.BOTH,
        (0, 0),
        ((1, False),),
        (Call(1, 0, "tcp", 5060, 5060),),
        (
            *_ONE_ADDRESS,
            replace(MOVE, who=1),
            Event("reassign", 0, 0, False, "done", 0, 0, 3),
            replace(MOVE, where=0),
            _CHANGE_PLACES,
        ),
    ),
    "one had the address of the other before, and leaves where that one comes": Story(
        ("nftables", "nftables", "iptables"),
        (0, 1, 2),
        4,
        Scope.SESSION,
        Directions.BOTH,
        (0, 1),
        ((0, False),),
        (Call(1, 0, "tcp", 5060, 5060),),
        (
            *_ONE_ADDRESS[:3],
            replace(MOVE, who=1),
            replace(MOVE, where=0),
            Event("reassign", 0, 0, False, "done", 0, 0, 3),
            _CHANGE_PLACES,
        ),
    ),
    "they change places, one talks with a hidden correspondent, too, from the same port": Story(
        ("nftables",) * 3,
        (0, 1, 2),
        4,
        Scope.SESSION,
        Directions.FORWARD,
        (0, 0),
        ((1, True),),
        (Call(0, 1, "tcp", 5060, 5060), Call(0, 0, "tcp", 5060, 7000)),
        (replace(MOVE, where=0), replace(MOVE, who=1, where=2), Event("swap", 0, 0, False, "done", 0, 0, 3)),
    ),
    "it moves on behind a router behind its home, talking with a hidden correspondent at home": Story(
        ("nftables",) * 2,
        (0, 0),
        4,
        Scope.SESSION,
        Directions.FORWARD,
        (0,),
        ((0, True),),
        (Call(0, 0, "tcp", 5060, 7000),),
        (MOVE, MOVE),
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
    "two who talk with one that is away get each other's old address": Story(
        ("nftables",) * 4,
        (0, 1, 2, 3),
        4,
        Scope.SESSION,
        Directions.BOTH,
        (0, 1, 2),
        ((0, False),),
        (Call(0, 1, "tcp", 5060, 5060), Call(0, 2, "tcp", 40000, 7000)),
        (replace(MOVE, where=3), Event("swap", 1, 0, False, "done", 0, 0, 3)),
    ),
    "it comes back to its home router, where somebody has its old address": Story(
        ("nftables",) * 2,
        (0, 1),
        4,
        Scope.SESSION,
        Directions.FORWARD,
        (0, 0),
        ((1, False), (0, False)),
        (Call(1, 0, "tcp", 5060, 5060), Call(1, 1, "tcp", 40000, 7000)),
        (MOVE, Event("swap", 1, 0, False, "done", 0, 0, 3), replace(MOVE, who=1, where=0)),
        foreign_sources=True,
    ),
    "it comes home to another address, and goes again, and somebody has the old one": Story(
        ("nftables",) * 2,
        (0, 1),
        4,
        Scope.SESSION,
        Directions.FORWARD,
        (1, 1),
        ((1, True),),
        (Call(0, 0, "tcp", 5060, 5060), Call(0, 1, "tcp", 5060, 5060)),
        (replace(MOVE, where=0), MOVE, Event("reassign", 0, 0, False, "done", 0, 0, 3), replace(MOVE, where=0)),
    ),
    "scope address, they move together, one of them beside the other's home": Story(
        ("nftables", "nftables", "iptables"),
        (0, 1, 2),
        4,
        Scope.ADDRESS,
        Directions.BOTH,
        (2, 1, 0),
        ((0, False),),
        (Call(0, 0, "tcp", 5060, 5060), Call(0, 1, "tcp", 5060, 5060), Call(1, 2, "tcp", 5060, 5060)),
        (replace(MOVE, where=0), replace(TOGETHER, who=1)),
    ),
    "scope address, one moves beside where it was, the other one leaves home": Story(
        ("nftables",) * 3,
        (0, 1, 2),
        4,
        Scope.ADDRESS,
        Directions.BOTH,
        (0, 0),
        ((0, False),),
        (Call(0, 1, "tcp", 5060, 5060),),
        (MOVE, replace(TOGETHER, where=1)),
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
    "a route alone leads to one, who is in no plan that ends the other": Story(
        ("nftables",) * 2,
        (0, 1),
        4,
        Scope.SESSION,
        Directions.FORWARD,
        (0, 1, 0),
        ((0, False),) * 3,
        (Call(1, 0, "tcp", 5060, 5060), Call(1, 4, "tcp", 5060, 5060)),
        (
            replace(MOVE, who=1, where=0, fate="undone"),
            replace(MOVE, who=2),
            Event("end", 2, 0, False, "done", 0, 0, 3),
        ),
    ),
    "somebody else has the old address of one that moved, and talks with one that moves then": Story(
        ("nftables",) * 2,
        (0, 1),
        4,
        Scope.SESSION,
        Directions.FORWARD,
        (1, 0, 0),
        ((0, False),) * 2,
        (Call(0, 0, "tcp", 5060, 5060),),
        (
            *(replace(MOVE, where=0),) * 4,
            Event("together", 1, 0, True, "done", 0, 0, 3),
            Event("open", 1, 3, False, "done", 0, 0, 3),
            replace(MOVE, who=1, where=0),
        ),
    ),
    "the handover of one end is over, the other end talks with a third, too": Story(
        ("nftables", "nftables", "iptables"),
        (0, 1, 2),
        4,
        Scope.SESSION,
        Directions.BOTH,
        (0, 0, 1),
        ((0, False),) * 3,
        (Call(0, 0, "tcp", 5060, 5060),),
        (
            *(replace(MOVE, where=0),) * 6,
            replace(OPEN, where=0),
            replace(OPEN, where=4),
            replace(OPEN, who=1),
            replace(MOVE, who=2, where=0),
            replace(MOVE, where=0),
            replace(MOVE, seconds=400),
            replace(MOVE, who=1, where=0, seconds=400),
        ),
    ),
    "both ends move, and what one's change leaves as it is has the older epoch": Story(
        ("iptables", "nftables", "nftables", "iptables"),
        (0, 1, 2, 3),
        4,
        Scope.SESSION,
        Directions.BOTH,
        (1, 0, 0),
        ((3, False),),
        (Call(0, 0, "tcp", 5060, 5060),),
        (
            replace(MOVE, who=1, where=0),
            replace(MOVE, who=2),
            replace(OPEN, where=2),
            *(replace(MOVE, where=0),) * 3,
            replace(MOVE, where=3),
            replace(MOVE, who=2, where=0),
        ),
    ),
    "two swap addresses, and their entries read together tell of no handover": Story(
        ("nftables",) * 2,
        (0, 1),
        4,
        Scope.SESSION,
        Directions.FORWARD,
        (0, 0, 0),
        ((0, False),) * 3,
        (*(Call(0, 0, "tcp", 5060, 5060),) * 3, Call(0, 4, "tcp", 5060, 5060)),
        (
            *(replace(MOVE, where=0),) * 3,
            Event("end", 2, 0, False, "undone", 0, 0, 3),
            Event("swap", 2, 0, False, "done", 0, 0, 3),
        ),
    ),
    "scope address, both ends moved, the other end's registration is over and it is home again": Story(
        ("nftables", "nftables", "iptables"),
        (0, 1, 2),
        4,
        Scope.ADDRESS,
        Directions.BOTH,
        (0, 0),
        ((0, False),) * 2,
        (Call(0, 2, "tcp", 5060, 5060),) * 2,
        (
            *(replace(MOVE, where=0),) * 2,
            replace(MOVE, who=1, where=2),
            replace(MOVE, where=0, seconds=640),
            MOVE,
            Event("return", 1, 0, False, "done", 0, 0, 3),
        ),
    ),
    "both ends moved, one moves on, and the other end's entries tell of its former place": Story(
        ("iptables", *("nftables",) * 5),
        (0, 1, 2, 3, 4, 5),
        4,
        Scope.SESSION,
        Directions.BOTH,
        (0, 0),
        ((0, False),),
        (Call(0, 0, "tcp", 5060, 5060),),
        (
            *(replace(MOVE, where=0),) * 6,
            Event("together", 0, 0, False, "done", 0, 0, 3),
            MOVE,
            replace(OPEN, where=1),
            Event("together", 0, 5, False, "done", 0, 0, 3),
            replace(MOVE, where=5),
        ),
    ),
    "scope address, a correspondent moves, and nothing tells any longer what stood before that": Story(
        ("iptables", *("nftables",) * 3),
        (0, 1, 2, 3),
        4,
        Scope.ADDRESS,
        Directions.BOTH,
        (2, 0),
        ((3, False),),
        (*(Call(0, 0, "tcp", 5060, 5060),) * 2, Call(0, 1, "tcp", 5060, 5060)),
        (MOVE, replace(MOVE, who=1, where=2)),
    ),
    "the next holder of an address leaves it, too, while its first one moves on": Story(
        ("nftables", "iptables"),
        (0, 1),
        4,
        Scope.SESSION,
        Directions.BOTH,
        (0, 0),
        ((0, False), (0, True)),
        (Call(0, 0, "tcp", 5060, 5060),),
        (
            Event("swap", 0, 0, False, "done", 0, 0, 3),
            *(replace(MOVE, where=0),) * 8,
            replace(OPEN, who=1, where=1),
            Event("swap", 0, 0, False, "done", 0, 0, 3),
            Event("together", 0, 0, False, "done", 0, 1, 3),
        ),
    ),
    "the next holder of an address comes to the router that the first one leaves": Story(
        ("nftables", "iptables"),
        (0, 1),
        4,
        Scope.SESSION,
        Directions.BOTH,
        (0, 0),
        ((1, False),),
        (Call(0, 0, "tcp", 5060, 5060),),
        (
            Event("swap", 0, 0, False, "done", 0, 0, 3),
            *(replace(MOVE, where=0),) * 8,
            MOVE,
            replace(OPEN, who=1),
            Event("together", 0, 0, False, "done", 0, 1, 3),
        ),
    ),
    "both ends move twice, and a router that changes as a whole takes one after the other": Story(
        ("iptables", "nftables", "nftables"),
        (0, 1, 2),
        4,
        Scope.SESSION,
        Directions.BOTH,
        (0, 2, 2),
        ((0, False),),
        (Call(0, 0, "tcp", 5060, 5060),),
        (
            *(replace(MOVE, where=0),) * 3,
            replace(OPEN, who=1, where=2),
            Event("together", 1, 0, False, "done", 0, 0, 3),
            Event("together", 1, 1, False, "done", 0, 1, 3),
        ),
    ),
    "scope address and a narrower one of two that talk, on a router that changes as a whole": Story(
        (*("nftables",) * 5, "iptables"),
        (0, 1, 2, 3, 4, 5),
        4,
        Scope.ADDRESS,
        Directions.BOTH,
        (0, 0, 1),
        ((0, False),),
        (Call(0, 2, "tcp", 5060, 5060), Call(1, 0, "tcp", 5060, 5060)),
        (
            *(replace(MOVE, where=0),) * 3,
            MOVE,
            replace(MOVE, who=2, where=5),
            replace(MOVE, where=0),
        ),
    ),
    "the next holder of an address comes to a router through which a phone talks with the first one": Story(
        ("nftables", "iptables"),
        (0, 1),
        4,
        Scope.SESSION,
        Directions.BOTH,
        (0, 0, 0),
        ((0, False),) * 3,
        (*(Call(0, 0, "tcp", 5060, 5060),) * 2, Call(0, 3, "tcp", 5060, 5060)),
        (
            replace(MOVE, who=1),
            Event("swap", 2, 0, False, "done", 0, 0, 3),
            replace(OPEN, who=1, where=4),
            replace(MOVE, who=2),
        ),
    ),
    "one of two that talk comes back after its time, and the other one's move was cut off meanwhile": Story(
        ("nftables", "iptables", "nftables"),
        (0, 1, 2),
        4,
        Scope.SESSION,
        Directions.BOTH,
        (2, 2),
        ((0, False), (0, False)),
        (Call(0, 2, "tcp", 5060, 5060),),
        (
            Event("together", 0, 0, False, "done", 0, 0, 3),
            Event("move", 1, 1, False, "abandoned", 5, 1, 640),
            Event("open", 0, 0, False, "done", 0, 0, 60),
        ),
    ),
    "one that waits for a route talks with one that moved, too": Story(
        ("nftables",) * 5,
        (0, 1, 2, 3, 4),
        4,
        Scope.SESSION,
        Directions.BOTH,
        (2, 1, 4),
        ((4, False), (0, False)),
        (
            Call(1, 3, "udp", 40000, 7000),
            Call(0, 3, "udp", 40000, 5060),
            Call(1, 4, "tcp", 40000, 5060),
        ),
        (
            replace(MOVE, who=1, where=2),
            replace(MOVE, where=0),
            Event("follow", 2, 4, False, "done", 0, 0, 3),
            Event("together", 0, 1, True, "done", 0, 0, 3),
        ),
    ),
    "what another plan froze is frozen already, and stays so": Story(
        ("nftables", "iptables", "nftables"),
        (0, 1, 2),
        4,
        Scope.SESSION,
        Directions.BOTH,
        (2, 2, 0),
        ((0, False),) * 3,
        (Call(2, 4, "udp", 40000, 5060),),
        (
            Event("follow", 1, 0, False, "done", 0, 0, 3),
            Event("together", 1, 0, True, "done", 0, 0, 3),
            replace(MOVE, who=1, where=0, fate="abandoned", cut=1),
            replace(MOVE, who=2, where=0),
        ),
    ),
    "a phone still reaches the link where the other one's old address is somebody else's by now": Story(
        ("nftables",) * 4,
        (0, 1, 2, 3),
        4,
        Scope.SESSION,
        Directions.BOTH,
        (0, 0, 1),
        ((0, False),),
        (Call(0, 4, "tcp", 5060, 5060),),
        (
            Event("together", 2, 0, False, "done", 0, 0, 3),
            Event("together", 1, 3, True, "done", 0, 0, 3),
        ),
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


@pytest.mark.parametrize("name", [name for name in STORIES if "had" in name])
def test_these_need_one_to_wait_for_the_others_route(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(goals, "_inherited", lambda current, target: ())
    with pytest.raises(AssertionError, match="a wrong address"):
        Journey(STORIES[name]).tell()
