# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling the server of each correspondent: a NOTIFY for each call and old address, a few times at most."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from ..plugins.module_utils.errors import HandoverError
from ..plugins.module_utils.sip.grammar import Address
from ..plugins.module_utils.sip.sessions_body import ListedSession
from ..plugins.module_utils.sip.uri import parse_uri
from .attempt import Again, Attempt, Later, Refused, Taken
from .model import Action, Answered, Dialog, Failed, Notify, Profile, Sessions, Tell
from .requests import notify

__all__ = ["Notices"]

#: Calls that are told of in one round; a phone has few.
_MOST = 32
#: Times that one is tried in a round, and the seconds before the second; twice as many before the third.
_TRIES, _FIRST = 3, 2.0
#: Of the numbers that the user agent leaves to this client.
_RESERVED = 100


@dataclass
class _Notice:
    dialog: Dialog
    old: Address
    sessions: tuple[ListedSession, ...]
    attempt: Attempt | None = None
    tries: int = 0
    due: float | None = None


class Notices:
    """Of one round. A new round forgets what is on its way.

    :param instance: of the registration.
    :ivar used: the last CSeq used in each dialog, by Call-ID.
    :param number: makes the number of a request.
    """

    def __init__(
        self,
        profile: Profile,
        instance: str,
        used: dict[str, int],
        number: Callable[[], int],
        token: Callable[[], str],
    ) -> None:
        self.used = used
        self._instance = instance
        self._profile, self._number, self._token = profile, number, token
        self._here: Address | None = None
        self._waiting: list[_Notice] = []
        self._sent: dict[int, _Notice] = {}

    @property
    def due(self) -> float | None:
        return min((notice.due for notice in self._waiting if notice.due is not None), default=None)

    def begin(
        self, here: Address, kept: tuple[Address, ...], sessions: Sessions, dialogs: tuple[Dialog, ...], now: float
    ) -> Iterator[Action]:
        """Tell of each call that has a stream at a kept address."""
        known = {dialog.call_id for dialog in dialogs}
        self.used = {call_id: cseq for call_id, cseq in self.used.items() if call_id in known}
        self._here, self._sent = here, {}
        self._waiting = [
            _Notice(dialog, old, listed, due=now)
            for dialog in dialogs
            for old in kept
            if (listed := _of(dialog, old, sessions))
        ][:_MOST]
        yield from self.woken(now)

    def stop(self) -> None:
        self._waiting, self._sent = [], {}

    def woken(self, now: float) -> Iterator[Action]:
        """Send what is due."""
        for notice in [one for one in self._waiting if one.due is not None and one.due <= now]:
            self._waiting.remove(notice)
            assert self._here is not None
            try:
                cseq = self._next(notice.dialog)
            except HandoverError as error:
                yield Tell("warning", error.code, str(error))
                continue
            request = notify(
                self._profile, self._instance, notice.dialog, cseq, self._here, notice.old, notice.sessions
            )
            notice.attempt = Attempt(request, self._profile, partial(self._next, notice.dialog), self._token)
            yield self._on_its_way(notice)

    def knows(self, number: int) -> bool:
        return number in self._sent

    def take(self, event: Answered | Failed, now: float) -> Iterator[Action]:
        """What became of one that was sent."""
        notice = self._sent.pop(event.number)
        assert notice.attempt is not None
        who = f"the server of {notice.dialog.remote_uri}"
        if isinstance(event, Failed):
            yield from self._later(notice, "correspondent_silent", f"{who}: {event.reason}", now)
            return
        try:
            outcome = notice.attempt.answered(event.answer)
        except HandoverError as error:
            outcome = Refused(error.code, str(error))
        if isinstance(outcome, Again):
            yield self._on_its_way(notice)
        elif isinstance(outcome, Taken):
            yield Tell("info", "correspondent_told", f"{who} was told that {notice.old} is at {self._here} now")
        elif isinstance(outcome, Later):
            yield from self._later(notice, "correspondent_failed", f"{who}: {outcome.text}", now)
        else:
            yield Tell("warning", "correspondent_refused", f"{who}: {outcome.text}")

    def _on_its_way(self, notice: _Notice) -> Notify:
        assert notice.attempt is not None
        assert self._here is not None
        number = self._number()
        self._sent[number] = notice
        return Notify(number, self._here, notice.dialog, notice.attempt.request)

    def _later(self, notice: _Notice, code: str, text: str, now: float) -> Iterator[Action]:
        notice.tries += 1
        if notice.tries < _TRIES:
            notice.due = now + _FIRST * 2 ** (notice.tries - 1)
            self._waiting.append(notice)
        else:
            yield Tell("warning", code, f"{text}; not tried again before the next registration")

    def _next(self, dialog: Dialog) -> int:
        cseq = max(dialog.cseq, self.used.get(dialog.call_id, 0)) + 1
        if cseq > dialog.cseq + _RESERVED:
            raise HandoverError(
                "cseq_used_up",
                dialog.call_id,
                f"a user agent leaves {_RESERVED} numbers behind cseq to this client",
                "Have it write the dialog anew with a higher cseq.",
            )
        self.used[dialog.call_id] = cseq
        return cseq


def _of(dialog: Dialog, old: Address, sessions: Sessions) -> tuple[ListedSession, ...]:
    """The sessions of an old address with this correspondent, where the call itself has one of them."""
    streams = [stream for local, stream in dialog.media if local == old]
    if not streams:
        return ()
    ends = {stream.correspondent for stream in streams} | {parse_uri(dialog.remote_target).address}
    return tuple(one for one in sessions.get(old, ()) if one.correspondent in ends)
