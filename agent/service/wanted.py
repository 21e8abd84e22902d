# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wanted and not yet begun: of one handover only its newest word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["Wanted", "WantedQueue"]


@dataclass(frozen=True)
class Wanted:
    """A handover that is to be carried out.

    :ivar record: as :func:`handover_records` makes it.
    :ivar heard: when the first word of it came that nothing was done for yet, on the monotonic clock.
    :ivar tries: how often it was tried.
    :ivar early: whether it stands as it was known without asking routers for its sessions; they are asked now.
    :ivar alone: whether it must be tried by itself, because something in its batch went wrong.
    """

    record: Mapping[str, Any]
    heard: float
    tries: int = 0
    alone: bool = False
    early: bool = False

    @property
    def id(self) -> str:
        """Of the handover."""
        return str(self.record["id"])


class WantedQueue:
    """Handovers in the order in which they were first asked for; a newer word takes an older one's place."""

    def __init__(self) -> None:
        self._held: dict[str, Wanted] = {}
        self.coalesced = 0

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, identity: object) -> bool:
        return identity in self._held

    def __iter__(self) -> Iterator[Wanted]:
        return iter(tuple(self._held.values()))

    def put(self, wanted: Wanted) -> None:
        """A newer word."""
        before = self._held.get(wanted.id)
        if before is not None:
            self.coalesced += 1
            wanted = replace(wanted, heard=min(before.heard, wanted.heard))
        self._held[wanted.id] = wanted

    def again(self, wanted: Wanted) -> None:
        """What was tried in vain; a word that came meanwhile stands."""
        self.back(replace(wanted, tries=wanted.tries + 1))

    def back(self, wanted: Wanted) -> None:
        """What is not over yet; a word that came meanwhile stands."""
        self._held.setdefault(wanted.id, wanted)

    def take(self, most: int) -> list[Wanted]:
        """The next ones, at most so many; one that must be alone comes alone."""
        if not self._held:
            return []
        first = next(iter(self._held.values()))
        chosen = [first] if first.alone else [one for one in self._held.values() if not one.alone][:most]
        for one in chosen:
            del self._held[one.id]
        return chosen
