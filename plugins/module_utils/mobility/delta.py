# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes of one router, sorted into the phases of a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Container, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from .model import Address, Entry, Freeze, Key, Mark, Rewrite, RewriteKind, Role, Route, Selector, same
from .router_state import RouterState
from .selector import Bits
from .step import Phase

__all__ = ["Delta", "leads_elsewhere", "one_way", "rewriting"]

_Change = Tuple[Optional[Entry], Optional[Entry]]
#: By what a router's rewrites make of packets, those that they make it of.
_Origins = Dict[Selector, Dict[Selector, RewriteKind]]


class Delta:
    """The changes of one router, sorted into phases."""

    def __init__(
        self, current: RouterState, target: RouterState, joint: bool, staying: Container[str], unfrozen: bool
    ) -> None:
        self._staying = staying
        self._unfrozen = unfrozen
        self._states = (current, target)
        self._given_back: Optional[Dict[RewriteKind, Set[Address]]] = None
        changes = _differing(current, target)
        self._phases: Dict[Phase, List[_Change]] = {phase: [] for phase in Phase}
        halves = [not joint or _separable(*pair) for pair in changes]
        self._as_a_whole([pair for pair, apart in zip(changes, halves) if not apart], current, target)
        self._in_halves([pair for pair, apart in zip(changes, halves) if apart])

    def of(self, phase: Phase) -> Tuple[Tuple[Entry, ...], Tuple[Entry, ...]]:
        """The entries before and after this phase."""
        changes = self._phases[phase]
        return (
            tuple(before for before, after in changes if before is not None),
            tuple(after for before, after in changes if after is not None),
        )

    def for_a_while(self, encoders: Iterable[Rewrite]) -> None:
        """Have encoders stand from the change of encoders until decoders go."""
        for encoder in encoders:
            self._phases[Phase.ENCODE].append((None, encoder))
            self._phases[Phase.RETIRE].append((encoder, None))

    def _in_halves(self, changes: List[_Change]) -> None:
        # Where both ends moved, one router encodes both. What no longer leads to the other end's new address must not
        # come from this one's: its old place may still hear it.
        redirected = any(before is not None and before.role is Role.ENCODER_DST for before, unused in changes)
        # Nor must what leads to the other end's new address come from this one's former: only its old place knows that.
        leading = _leading(changes)
        encoding = leading.get(None, set())
        # A route's marks change with it: apart, they would be all that tells of the newer epoch.
        led = {
            after.stamp.handover for before, after in changes if after is not None and leads_elsewhere(before, after)
        }
        for before, after in changes:
            entry = after if before is None else before
            role = None if entry is None else entry.role  # both have one key, and with it one role
            if role is Role.ENCODER_DST or _leads_off_link(before, after, encoding):
                self._phases[Phase.ENCODE].append((before, after))
            elif role is Role.ENCODER_SRC:
                early = after is None and (redirected or self._meets_decoded(before) or _widely_meets(before, leading))
                if _meets_led(before, after, leading):
                    self._phases[Phase.CLEAR_SRC].append((before, None))
                    self._phases[Phase.ENCODE].append((None, after))
                else:
                    self._phases[Phase.CLEAR_SRC if early else Phase.ENCODE].append((before, after))
            elif role is Role.FREEZE:
                self._phases[Phase.FREEZE if before is None else Phase.THAW].append((before, after))
            elif before is not None and after is None:
                self._retire(before)
            elif before is not None and after is not None and _shortened(before, after):
                self._phases[Phase.RETIRE].append((before, after))
            elif leads_elsewhere(before, after) or (isinstance(after, Mark) and after.stamp.handover in led):
                # It may lead to a router behind this one, which must know by then what to do with the packets.
                self._phases[Phase.LEAD].append((before, after))
            else:
                self._phases[Phase.DECODE].append((before, after))

    def _meets_decoded(self, encoder: Optional[Entry]) -> bool:
        """Whether an encoder of sources may match what this router has just decoded: both ends moved, through it."""
        if not isinstance(encoder, Rewrite):
            return False
        match, decoded = encoder.match, self._decoded
        others = decoded[RewriteKind.INBOUND_DST]
        if match.destination is None:
            towards = len(others) > (match.source in others)
        else:
            towards = match.destination != match.source and match.destination in others
        return towards or match.source in decoded[RewriteKind.INBOUND_SRC]

    @property
    def _decoded(self) -> Dict[RewriteKind, Set[Address]]:
        """The addresses that this router gives back to packets from the network; most plans do not ask."""
        if self._given_back is None:
            self._given_back = {kind: set() for kind in RewriteKind}
            for state in self._states:
                for entry in state:
                    if isinstance(entry, Rewrite):
                        self._given_back[entry.kind].add(entry.to)
        return self._given_back

    def _retire(self, entry: Entry) -> None:
        last = entry
        if entry.stamp.handover and entry.stamp.handover not in self._staying:
            last = replace(entry, stamp=replace(entry.stamp, ended=True))
        if last != entry:
            self._phases[Phase.DECODE].append((entry, last))
        self._phases[Phase.RETIRE].append((last, None))

    def _as_a_whole(self, changes: List[_Change], current: RouterState, target: RouterState) -> None:
        if not changes:
            return
        if self._unfrozen:
            for before, after in changes:
                self._phases[Phase.RETIRE_JOINT if after is None else Phase.JOINT].append((before, after))
            return
        standing = {entry.key: entry for entry, unused in changes if isinstance(entry, Freeze)}
        thawing: Dict[Key, Freeze] = dict(standing)
        # Frozen before, by a plan that was cut off: a decoder that would be needed may be gone already.
        handled = {match for entry in target if isinstance(entry, Rewrite) for match in (entry.match, entry.image)}
        undecoded = {key for key, entry in thawing.items() if entry.match not in handled}
        # Where both ends moved, packets become what a rewrite matches by another one, which may stay as it is.
        origins: _Origins = {}
        for entry in (*current, *target):
            if isinstance(entry, Rewrite):
                origins.setdefault(entry.image, {})[entry.match] = entry.kind
        for before, after in changes:
            if any(isinstance(entry, Freeze) for entry in (before, after)):
                continue
            self._phases[Phase.JOINT].append((before, after))
            for entry in (before, after):
                if isinstance(entry, Rewrite):
                    for match in _leading_to((entry.match, entry.image), origins):
                        # As long as whatever it is for: should nobody come to thaw, other routers go on that long.
                        frozen = Freeze(match, entry.stamp)
                        if target.get(frozen.key) is not None:
                            continue  # of another plan, that was cut off: it stays frozen
                        known = thawing.setdefault(frozen.key, frozen)
                        if known.stamp.expires < frozen.stamp.expires:
                            thawing[frozen.key] = frozen
            if isinstance(before, Rewrite) and before.role is Role.DECODER:
                undecoded.update(Freeze(match, before.stamp).key for match in _leading_to((before.match,), origins))
        # Where a decoder went, packets under way meet the freeze in its place until they have drained.
        for key, entry in thawing.items():
            if entry is not standing.get(key):
                self._phases[Phase.FREEZE].append((standing.get(key), entry))
            self._phases[Phase.RETIRE if key in undecoded else Phase.THAW].append((entry, None))


def _leading_to(matches: Iterable[Selector], origins: _Origins) -> List[Selector]:
    """These selectors, and those of the packets that a router's rewrites make such ones of, wider ones too."""
    found = list(matches)
    for match in found:  # which grows
        for image in _covering(match):
            for origin, kind in sorted(origins.get(image, {}).items(), key=_bits_of_origin):
                changed = "destination" if kind.changes_destination else "source"
                made_of = replace(match, **{changed: getattr(origin, changed)})
                if made_of not in found:
                    found.append(made_of)
    return found


def _covering(match: Selector) -> List[Selector]:
    """A selector, and the wider ones that select its packets, too."""
    found = [match]
    if match.protocol is not None:
        found.append(Selector(match.source, match.destination))
    if match.source is not None and match.destination is not None:
        found += [Selector(None, match.destination), Selector(match.source, None)]
    return found


def _differing(current: RouterState, target: RouterState) -> List[_Change]:
    """What comes, goes, or is replaced, in a stable order."""
    held, wanted = current.entries, target.entries
    changes: List[_Change] = [(entry, wanted.get(key)) for key, entry in held.items()]
    changes += [(None, entry) for key, entry in wanted.items() if key not in held]
    return sorted((pair for pair in changes if not same(*pair)), key=_rank)


def _rank(change: _Change) -> Key:
    before, after = change
    entry = after if before is None else before
    return () if entry is None else entry.rank


def _bits_of_origin(origin: Tuple[Selector, RewriteKind]) -> Bits:
    return origin[0].bits


def rewriting(current: RouterState, target: RouterState) -> List[_Change]:
    """The rewrites that come, go, or are replaced."""
    return [
        pair
        for pair in _differing(current, target)
        if isinstance(pair[0] or pair[1], Rewrite) and not _only_restamped(*pair)
    ]


def one_way(current: RouterState, target: RouterState) -> bool:
    """Whether rewrites only come or only go, and nothing is frozen."""
    changes = rewriting(current, target)
    sides = {after is None for unused, after in changes} | {before is not None for before, unused in changes}
    return len(sides) == 1 and not any(isinstance(entry, Freeze) for entry in (*current, *target))


def _only_restamped(before: Optional[Entry], after: Optional[Entry]) -> bool:
    """Whether nothing but the stamp changes: no packet is treated otherwise than before."""
    return before is not None and after is not None and replace(before, stamp=after.stamp) == after


def _separable(before: Optional[Entry], after: Optional[Entry]) -> bool:
    """Whether a joint router, too, may change this by itself: marks and routes that go, which packets still need."""
    going = before is not None and after is None and before.role is Role.SUPPORT
    return going or leads_elsewhere(before, after) or _only_restamped(before, after)


def leads_elsewhere(before: Optional[Entry], after: Optional[Entry]) -> bool:
    """Whether a route changes that packets find."""
    return isinstance(before, Route) and after is not None and not _only_restamped(before, after)


def _leading(changes: Iterable[_Change]) -> Dict[Optional[Address], Set[str]]:
    """By where encoders of destinations newly lead to, the handovers that do; under None all of them."""
    found: Dict[Optional[Address], Set[str]] = {}
    for before, after in changes:
        if isinstance(after, Rewrite) and after.role is Role.ENCODER_DST and not _only_restamped(before, after):
            for to in (after.to, None):
                found.setdefault(to, set()).add(after.stamp.handover)
    return found


def _meets_led(before: Optional[Entry], after: Optional[Entry], leading: Mapping[Optional[Address], Set[str]]) -> bool:
    """Whether an encoder of sources changes, and what another handover newly leads away may match it."""
    if not isinstance(before, Rewrite) or not isinstance(after, Rewrite) or _only_restamped(before, after):
        return False
    handovers = leading.get(after.match.destination, ())
    return len(handovers) > 1 or (len(handovers) == 1 and after.stamp.handover not in handovers)


def _widely_meets(before: Optional[Entry], leading: Mapping[Optional[Address], Set[str]]) -> bool:
    """Whether an encoder of sources to anywhere goes, and matches what another handover newly leads away."""
    if not isinstance(before, Rewrite) or before.match.destination is not None:
        return False
    return bool(leading.get(None, set()) - {before.stamp.handover})


def _leads_off_link(before: Optional[Entry], after: Optional[Entry], encoding: Container[str]) -> bool:
    """Whether a route turns from the phone to nobody here: what it led to the phone must be encoded by then.

    :param encoding: the handovers of which encoders of destinations come.
    """
    turns = isinstance(before, Route) and isinstance(after, Route) and before.via is not None and after.via is None
    return turns and after is not None and after.stamp.handover in encoding


def _shortened(before: Entry, after: Entry) -> bool:
    """Whether only the lifetime changes, to an earlier end: then the encoders must learn it first."""
    unchanged = replace(after, stamp=before.stamp) == before
    return unchanged and after.stamp.expires < before.stamp.expires and not before.stamp.ended
