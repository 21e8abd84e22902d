# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the history says for and against an owner's claim on an old address."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Optional, Sequence, Tuple

from .holding import Holding, Owner, Proof
from .model import Address
from .ownership import Ownership

__all__ = ["Title", "title_of"]

_STRONG = (Proof.SOURCE, Proof.HOME)
_INFINITE = float("inf")


@dataclass(frozen=True)
class Title:
    """An owner's title to an old address.

    :ivar held: whether he had it, and may still name it.
    :ivar since: from when on he alone had it, Unix seconds UTC; None where that is not known.
    :ivar until: until when; None while he has it.
    :ivar holder: who else has the address now.
    :ivar holder_since: since when, Unix seconds UTC; None where that is not known, or nobody has it.
    :ivar blocked_by: who had it in his whole interval, or was there first and has it now.
    """

    held: bool
    since: Optional[float] = None
    until: Optional[float] = None
    holder: Optional[Owner] = None
    blocked_by: Optional[Owner] = None
    holder_since: Optional[float] = None


def title_of(owner: Owner, old: Address, history: Ownership, moment: float) -> Title:
    """An owner's title to ``old`` at ``moment`` (Unix seconds).

    Who was there first is right for as long as his binding lasts. Who came later, and be it from the address itself,
    has it from then on: two phones that change places, and an address that is given to somebody else, come out
    right; and one who feigns his packets' source gains nothing while the owner is there.
    """
    return _title(owner, history.at(old), moment, history.grace)


@lru_cache(maxsize=16)  # of one registration it is asked again and again
def _title(owner: Owner, holdings: Tuple[Holding, ...], moment: float, grace: float) -> Title:
    mine = [(at, h) for at, h in enumerate(holdings) if h.owner == owner and h.usable(moment, grace)]
    other = _holder(owner, holdings, moment)
    holder, holder_since = (None, None) if other is None else (other.owner, other.since)
    if not mine:
        return Title(False, holder=holder, holder_since=holder_since)
    position, held = max(mine, key=lambda item: (item[1].end(moment) or _INFINITE, item[0]))
    until = held.end(moment)
    end = moment if until is None else until
    since, blocked_by = _alone_since(held, position, end, holdings, moment)
    if holder is not None and (held.proof == Proof.REGISTRAR or moment > end + grace):
        # Somebody else was seen there; the claimant never was, or long ago, and whose sessions these are is open.
        blocked_by = blocked_by or holder
    return Title(True, since, until, holder, blocked_by, holder_since)


def _alone_since(
    held: Holding, position: int, end: float, holdings: Sequence[Holding], moment: float
) -> Tuple[Optional[float], Optional[Owner]]:
    """From when on nobody was there who had come before; and who was there up to the end."""
    since, blocked_by = held.since, None
    for at, other in enumerate(holdings):
        if not _counts_against(other, held):
            continue
        came, went = other.since, other.end(moment)
        if came is not None and came >= end and end < moment:
            continue  # came after he had gone
        if held.since is not None and came is not None and (came, at) > (held.since, position):
            continue  # came later: the first one is right while he is there
        if went is None or (went >= end and (held.since is None or went > held.since)):
            blocked_by = blocked_by or other.owner
        elif since is None or went > since:
            since = went
    return since, blocked_by


def _holder(owner: Owner, holdings: Sequence[Holding], moment: float) -> Optional[Holding]:
    return next((h for h in holdings if h.owner != owner and h.proof in _STRONG and h.end(moment) is None), None)


def _counts_against(other: Holding, held: Holding) -> bool:
    """What only the registrar lists counts against nobody whose REGISTER was seen."""
    return other.owner != held.owner and (
        other.proof in _STRONG or (other.proof == Proof.REGISTRAR and held.proof == Proof.REGISTRAR)
    )
