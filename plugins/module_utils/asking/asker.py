# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions that are under way: each in a thread of its own, until somebody answers or its time is over."""

from __future__ import annotations

import threading
import time
from queue import Empty, SimpleQueue
from typing import Callable, Dict, Iterator, List, Optional, Protocol, Set, Tuple

from ..errors import HandoverError
from ..mobility.home import HomeAnswer, HomeQuestion

__all__ = ["Asker", "Asks"]

#: Seconds until a server that could not be reached is tried again.
_AGAIN = 0.3

Told = Callable[[str, HandoverError], None]


class Asks(Protocol):
    """What asks one server; :class:`.client.Client` does."""

    def ask(self, question: HomeQuestion, server: str, patience: float) -> HomeAnswer:
        """The answer.

        :raises HandoverError: where there is none.
        """


class Asker:
    """Asks, and gives the answers on.

    :param problem: is told, in another thread, why a server gave no answer; once for each question and server.
    :param arrived: is called, in another thread, when an answer can be taken.
    """

    def __init__(
        self, client: Asks, problem: Optional[Told] = None, arrived: Optional[Callable[[], None]] = None
    ) -> None:
        self._client = client
        self._problem = problem
        self._arrived = arrived
        self._found: SimpleQueue[Optional[HomeAnswer]] = SimpleQueue()
        self._lock = threading.Lock()
        self._asked: Dict[str, float] = {}

    def ask(self, question: HomeQuestion, now: float) -> None:
        """Put a question to its servers. One that is under way already is not put again.

        :param now: Unix seconds UTC, by the clock that the question's deadline is of.
        """
        patience = question.deadline - now
        with self._lock:
            if question.id in self._asked or patience <= 0:
                return
            self._asked[question.id] = end = time.monotonic() + patience
        threading.Thread(target=self._work, args=(question, end), name="home question", daemon=True).start()

    def ready(self) -> List[HomeAnswer]:
        """The answers that have come since; at once."""
        found: List[HomeAnswer] = []
        while True:
            try:
                answer = self._found.get_nowait()
            except Empty:
                return found
            if answer is not None:
                found.append(answer)

    def rest(self) -> Iterator[Tuple[HomeAnswer, float]]:
        """What still comes, each with the seconds that have passed, until every question is over."""
        begun = time.monotonic()
        while True:
            with self._lock:
                end = max(self._asked.values(), default=None)
            if end is None and self._found.empty():
                return
            try:
                answer = self._found.get(timeout=max(0.0, (end or 0) - time.monotonic()) + 0.05)
            except Empty:
                return  # a thread that hangs is left alone
            if answer is not None:
                yield answer, time.monotonic() - begun

    def _work(self, question: HomeQuestion, end: float) -> None:
        told: Set[str] = set()
        try:
            left = list(question.servers)
            while left and time.monotonic() < end:
                for server in question.servers:
                    if server in left and self._answered(question, server, end, left, told):
                        return
                time.sleep(min(_AGAIN, max(0.0, end - time.monotonic())))
            # Nobody else has a word: the registration waits until its time is over.
            time.sleep(max(0.0, end - time.monotonic()))
        finally:
            with self._lock:
                self._asked.pop(question.id, None)
            self._put(None)

    def _answered(self, question: HomeQuestion, server: str, end: float, left: List[str], told: Set[str]) -> bool:
        """Whether a server has settled the question."""
        patience = end - time.monotonic()
        if patience <= 0:
            return False
        try:
            # Another server must have its turn, too.
            answer = self._client.ask(question, server, max(0.05, patience / len(left)))
        except HandoverError as error:
            if self._problem is not None and server not in told:
                self._problem(server, error)
            told.add(server)
            return False
        left.remove(server)
        self._put(answer)
        # What another than the one asked says is not believed, and told so; the next may be the right one.
        return answer.vouched_by.lower() == server.lower()

    def _put(self, answer: Optional[HomeAnswer]) -> None:
        self._found.put(answer)
        if self._arrived is not None and answer is not None:
            self._arrived()
