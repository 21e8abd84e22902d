# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service is killed at every step boundary, one after the other; the next one finishes what it owed."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import Goal, recover, standing

from ..internetwork import TOPOLOGY
from ..live import open_tcp
from ..moving import NEW, OLD, Journey
from .agreement import agreed
from .phones import Phone
from .place import Place, Running, mortal, states, until

pytestmark = pytest.mark.chaos
#: More steps than any of these stories has.
_MOST = 20
_THERE = "203.0.113.21"


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_move_is_finished(road: Journey, tmp_path: Path, after: bool) -> None:
    def story(place: Place, phone: Phone, session: Session) -> None:
        place.tell(phone.register(NEW[4], OLD[4], [session]))

    _killed_at_every_step(road, tmp_path, after, lambda *_all: None, story, str(NEW[4]))


@pytest.mark.deep
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_second_move_is_finished(road: Journey, tmp_path: Path, after: bool) -> None:
    def begin(place: Place, phone: Phone, session: Session, running: Running) -> None:
        place.tell(phone.register(_THERE, OLD[4], [session]))
        running.await_told("handover", new=_THERE)

    def story(place: Place, phone: Phone, session: Session) -> None:
        place.tell(phone.register(NEW[4], OLD[4], [session]))

    _killed_at_every_step(road, tmp_path, after, begin, story, str(NEW[4]))


@pytest.mark.deep
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_end_is_finished(road: Journey, tmp_path: Path, after: bool) -> None:
    def begin(place: Place, phone: Phone, session: Session, running: Running) -> None:
        place.tell(phone.register(NEW[4], OLD[4], [session]))
        running.await_told("handover", new=str(NEW[4]))

    def story(place: Place, phone: Phone, session: Session) -> None:
        place.tell(phone.register(NEW[4], expires=0))

    _killed_at_every_step(road, tmp_path, after, begin, story, None)


def _killed_at_every_step(
    network: Journey,
    directory: Path,
    after: bool,
    begin: Callable[[Place, Phone, Session, Running], None],
    story: Callable[[Place, Phone, Session], None],
    end: str | None,
) -> None:
    for number in range(1, _MOST):
        with _scene(network, directory / str(number)) as (place, phone, session, ends):
            first = mortal(place, network, "first")
            try:
                first.await_told("ready")
                place.tell(phone.register(OLD[4]))
                begin(place, phone, session, first)
                until(lambda: not _halves(network))
            finally:
                first.stop()
            killed = mortal(place, network, "killed", number, after)
            try:
                killed.await_told("ready")
                network.move()
                story(place, phone, session)
                died = _died(killed)
            finally:
                killed.stop()
            last = mortal(place, network, "last")
            try:
                last.await_told("ready")
                until(lambda: not _halves(network) and _whereabouts(network) == end)
                what = f"killed {'after' if after else 'before'} step {number}" if died else "not killed"
                agreed(network, place.directory / "state", what)
            finally:
                last.stop()
            if end is not None:
                _talk(*ends)
                held = states(network)
                assert all(entry.stamp.epoch == _epoch(network) for state in held.values() for entry in state)
            else:
                assert not any(len(state) for state in states(network).values())
        if not died:
            assert number > 3, "it died at no step at all"
            return
    raise AssertionError("it always died")


@contextmanager
def _scene(
    network: Journey, directory: Path
) -> Iterator[tuple[Place, Phone, Session, tuple[socket.socket, socket.socket]]]:
    """The routers empty, the phone at home with a live session, a service's files."""
    directory.mkdir()
    network.held = states(network)
    network.now = time.time()
    network.at_home()
    place = Place(directory, {name: {} for name in TOPOLOGY.routers})
    try:
        with open_tcp(network, 4, 10) as (mobile, peer, session):
            yield place, Phone("alice"), session, (mobile, peer)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        network.held = states(network)


def _died(running: Running) -> bool:
    """Whether it was killed; False once it has done all there was to do."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if not running.alive:
            return True
        told = running.told()
        if any(one["event"] == "handover" for one in told) and _quiet(told):
            return False
        time.sleep(0.02)
    raise AssertionError("it neither died nor ended")


def _quiet(told: list[dict[str, object]]) -> bool:
    """Whether nothing was told for longer than decoders stay."""
    last = told[-1]["time"]
    assert isinstance(last, float)
    return time.time() - last > 1.5


def _halves(network: Journey) -> list[str]:
    return [finding.reason for finding in recover(states(network), TOPOLOGY, Goal.DONE)]


def _whereabouts(network: Journey) -> str | None:
    found = [one for one in standing(states(network)) if not one.over]
    return str(found[0].new) if found else None


def _epoch(network: Journey) -> int:
    return max(entry.stamp.epoch for state in states(network).values() for entry in state)


def _talk(mobile: socket.socket, peer: socket.socket) -> None:
    mobile.sendall(b"from the phone")
    assert peer.recv(100) == b"from the phone"
    peer.sendall(b"to the phone")
    assert mobile.recv(100) == b"to the phone"
