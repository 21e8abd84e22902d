# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans of thousands of handovers cost each of them what it costs alone."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import Planned, make_plan

from ..growth import TIMES, growth
from .worlds import TOPOLOGY, host, patent_handover

#: What is quadratic in one cheap part took 18 times as long for 8 times as many.
_MOST = 13.0
_FEW = 1000


@pytest.fixture(autouse=True)
def _without_looking_for_garbage() -> Iterator[None]:
    """As such plans are made: among what all lives, looking for garbage takes the longer the more there is."""
    gc.disable()
    yield
    gc.enable()


def many(count: int) -> list[Handover]:
    return [
        patent_handover(id=f"{n:016x}", old=host("ra", 6, 1 + n), new=host("rb", 6, 1 + n), sessions=(session(n),))
        for n in range(count)
    ]


def session(number: int) -> Session:
    (one,) = patent_handover().sessions
    return replace(one, correspondent=host("rc", 6, 1 + number % 250))


def planning(count: int, *, withdrawn: bool) -> Callable[[], Planned]:
    handovers, held = many(count), {name: RouterState() for name in TOPOLOGY.routers}
    if withdrawn:
        held = make_plan(handovers, TOPOLOGY, held).targets
        handovers = [replace(handover, ended=True) for handover in handovers]
    return lambda: make_plan(handovers, TOPOLOGY, held)


def test_moves() -> None:
    assert growth(planning(_FEW, withdrawn=False), planning(_FEW * TIMES, withdrawn=False), _MOST) < _MOST


def test_withdrawals() -> None:
    assert growth(planning(_FEW, withdrawn=True), planning(_FEW * TIMES, withdrawn=True), _MOST) < _MOST


def test_none_is_refused() -> None:
    for withdrawn in (False, True):
        assert planning(_FEW, withdrawn=withdrawn)().refused == ()
