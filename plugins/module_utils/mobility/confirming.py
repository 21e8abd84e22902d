# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which steps of a plan wait for their confirmation, and when it comes: encoders of all routers, or of none.

Only where a router can hold a commit unconfirmed, and takes it back by itself when nobody comes (design rule 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Container, FrozenSet, List, Sequence, Tuple

from .step import Phase, Stage

__all__ = ["Confirming", "confirming"]

#: What changes packets that hosts send. The steps of such stages in a row are for all routers, or for none.
_ENCODING = frozenset({Phase.JOINT, Phase.CLEAR_SRC, Phase.ENCODE})


@dataclass(frozen=True)
class Confirming:
    """What is different in a stage for routers that can hold encoders unconfirmed.

    :ivar hold: the routers that leave what they do in this stage unconfirmed.
    :ivar confirm: the routers that confirm what they hold when this stage is over.
    """

    hold: FrozenSet[str]
    confirm: FrozenSet[str]


def confirming(stages: Sequence[Stage], able: Container[str]) -> Tuple[Confirming, ...]:
    """For each stage of a plan, who holds and who confirms.

    :param able: the routers that can hold encoders unconfirmed.
    """
    return tuple(_of(index, stages, able) for index in range(len(stages)))


def _of(index: int, stages: Sequence[Stage], able: Container[str]) -> Confirming:
    together = _row(index, stages)
    # A router that comes again in the row confirms only what it did last: one commit waits at a time. A joint step has
    # decoders, on which the encoders behind it rely: it does not wait.
    held = {
        step.router: number
        for number in together
        for step in stages[number].steps
        if step.router in able and stages[number].phase is not Phase.JOINT
    }
    if sum(len(stages[number].steps) for number in together) == 1:
        return Confirming(frozenset(), frozenset())
    return Confirming(
        frozenset(router for router, number in held.items() if number == index),
        frozenset(held if [index] == together[-1:] else ()),
    )


def _row(index: int, stages: Sequence[Stage]) -> List[int]:
    """The encoding stages in a row that a stage belongs to, by number; none for another stage."""
    if stages[index].phase not in _ENCODING:
        return []
    first = last = index
    while first and stages[first - 1].phase in _ENCODING:
        first -= 1
    while last + 1 < len(stages) and stages[last + 1].phase in _ENCODING:
        last += 1
    return list(range(first, last + 1))
