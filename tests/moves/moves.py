# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of move (docs/moves.md), as a story: who talks to whom, who goes where, what is planned for it.

A story is told for both IP versions at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import (
    Handover,
    Session,
    handover_id,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address, Scope, Via

from .drive import Driver, Streams
from .world import HOSTS, World

__all__ = ["MOVES", "VERSIONS", "Cell", "Move", "Stage", "tell", "without_bcp38"]

#: Seconds of traffic before the first move, and between moves once all streams run again.
_BEFORE, _BETWEEN = 0.5, 0.3
#: Seconds after the last move in which a stream that has come back is told from one that gasped, and seconds within
#: which it must come back: TCP doubles its pauses, and machines are shared.
_AFTER, _PATIENCE = 1.1, 20.0
_LIFETIME = 600
VERSIONS = (4, 6)


@dataclass
class Call:
    """A TCP session and a UDP stream between two hosts, in one IP version.

    :ivar seen: the far host's address and ports as the mobile node sees them, where they are others.
    """

    mobile: str
    far: str
    version: int
    ends: dict[str, Address]
    tcp: tuple[int, int]
    udp: int
    opener: str
    seen: Address | None = None

    def sessions(self, of: str) -> tuple[Session, ...]:
        """Its two sessions as the handover of one of its ends lists them."""
        peer = self.far if of == self.mobile else self.mobile
        outside = self.seen if of == self.mobile else None
        mine, theirs = self.tcp if of == self.opener else self.tcp[::-1]
        return (
            Session("tcp", mine, self.ends[peer], theirs, outside),
            Session("udp", self.udp, self.ends[peer], self.udp, outside),
        )


class Stage:
    """What a story plays on: hosts call, go, and are handed over."""

    def __init__(self, world: World, driver: Driver, scope: Scope, directory: Path, patience: float) -> None:
        self.world, self.driver, self.scope = world, driver, scope
        self.patience = patience
        self.first_move = 0.0
        self.refused: list[str] = []
        self.reasons: list[str] = []
        #: The routers that plans are for, and who sends on for correspondents of others.
        self.topology = world.managed
        self.via = Via.CORRESPONDENT_ROUTER
        self.calls: list[tuple[Call, Streams]] = []
        self._directory = directory
        self._handovers: dict[str, Handover] = {}
        self._stack = ExitStack()
        self._where = dict(HOSTS)

    def call(self, mobile: str, far: str, *, opener: str = "", hidden: str = "") -> None:
        """A host calls another one; ``hidden``: the router that masquerades the far one."""
        for version in VERSIONS:
            number = len(self.calls)
            ends = {name: self.address(name, version) for name in (mobile, far)}
            seen = self.world.outside(hidden, version) if hidden else None
            who = opener or mobile
            call = Call(mobile, far, version, ends, (40000 + number, 7101 + number % 9), 7200 + number, who, seen)
            streams = Streams(
                self.world,
                self._directory,
                ends,
                opener=who,
                tcp=call.tcp,
                udp=call.udp,
                seen={far: seen} if seen else None,
            )
            self.calls.append((call, streams))
        for _call, streams in self.calls[-2:]:
            streams.start()
            self._stack.callback(streams.stop)
        for _call, streams in self.calls[-2:]:
            streams.wait()

    def address(self, host: str, version: int) -> Address:
        """A host's address where it is now."""
        return self.world.address(*self._where[host], version)

    def go(self, host: str, lan: str, number: int | None = None) -> None:
        """A host moves; nothing is planned yet."""
        if not self.first_move:
            time.sleep(_BEFORE)
            self.first_move = time.monotonic()
        self._where[host] = (lan, number or self._where[host][1])
        self.world.plug(host, lan, number or self._where[host][1])

    def hand_over(self, *hosts: str) -> None:
        """Plan for these hosts together, and carry it out."""
        planned = self.driver.carry_out([one for host in hosts for one in self.handovers(host)], self.topology)
        self.refused += [item.code for item in planned.refused]
        self.reasons += [item.reason for item in planned.refused]

    def handovers(self, host: str) -> Iterator[Handover]:
        """A host's handovers as they are now: one for each address that it has sessions of."""
        sessions: dict[Address, tuple[Session, ...]] = {}
        for call, _streams in self.calls:
            if host in call.ends:
                old = call.ends[host]
                sessions[old] = sessions.get(old, ()) + call.sessions(host)
        for old, held in sessions.items():
            wide = self.scope is not Scope.SESSION
            peers = tuple(dict.fromkeys(one.correspondent for one in held))
            yield Handover(
                handover_id(f"sip:{host}@example.com", None, old),
                old,
                self.address(host, old.version),
                int(time.time()) + _LIFETIME,
                scope=self.scope,
                sessions=() if wide else held,
                correspondents=peers if wide else (),
                via=self.via,
            )

    def pause(self) -> bool:
        """Until every stream runs again, both ways, or it is dead; whether they run."""
        since, deadline = time.monotonic(), time.monotonic() + self.patience
        running = False
        while not running and time.monotonic() < deadline:
            time.sleep(0.1)
            running = all(streams.run_since(since) for _call, streams in self.calls)
        time.sleep(_BETWEEN)
        return running

    def end(self) -> None:
        """Some more traffic, then the streams end."""
        self.pause()
        time.sleep(_AFTER)
        self._stack.close()

    def close(self) -> None:
        """After a failure, too: nothing runs on, nothing stays on a router."""
        self._stack.close()
        ended = [replace(one, ended=True) for host in self._where for one in self.handovers(host)]
        self.driver.carry_out(ended, self.topology)


@dataclass(frozen=True)
class Move:
    """One kind of move.

    :ivar story: plays it.
    :ivar impossible: scopes in which it cannot work, each with the reason.
    :ivar refusal: the code with which the planner refuses it; empty where it works.
    """

    name: str
    story: Callable[[Stage], None]
    impossible: dict[Scope, str] = field(default_factory=dict)
    refusal: str = ""


@dataclass(frozen=True)
class Cell:
    """What became of the streams of one IP version: of several calls, the worst of each."""

    alive: bool
    tcp_gap_ms: float
    udp_gap_ms: float
    tcp_lost: int
    udp_lost: int
    errors: tuple[str, ...]

    @property
    def survived(self) -> bool:
        """Every stream runs, and TCP neither lost a byte nor was told of an error."""
        return self.alive and not self.tcp_lost and not self.errors


def tell(
    move: Move, world: World, driver: Driver, scope: Scope, directory: Path, patience: float = _PATIENCE
) -> tuple[dict[int, Cell], Stage]:
    """Play one kind of move. Nothing of it is left on any router afterwards, or it is an error."""
    world.reset()
    stage = Stage(world, driver, scope, directory, patience)
    try:
        move.story(stage)
        stage.end()
    finally:
        stage.close()
    left = driver.leftovers()
    assert not left, f"{move.name}: left over: {left}"
    return {version: _cell(stage, version) for version in VERSIONS}, stage


def _cell(stage: Stage, version: int) -> Cell:
    judged: list[dict[str, dict[str, Any]]] = [
        streams.result(stage.first_move) for call, streams in stage.calls if call.version == version
    ]
    tcp, udp = ([one[name] for one in judged] for name in ("tcp", "udp"))
    errors = [error["error"] or error["event"] for one in tcp for error in one["errors"]]
    return Cell(
        all(one["alive"] for one in (*tcp, *udp)),
        max(one["gap_ms"] for one in tcp),
        max(one["gap_ms"] for one in udp),
        sum(one["lost"] for one in tcp),
        sum(one["lost"] for one in udp),
        tuple(map(str, errors)),
    )


def _move(host: str, *lans: str) -> Callable[[Stage], None]:
    """A story of one host that goes from LAN to LAN."""

    def story(stage: Stage) -> None:
        stage.call("mn", "cn")
        for number, lan in enumerate(lans):
            if number:
                stage.pause()
            stage.go(host, lan)
            stage.hand_over(host)

    return story


def _within(stage: Stage) -> None:
    stage.call("mn", "cn")
    stage.call("mn", "beside")
    stage.go("mn", "a", 51)
    stage.hand_over("mn")


def _to_correspondent(stage: Stage) -> None:
    stage.call("mn", "cn")
    stage.go("mn", "c")
    stage.hand_over("mn")


def _from_correspondent(stage: Stage) -> None:
    """They meet, and part again."""
    _to_correspondent(stage)
    stage.pause()
    stage.go("mn", "d")
    stage.hand_over("mn")


def _home_network(stage: Stage) -> None:
    stage.call("mn", "beside")
    stage.call("mn", "cn")
    stage.go("mn", "b")
    stage.hand_over("mn")
    stage.pause()
    stage.go("mn", "d")
    stage.hand_over("mn")
    stage.pause()
    stage.go("mn", "a")
    stage.hand_over("mn")


def _several(stage: Stage) -> None:
    stage.call("mn", "cn")
    stage.call("mn", "cn2")
    stage.go("mn", "b")
    stage.hand_over("mn")


def _both(first: str, second: str) -> Callable[[Stage], None]:
    lans = {"mn": "b", "cn": "d"}

    def story(stage: Stage) -> None:
        stage.call("mn", "cn")
        for number, host in enumerate((first, second)):
            if number:
                stage.pause()
            stage.go(host, lans[host])
            stage.hand_over(host)
        stage.pause()
        stage.go("mn", "a")
        stage.hand_over("mn")

    return story


def _at_once(stage: Stage) -> None:
    stage.call("mn", "cn")
    stage.go("mn", "b")
    stage.go("cn", "d")
    stage.hand_over("mn", "cn")


def _hidden(stage: Stage) -> None:
    with _masquerade(stage.world, "rc"):
        stage.call("mn", "cn", opener="cn", hidden="rc")
        stage.go("mn", "b")
        stage.hand_over("mn")
        stage.pause()
        stage.go("mn", "d")
        stage.hand_over("mn")
        stage.end()


@contextmanager
def _masquerade(world: World, router: str) -> Iterator[None]:
    world.masquerade(router, True)
    try:
        yield
    finally:
        world.masquerade(router, False)


def _unmanaged(stage: Stage) -> None:
    """Nobody manages the correspondent's router, and nobody says that foreign sources may leave ours."""
    stage.topology, stage.via = stage.world.without("rc", False), Via.HOME_ROUTER
    stage.call("mn", "cn")
    stage.go("mn", "b")
    stage.hand_over("mn")


def _unmanaged_without_bcp38(stage: Stage) -> None:
    """The home router sends on: to B, to D, where B does it for a moment, and no longer when the phone is back."""
    stage.topology, stage.via = stage.world.without("rc", True), Via.HOME_ROUTER
    with without_bcp38(stage.world, "ra", "rb", "rd"):
        stage.call("mn", "cn")
        for number, lan in enumerate("bda"):
            if number:
                stage.pause()
            stage.go("mn", lan)
            stage.hand_over("mn")
        stage.end()


@contextmanager
def without_bcp38(world: World, *routers: str) -> Iterator[None]:
    """The core takes packets of any source from these routers."""
    world.source_filter(but=routers)
    try:
        yield
    finally:
        world.source_filter()


def _swap(stage: Stage) -> None:
    """Two phones change places, and each gets the address that was the other's."""
    stage.call("mn", "cn")
    stage.call("mn2", "cn")
    for host, lan, number in (("mn", "b", 50), ("mn2", "a", 50), ("mn", "b", 60)):
        stage.go(host, lan, number)
        stage.hand_over(host)
        stage.pause()


def _reassigned(stage: Stage) -> None:
    """The old address is given to a newcomer while the phone's session lives; he calls the same correspondent."""
    stage.call("mn", "cn")
    stage.go("mn", "b")
    stage.hand_over("mn")
    stage.pause()
    stage.go("newcomer", "a", 50)
    stage.call("newcomer", "cn")


_HIJACK = "no wider scope is planned of a pair that is told as reassigned: the newcomer's packets would go to the phone"
_ONE_TUPLE = "the correspondent's public address stands for all behind it; only ports tell them apart"

MOVES = (
    Move("simple", _move("mn", "b")),
    Move("chain", _move("mn", "b", "d")),
    Move("return home", _move("mn", "b", "a")),
    Move("chain, return home", _move("mn", "b", "d", "a")),
    Move("both, phone first", _both("mn", "cn")),
    Move("both, correspondent first", _both("cn", "mn")),
    Move("both at once", _at_once),
    Move("behind one router", _to_correspondent),
    Move("behind one router, and on", _from_correspondent),
    Move("within one router", _within),
    Move("correspondent on home network", _home_network),
    Move("several correspondents", _several),
    Move("masqueraded correspondent", _hidden, dict.fromkeys((Scope.CORRESPONDENT, Scope.ADDRESS), _ONE_TUPLE)),
    Move("second router", _move("mn", "e")),
    Move("second router, and on", _move("mn", "e", "d", "e", "b")),
    Move("unmanaged correspondent", _unmanaged, refusal="foreign_source_dropped"),
    Move("the same, no BCP 38 at A, B, D", _unmanaged_without_bcp38),
    Move("two swap addresses", _swap),
    Move("old address reassigned", _reassigned, dict.fromkeys((Scope.CORRESPONDENT, Scope.ADDRESS), _HIJACK)),
)
