# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans with routers whose mappings translate both ways at once, and that cannot drop a flow meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import pending
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Directions
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import Goal, recover
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ietf_netconf_plain import IetfNetconfPlain

from .test_ios_plans import phases
from .test_plan_properties import after, assert_equal
from .worlds import NOW, TOPOLOGY, handovers, host, patent_handover


def with_plain(*names: str, other: str = "ietf_netconf_plain") -> Topology:
    """The world's routers, these of them plain, where not told otherwise."""
    routers = TOPOLOGY.routers.values()
    return Topology(replace(one, platform=other) if one.name in names else one for one in routers)


def test_one_plain_router_stands_between_the_others_decoder_and_encoder() -> None:
    """Design rule 3, for a session: RFC 8512 has ports."""
    visited = make_plan([patent_handover()], with_plain("rb"), {})
    assert phases(visited) == [(Phase.DECODE, "rc"), (Phase.JOINT, "rb"), (Phase.ENCODE, "rc")]
    corresponding = make_plan([patent_handover()], with_plain("rc"), {})
    assert phases(corresponding) == [(Phase.DECODE, "rb"), (Phase.JOINT, "rc"), (Phase.ENCODE, "rb")]
    assert [note.code for note in visited.notes] == ["no_expiry"]


@pytest.mark.parametrize("other", ["ietf_netconf_plain", "ios", "iptables"])
def test_two_routers_that_change_as_a_whole_are_refused(other: str) -> None:
    """Whatever the second one could freeze: this one cannot."""
    routers = [replace(one, platform=other) if one.name == "rc" else one for one in with_plain("rb").routers.values()]
    planned = make_plan([patent_handover()], Topology(routers), {}, widen=True)
    assert (planned.stages, [item.code for item in planned.refused]) == ((), ["needs_freeze"])
    assert "rb, rc" in planned.refused[0].reason


def test_ios_alone_still_freezes() -> None:
    planned = make_plan([patent_handover()], with_plain("rb", "rc", other="ios"), {}, widen=True)
    assert (planned.refused, Phase.FREEZE in {phase for phase, _router in phases(planned)}) == ((), True)


def test_a_phone_that_moves_on_needs_a_freeze_at_its_correspondents_router_alone() -> None:
    """At the visited one the mapping only goes; at the correspondent's it is swapped."""
    again = patent_handover(new=host("rd", 4, 7), epoch=2)
    held = make_plan([patent_handover()], with_plain("rb"), {}).targets
    assert not make_plan([again], with_plain("rb"), held).refused
    held = make_plan([patent_handover()], with_plain("rc"), {}).targets
    assert [item.code for item in make_plan([again], with_plain("rc"), held).refused] == ["needs_freeze"]


def test_one_direction_is_refused_and_widened_only_when_told_to() -> None:
    one_way = patent_handover(directions=Directions.FORWARD)
    (refused,) = make_plan([one_way], with_plain("rb"), {}).refused
    assert refused.code == "unsupported_directions"
    planned = make_plan([one_way], with_plain("rb"), {}, widen=True)
    assert planned.handovers[0].directions is Directions.BOTH


@given(handovers(), st.sampled_from(("ra", "rb", "rc", "rd")))
def test_every_step_of_a_plan_can_be_written_there_and_back(handover: Handover, name: str) -> None:
    """Also a refresh and the end of one whose time is over: what such a router holds stays until it is taken away."""
    topology, platform = with_plain(name), IetfNetconfPlain()
    handover = replace(handover, directions=Directions.BOTH)
    held: dict[str, RouterState] = {}
    for wanted, now in (
        (handover, NOW),
        (replace(handover, expires=NOW + 900), NOW + 500),
        (replace(handover, expires=NOW + 900, ended=True, epoch=9), NOW + 2000),
    ):
        planned = make_plan([wanted], topology, held, drain=0.5)
        if planned.refused:
            assert {item.code for item in planned.refused} == {"scope_too_wide"}  # whatever the platform
            return
        states = {router: held.get(router, RouterState()) for router in topology.routers}
        for stage in planned.stages:
            for step in stage.steps:
                if step.router == name:
                    platform.context(pending(step, states[name]), now)
                states[step.router] = step.applied(states[step.router])
        assert_equal(states, dict(planned.targets))
        held = states


def test_what_it_does_not_forget_ends_by_reconcile() -> None:
    topology = with_plain("rc")
    held = dict(make_plan([patent_handover()], topology, {}).targets)
    held["rb"] = RouterState()  # nftables has forgotten it by then
    (finding,) = recover(held, topology, Goal.DONE, NOW + 700)
    assert finding.handover.ended
    ended = make_plan([finding.handover], topology, held)
    assert all(len(state) == 0 for state in after(held, ended.stages).values())
