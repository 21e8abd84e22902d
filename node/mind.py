# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mobile node does when, for one IP version: events in, actions out. No socket, file or clock here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..plugins.module_utils.sip.grammar import Address
from .keeping import Change, Keeping
from .model import (
    Action,
    Answered,
    Chance,
    Dialog,
    Event,
    Failed,
    GiveUp,
    Keep,
    Left,
    Look,
    Place,
    Profile,
    Seen,
    Sessions,
    State,
    Tell,
    Woken,
)
from .notices import Notices
from .registering import Registering

__all__ = ["Mind"]

#: Seconds within which a stopped client tries to take its registration back.
_PARTING = 3.0


class Mind:
    """Takes events in the order in which they happen.

    :ivar state: what is to be on disk before the actions of :meth:`take` are done.
    """

    def __init__(self, profile: Profile, state: State, chance: Chance) -> None:
        self.state = state
        self._profile = profile
        self._number = 0
        self._keeping = Keeping(state.kept, profile.linger)
        self._registering = Registering(profile, state, chance, self._numbered)
        self._notices = Notices(profile, state.instance, dict(state.noticed), self._numbered, chance.token)
        self._address = state.address
        self._place: Place | None = None
        self._sessions: Sessions = {}
        self._dialogs: tuple[Dialog, ...] = ()
        #: Whether pairs of addresses that are no longer held may stand at the servers.
        self._over = False
        self._poll_at: float | None = None
        self._leaving = False
        self._part_at: float | None = None

    @property
    def due(self) -> float | None:
        """When :class:`Woken` is to come, at the latest."""
        times = (self._registering.due, self._poll_at, self._part_at, self._notices.due)
        return min((time for time in times if time is not None), default=None)

    @property
    def registered(self) -> bool:
        """Whether the last registrations went well."""
        return self._registering.done

    def take(self, event: Event, now: float) -> list[Action]:
        """What follows from an event, at a time of a clock that is never set."""
        if isinstance(event, Seen):
            done = [] if self._leaving else list(self._seen(event, now))
        elif isinstance(event, Woken):
            done = list(self._woken(now))
        elif isinstance(event, (Answered, Failed)):
            done = list(self._heard(event, now))
        else:
            done = list(self._leave(now))
        self.state = replace(
            self._registering.state,
            address=self._address,
            kept=self._keeping.kept,
            noticed=tuple(sorted(self._notices.used.items())),
        )
        return done

    def _seen(self, seen: Seen, now: float) -> Iterator[Action]:
        before, self._place = self._place, seen.place
        self._sessions, self._dialogs = _with_media(seen.sessions, seen.dialogs), seen.dialogs
        left, here = self._address, None if seen.place is None else seen.place.address
        if self._registering.wanted:  # once in a while, and at the beginning: somebody may have taken them away
            yield from (Keep(address) for address in self._keeping.kept if self._profile.mobility and address != here)
        if self._profile.mobility:
            change = self._keeping.look(left, here, self._sessions, now)
        else:
            dropped = self._keeping.drop()
            change = Change((), dropped, dropped, False)
        yield from self._held(change)
        self._poll_at = now + self._profile.poll if self._keeping.kept else None
        if seen.place is None:
            if before is not None:
                yield Tell("info", "no_network", f"{left} is gone; held: {_listed(self._keeping.kept)}")
            self._registering.stop()
            self._notices.stop()
            return
        if here != left:
            yield Tell("info", "moved", f"from {left} to {here}; held: {_listed(self._keeping.kept)}")
            self._registering.arrived(left, change.returned and not self._keeping.kept)
            self._address = here
        if not seen.place.servers:
            # At first they are still searched for.
            if self._registering.due is None and self._registering.postpone(now) > 1:
                yield Tell("warning", "no_server", f"no SIP server is known at {here}")
            self._notices.stop()
            return
        over = self._over and not self._keeping.kept
        changed = before is None or before.servers != seen.place.servers
        if here != left or changed or change.returned or over or self._registering.wanted:
            live = [address for address in self._keeping.kept if self._sessions.get(address)]
            self._over = self._over and not over
            self._notices.stop()
            yield from self._registering.begin(
                seen.place, live, self._sessions, plainly=change.returned, anew=over and not change.returned, now=now
            )

    def _held(self, change: Change) -> Iterator[Action]:
        for address in change.keep:
            yield Keep(address)
            yield Tell("info", "kept", f"{address} is held for its {len(self._sessions.get(address, ()))} sessions")
        for address in change.give_up:
            yield GiveUp(address)
            why = "its last session has ended" if address in change.ended else "the node has it from its network again"
            yield Tell("info", "given_up", f"{address} is no longer held: {why}")
        self._over = self._over or bool(change.ended)

    def _heard(self, event: Answered | Failed, now: float) -> Iterator[Action]:
        if self._notices.knows(event.number):
            yield from self._notices.take(event, now)
            return
        was_done = self._registering.done
        yield from self._registering.take(event, now)
        if self._leaving:
            if not self._registering.busy:
                self._part_at = None
                yield Left()
        elif self._registering.done and not was_done and not self._registering.tag_refused:
            assert self._place is not None
            kept = self._keeping.kept
            yield from self._notices.begin(self._place.address, kept, self._sessions, self._dialogs, now)

    def _woken(self, now: float) -> Iterator[Action]:
        if self._leaving:
            if self._part_at is not None and now >= self._part_at:
                self._part_at = None
                yield Tell("warning", "not_unregistered", "the SIP server did not answer in time; it forgets by itself")
                yield Left()
            return
        if self._notices.due is not None and self._notices.due <= now:
            yield from self._notices.woken(now)
        look = False
        if self._registering.due is not None and self._registering.due <= now:
            self._registering.stop()
            look = True
        if self._poll_at is not None and self._poll_at <= now:
            self._poll_at = None
            look = True
        if look:
            yield Look()

    def _leave(self, now: float) -> Iterator[Action]:
        self._notices.stop()
        self._registering.stop()
        self._leaving, self._poll_at = True, None
        if self._profile.leave_sessions and any(self._sessions.get(address) for address in self._keeping.kept):
            yield Tell("info", "left_registered", "sessions live by this registration; it ends by itself")
            yield Left()
            return
        yield from (GiveUp(address) for address in self._keeping.drop())
        if self._place is None or self.state.server is None:
            yield Left()
            return
        self._part_at = now + _PARTING
        yield from self._registering.leave(self._place)

    def _numbered(self) -> int:
        self._number += 1
        return self._number


def _with_media(sessions: Sessions, dialogs: tuple[Dialog, ...]) -> Sessions:
    """The sessions that the kernel knows, and the streams that calls have agreed on, each once."""
    merged = {address: dict.fromkeys(listed) for address, listed in sessions.items()}
    for dialog in dialogs:
        for address, stream in dialog.media:
            merged.setdefault(address, {})[stream] = None
    return {address: tuple(listed) for address, listed in merged.items()}


def _listed(addresses: tuple[Address, ...]) -> str:
    return ", ".join(map(str, addresses)) or "nothing"
