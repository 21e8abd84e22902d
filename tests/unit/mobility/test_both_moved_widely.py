# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scope address, both ends moved: what the visited router encodes, once what leads to the other end has expired."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Address,
    Entry,
    Rewrite,
    RewriteKind,
    Scope,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import Goal, recover, standing
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.trace import Packet, trace
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan
from ansible_collections.sipmobility.handover.plugins.module_utils.topologies import described_topology

from .worlds import NETWORKS, NOW, host, patent_handover

OURS, AWAY = host("ra", 4, 20), host("rb", 4, 20)
THEIRS, THEIRS_AWAY = host("rc", 4, 20), host("rd", 4, 20)
#: One that stays where it is, and one that nobody names.
STAYS, UNNAMED = host("rc", 4, 30), host("rc", 4, 31)
WIDE = patent_handover(old=OURS, new=AWAY, scope=Scope.ADDRESS, sessions=(), correspondents=(THEIRS, STAYS))
OTHER = replace(WIDE, id="0123456789abcdef", old=THEIRS, new=THEIRS_AWAY, correspondents=(OURS,), expires=NOW + 60)
ALONE = replace(WIDE, correspondents=(STAYS,))


def topology(**platforms: str) -> Topology:
    return described_topology(
        {
            name: {
                "networks": list(networks),
                "platform": platforms.get(name, "nftables"),
                "inside": "lan",
                "outside": "wan",
            }
            for name, networks in NETWORKS.items()
        }
    )


def encoded(held: list[Entry]) -> set[Address | None]:
    """To whom what goes is encoded; None for anywhere."""
    kind = RewriteKind.OUTBOUND_SRC
    return {entry.match.destination for entry in held if isinstance(entry, Rewrite) and entry.kind is kind}


def both(known: Topology) -> dict[str, RouterState]:
    planned = make_plan([WIDE, OTHER], known, {})
    assert planned.refused == ()
    return dict(planned.targets)


def test_what_goes_to_nobody_who_moved_is_encoded_wherever_it_goes() -> None:
    planned = make_plan([ALONE], topology(), {})
    assert encoded(list(planned.targets["rb"])) == {None}


def test_as_soon_as_one_has_moved_they_are_named() -> None:
    assert encoded(both(topology())["rb"].of(WIDE.id)) == {THEIRS_AWAY, STAYS}


@pytest.mark.parametrize("platform", ["snmp", "ietf_netconf_plain"])
def test_not_on_a_router_that_forgets_nothing(platform: str) -> None:
    """It goes on leading to the other end, too, and may not be able to name anybody."""
    assert encoded(both(topology(rb=platform))["rb"].of(WIDE.id)) == {None}


def test_the_other_end_that_is_home_again_before_a_plan_says_so_is_shown_nothing_wrong() -> None:
    known = topology()
    held = {name: state.live(NOW + 100) for name, state in both(known).items()}
    assert not any(isinstance(entry, Rewrite) and entry.to == THEIRS_AWAY for entry in held["rb"])
    packet = Packet(OURS, THEIRS, "tcp", 5060, 5060)
    assert trace(packet, "rb", known, held, ingress_filtering=False).packet == packet
    others = trace(packet._replace(destination=STAYS), "rb", known, held, ingress_filtering=True)
    assert (others.packet.source, others.host) == (OURS, STAYS)


def test_one_that_nobody_names_is_not_sent_what_only_a_name_decodes() -> None:
    walk = trace(Packet(OURS, UNNAMED, "tcp", 5060, 5060), "rb", topology(), both(topology()), ingress_filtering=True)
    assert not walk.delivered


def test_the_routers_tell_who_the_correspondents_are() -> None:
    known = topology()
    held = both(known)
    assert [set(one.correspondents) for one in standing(held, [WIDE.id], known)] == [{THEIRS, STAYS}]
    assert [one.scope for one in standing(held, topology=known)] == [Scope.ADDRESS] * 2
    assert recover(held, known, Goal.DONE) == []
    assert make_plan([WIDE, OTHER], known, held).stages == ()


@pytest.mark.parametrize("goal", Goal)
def test_a_remnant_of_the_other_ones_end_does_not_take_back_who_was_changed_for_it(goal: Goal) -> None:
    """The last step was cut off: what is left on rb tells that the other one is away still, and no router knows why."""
    known = topology()
    held = both(known)
    stages = make_plan([replace(OTHER, ended=True, epoch=2)], known, held).stages
    for step in (step for stage in stages for step in stage.steps):
        if (step.phase, step.router) != (Phase.RETIRE, "rb"):
            held[step.router] = step.applied(held[step.router])
    assert [entry.stamp.ended for entry in held["rb"].of(OTHER.id)] == [True]
    assert [finding.handover.id for finding in recover(held, known, goal)] == [OTHER.id]


def test_a_platform_that_nobody_knows_is_left_to_the_plan_to_refuse() -> None:
    known = topology(rb="pigeon")
    assert not known.routers["rb"].keeps
    assert known.path(ip_address("2.2.2.9"))[0].platform == "pigeon"
