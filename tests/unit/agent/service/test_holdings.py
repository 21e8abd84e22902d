# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan from the part of the routers that concerns it is the plan from all that they hold."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from ansible_collections.sipmobility.handover.agent.service.holdings import Holdings, concerned
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address, Scope
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import Planned, make_plan
from ansible_collections.sipmobility.handover.plugins.module_utils.reader import address

from ...mobility.worlds import TOPOLOGY

_LATER = 2_000_000_000
_ROUNDS = 6


def somewhere(chance: Random) -> Address:
    network = chance.randint(1, 4)
    return address(f"{network}.{network}.{network}.{chance.randint(1, 9)}")


def home(number: int) -> Address:
    """The old address of a phone; nobody else has it."""
    network = 1 + number % 4
    return address(f"{network}.{network}.{network}.{10 + number}")


def some(chance: Random, number: int) -> Handover:
    """So that handovers meet: a correspondent is often a phone, and phones share new addresses one after the other."""
    old = home(number)
    new, peer = somewhere(chance), home(chance.randrange(12)) if chance.random() < 0.5 else somewhere(chance)
    while len({old, new, peer}) < 3:
        new, peer = somewhere(chance), somewhere(chance)
    one = Handover(f"h{number}", old, new, _LATER, sessions=(Session("tcp", 40000 + number, peer, 7000),))
    if chance.random() < 0.2:
        return replace(one, scope=Scope.CORRESPONDENT, sessions=(), correspondents=(peer,))
    return one


def told(planned: Planned) -> tuple[object, ...]:
    stages = [
        (stage.phase, [(step.router, set(step.before), set(step.after)) for step in stage.steps])
        for stage in planned.stages
    ]
    refused = sorted((item.handover.id, item.code) for item in planned.refused)
    return stages, refused, sorted(planned.handovers, key=lambda one: one.id)


@pytest.mark.parametrize("seed", range(60))
def test_the_part_is_enough(seed: int) -> None:
    enough(Random(seed), TOPOLOGY)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("platform", ["ietf_netconf", "ietf_netconf_plain", "ios", "iosxe_netconf", "junos", "snmp"])
def test_the_part_is_enough_for_what_else_is_reached(platform: str, seed: int) -> None:
    chance = Random(seed)
    routers = TOPOLOGY.routers.values()
    enough(chance, Topology(replace(one, platform=chance.choice([platform, "nftables"])) for one in routers))


def enough(chance: Random, topology: Topology) -> None:
    """Plans of some handovers after others: by all that is held, and by the part of it."""
    states = {name: RouterState() for name in topology.routers}
    standing = [some(chance, number) for number in range(12)]
    states = make_plan(standing, topology, states, widen=True).targets
    held = {name: Holdings(state) for name, state in states.items()}
    for number in range(_ROUNDS):
        asked = [some(chance, chance.choice([100 + number, chance.randrange(12)])) for _ in range(chance.randint(1, 2))]
        if chance.random() < 0.3:
            asked = [replace(chance.choice(standing), ended=True)]
        whole = make_plan(asked, topology, states, widen=True)
        ids = concerned(held, asked)
        part = make_plan(asked, topology, {name: one.part(ids) for name, one in held.items()}, widen=True)
        assert told(part) == told(whole)
        for name, one in held.items():
            one.change(difference(states[name], whole.targets[name]))
            assert RouterState(one) == whole.targets[name]
            assert len(one) == len(whole.targets[name])
        states = whole.targets


def test_what_does_not_expire_is_held_after_its_time() -> None:
    entry = next(iter(make_plan([some(Random(1), 1)], TOPOLOGY, {}).targets["rb"]))
    after = entry.stamp.expires + 1
    for expires in (True, False):
        held = Holdings([entry], expires)
        for found in (held.lasting(after), held.part([entry.stamp.handover], after)):
            assert list(found) == ([] if expires else [entry])


def test_one_among_many_concerns_few() -> None:
    states = {name: RouterState() for name in TOPOLOGY.routers}
    peer = Session("tcp", 40000, address("3.3.3.3"), 7000)
    many = [
        Handover(f"h{number}", address(f"1.1.1.{number}"), address(f"2.2.2.{number}"), _LATER, sessions=(peer,))
        for number in range(1, 60)
    ]
    held = {name: Holdings(state) for name, state in make_plan(many, TOPOLOGY, states).targets.items()}
    assert concerned(held, [replace(many[4], new=address("2.2.2.99"))]) == {"", "h5"}
    moves = Handover(
        "peer",
        address("3.3.3.3"),
        address("4.4.4.4"),
        _LATER,
        sessions=(replace(peer, correspondent=address("1.1.1.1")),),
    )
    assert concerned(held, [moves]) == {"", "peer", *(one.id for one in many)}
