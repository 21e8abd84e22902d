"""The walk itself: who is called when, and what is measured."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from demo.__main__ import policy_of
from demo.calls import Agent, Agreed, CallFailed, Sound, answering, calling
from demo.calls.agent import Line
from demo.calls.agreed import as_dialogs
from demo.gaps import Silence, silence
from demo.phone import client
from demo.places import CORRESPONDENT, HOME, VISITED, Place
from demo.screen import Screen
from demo.servers import Asked, home_word
from demo.service import ServiceFailed, serving
from demo.wire import Compared, captured, compared
from lab import Lab
from lab.analysis import read
from lab.certificates import Authority
from lab.registrar import Registrar
from lab.runtime import LabError
from lab.traffic import Traffic

__all__ = ["ROUTERS", "Leg", "Reached", "Walk"]

ROUTERS = ("ra", "rb", "rc", "rd")
_WALK = ("b", "d", "a")
#: Seconds that the phone stays at a place before it is called there, and that a call lasts.
_STAY, _TALK = 4.0, 1.5
_LONGEST = 600
#: Packets that each end of a call must have heard: half of what was sent.
_HEARD = int(_TALK * 50 / 2)


@dataclass(frozen=True)
class Reached:
    """A third phone's call to the phone's address of record.

    :ivar contact: where it was taken; the empty string where nobody took it.
    :ivar seconds: from the INVITE to the answer.
    :ivar heard: packets of sound that each end heard.
    """

    lan: str
    at: float
    contact: str = ""
    seconds: float = 0.0
    heard: Mapping[str, int] | None = None
    through: bool = False


@dataclass(frozen=True)
class Leg:
    """One move.

    :ivar moved: when the cable was out, monotonic seconds; ``told``, when the server that the phone visits had its
        registration; ``programmed``, when the routers had acknowledged.
    """

    lan: str
    moved: float
    told: float
    programmed: float


class Walk:
    """Begun in its context; what it began is ended with that."""

    def __init__(
        self, lab: Lab, found: Mapping[str, Place], authority: Authority, directory: Path, screen: Screen
    ) -> None:
        self.legs: list[Leg] = []
        self.reached: list[Reached] = []
        self.silences: dict[tuple[str, str], Silence] = {}
        self.asked: list[Asked] = []
        self.wire: list[Compared] = []
        self.ended = False
        self._lab, self._found, self._authority = lab, found, authority
        self._directory, self._screen = directory, screen
        self._stack = ExitStack()
        self._capture = directory / "phone.pcap"
        self._mn, self._cn, self._cn2 = (lab.topology.address(name).v4.ip for name in ("mn", "cn", "cn2"))

    def __enter__(self) -> Walk:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stack.close()

    @property
    def files(self) -> Mapping[str, Mapping[str, Path]]:
        """The logs of both ends of each session."""
        return {"tcp": self._traffic.files, "udp": self._traffic.files, "rtp": self._sound.files}

    def begin(self) -> None:
        """Everybody at home, with a call and two sessions."""
        lab, found, stack, screen = self._lab, self._found, self._stack, self._screen
        home, far, visited = found[HOME], found[CORRESPONDENT], [found[lan] for lan in VISITED]
        policy = policy_of(lab)
        asked, reached = stack.enter_context(home_word(lab, home, self._authority, self._directory, policy))
        self._word = asked
        asking = {**policy, "home_servers": {home.domain: [home.server]}}
        # Not the home server's own log: what the service must know of the phone's history it asks for.
        logs = [place.log for place in (*visited, far)]
        self._service = stack.enter_context(serving(lab, self._directory, asking, logs, "listed", reached))
        screen.line("the service follows the visited servers and the correspondent's; the home server can be asked")
        stack.enter_context(captured(lab, "mn", self._capture))
        self._phone = stack.enter_context(client(lab, self._directory, home, visited))
        self._phone.wait_until_registered(self._mn)
        bob = Line("cn", "bob", far.domain, self._cn, 5060, 5004)
        self._registered(bob, far)
        screen.line(f"alice is registered at {home.domain}, bob at {far.domain}")
        stack.enter_context(answering(lab, bob, self._directory))
        stack.enter_context(answering(lab, Line("mn", "alice", home.domain, self._mn, 5060, 4002), self._directory))
        line = Line("mn", "alice", home.domain, self._mn, 5062, 4000)
        callee = f"bob@{far.domain}"
        self._agent: Agent = stack.enter_context(calling(lab, line, callee, home.address, self._directory, "call"))
        self._call: Agreed = self._agent.agreed()
        self._phone.write_calls(as_dialogs(self._call))
        self._sound = stack.enter_context(Sound(lab, self._call, ("mn", "cn"), self._directory, "call"))
        screen.line(
            f"alice calls bob by two SIP servers, taken after {self._call.seconds * 1000:.0f} ms; "
            f"RTP {_end(self._call.ours)} to {_end(self._call.theirs)}, both ways"
        )
        self._traffic = stack.enter_context(Traffic(lab, self._mn, self._cn, self._directory, seconds=_LONGEST))
        screen.line("a TCP session like that of an ssh, and a UDP stream; all of them 50 packets a second, both ways")
        time.sleep(1)
        self._call_up(HOME)

    def go(self) -> None:
        """From place to place."""
        for lan in _WALK:
            self._screen.chapter(f"To {lan.upper()}")
            self._move(lan)
            time.sleep(_STAY)
            self._call_up(lan)
        ends = [*(leg.moved for leg in self.legs[1:]), time.monotonic()]
        for leg, end in zip(self.legs, ends, strict=True):
            for stream, files in self.files.items():
                self.silences[leg.lan, stream] = silence(stream, files, leg.moved, end)
        self.asked = self._word.asked()
        for one in self.asked:
            word = "yes" if one.yes else "no"
            self._screen.line(f"the home server was asked whether {one.old} was {one.aor}'s: {word}", good=one.yes)
        self._compare()

    def hang_up(self) -> None:
        """The call that was walked with ends as calls do.

        :raises CallFailed: the other end does not answer.
        """
        self._agent.hang_up(self._call)
        self.ended = True
        self._screen.line("alice hangs up, and bob answers her BYE", good=True)

    def _compare(self) -> None:
        """What was on the wire beside the patent's messages."""
        home, far = self._found[HOME], self._found[CORRESPONDENT]
        self.wire = compared(self._capture, "alice", home.domain, f"sip:bob@{far.domain}", self._mn)
        for one in self.wire:
            said = "header by header as in the patent's section 7" if not one.wrong else f"differs in {one.wrong}"
            beside = f"; besides {', '.join(one.beside)}"
            self._screen.line(f"tagged {one.method} from {one.at} to {one.to}: {said}{beside}", good=not one.wrong)

    def _move(self, lan: str) -> None:
        screen, phone = self._screen, self._phone
        done, notified = len(self._handovers()), phone.said("correspondent_told")
        moved = self._lab.carry("mn", lan)
        screen.moved(moved)
        here = self._lab.topology.address("mn", lan).v4.ip
        told = phone.wait_until_registered(here)
        screen.line(f"DHCP gave {here}; registered at {told['server']}; held: {', '.join(told['held']) or 'nothing'}")
        acknowledged = self._programmed(done)
        if lan != HOME:
            self._notified(notified)
            screen.line("the correspondent's server has the tagged NOTIFY")
        else:
            self._until_ended(done)
        event = self._event(lan)
        self.legs.append(Leg(lan, moved, event, acknowledged))
        screen.line("the server has the registration", at=event)
        screen.line("the routers have acknowledged", at=acknowledged)

    def _call_up(self, lan: str) -> None:
        """A third phone calls the address of record, by its own server."""
        lab, home, far = self._lab, self._found[HOME], self._found[CORRESPONDENT]
        carol = Line("cn2", "carol", far.domain, self._cn2, 5060, 5006)
        here = self._lab.topology.address("mn", lan).v4.ip
        name, callee = f"carol-{len(self.reached)}", f"alice@{home.domain}"
        found = Reached(lan, time.monotonic())
        try:
            with calling(lab, carol, callee, far.address, self._directory, name) as agent:
                call = agent.agreed()
                with Sound(lab, call, ("cn2", "mn"), self._directory, name) as sound:
                    time.sleep(_TALK)
                agent.hang_up(call)
            heard = {node: _received(file) for node, file in sound.files.items()}
            right = call.target.partition("@")[2].partition(":")[0] == str(here)
            through = right and min(heard.values()) >= _HEARD
            found = Reached(lan, found.at, call.target, call.seconds, heard, through)
            said = f"taken at {call.target} after {call.seconds * 1000:.0f} ms, heard both ways: {heard}"
            self._screen.line(f"carol calls sip:{callee}: {said}", good=through)
        except CallFailed as error:
            self._screen.line(f"carol calls sip:{callee}: {error}", good=False)
        self.reached.append(found)

    def _registered(self, line: Line, server: Place) -> None:
        """As any phone is.

        :raises LabError: it is not.
        """
        contact = f"<sip:{line.user}@{line.address}:{line.port}>"
        where = ["--domain", server.domain, "--contact", contact]
        report = Registrar(self._lab, server.node).register(line.address, *where, user=line.user, node=line.node)
        if report["status"] != 200:
            raise LabError(f"{line.user} is not registered at {server.server}: {report}")

    # -- waiting ---------------------------------------------------------------------------------------------------

    def _handovers(self) -> list[dict[str, Any]]:
        return [one for one in self._service.told() if one["event"] == "handover"]

    def _programmed(self, before: int, seconds: float = 30.0) -> float:
        """When the routers had acknowledged the next handover that changes them, monotonic seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for one in self._handovers()[before:]:
                if one["kind"] != "unchanged":
                    return float(one["acknowledged"]) - time.time() + time.monotonic()
            time.sleep(0.02)
        raise ServiceFailed("the service has carried out no handover: " + json.dumps(self._service.told()[-5:]))

    def _until_ended(self, before: int) -> None:
        if not any(one["kind"] == "ended" for one in self._handovers()[before:]):
            raise ServiceFailed("the phone is home, and its handover has not ended: " + json.dumps(self._handovers()))

    def _notified(self, before: int, seconds: float = 10.0) -> None:
        end = time.monotonic() + seconds
        while self._phone.said("correspondent_told") <= before:
            if time.monotonic() > end:
                said = self._phone.log.read_text(encoding="utf-8")[-1500:]
                raise LabError(f"the correspondent's server was not told:\n{said}")
            time.sleep(0.05)

    def _event(self, lan: str) -> float:
        """When the server of a place told of the phone's last registration there, monotonic seconds."""
        lines = self._found[lan].log.read_text(encoding="utf-8").splitlines()
        events = [one for one in map(json.loads, lines) if one["event"] == "register" and one["expires"]]
        return float(events[-1]["time"]) - time.time() + time.monotonic()


def _end(one: tuple[str, int]) -> str:
    return f"{one[0]}:{one[1]}"


def _received(file: Path) -> int:
    return sum(one["event"] == "received" for one in read(file))
