# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of one handover the newest word waits; decoders that go wait beside it."""

from __future__ import annotations

from typing import Any

from ansible_collections.sipmobility.handover.agent.service.retirement import Retirement, split
from ansible_collections.sipmobility.handover.agent.service.wanted import Wanted, WantedQueue
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import Planned, make_plan
from ansible_collections.sipmobility.handover.plugins.module_utils.reader import address

from ...mobility.worlds import NOW, TOPOLOGY


def record(identity: str, new: str) -> dict[str, Any]:
    return {"id": identity, "new": new}


def news(taken: list[Wanted]) -> list[tuple[str, str]]:
    return [(one.id, one.record["new"]) for one in taken]


def test_the_newest_move_wins_and_keeps_its_place_and_its_time() -> None:
    queue = WantedQueue()
    for moment, (identity, new) in enumerate([("a", "b1"), ("c", "d1"), ("a", "b2"), ("a", "b3")]):
        queue.put(Wanted(record(identity, new), float(moment)))
    taken = queue.take(10)
    assert news(taken) == [("a", "b3"), ("c", "d1")]
    assert [one.heard for one in taken] == [0.0, 1.0]
    assert queue.coalesced == 2
    assert not len(queue)


def test_what_failed_does_not_take_the_place_of_a_newer_word() -> None:
    queue = WantedQueue()
    queue.put(Wanted(record("a", "b1"), 0.0))
    (first,) = queue.take(10)
    queue.put(Wanted(record("a", "b2"), 1.0))
    queue.again(first)
    assert news(queue.take(10)) == [("a", "b2")]
    queue.again(first)
    (again,) = queue.take(10)
    assert (again.record["new"], again.tries) == ("b1", 1)


def test_one_that_must_be_alone_is_alone() -> None:
    queue = WantedQueue()
    queue.put(Wanted(record("a", "x"), 0.0))
    queue.put(Wanted(record("b", "x"), 0.0, alone=True))
    queue.put(Wanted(record("c", "x"), 0.0))
    assert [one.id for one in queue.take(10)] == ["a", "c"]
    assert [one.id for one in queue.take(10)] == ["b"]


def test_a_batch_has_a_bound() -> None:
    queue = WantedQueue()
    for number in range(5):
        queue.put(Wanted(record(str(number), "x"), 0.0))
    assert [[one.id for one in queue.take(2)] for _ in range(3)] == [["0", "1"], ["2", "3"], ["4"]]


def _moved(identity: str, new: str, port: int, epoch: int = 1) -> Handover:
    session = Session("tcp", port, address("3.3.3.3"), 7000)
    return Handover(identity, address("1.1.1.1"), address(new), NOW + 600, epoch=epoch, sessions=(session,))


def _moved_twice(identity: str, port: int) -> Planned:
    """The plan of a second move: it ends with decoders that go."""
    nothing = {name: RouterState() for name in TOPOLOGY.routers}
    first = make_plan([_moved(identity, "2.2.2.2", port)], TOPOLOGY, nothing)
    return make_plan([_moved(identity, "2.2.2.3", port)], TOPOLOGY, first.targets)


def test_decoders_that_go_wait_beside() -> None:
    planned = _moved_twice("one", 40000)
    body, tail = split(planned.stages)
    assert tail is not None
    assert all(stage.phase is not Phase.RETIRE for stage in body)
    retirement = Retirement()
    retirement.put(tail, 10.0)
    other = split(_moved_twice("two", 40001).stages)[1]
    assert other is not None
    retirement.put(other, 11.0)
    assert retirement.due == 10.0
    assert retirement.take(9.9, 0) is None
    due = retirement.take(10.5, 0)
    assert due is not None
    assert {step.router: step.before for step in due.steps} == {step.router: step.before for step in tail.steps}
    assert retirement.handovers == ("two",)


def test_a_new_plan_sees_to_what_waits_and_gives_it_back_when_it_fails() -> None:
    tail = split(_moved_twice("one", 40000).stages)[1]
    assert tail is not None
    retirement = Retirement()
    retirement.put(tail, 10.0)
    dropped = retirement.drop(["one", "unknown"])
    assert retirement.take(99.0, 0) is None
    retirement.restore(dropped)
    again = retirement.take(99.0, 0)
    assert again is not None
    assert len(again.steps) == len(tail.steps)
