# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Some cells of the matrix of moves; `make test-moves` has them all. And many moves under one session."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from random import Random

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Scope

from . import __main__ as table
from .drive import Driver
from .moves import MOVES, Move, Stage, tell
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
