# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions are looked for: what a phone lists does not wait for routers, and what they know comes after it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.agent.service.ledger import Status
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.connection import Connection, Standing
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_to_record
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import standing
from ansible_collections.sipmobility.handover.plugins.module_utils.reader import address

from .played import World, moved, run

_OLD, _PEER = address("1.1.1.1"), address("3.3.3.3")
_LISTED = moved("call", "1.1.1.1", "2.2.2.2")
_RECORD = handover_to_record(_LISTED)


def _row(port: int, stands: Standing = Standing.LIVE, peer_port: int = 7000) -> Connection:
    return Connection("tcp", _OLD, port, _PEER, peer_port, _PEER, peer_port, _OLD, port, stands)


def _ports(world: World) -> set[int]:
    """The phone's ports of the sessions that stand."""
    return {session.port for one in standing(world.states()) if not one.over for session in one.sessions}


def _story(tmp_path: Path, record: Mapping[str, Any], *rows: Connection) -> tuple[World, list[set[int]], list[int]]:
    """What stood each time that a step was carried out at the home router's peer, and how often routers were asked."""
    stood: list[set[int]] = []
    asked: list[int] = []

    async def story(world: World) -> None:
        world.routers["rc"].table = rows

        def looks(_step: object) -> None:
            stood.append(_ports(world))
            asked.append(world.routers["rc"].asked)

        world.routers["rc"].refuses = looks
        world.programmer.want([record], 0.0)

    return run(tmp_path, story, search=True), stood, asked


def test_a_listed_session_does_not_wait_and_others_follow(tmp_path: Path) -> None:
    world, stood, asked = _story(tmp_path, _RECORD, _row(40000), _row(40001))
    assert asked[0] == 0
    assert all(40000 in ports for ports, count in zip(stood, asked, strict=True) if count)
    assert _ports(world) == {40000, 40001}
    assert world.routers["rc"].asked == 1
    assert world.statuses() == {"call": (Status.DONE, None)}
    assert world.whole()


def test_routers_that_know_no_more_change_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    world, _stood, asked = _story(tmp_path, _RECORD, _row(40000))
    assert world.routers["rc"].asked == 1
    assert [one.getMessage() for one in caplog.records].count("handover") == 1
    assert set(asked) == {0}
    assert _ports(world) == {40000}
    assert world.statuses() == {"call": (Status.DONE, None)}


def test_what_nobody_lists_waits_for_the_routers(tmp_path: Path) -> None:
    world, _stood, asked = _story(tmp_path, {**_RECORD, "sessions": []}, _row(40001))
    assert set(asked) == {1}
    assert _ports(world) == {40001}
    assert world.routers["rc"].asked == 1


def test_what_is_doubtful_waits_for_the_routers(tmp_path: Path) -> None:
    """A session that cannot be had, and a correspondent that none is known of."""
    unmanaged = {**_RECORD["sessions"][0], "correspondent": "9.9.9.9"}
    for number, more in enumerate(
        ({"sessions": [*_RECORD["sessions"], unmanaged]}, {"correspondents": ["3.3.3.3", "3.3.3.9"]})
    ):
        place = tmp_path / str(number)
        place.mkdir()
        _world, _stood, asked = _story(place, {**_RECORD, **more}, _row(40000))
        assert set(asked) == {1}


def test_a_session_that_is_over_goes_and_the_others_stay(tmp_path: Path) -> None:
    world, _stood, _asked = _story(tmp_path, _RECORD, _row(40000, Standing.OVER), _row(40001))
    assert _ports(world) == {40001}
    assert world.statuses() == {"call": (Status.DONE, None)}


def test_where_routers_know_that_all_is_over_nothing_stays(tmp_path: Path) -> None:
    world, _stood, _asked = _story(tmp_path, _RECORD, _row(40000, Standing.OVER))
    assert not any(len(state) for state in world.states().values())
    assert world.statuses() == {"call": (Status.REFUSED, "no_sessions")}


def test_a_newer_move_takes_the_place_of_what_is_to_be_asked(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.routers["rc"].gate.clear()
        world.want(_LISTED)
        while not world.routers["rb"].steps:
            await asyncio.sleep(0.005)
        world.want(replace(_LISTED, new=address("4.4.4.4"), epoch=2))
        world.routers["rc"].gate.set()

    world = run(tmp_path, story, search=True)
    assert world.held() == {"call": "4.4.4.4"}
    assert world.statuses() == {"call": (Status.DONE, None)}
    assert world.whole()


def test_a_service_that_dies_before_it_asked_owes_it(tmp_path: Path) -> None:
    """Until routers were asked, the ledger has it as wanted."""
    seen: list[object] = []

    async def story(world: World) -> None:
        world.routers["rc"].table = (_row(40001),)
        ask = world.routers["rc"].connections

        async def connections(addresses: Sequence[Address]) -> tuple[Connection, ...]:
            seen.append(world.statuses())
            return await ask(addresses)

        world.routers["rc"].connections = connections  # type: ignore[method-assign]
        world.want(_LISTED)

    run(tmp_path, story, search=True)
    assert seen == [{"call": (Status.WANTED, None)}]
