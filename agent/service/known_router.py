# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A router and what it is known to hold: read once, then known as long as nobody else changes it."""

from __future__ import annotations

from dataclasses import dataclass

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.change import pending
from ...plugins.module_utils.mobility.model import Change, RouterState
from ...plugins.module_utils.mobility.plan import Step
from ...plugins.plugin_utils.router import ManagedRouter
from .holdings import Holdings

__all__ = ["Applied", "KnownRouter"]

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
        self.held = Holdings(state)
        return state

    def apply(self, step: Step, now: float) -> Applied:
        """Carry a step out; without reading the router where nobody else has changed it since.

        :param now: Unix seconds.
        :raises HandoverError: as :meth:`ManagedRouter.apply`, or ``router_changed``.
        """
        held = self.held
        try:
            if held is not None:
                change = pending(step, held.part({entry.stamp.handover for entry in (*step.before, *step.after)}))
                if not change:
                    return Applied(False, False)
                if _certain(change, now) and self._router.apply_unread(change, self._router.generation, now):
                    held.change(change)
                    return Applied(True, False)
            before = self.gather()
            change = pending(step, before)
            if change:
                self.held = Holdings(self._router.apply(change, before, now))
            return Applied(bool(change), True)
        except HandoverError:
            self.held = None
            raise

    def forget(self) -> None:
        """It may hold anything now."""
        self.held = None

    def text(self, step: Step, now: float) -> str:
        """The text of a step, for a look at it; errors as :meth:`ManagedRouter.text`."""
        change = pending(step, RouterState(step.before))
        return self._router.text(change, now) if change else ""


def _certain(change: Change, now: float) -> bool:
    """Whether all that goes is there for sure: what expires about now may be gone, only the router can tell."""
    return all(entry.stamp.expires > now + _EXPIRING for entry in change.remove)
