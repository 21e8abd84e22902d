# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a few hundred stories come to: every kind of move, router, fate and witness that they are meant to have.

A generator that goes dull would leave the stories green.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import Phase, given, settings

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Directions, Scope
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase as PlanPhase

from .journeys.journey import Journey
from .journeys.scenarios import Story, stories
from .journeys.world import World

#: What lines of a story tell, as patterns.
TOLD = {
    # No router of the stories takes a rewrite and its reverse in one line (test_joint_order.py, test_ios_plans.py).
    **{f"phase {phase.value}": rf"\d\d-{phase.value}-r" for phase in PlanPhase if phase is not PlanPhase.RETIRE_JOINT},
    **{
        f"{kind}, and a plan for it": f"{kind} of .*\n.*\n  01-"
        for kind in ("move", "return", "swap", "together", "follow", "refresh", "end", "open")
    },
    **{
        f"plan {fate}": f"plan {fate}\n.*\n  01-" for fate in ("done", "undone", "completed", "taken back", "abandoned")
    },
    "an address given to somebody else": "stranger0 at",
    "everything expires under entries": r"(?s)01-decode.*everything expires",
    "a repair": "  found .*; (completed|taken back|thawed|ended)",
    "a correspondent on the home network": r"\+ neighbour",
    "a masqueraded correspondent": r"\+ (mark|outbound_dst) \w+ 10\.0\.",
    "a router behind another one": r"\+ route .* via (198\.18\.\d\.20\d|2001:db8:\d?::c\w) ",
    "both ends moved": r"\+ mark .*\n(.*\n)*.*\+ inbound_src",
    "a correspondent beside the phone": r"\+ mark .*\n(.*\n)?.*\+ route",
    "no plan, and why": "  refused .*: ",
}


@pytest.fixture(scope="module")
def reached() -> Counter[str]:
    found: Counter[str] = Counter()
    right = World.probes

    def probes(world: World) -> list[Any]:
        talks = right(world)
        found["a new session"] += bool(talks)
        hosts = {end.host for talk in talks for end in (talk.one, talk.other)}
        found["a stranger's session"] += any(host.startswith("stranger") for host in hosts)
        found["somebody beside the phone"] += any(host.startswith("beside") for host in hosts)
        return talks

    @settings(max_examples=300, phases=[Phase.generate], database=None, derandomize=True)
    @given(stories())
    def tell(story: Story) -> None:
        lines: list[str] = []
        Journey(story, lambda line: lines.append(str(line))).tell()
        text = "\n".join(lines)
        found.update(what for what, how in TOLD.items() if re.search(how, text))
        found[f"IPv{story.version}"] += 1
        found[f"scope {story.scope.value}"] += 1
        found[f"directions {story.directions.value}"] += 1
        found["eighteen events or more"] += len(story.events) >= 18

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(World, "probes", probes)
        tell()
    return found


@pytest.mark.parametrize(
    "what",
    [
        *TOLD,
        "IPv4",
        "IPv6",
        *(f"scope {scope.value}" for scope in Scope),
        *(f"directions {directions.value}" for directions in Directions),
        "a new session",
        "a stranger's session",
        "somebody beside the phone",
        "eighteen events or more",
    ],
)
def test_the_stories_come_to(what: str, reached: Counter[str]) -> None:
    assert reached[what]
