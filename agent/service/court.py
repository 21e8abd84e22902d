# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge in a process of its own: in a burst it and the planner work at once, and not by turns on one core.

The process takes one request after the other from its input, and ends with it: whoever kills the service has ended the
judge. Requests and answers are pickles, between a program and itself.
"""

from __future__ import annotations

import asyncio
import pickle
import signal
import struct
import sys
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.home import HomeQuestion
from ...plugins.module_utils.mobility.intake import Item
from ...plugins.module_utils.mobility.registration_policy import Policy
from ...plugins.module_utils.sip.agreed import AgreedFlow
from .inputs.opened import Teller
from .judge import Judge
from .process import serve_evenly, settled

__all__ = ["Court"]

_LENGTH = struct.Struct("!Q")
_PROTOCOL = pickle.HIGHEST_PROTOCOL


@dataclass(frozen=True)
class _Answer:
    """What the judge said to one request.

    :ivar told: what its teller is told, as method, arguments and keywords, in its order.
    :ivar asked: questions for home servers, each with its time.
    """

    result: Any
    error: HandoverError | None
    told: Sequence[tuple[str, tuple[Any, ...], Mapping[str, Any]]]
    asked: Sequence[tuple[HomeQuestion, float]]
    dirty: bool
    dialogs: int
    may_wait: bool


class Court(asyncio.SubprocessProtocol):
    """A judge elsewhere. One request at a time.

    Begun by :meth:`begun`, its process gets ready while others do; the judge is there after :meth:`open`.

    :ivar dirty: as of :class:`Judge`, after its last answer; likewise ``dialogs`` and ``may_wait``.
    :ivar taken: how often something was there to be judged.
    :raises HandoverError: each request those of the judge, and ``judge_ended``.
    """

    def __init__(self, teller: Teller) -> None:
        self.dirty = False
        self.dialogs = 0
        self.may_wait = False
        self.taken = 0
        self._teller = teller
        self._ask: Callable[[HomeQuestion, float], None] | None = None
        self._loop = asyncio.get_running_loop()
        self._asking: asyncio.WriteTransport | None = None
        self._held = bytearray()
        #: Who waits, in the order of their requests. Whoever is cancelled has asked: an answer comes to him, too.
        self._waiting: deque[asyncio.Future[_Answer]] = deque()
        self._trouble: asyncio.Future[None] = self._loop.create_future()
        self._end: asyncio.Future[None] = self._loop.create_future()

    @classmethod
    async def begun(cls, teller: Teller) -> Court:
        """With its process, and no judge yet.

        :param teller: is told what the judge tells.
        """
        # Not run as a module: its answers would be of another one's classes.
        command = (sys.executable, "-c", f"from {__name__} import main; main()")
        loop = asyncio.get_running_loop()
        transport, court = await loop.subprocess_exec(lambda: cls(teller), *command, stderr=None)
        court._asking = cast(asyncio.WriteTransport, transport.get_pipe_transport(0))
        return court

    async def open(
        self,
        policy: Policy,
        path: str,
        live: Iterable[Mapping[str, Any]],
        ask: Callable[[HomeQuestion, float], None] | None,
        **decided: str,
    ) -> None:
        """Have the judge; all parameters as of :class:`Judge`."""
        self._ask = ask
        await self._asked("open", policy, path, list(live), ask is not None, decided)

    async def take(self, items: Iterable[Item]) -> list[dict[str, Any]]:
        """As :meth:`Judge.take`."""
        self.taken += 1
        found: list[dict[str, Any]] = await self._asked("take", list(items))
        return found

    async def late(self) -> None:
        """As :meth:`Judge.late`."""
        await self._asked("late")

    async def flows(self) -> Sequence[AgreedFlow]:
        """As :meth:`Judge.flows`."""
        found: Sequence[AgreedFlow] = await self._asked("flows")
        return found

    async def commit(self) -> None:
        """As :meth:`Judge.commit`."""
        await self._asked("commit")

    async def trouble(self) -> None:
        """Wait until there is a request that failed, or the process has ended by itself: what was asked is not judged.

        :raises HandoverError: then.
        """
        await asyncio.shield(self._trouble)

    async def close(self) -> None:
        """Close the history, and end the process."""
        self._trouble.cancel()
        if self._asking is not None:
            self._asking.close()
        await self._end

    def pipe_data_received(self, _fd: int, data: bytes) -> None:
        """An answer, or a part of one; of what the judge tells, all is told before whoever waits goes on."""
        self._held += data
        while len(self._held) >= _LENGTH.size:
            end = _LENGTH.size + _LENGTH.unpack_from(self._held)[0]
            if len(self._held) < end:
                return
            answer: _Answer = pickle.loads(memoryview(self._held)[_LENGTH.size : end])
            del self._held[:end]
            self._answered(answer)

    def connection_lost(self, _error: Exception | None) -> None:
        """It has ended, and all that it said was heard: what was asked and has no answer is not judged."""
        self._in_trouble(_ended())
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():
                waiting.set_exception(_ended())
        self._end.set_result(None)

    async def _asked(self, what: str, *arguments: object) -> Any:
        if self._asking is None or self._asking.is_closing() or self._end.done():
            raise _ended()
        data = pickle.dumps((what, arguments), _PROTOCOL)
        waiting = self._loop.create_future()
        self._waiting.append(waiting)
        self._asking.write(_LENGTH.pack(len(data)) + data)
        answer: _Answer = await waiting
        if answer.error is not None:
            raise answer.error
        return answer.result

    def _answered(self, answer: _Answer) -> None:
        self.dirty, self.dialogs, self.may_wait = answer.dirty, answer.dialogs, answer.may_wait
        for name, told, words in answer.told:
            getattr(self._teller, name)(*told, **words)
        if self._ask is not None:
            for question, now in answer.asked:
                self._ask(question, now)
        if answer.error is not None:
            self._in_trouble(answer.error)
        waiting = self._waiting.popleft()
        if not waiting.done():
            waiting.set_result(answer)

    def _in_trouble(self, error: HandoverError) -> None:
        if not self._trouble.done():
            self._trouble.set_exception(error)
            self._trouble.exception()  # told to whoever asked, too: so it need not be fetched from here


def _ended() -> HandoverError:
    return HandoverError(
        "judge_ended",
        "the judge's process",
        "it ends when the service does",
        "Start the service again: it goes on from what was in the history.",
    )


@dataclass
class _Noted:
    """Notes what a teller is told."""

    told_so_far: list[tuple[str, tuple[Any, ...], Mapping[str, Any]]] = field(default_factory=list)

    def refused(self, subject: str, code: str, reason: str) -> None:
        """As :class:`Teller`."""
        self.told_so_far.append(("refused", (subject, code, reason), {}))

    def told(self, event: str, **what: object) -> None:
        """As :class:`Teller`."""
        self.told_so_far.append(("told", (event,), what))


class _Sitting:
    """The other side: a judge, and what it is asked."""

    def __init__(self) -> None:
        self._judge: Judge | None = None
        self._noted = _Noted()
        self._asked: list[tuple[HomeQuestion, float]] = []

    def answer(self, what: str, arguments: tuple[Any, ...]) -> _Answer:
        """Do what is asked."""
        self._noted.told_so_far, self._asked = [], []
        result, error = None, None
        try:
            result = getattr(self if what == "open" else self._judge, what)(*arguments)
        except HandoverError as refused:
            error = refused
        judge = self._judge
        state = (False, 0, False) if judge is None else (judge.dirty, judge.dialogs, judge.may_wait)
        return _Answer(result, error, self._noted.told_so_far, self._asked, *state)

    def close(self) -> None:
        """Nobody asks any more."""
        if self._judge is not None:
            self._judge.close()

    def open(
        self, policy: Policy, path: str, live: list[Mapping[str, Any]], asks: bool, decided: Mapping[str, str]
    ) -> None:
        """Make the judge.

        :param asks: whether questions for home servers are passed on.
        """

        def ask(question: HomeQuestion, now: float) -> None:
            self._asked.append((question, now))

        self._judge = Judge(policy, path, live, self._noted, ask=ask if asks else None, **decided)
        settled()


def main() -> None:
    """Answer until nobody asks any more. The service says when that is, not whoever signals all its processes."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    serve_evenly()
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    sitting = _Sitting()
    while (data := _read(asked)) is not None:
        what, arguments = pickle.loads(data)
        said = pickle.dumps(sitting.answer(what, arguments), _PROTOCOL)
        try:
            answers.write(_LENGTH.pack(len(said)) + said)
            answers.flush()
        except BrokenPipeError:
            break
    sitting.close()


def _read(file: BinaryIO) -> bytes | None:
    head = file.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = file.read(length)
    return data if len(data) == length else None
