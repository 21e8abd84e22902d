# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose sessions are those of an address that somebody else has by now (design rule 9)?

Mallory had it, and the victim has it. What Mallory lists when the victim is there may be the victim's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.intake import Outcome
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.pairs import AddressPair
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal

from ..sip.messages import SESSIONS_TYPE, sessions
from .registrar import World
from .test_admission import POLICY
from .test_ownership import B2, A, B

#: A phone's own, and what only who has the address now has.
OWN, VICTIMS = ("udp", 4000, "3.3.3.20", 5004), ("udp", 4500, "3.3.3.5", 4500)
_KEYS = ("protocol", "port", "correspondent", "correspondent_port")


def tell(world: World, user: str, at: str, old: str, *listed: tuple[Any, ...]) -> list[Outcome]:
    """A tagged REGISTER with a list."""
    items = [dict(zip(_KEYS, one, strict=True)) for one in listed]
    body = sessions(old=old, sessions=items)
    return world.register(user, at, old, expires=3600, content_type=SESSIONS_TYPE, body=body)


def taken(outcomes: Iterable[Outcome]) -> tuple[list[tuple[Any, ...]], list[str]]:
    """The sessions of the pair that was believed, and what was refused."""
    found = list(outcomes)
    (pair,) = [one for one in found if isinstance(one, AddressPair)]
    refused = [one.code for one in found if isinstance(one, Refusal)]
    return [(one.protocol, one.port, str(one.correspondent), one.correspondent_port) for one in pair.sessions], refused


@pytest.fixture
def world() -> World:
    """Any age counts: what is asked here is who had what when."""
    return World(replace(POLICY, max_age_seconds=0))


def mallory_moves(world: World, *listed: tuple[Any, ...]) -> None:
    world.register("mallory", A, expires=3600)
    tell(world, "mallory", B2, A, *listed)
    world.pass_time(600)
    world.register("victim", A, expires=3600)
    world.pass_time(500)


def test_what_is_listed_only_when_somebody_else_is_there_is_left_out(world: World) -> None:
    mallory_moves(world, OWN)
    assert taken(tell(world, "mallory", B2, A, OWN, VICTIMS)) == ([OWN], ["sessions_not_datable"])
    assert taken(tell(world, "mallory", B2, A, VICTIMS)) == ([], ["sessions_not_datable"])
    (live,) = world.intake.live
    assert live.reassigned


def test_what_was_listed_before_goes_on(world: World) -> None:
    mallory_moves(world, OWN)
    assert taken(tell(world, "mallory", B2, A, OWN)) == ([OWN], [])


def test_not_even_at_once_where_the_phone_had_left_long_before(world: World) -> None:
    world.register("mallory", A, expires=3600)
    tell(world, "mallory", B2, A, OWN)
    world.pass_time(600)
    world.register("victim", A, expires=3600)
    assert taken(tell(world, "mallory", B2, A, OWN, VICTIMS)) == ([OWN], ["sessions_not_datable"])


def test_a_first_claim_long_after_somebody_else_came(world: World) -> None:
    """He never said that he had left, so that nothing is known of him but that the victim came."""
    world.register("mallory", A, expires=3600, instance=None)
    world.pass_time(600)
    world.register("victim", A, expires=3600)
    world.pass_time(500)
    items = [dict(zip(_KEYS, VICTIMS, strict=True))]
    body = sessions(old=A, sessions=items)
    told = world.register("mallory", B2, A, instance=None, content_type=SESSIONS_TYPE, body=body)
    assert taken(told) == ([], ["sessions_not_datable"])


def test_two_phones_that_change_places_list_theirs_at_once(world: World) -> None:
    world.register("alice", A)
    world.register("bob", B)
    assert taken(tell(world, "alice", B, A, OWN)) == ([OWN], [])
    other = ("tcp", 40000, "3.3.3.20", 7000)
    told = tell(world, "bob", A, B, other)
    assert taken(told) == ([other], [])
    assert [one.reassigned for one in told if isinstance(one, AddressPair)] == [True]


def test_an_address_that_nobody_else_has(world: World) -> None:
    world.register("alice", A)
    tell(world, "alice", B, A, OWN)
    world.pass_time(500)
    assert taken(tell(world, "alice", B, A, VICTIMS)) == ([VICTIMS], [])
