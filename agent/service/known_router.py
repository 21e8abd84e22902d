# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A router and what it is known to hold: read once, then known as long as nobody else changes it."""

from __future__ import annotations

from dataclasses import dataclass

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.change import pending, unfinished
from ...plugins.module_utils.mobility.model import Change
from ...plugins.module_utils.mobility.router_state import RouterState
from ...plugins.module_utils.mobility.step import Step
from ...plugins.module_utils.platforms.base import Output
from ...plugins.plugin_utils.router import ManagedRouter
from .holdings import Holdings

__all__ = ["Applied", "Draft", "KnownRouter", "Unread"]

#: Seconds before its expiry from which an entry may or may not stand any longer.
_EXPIRING = 10


@dataclass(frozen=True)
class Applied:
    """What became of a step.

    :ivar changed: whether there was anything to do.
    :ivar read: whether the router had to be read.
    """

    changed: bool
    read: bool


#: Seconds for which the text of a change may be used that was written before its turn: it says how long things last.
_FRESH = 0.5


@dataclass(frozen=True)
class Draft:
    """The text of a change, written before its turn.

    :ivar now: Unix seconds at which it was written.
    :ivar held: what the router held then, which had been changed so often.
    """

    step: Step
    change: Change
    text: str
    now: float
    held: Holdings
    changes: int

    def fits(self, step: Step, held: Holdings) -> bool:
        """Whether it was written for this step, and the router holds what it held."""
        return self.step is step and self.held is held and self.changes == held.changes


@dataclass(frozen=True)
class Unread:
    """A change that can be made without reading the router.

    :ivar change: empty where there is nothing to do.
    :ivar known: the generation of the router in which it is right.
    """

    change: Change
    text: str
    known: str


class KnownRouter:
    """A router, and what it held when it was last read or changed. One thread at a time.

    :ivar held: None where that is not known.
    """

    def __init__(self, name: str, router: ManagedRouter) -> None:
        self.name = name
        self.held: Holdings | None = None
        self._router = router

    def gather(self) -> RouterState:
        """Read it.

        :raises HandoverError: as :meth:`ManagedRouter.gather`; what it holds is not known then.
        """
        self.held = None
        state = self._router.gather()
        self.held = self._holdings(state)
        return state

    def apply(self, step: Step, now: float, hold: bool = False) -> Applied:
        """Carry a step out; without reading the router where nobody else has changed it since.

        :param now: Unix seconds.
        :param hold: leave encoders unconfirmed until :meth:`settle` or :meth:`release`, where the router can.
        :raises HandoverError: as :meth:`ManagedRouter.apply`, or ``router_changed``.
        """
        try:
            unread = self.unread(step, now)
            if unread is not None:
                if not unread.change:
                    return Applied(False, False)
                if self._router.apply_unread(unread.change, unread.known, now):
                    return self._changed(unread)
            before = self.gather()
            change = pending(step, before)
            if change:
                self.held = self._holdings(self._router.apply(change, before, now, hold))
            return Applied(bool(change), True)
        except HandoverError:
            self.held = None
            raise

    def settle(self, step: Step) -> None:
        """Confirm what is held, and see that it stands.

        :param step: what is held.
        :raises HandoverError: as :meth:`ManagedRouter.settle`, or ``not_read_back`` where the router took it back.
        """
        if not self._router.held:
            return
        try:
            self._router.settle()
            missing = unfinished(Change(step.before, step.after), self.gather())
        except HandoverError:
            self.held = None
            raise
        if missing is not None:
            raise HandoverError(
                "not_read_back", f"{self.name}: {missing}", "a router shows what was confirmed when it is read back"
            )

    def release(self) -> None:
        """Have what is held taken back; errors as :meth:`ManagedRouter.release`."""
        if self._router.held:
            self.held = None
            self._router.release()

    def draft(self, step: Step, now: float) -> Draft | None:
        """Write the text of a step before its turn, for :meth:`unread`; None where that is of no use.

        :raises HandoverError: as :meth:`unread`.
        """
        held = self.held  # another thread may read the router just now
        if held is None:
            return None
        changes = held.changes
        change = self._pending(step, held)
        return Draft(step, change, self._router.text(change, now), now, held, changes) if change else None

    def unread(self, step: Step, now: float, draft: Draft | None = None) -> Unread | None:
        """How a step can be carried out without reading the router; None where it must be read.

        :param draft: what was written before; it counts where it still says what is to be changed now.
        :raises HandoverError: ``router_changed``, or as :meth:`ManagedRouter.text`.
        """
        if self.held is None:
            return None
        change = draft.change if draft and draft.fits(step, self.held) else self._pending(step, self.held)
        if not change:
            return Unread(change, "", "")
        if not self._router.generation or not _certain(change, now):
            return None
        if draft is not None and draft.change == change and 0 <= now - draft.now < _FRESH:
            return Unread(change, draft.text, self._router.generation)
        return Unread(change, self._router.text(change, now), self._router.generation)

    def acknowledged(self, unread: Unread, output: Output) -> Applied | None:
        """What became of it, by what the router said; None where that is not certain: then :meth:`settle_unread`."""
        return self._changed(unread) if self._router.acknowledged(unread.change, unread.known, output) else None

    def settle_unread(self, unread: Unread, output: Output, now: float) -> Applied:
        """What became of it, by a look at the router.

        :raises HandoverError: as :meth:`apply`.
        """
        try:
            self._router.settle_unread(unread.change, unread.known, output, now)
            return self._changed(unread)
        except HandoverError:
            self.held = None
            raise

    @staticmethod
    def _pending(step: Step, held: Holdings) -> Change:
        return pending(step, held.part({entry.stamp.handover for entry in (*step.before, *step.after)}))

    def _changed(self, unread: Unread) -> Applied:
        if self.held is not None:
            self.held.change(unread.change)
        return Applied(True, False)

    def _holdings(self, state: RouterState) -> Holdings:
        return Holdings(state, self._router.forgets)

    def forget(self) -> None:
        """It may hold anything now."""
        self.held = None


def _certain(change: Change, now: float) -> bool:
    """Whether all that goes is there for sure: what expires about now may be gone, only the router can tell."""
    return all(entry.stamp.expires > now + _EXPIRING for entry in change.remove)
