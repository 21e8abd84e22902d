# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may happen to a service and its routers in the middle of things: afterwards routers and ledger agree.

The service being killed at every step is in ``test_killed``, its stream and its fellows in ``test_stream``.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import Goal, recover

from ..internetwork import NETWORKS, TOPOLOGY
from ..live import open_tcp
from ..moving import NEW, OLD, Journey
from .agreement import WITHIN, agreed
from .phones import Phone
from .place import Place, Running, mortal, serving, ssh_servers, states, until
from .test_service import at_home as at_home
from .test_service import handovers, talk

pytestmark = pytest.mark.chaos
_DEEP = pytest.mark.deep
_THERE = "203.0.113.21"
_ORDERS = list(itertools.permutations(range(3)))


@dataclass
class Scene:
    """A phone at home with a live session, and the files of a service."""

    network: Journey
    place: Place
    phone: Phone
    session: Session
    ends: tuple[socket.socket, socket.socket]

    @property
    def state(self) -> Path:
        return self.place.directory / "state"

    def move(self) -> None:
        """The phone moves, and tells."""
        self.network.move()
        self.place.tell(self.phone.register(NEW[4], OLD[4], [self.session]))

    def lives(self) -> None:
        """The session is alive."""
        talk(*self.ends)


@contextmanager
def scene(
    network: Journey,
    directory: Path,
    hosts: dict[str, dict[str, Any]],
    policy: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Iterator[Scene]:
    place = Place(directory, hosts, policy, **settings)
    with open_tcp(network, 4, 60) as (mobile, peer, session):
        phone = Phone("alice")
        place.tell(phone.register(OLD[4]))
        yield Scene(network, place, phone, session, (mobile, peer))


@pytest.mark.parametrize("router", ["rb", pytest.param("rc", marks=_DEEP)])
@pytest.mark.parametrize(
    "when", [pytest.param("at the move", marks=_DEEP), "in a step", pytest.param("afterwards", marks=_DEEP)]
)
def test_sshd_is_killed(at_home: Journey, tmp_path: Path, router: str, when: str) -> None:
    with ssh_servers(at_home, tmp_path) as servers:
        settings: dict[str, Any] = {"reconcile_seconds": 1, "ssh": {"command_timeout": 2, "keepalive": 0.5}}
        with (
            scene(at_home, tmp_path, servers.hosts, **settings) as told,
            serving(told.place, at_home.spaces["core"].pid) as service,
        ):
            if when == "at the move":
                servers.kill(router)
                told.move()
                service.await_told("refused", code="router_unreachable")
            elif when == "in a step":
                # The router stops in the middle of what it is told, and is killed there.
                servers.freeze(router)
                told.move()
                time.sleep(0.5)
                servers.kill(router)
            else:
                told.move()
                service.await_told("handover", kind="programmed")
                servers.kill(router)
                told.place.tell(told.phone.register(NEW[4], OLD[4], [told.session], expires=1200))
                time.sleep(0.5)
            servers.start(router)
            agreed(at_home, told.state, f"sshd of {router} killed {when}")
            assert [str(one.new) for one in handovers(at_home)] == [str(NEW[4])]
            told.lives()


@pytest.mark.parametrize("router", ["rb", pytest.param("rc", marks=_DEEP)])
def test_a_router_is_started_again_and_remembers_nothing(at_home: Journey, tmp_path: Path, router: str) -> None:
    space = at_home.spaces[router]
    with ssh_servers(at_home, tmp_path) as servers:
        space.shell("nft -s list ruleset >/run/as-configured")
        with (
            scene(at_home, tmp_path, servers.hosts) as told,
            serving(told.place, at_home.spaces["core"].pid) as service,
        ):
            told.move()
            service.await_told("handover", kind="programmed")
            told.lives()
            servers.kill(router)
            space.shell(
                "nft flush ruleset; for six in '' -6; do ip $six route flush table 7082 2>/dev/null; done; true"
            )
            space.shell("nft -f /run/as-configured")
            servers.start(router)
            agreed(at_home, told.state, f"{router} started again")
            assert len(handovers(at_home)) == 1
            told.lives()


def test_the_disk_is_full(at_home: Journey, tmp_path: Path) -> None:
    """The service ends rather than touch a router without having noted it; started again, it goes on."""
    state = tmp_path / "state"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(state)], check=True)
    try:
        with scene(at_home, tmp_path, {name: {} for name in TOPOLOGY.routers}) as told:
            service = mortal(told.place, at_home, "first")
            try:
                service.await_told("ready")
                until(lambda: (state / "cursors.json").exists())
                fill(state / "filler")
                told.move()
                assert service.wait(WITHIN) != 0
            finally:
                service.stop()
            assert "ledger" in service.told_path.read_text(encoding="utf-8")
            assert not any(len(held) for held in states(at_home).values())
            (state / "filler").unlink()
            with started(told, "second") as service:
                service.await_told("handover", new=str(NEW[4]), seconds=WITHIN)
                agreed(at_home, state, "disk full")
                told.lives()
    finally:
        subprocess.run(["umount", "--lazy", str(state)], check=True)


def test_the_judge_is_killed(at_home: Journey, tmp_path: Path) -> None:
    """The service ends, also where nothing comes, and says why; started again, it knows what its judge knew."""
    with scene(at_home, tmp_path, {name: {} for name in TOPOLOGY.routers}) as told:
        service = mortal(told.place, at_home, "first")
        try:
            service.await_told("ready")
            until(lambda: (told.state / "cursors.json").exists())
            os.kill(service.judge, signal.SIGKILL)
            assert service.wait(WITHIN) > 0
        finally:
            service.stop()
        assert "judge_ended" in service.told_path.read_text(encoding="utf-8")
        told.move()
        with started(told, "second") as service:
            service.await_told("handover", new=str(NEW[4]), seconds=WITHIN)
            agreed(at_home, told.state, "judge killed")
            told.lives()


@pytest.mark.parametrize(
    "order", [pytest.param(one, marks=() if one == (2, 1, 0) else _DEEP) for one in _ORDERS], ids=str
)
def test_events_come_twice_late_and_turned_round(at_home: Journey, tmp_path: Path, order: tuple[int, ...]) -> None:
    """A move, a second move, a refresh of it: whatever comes first, the last word of the phone counts."""
    with scene(at_home, tmp_path, {name: {} for name in TOPOLOGY.routers}) as told:
        late = told.phone.register(_THERE, OLD[4], [told.session])
        events = [
            told.phone.register(_THERE, OLD[4], [told.session]),
            told.phone.register(NEW[4], OLD[4], [told.session]),
            told.phone.register(NEW[4], OLD[4], [told.session], expires=1200),
        ]
        with started(told, "told") as service:
            at_home.move()
            for number in order:
                told.place.tell(events[number])
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                    sender.sendto(events[number], str(told.place.socket))
            service.await_told("handover", new=str(NEW[4]))
            told.place.tell(*events, late, delayed(late, 400))
            until(lambda: sum(one["event"] == "refused" for one in service.told()) >= 2)
            agreed(at_home, told.state, f"events in the order {order}")
            (found,) = handovers(at_home)
            assert (str(found.new), found.expires > time.time() + 900) == (str(NEW[4]), True)
            told.lives()


@contextmanager
def wrong_clock(network: Journey, directory: Path, seconds: int) -> Iterator[tuple[Scene, Running]]:
    """A live session that has moved; the service's clock jumped and was put right again."""
    clock = directory / "clock"
    clock.write_text("+0\n")
    hosts: dict[str, dict[str, Any]] = {name: {} for name in TOPOLOGY.routers}
    with (
        scene(network, directory, hosts, reconcile_seconds=1) as told,
        started(told, "told", clock) as service,
    ):
        told.move()
        service.await_told("handover", new=str(NEW[4]))
        clock.write_text(f"{seconds:+d}\n")
        if seconds > 600:  # the registration is over, by our clock
            service.await_told("handover", 2, seconds=WITHIN)
        else:
            time.sleep(3)
        told.lives()
        clock.write_text("+0\n")
        told.place.tell(told.phone.register(NEW[4], OLD[4], [told.session], expires=1200))
        yield told, service


@pytest.mark.parametrize("seconds", [-30, pytest.param(30, marks=_DEEP)])
def test_the_clock_is_corrected(at_home: Journey, tmp_path: Path, seconds: int) -> None:
    with wrong_clock(at_home, tmp_path, seconds) as (told, _service):
        until(lambda: any(one.expires > time.time() + 900 for one in handovers(at_home)))
        agreed(at_home, told.state, f"the clock jumped by {seconds} s and back")
        told.lives()
        told.place.tell(told.phone.register(NEW[4], expires=0))
        until(lambda: not any(len(held) for held in states(at_home).values()))
        agreed(at_home, told.state, f"the end after the jump by {seconds} s")


@_DEEP
def test_the_clock_jumps_beyond_a_registration(at_home: Journey, tmp_path: Path) -> None:
    """Then the service has forgotten the phone. The routers, by their own clocks, end the session with its time."""
    with wrong_clock(at_home, tmp_path, 7200) as (told, service):
        service.await_told("refused", code="no_history")
        told.lives()
        (found,) = handovers(at_home)
        assert found.expires < time.time() + 600
        assert not recover(states(at_home), TOPOLOGY, Goal.DONE)


@contextmanager
def started(told: Scene, name: str, clock: Path | None = None) -> Iterator[Running]:
    """The service, with a clock of its own where one is given."""
    if clock is None:
        service = mortal(told.place, told.network, name)
    else:
        spaces = json.dumps({router: told.network.spaces[router].pid for router in NETWORKS})
        fake = {
            "LD_PRELOAD": str(next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
            # Else what threads wait with to take turns returns at once, and to begin takes most of a minute.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }
        child = [sys.executable, "-m", "tests.kernel.agent.child", "--config", str(told.place.config)]
        argv = ["env", *(f"{key}={value}" for key, value in fake.items()), *child, "--spaces", spaces]
        service = Running(argv, told.place.directory, name)
    try:
        service.await_told("ready")
        yield service
    finally:
        service.stop()


def fill(path: Path) -> None:
    """Until there is no room."""
    with path.open("wb", buffering=0) as file:
        try:
            for _block in range(1_000_000):
                file.write(b"x" * 512)
        except OSError:
            pass


def delayed(event: bytes, seconds: float) -> bytes:
    """The same, but from before."""
    told = json.loads(event)
    return json.dumps({**told, "time": told["time"] - seconds, "cseq": told["cseq"] + 100}).encode() + b"\n"
