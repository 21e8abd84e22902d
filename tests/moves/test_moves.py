# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Some cells of the matrix of moves; `make test-moves` has them all. And many moves under one session."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random
from socket import AF_INET, AF_INET6, IPPROTO_RAW, SOCK_RAW

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Scope, Via
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.trace import Packet

from ..kernel.frames import Frame, decode, encode
from . import __main__ as table
from .drive import Driver
from .moves import MOVES, VERSIONS, Move, Stage, tell, without_bcp38
from .world import World

FEW = ("return home", "both at once", "masqueraded correspondent", "correspondent on home network")


@pytest.mark.parametrize("move", [move for move in MOVES if move.name in FEW], ids=lambda move: move.name)
def test_live_sessions_survive(internet: World, driver: Driver, tmp_path: Path, move: Move) -> None:
    cells, stage = tell(move, internet, driver, Scope.SESSION, tmp_path)
    assert stage.refused == []
    for version, cell in cells.items():
        assert cell.survived, f"IPv{version}: {cell}"


def test_without_a_plan_the_session_is_dead(
    internet: World, driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the others and the table mean something: the same move, and nobody tells the routers."""

    def story(stage: Stage) -> None:
        stage.call("mn", "cn")
        stage.go("mn", "b")

    monkeypatch.setattr(table, "tell", partial(tell, patience=1))
    shown, failed = table.cells_of(Move("nothing", story), internet, driver, Scope.SESSION, tmp_path, [])
    assert failed == 2
    assert all(cell.startswith("DEAD") for cell in shown)


def test_the_table_knows_the_rows_that_it_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert table.main(["return hom"]) == 2
    assert "return home" in capsys.readouterr().err


@pytest.mark.deep
def test_a_hundred_random_moves_under_one_session(internet: World, driver: Driver, tmp_path: Path) -> None:
    """Chains, returns, the correspondent's own network, the second router: alive, nothing left at home or after."""
    random = Random(4)

    def story(stage: Stage) -> None:
        stage.call("mn", "cn")
        stage.call("mn", "beside")
        at = "a"
        for number in range(100):
            at = random.choice([lan for lan in "abcde" if lan != at])
            stage.go("mn", at)
            stage.hand_over("mn")
            assert stage.pause(), f"dead after move {number}, to {at}"
            assert at != "a" or not driver.leftovers()

    cells, stage = tell(Move("random", story), internet, driver, Scope.SESSION, tmp_path)
    assert stage.refused == []
    assert all(cell.survived for cell in cells.values()), cells


def test_the_operators_word_must_be_true(
    internet: World, driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Foreign sources may leave, it is said, but BCP 38 drops them: dead, so the row where they may shows something."""

    def story(stage: Stage) -> None:
        stage.topology, stage.via = internet.without("rc", True), Via.HOME_ROUTER
        stage.call("mn", "cn")
        stage.go("mn", "b")
        stage.hand_over("mn")

    monkeypatch.setattr(table, "tell", partial(tell, patience=1))
    shown, failed = table.cells_of(Move("untrue", story), internet, driver, Scope.SESSION, tmp_path, [])
    assert failed == 2
    assert all(cell.startswith("DEAD") for cell in shown)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_under_way_to_the_router_that_was_left_is_sent_on(
    internet: World, driver: Driver, version: int
) -> None:
    """A datagram for B's address, sent when C has changed over to D: it comes out at D until B's decoder goes."""
    internet.reset()
    routers = internet.managed.routers.values()
    topology = Topology(replace(one, foreign_sources=one.name == "rb") for one in routers)
    old, peer = internet.address("a", 50, version), internet.address("c", 10, version)
    first = Handover("late", old, internet.address("b", 50, version), 0, sessions=(Session("udp", 7200, peer, 7200),))
    late, shown = Packet(peer, first.new, "udp", 7200, 7200), Packet(peer, old, "udp", 7200, 7200)
    seen: dict[Phase, bool] = {}

    def arrives() -> bool:
        family = AF_INET if version == 4 else AF_INET6
        with internet.spaces["cn"].open_socket(family, SOCK_RAW, IPPROTO_RAW) as one, phone.wire() as wire:
            wire.settimeout(0.5)
            one.sendto(encode(Frame(bytes(6), late, b"late"))[14:], (str(late.destination), 0))
            try:
                while (frame := decode(wire.recv(2048))) is None or frame.payload != b"late":
                    pass
            except TimeoutError:
                return False
            return frame.packet == shown

    phone = internet.spaces["mn"]
    try:
        with without_bcp38(internet, "rb"):
            internet.plug("mn", "b")
            first = replace(first, expires=int(time.time()) + 60)
            driver.carry_out([first], topology)
            internet.plug("mn", "d")
            second = replace(first, new=internet.address("d", 50, version), epoch=2)
            driver.carry_out([second], topology, lambda stage: seen.update({stage.phase: arrives()}))
    finally:
        driver.carry_out([replace(first, ended=True)], topology)
    assert (seen[Phase.DECODE], seen[Phase.ENCODE], seen[Phase.RETIRE]) == (False, False, True)
    assert not driver.leftovers()
