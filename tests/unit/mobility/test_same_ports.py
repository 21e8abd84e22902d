# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two phones with the same fixed ports and the same correspondent, where one of them gets the other one's address.

What the planner knows of and could not tell apart it refuses; that what it lets pass is harmless is walked.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.trace import Packet, trace
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan

from .test_plan_properties import assert_equal
from .worlds import NEW, NOW, OLD, PEER, TOPOLOGY, host

SIP = Session("udp", 5060, PEER, 5060)
OTHERS = replace(SIP, port=5062)
D = host("rd", 4, 60)
#: A's session from the old address; A is in network B now.
FIRST = Handover("first", OLD, NEW, NOW + 600, sessions=(SIP,))
#: Another phone that got A's old address, opened a session from it, and moved to D.
HEIR = Handover("heir", OLD, D, NOW + 600, sessions=(SIP,))
#: Another phone whose session is from the address that A has now; it moved to D.
LEAVER = Handover("leaver", NEW, D, NOW + 600, sessions=(SIP,))


def codes(*handovers: Handover, held: tuple[Handover, ...] = ()) -> dict[str, str]:
    standing = make_plan(held, TOPOLOGY, {})
    assert standing.refused == ()
    planned = make_plan(handovers, TOPOLOGY, standing.targets)
    if planned.refused and len(planned.refused) == len(handovers):
        assert planned.stages == ()
        assert_equal(planned.targets, standing.targets)
    return {item.handover.id: item.code for item in planned.refused}


@pytest.mark.parametrize("first", [FIRST, replace(FIRST, new=host("rc", 4, 60))], ids=["elsewhere", "beside the peer"])
@pytest.mark.parametrize("heir", [HEIR, replace(HEIR, new=host("rc", 4, 61))], ids=["elsewhere", "beside the peer"])
def test_the_heir_of_an_address_has_no_second_session_of_the_same_ports(first: Handover, heir: Handover) -> None:
    """The correspondent's kernel holds one session of these ends; whoever claims it second would take it over."""
    assert codes(heir, held=(first,)) == {"heir": "selector_in_use"}
    assert codes(first, heir) == {"heir": "selector_in_use"}


def test_the_heir_with_other_ports_is_nobodys_rival() -> None:
    heir = replace(HEIR, sessions=(OTHERS,))
    assert codes(heir, held=(FIRST,)) == {}
    states = make_plan([FIRST, heir], TOPOLOGY, {}).targets
    for session, at in ((SIP, NEW), (OTHERS, D)):
        packet = Packet(PEER, OLD, "udp", 5060, session.port)
        walk = trace(packet, "rc", TOPOLOGY, states)
        assert (walk.packet, walk.host) == (packet, at)


def test_who_comes_to_an_address_that_has_such_a_session_is_refused() -> None:
    assert codes(FIRST, held=(LEAVER,)) == {"first": "ambiguous_session"}
    assert codes(replace(FIRST, sessions=(OTHERS,)), held=(LEAVER,)) == {}


def test_a_session_from_an_address_to_which_such_a_session_is_led_is_refused() -> None:
    assert codes(LEAVER, held=(FIRST,)) == {"leaver": "ambiguous_session"}


def test_at_once_both_are_refused() -> None:
    """Alone, either would be shown the other one's packets."""
    swapped = replace(LEAVER, new=OLD)
    for pair in ((FIRST, LEAVER), (LEAVER, FIRST), (FIRST, swapped), (swapped, FIRST)):
        assert codes(*pair) == dict.fromkeys((one.id for one in pair), "ambiguous_session")


def test_a_refresh_of_what_stands_is_no_rival_of_itself() -> None:
    assert codes(replace(FIRST, expires=NOW + 900), held=(FIRST, replace(LEAVER, sessions=(OTHERS,)))) == {}


def test_what_would_happen_otherwise() -> None:
    """The leaver's packets are not led away yet, or no longer: the phone that came would be shown them as its own."""
    states = make_plan([FIRST], TOPOLOGY, {}).targets
    leavers = Packet(PEER, NEW, "udp", 5060, 5060)
    walk = trace(leavers, "rc", TOPOLOGY, states)
    assert (walk.packet, walk.host) == (Packet(PEER, OLD, "udp", 5060, 5060), NEW)


def test_a_newcomer_at_the_old_address_is_not_rewritten() -> None:
    """He does not move, so no plan knows of him. His packets reach the correspondent as he sends them, which takes
    them for A's, with or without us; the correspondent's go to A, whose session they belong to there."""
    states = make_plan([FIRST], TOPOLOGY, {}).targets
    newcomers = Packet(OLD, PEER, "udp", 5060, 5060)
    there = trace(newcomers, "ra", TOPOLOGY, states)
    assert (there.packet, there.host) == (newcomers, PEER)
    assert not any("rewrite" in hop.what or "bound" in hop.what for hop in there.hops)
    back = trace(newcomers.turned, "rc", TOPOLOGY, states)
    assert back.host == NEW
