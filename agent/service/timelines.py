# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of each handover, moment by moment: for looking at the last ones."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Moment", "Timelines"]

#: Handovers, and moments of each, that are remembered.
_HANDOVERS, _MOMENTS = 500, 30


@dataclass(frozen=True)
class Moment:
    """Something that happened to a handover.

    :ivar at: Unix seconds, when it was done.
    :ivar seconds: that it took; None where that says nothing.
    """

    at: float
    what: str
    seconds: float | None = None


class Timelines:
    """The last handovers that something happened to. One thread."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, deque[Moment]] = OrderedDict()

    def note(self, handovers: Iterable[str], moment: Moment) -> None:
        """The same happened to these."""
        for identity in handovers:
            held = self._held.get(identity)
            if held is None:
                held = self._held[identity] = deque(maxlen=_MOMENTS)
                if len(self._held) > _HANDOVERS:
                    self._held.popitem(last=False)
            else:
                self._held.move_to_end(identity)
            held.append(moment)

    def noted(self, handovers: Iterable[str], what: str, seconds: float | None = None) -> None:
        """The same happened to these, just now."""
        self.note(handovers, Moment(time.time(), what, seconds))

    def all(self) -> dict[str, tuple[Moment, ...]]:
        """What happened to each handover, oldest first."""
        return {identity: tuple(moments) for identity, moments in self._held.items()}
