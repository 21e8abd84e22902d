# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encoders of several routers: all of them, or none (design rule 4)."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType

from ..module_utils.errors import HandoverError
from ..module_utils.mobility.change import difference
from ..module_utils.mobility.model import Change
from ..module_utils.mobility.router_state import RouterState
from .router import ManagedRouter

__all__ = ["AllOrNothing"]


@dataclass(frozen=True)
class _Done:
    """A router that was changed, and how it stood."""

    name: str
    router: ManagedRouter
    before: RouterState
    after: RouterState


class AllOrNothing:
    """Encoders that are confirmed when the last router has its own, at the end of a ``with`` statement.

    A failure inside it takes back what was done, the last router first: where a commit waits for its confirmation by
    cancelling it, elsewhere by undoing it. A controller that is lost leaves no encoder where there is confirmed-commit.

    :param now: Unix seconds; relative timeouts count from here.
    """

    def __init__(self, now: float) -> None:
        self._now = now
        self._done: list[_Done] = []

    def __enter__(self) -> AllOrNothing:
        return self

    def apply(self, name: str, router: ManagedRouter, change: Change, before: RouterState) -> RouterState:
        """Make a change on one router, unconfirmed where that is possible; what the router holds after it.

        :raises HandoverError: as :meth:`ManagedRouter.apply`; this router is as before.
        """
        after = router.apply(change, before, self._now, hold=True)
        self._done.append(_Done(name, router, before, after))
        return after

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None:
            self._settle()
            return
        stands = self._taken_back()
        if isinstance(error, HandoverError):
            advice = f"{error.advice} {stands}".strip()
            raise HandoverError(error.code, error.subject, error.rule, advice) from error

    def _settle(self) -> None:
        for done in self._done:
            if done.router.held:
                try:
                    done.router.settle()
                except HandoverError as error:  # it takes its own back; the others are taken back here
                    self._done.remove(done)
                    stands = self._taken_back()
                    raise HandoverError(error.code, error.subject, error.rule, f"{error.advice} {stands}") from error

    def _taken_back(self) -> str:
        """Take everything back; a sentence on how the other routers stand."""
        left = [told for done in reversed(self._done) if (told := self._undone(done)) is not None]
        if left:
            return f"Not as before: {'; '.join(left)}. Run reconcile."
        return "The other routers are as before." if self._done else ""

    def _undone(self, done: _Done) -> str | None:
        try:
            if done.router.held:
                done.router.release()
            else:
                before = done.router.lasting(done.before, self._now)
                done.router.apply(difference(done.after, before), done.after, self._now)
        except HandoverError as error:
            return f"{done.name} ({error.code})"
        return None
