# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In a chain A, B, D: what is still under way to B when the correspondent's router has changed over to D.

B goes on decoding until everything has drained, and the phone is gone. So what it decodes meanwhile it sends on to
where the phone is now, as a home router would, under the correspondent's source: where foreign sources may leave B.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Container, Dict, Iterable, Iterator, List, Mapping, Set, Tuple

from .model import Address, Entry, Key, Rewrite, RewriteKind
from .placing import DECODER_MARGIN
from .router_state import RouterState
from .selector import Selector

__all__ = ["in_flight", "moved_on", "sent_on"]

_States = Mapping[str, RouterState]


def sent_on(current: _States, goal: _States, routers: Container[str]) -> Dict[str, List[Rewrite]]:
    """The encoders that stand only while a plan runs from ``current`` to ``goal``, by router.

    They come when the correspondent's router changes over and go with the decoder that feeds them, after packets have
    drained. Where a plan is cut off they expire with the handover, and any later plan removes them.

    :param routers: those that foreign sources may leave, and that can hold one half of a rewrite.
    """
    found: Dict[str, List[Rewrite]] = {}
    for name, old, new in moved_on(current, goal):
        if name not in routers or new.match.destination is None:
            continue
        expires = min(old.stamp.expires, new.stamp.expires) - DECODER_MARGIN
        stamp = replace(new.stamp, expires=expires)
        encoder = Rewrite(RewriteKind.OUTBOUND_DST, old.image, new.match.destination, stamp)
        taken: Tuple[Key, ...] = (encoder.key, ("route", encoder.to))
        states = (current.get(name, RouterState()), goal.get(name, RouterState()))
        if not any(state.get(key) is not None for state in states for key in taken):
            found.setdefault(name, []).append(encoder)
    return found


def moved_on(current: _States, goal: _States) -> Iterator[Tuple[str, Rewrite, Rewrite]]:
    """Routers that phones leave for another one: each with a decoder that goes, and the one that takes its place."""
    leaving = [
        (name, entry)
        for name, state in current.items()
        for entry in _decoders(state)
        if goal.get(name, RouterState()).get(entry.key) is None
    ]
    if not leaving:
        return
    handovers = {entry.stamp.handover for unused, entry in leaving}
    coming: Dict[Tuple[str, Address, Selector], Tuple[str, Rewrite]] = {
        (entry.stamp.handover, entry.to, entry.image): (name, entry)
        for name, state in goal.items()
        for entry in _decoders(state)
        if entry.stamp.handover in handovers and current.get(name, RouterState()).get(entry.key) is None
    }
    for name, entry in leaving:
        found = coming.get((entry.stamp.handover, entry.to, entry.image))
        if found is not None and found[0] != name:
            yield name, entry, found[1]


def in_flight(entries: Iterable[Entry]) -> Set[Key]:
    """The keys of the encoders of :func:`sent_on` among what one router holds of one handover.

    Nowhere else does a handover encode at the router that decodes for it.
    """
    held = list(entries)
    fed = {entry.image for entry in _decoders(held)}
    return {
        entry.key
        for entry in held
        if isinstance(entry, Rewrite) and entry.kind is RewriteKind.OUTBOUND_DST and entry.match in fed
    }


def _decoders(entries: Iterable[Entry]) -> Iterator[Rewrite]:
    for entry in entries:
        if isinstance(entry, Rewrite) and entry.kind is RewriteKind.INBOUND_DST:
            yield entry
