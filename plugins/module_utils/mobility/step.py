# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan is made of: transactions on routers, in stages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import FrozenSet, Tuple

from .model import Entry, Key
from .router_state import RouterState

__all__ = ["Phase", "Stage", "Step", "drains_when_undone", "stands_with"]


class Phase(Enum):
    """What a stage does. A plan's stages come in this order."""

    FREEZE = "freeze"
    DECODE = "decode"
    JOINT = "joint"
    LEAD = "lead"
    CLEAR_SRC = "clear_src"
    ENCODE = "encode"
    RETIRE_JOINT = "retire_joint"
    THAW = "thaw"
    RETIRE = "retire"


@dataclass(frozen=True)
class Step:
    """One transaction on one router.

    :ivar id: unique in its plan, ``NN-phase-router``.
    :ivar before: the entries it replaces or removes, as they must stand (or be gone) before it.
    :ivar after: the entries that stand after it.
    """

    id: str
    phase: Phase
    router: str
    before: Tuple[Entry, ...]
    after: Tuple[Entry, ...]

    @property
    def removed(self) -> FrozenSet[Key]:
        """Keys that it takes away."""
        return frozenset(entry.key for entry in self.before) - {entry.key for entry in self.after}

    def applied(self, state: RouterState) -> RouterState:
        """The router's state after this step."""
        return state.changed(self.removed, self.after)


@dataclass(frozen=True)
class Stage:
    """Steps that may run at once: one for each router at most. All are acknowledged before the next stage.

    :ivar wait: seconds to let pass after the stage before.
    """

    phase: Phase
    wait: float
    steps: Tuple[Step, ...]


def drains_when_undone(phase: Phase) -> bool:
    """Whether taking this phase back uncovers addresses under which packets may still be under way."""
    return phase in (Phase.DECODE, Phase.FREEZE, Phase.JOINT, Phase.LEAD)


def stands_with(phase: Phase) -> FrozenSet[Phase]:
    """The phases of which one that could not be taken back everywhere keeps this one from being taken back, too.

    An encoder that still stands, or may, relies on decoders and on what leads to them. Without, a host would see a
    wrong address, and its RST would be translated. Alone they harm nobody. A freeze goes: what it was for stands whole.
    """
    if phase not in (Phase.DECODE, Phase.JOINT, Phase.LEAD):
        return frozenset()
    # A router that could not be frozen again sends on what was changed there as a whole.
    return frozenset((Phase.JOINT, Phase.CLEAR_SRC, Phase.ENCODE, Phase.THAW))
