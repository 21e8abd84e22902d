# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events through a stream that services share: a live session moves, whoever is killed meanwhile."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nats.js import JetStreamContext

from ..internetwork import TOPOLOGY
from ..live import open_tcp
from ..moving import NEW, OLD, Journey
from .agreement import agreed, owed
from .nats import nats_server, publishing
from .phones import Phone
from .place import Place, Running, mortal, states, until
from .test_service import handovers, talk

pytestmark = pytest.mark.chaos
_STREAM = "sip-registrations"


class Fleet:
    """A stream with its publisher, and services that share it."""

    def __init__(self, network: Journey, directory: Path, stack: ExitStack) -> None:
        self._network = network
        self._directory = directory
        self._stack = stack
        self.server = stack.enter_context(nats_server(directory / "nats"))
        self.log = directory / "register.jsonl"
        self.log.touch()
        self.publisher = stack.enter_context(publishing(self.server, self.log, directory / "publish", partitions=4))
        self.publisher.await_told("ready")

    def service(
        self, name: str, die: int = 0, after: bool = False, stop: bool = False, held: int | None = None
    ) -> Running:
        """A service; it is ready when it holds so many partitions."""
        directory = self._directory / name
        directory.mkdir(exist_ok=True)
        events = [{"nats": self.server.config(name=name)}]
        place = Place(directory, {router: {} for router in TOPOLOGY.routers}, events=events)
        service = mortal(place, self._network, name, die, after, stop)
        self._stack.callback(service.stop)
        if held is not None:
            holds(service, held)
        return service

    def state(self, *services: Running) -> dict[str, tuple[str, Mapping[str, Any]]]:
        """What the ledgers of services say, each of its own partitions."""
        found: dict[str, tuple[str, Mapping[str, Any]]] = {}
        for service in services:
            found.update(owed(service.told_path.parent / "state"))
        return found

    def tell(self, *lines: bytes) -> None:
        """The SIP server writes events."""
        with self.log.open("ab", buffering=0) as file:
            for line in lines:
                file.write(line)

    def unacknowledged(self) -> int:
        """Events of which it is not known that they are done."""

        async def ask(stream: JetStreamContext) -> int:
            last = (await stream.stream_info(_STREAM)).state.last_seq
            found = await stream.consumers_info(_STREAM)
            return last and sum((one.num_ack_pending or 0) + (one.num_pending or 0) for one in found)

        return self.server.asked(ask)

    def done(self) -> None:
        """Wait until everything is acknowledged."""
        until(lambda: self.unacknowledged() == 0)


def holds(service: Running, count: int) -> None:
    """Wait until a service holds so many partitions."""

    def last() -> int:
        told = [one for one in service.told() if one["event"] == "partitions"]
        return len(told[-1]["held"]) if told else 0

    until(lambda: last() == count)


@pytest.fixture
def fleet(road: Journey, tmp_path: Path) -> Iterator[Fleet]:
    road.held, road.now = states(road), time.time()
    road.at_home()
    with ExitStack() as stack:
        yield Fleet(road, tmp_path, stack)
    road.held = states(road)


def test_a_move_is_acknowledged_when_the_routers_have_it(road: Journey, fleet: Fleet) -> None:
    service, phone = fleet.service("one", held=4), Phone("alice")
    with open_tcp(road, 4, 15) as (mobile, peer, session):
        fleet.tell(phone.register(OLD[4]))
        road.move()
        move = phone.register(NEW[4], OLD[4], [session])
        fleet.tell(move)
        service.await_told("handover", new=str(NEW[4]), kind="programmed")
        talk(mobile, peer)
        fleet.done()
        (first,) = handovers(road)
        # The same event again: published twice it is stored once.
        fleet.tell(move, phone.register(NEW[4], expires=0))
        service.await_told("handover", kind="ended")
        fleet.done()
        assert len([one for one in service.told() if one["event"] == "handover"]) == 2
        until(lambda: not any(len(state) for state in states(road).values()))
    assert service.stop() == 0
    assert first.new == NEW[4]


@pytest.mark.parametrize(
    ("step", "after"),
    [
        pytest.param(step, after, marks=() if (step, after) == (3, True) else pytest.mark.deep)
        for step in (1, 2, 3, 4)
        for after in (False, True)
    ],
)
def test_another_service_finishes_what_one_was_killed_in(road: Journey, fleet: Fleet, step: int, after: bool) -> None:
    doomed, phone = fleet.service("doomed", die=step, after=after, held=4), Phone("alice")
    with open_tcp(road, 4, 30) as (mobile, peer, session):
        fleet.tell(phone.register(OLD[4]))
        fleet.done()
        road.move()
        fleet.tell(phone.register(NEW[4], OLD[4], [session]))
        assert doomed.wait() == -signal.SIGKILL
        assert fleet.unacknowledged() == 1
        heir = fleet.service("heir", held=4)
        heir.await_told("handover", new=str(NEW[4]))
        talk(mobile, peer)
        fleet.done()
        agreed(road, lambda: fleet.state(heir), f"killed {'after' if after else 'before'} step {step}")
        fleet.tell(phone.register(NEW[4], expires=0))
        heir.await_told("handover", kind="ended")
        until(lambda: not any(len(state) for state in states(road).values()))


def test_two_services_share_the_phones_and_one_takes_over(road: Journey, fleet: Fleet) -> None:
    one = fleet.service("one", held=4)
    two = fleet.service("two", held=2)
    holds(one, 2)
    phones = [Phone(f"user{number}") for number in range(12)]
    with open_tcp(road, 4, 30) as (mobile, peer, session):
        for number, phone in enumerate(phones):
            fleet.tell(phone.register(f"198.51.100.{100 + number}"))
        alice = Phone("alice")
        fleet.tell(alice.register(OLD[4]))
        fleet.done()
        road.move()
        fleet.tell(alice.register(NEW[4], OLD[4], [session]))
        for number, phone in enumerate(phones):
            old = f"198.51.100.{100 + number}"
            moved = replace(session, port=10_000 + number)
            fleet.tell(phone.register(f"203.0.113.{100 + number}", old, [moved]))
        until(lambda: len(handovers(road)) == 13)
        fleet.done()
        # Both have carried some out, none both.
        done = [{told["handover"] for told in service.told() if told["event"] == "handover"} for service in (one, two)]
        assert all(done)
        assert not done[0] & done[1]
        talk(mobile, peer)

        one.stop(signal.SIGKILL)
        fleet.tell(*(phone.register(f"203.0.113.{100 + number}", expires=0) for number, phone in enumerate(phones)))
        fleet.tell(alice.register(NEW[4], expires=0))
        holds(two, 4)
        until(lambda: not any(len(state) for state in states(road).values()))
        fleet.done()
        assert not [told for told in two.told() if told["event"] in ("taken back", "drift")]


def test_the_stream_is_away_for_a_while(road: Journey, fleet: Fleet) -> None:
    service, phone = fleet.service("one", held=4), Phone("alice")
    with open_tcp(road, 4, 40) as (mobile, peer, session):
        fleet.tell(phone.register(OLD[4]))
        fleet.done()
        road.move()
        fleet.server.kill()
        fleet.tell(phone.register(NEW[4], OLD[4], [session]))
        # Longer than a lease lasts: the service holds nothing, and carries nothing out.
        until(lambda: any(told["event"] == "partitions" and "left" in told for told in service.told()))
        fleet.server.start()
        service.await_told("handover", new=str(NEW[4]), kind="programmed")
        talk(mobile, peer)
        fleet.done()


@pytest.mark.deep
@pytest.mark.parametrize("step", [1, 2, 3, 4])
def test_the_stream_is_lost_in_the_middle_of_a_move(road: Journey, fleet: Fleet, step: int) -> None:
    """NATS is killed while the service is before a step, and comes back when its lease is long over."""
    service, phone = fleet.service("one", die=step, stop=True, held=4), Phone("alice")
    with open_tcp(road, 4, 60) as (mobile, peer, session):
        fleet.tell(phone.register(OLD[4]))
        fleet.done()
        road.move()
        fleet.tell(phone.register(NEW[4], OLD[4], [session]))
        until(lambda: service.stopped)
        fleet.server.kill()
        service.send(signal.SIGCONT)
        until(lambda: any(told["event"] == "partitions" and "left" in told for told in service.told()))
        fleet.server.start()
        holds(service, 4)
        fleet.done()
        agreed(road, lambda: fleet.state(service), f"NATS killed before step {step}")
        (found,) = handovers(road)
        assert found.new == NEW[4]
        talk(mobile, peer)


@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.deep), 2, pytest.param(3, marks=pytest.mark.deep)])
def test_one_that_stood_still_does_no_harm_when_it_goes_on(road: Journey, fleet: Fleet, step: int) -> None:
    """It stands still right before it tells a router a step, for longer than its lease lasts, while another one
    finishes the move and carries out the next one. Then the step goes out all the same."""
    still, phone = fleet.service("still", die=step, stop=True, held=4), Phone("alice")
    with open_tcp(road, 4, 60) as (mobile, peer, session):
        fleet.tell(phone.register(OLD[4]))
        fleet.done()
        fleet.tell(phone.register("203.0.113.21", OLD[4], [session]))
        until(lambda: still.stopped)
        heir = fleet.service("heir", held=4)
        heir.await_told("handover", new="203.0.113.21")
        road.move()
        fleet.tell(phone.register(NEW[4], OLD[4], [session]))
        heir.await_told("handover", new=str(NEW[4]))
        talk(mobile, peer)
        still.send(signal.SIGCONT)
        until(lambda: any(told["event"] in ("left to others", "taken back", "handover") for told in still.told()))
        holds(heir, 2)
        holds(still, 2)
        agreed(road, lambda: fleet.state(heir, still), f"stood still before step {step}")
        (found,) = handovers(road)
        assert found.new == NEW[4]
        talk(mobile, peer)
