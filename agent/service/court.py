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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.home import HomeQuestion
from ...plugins.module_utils.mobility.intake import Item
from ...plugins.module_utils.mobility.registration_policy import Policy
from ...plugins.module_utils.sip.agreed import AgreedFlow
from .inputs.opened import Teller
from .judge import Judge
from .process import settled

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


class Court:
    """A judge elsewhere. One request at a time.

    Begun by :meth:`begun`, its process gets ready while others do; the judge is there after :meth:`open`.

    :ivar dirty: as of :class:`Judge`, after its last answer; likewise ``dialogs`` and ``may_wait``.
    :raises HandoverError: each request those of the judge, and ``judge_ended``.
    """

    def __init__(self, process: asyncio.subprocess.Process, teller: Teller) -> None:
        self.dirty = False
        self.dialogs = 0
        self.may_wait = False
        self._teller = teller
        self._ask: Callable[[HomeQuestion, float], None] | None = None
        self._process = process
        self._trouble: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._end = asyncio.create_task(process.wait())
        self._end.add_done_callback(lambda _end: self._in_trouble(_ended()))
        self._turn = asyncio.Lock()

    @classmethod
    async def begun(cls, teller: Teller) -> Court:
        """With its process, and no judge yet.

        :param teller: is told what the judge tells.
        """
        # Not run as a module: its answers would be of another one's classes.
        command = (sys.executable, "-c", f"from {__name__} import main; main()")
        pipe = asyncio.subprocess.PIPE
        return cls(await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe), teller)

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
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._end

    async def _asked(self, what: str, *arguments: object) -> Any:
        asking, answers = self._process.stdin, self._process.stdout
        if asking is None or answers is None:
            raise _ended()
        # Whoever is cancelled has asked: the answer comes, and is not the next one's.
        answer = await asyncio.shield(self._exchanged(asking, answers, pickle.dumps((what, arguments), _PROTOCOL)))
        self.dirty, self.dialogs, self.may_wait = answer.dirty, answer.dialogs, answer.may_wait
        for name, told, words in answer.told:
            getattr(self._teller, name)(*told, **words)
        if self._ask is not None:
            for question, now in answer.asked:
                self._ask(question, now)
        if answer.error is not None:
            self._in_trouble(answer.error)
            raise answer.error
        return answer.result

    async def _exchanged(self, asking: asyncio.StreamWriter, answers: asyncio.StreamReader, data: bytes) -> _Answer:
        async with self._turn:
            try:
                asking.write(_LENGTH.pack(len(data)) + data)
                await asking.drain()
                (length,) = _LENGTH.unpack(await answers.readexactly(_LENGTH.size))
                answer: _Answer = pickle.loads(await answers.readexactly(length))
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                raise _ended() from error
        return answer

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
