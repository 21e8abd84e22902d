# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a home server knows of its phones: its own log's history, kept in a file, and answers out of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ...plugins.module_utils.mobility.home import HomeAnswer, HomeQuestion, answer_question
from ...plugins.module_utils.mobility.intake import Intake, Item
from ...plugins.module_utils.mobility.ownership import Ownership
from ...plugins.module_utils.mobility.registration_policy import Policy
from ...plugins.module_utils.sip.refusal import Refusal
from ...plugins.module_utils.sip.sources.cursor import Cursor
from ..cursor_file import load_cursors, write_cursors
from ..history import History
from ..judged import judged
from ..service.inputs.follow import Follower

__all__ = ["Witness"]

_LOG = logging.getLogger("sip_handover")
#: Least seconds between two commits of what was learnt.
_KEPT_EVERY = 0.5
#: Seconds that a question waits while the log is read for the first time.
_READS = 2.0


class Witness:
    """Follows a log, and answers. Begin with :meth:`follow`.

    :ivar trouble: why the log is not read on; None where it is.
    :param state: directory of history and cursor, which is made.
    :raises HandoverError: where history or cursor cannot be used.
    """

    def __init__(self, policy: Policy, state: Path) -> None:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._policy = policy
        self._cursor_file = str(state / "cursors.json")
        self._cursors = load_cursors(self._cursor_file, may_be_missing=True)
        # The history is one thread's; so what is asked is asked between two pieces of the log.
        self._thread = ThreadPoolExecutor(1, "history")
        self._history = self._thread.submit(History, str(state / "history.sqlite")).result()
        self._intake = Intake(policy, (), self._history)
        self._ownership = Ownership(self._history, policy)
        self._kept = 0.0
        self._follower: Follower | None = None
        self._read = threading.Event()
        self.trouble: Exception | None = None

    def follow(self, log: str, format_name: str, ended: Callable[[], None]) -> None:
        """Read the log from where the last run has been, and whatever comes.

        :param ended: is called where there is trouble: what the history did not take is read again by the next run.
        """

        def taken(items: list[Item], cursor: Cursor | None) -> None:
            try:
                self._thread.submit(self._take, items, log, cursor).result()
            except Exception as error:
                self.trouble = error
                follower.stop()
                ended()
            else:
                if not items:
                    self._read.set()

        self._follower = follower = Follower(log, format_name, self._cursors.get(log), taken)
        follower.start()

    def answer(self, question: HomeQuestion, name: str) -> HomeAnswer:
        """What is known, by now.

        :param name: who answers.
        :raises TimeoutError: the log has not been read yet, and no "no" can be given.
        """
        if not self._read.wait(_READS):
            raise TimeoutError
        return self._thread.submit(answer_question, question, self._ownership, time.time(), name).result()

    def close(self) -> None:
        """Stop, and keep what was learnt.

        :raises HandoverError: as :class:`History`.
        """
        if self._follower is not None:
            self._follower.stop()
        try:
            if self.trouble is None:
                self._thread.submit(self._keep).result()
        finally:
            self._thread.submit(self._history.close).result()
            self._thread.shutdown(wait=False)

    def _take(self, items: Iterable[Item], log: str, cursor: Cursor | None) -> None:
        now = time.time()
        for item in items:
            for outcome in judged(self._intake, item, now):
                if isinstance(outcome, Refusal):
                    _LOG.info("not believed: %s: %s (%s)", outcome.where, outcome.reason, outcome.code)
        if cursor is not None and cursor != self._cursors.get(log):
            self._cursors[log] = cursor
            if now - self._kept >= _KEPT_EVERY:
                self._keep()

    def _keep(self) -> None:
        """The history first: what is read again after a crash teaches nothing twice."""
        self._kept = now = time.time()
        self._history.commit(now)
        write_cursors(self._cursor_file, self._cursors)
