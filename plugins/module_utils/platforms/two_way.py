# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mapping two rewrites are, where one translates both ways: an encoder and the decoder of its answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, Iterable, Iterator, List, Mapping, Set

from ..errors import HandoverError
from ..mobility.model import Address, Entry, Rewrite, Selector

__all__ = ["BOTH_OR_NONE", "TwoWay", "halves", "objections"]

#: The rule that a half alone breaks.
BOTH_OR_NONE = "a mapping translates both ways, so a router holds both rewrites or none"


@dataclass(frozen=True)
class TwoWay:
    """A mapping, by a packet that goes out.

    :ivar internal: the packet on the internal side.
    :ivar external: the same packet on the external side; a packet that comes back is this one, turned.
    """

    internal: Selector
    external: Selector

    @classmethod
    def of(cls, rewrite: Rewrite) -> TwoWay:
        """The mapping that a rewrite is a half of."""
        if rewrite.kind.is_decoder:
            return cls(rewrite.image.turned, rewrite.match.turned)
        return cls(rewrite.match, rewrite.image)

    def __str__(self) -> str:
        return f"{self.internal} as {self.external}"

    @property
    def of_source(self) -> bool:
        """Whether what goes out gets another source: the phone is on the internal side."""
        return self.internal.source != self.external.source

    @property
    def addresses(self) -> Set[Address]:
        """All that it names."""
        ends = (self.internal.source, self.internal.destination, self.external.source, self.external.destination)
        return {one for one in ends if one is not None}


_Found = Mapping[TwoWay, List[Rewrite]]


def halves(rewrites: Iterable[Rewrite]) -> Dict[TwoWay, List[Rewrite]]:
    """Rewrites by the mapping that they are halves of."""
    found: Dict[TwoWay, List[Rewrite]] = {}
    for rewrite in rewrites:
        found.setdefault(TwoWay.of(rewrite), []).append(rewrite)
    return found


def objections(rewrites: Iterable[Rewrite]) -> Dict[Entry, HandoverError]:
    """The rewrites that cannot stand as mappings beside each other, and why."""
    found = halves(rewrites)
    wrong = {**_on_both_sides(found), **_overlapping(found), **_alone(found)}
    return {entry: error for mapping, error in wrong.items() for entry in found[mapping]}


def _alone(found: _Found) -> Dict[TwoWay, HandoverError]:
    return {
        mapping: HandoverError("unsupported_entry", entries[0], BOTH_OR_NONE, "Choose the directions both.")
        for mapping, entries in found.items()
        if len(entries) != 2 or mapping.internal == mapping.external
    }


def _overlapping(found: _Found) -> Dict[TwoWay, HandoverError]:
    wrong = {}
    for side in ("internal", "external"):
        standing: Dict[Selector, TwoWay] = {}
        for mapping in found:
            standing.setdefault(getattr(mapping, side), mapping)
        for mapping in found:
            for wider in _wider(getattr(mapping, side)):
                other = standing.get(wider, mapping)
                if other != mapping:
                    wrong[mapping] = HandoverError(
                        "selector_in_use",
                        f"{mapping}, where {other}",
                        "no packet matches two mappings: nobody says which of them takes it",
                        "Withdraw the other handover, or choose scope session.",
                    )
    return wrong


def _wider(match: Selector) -> Iterator[Selector]:
    """This selector, and those that match all of its packets."""
    yield match
    pair = replace(match, protocol=None, source_port=None, destination_port=None)
    if pair != match:
        yield pair
    if match.source is not None and match.destination is not None:
        yield Selector(match.source, None)
        yield Selector(None, match.destination)


def _on_both_sides(found: _Found) -> Dict[TwoWay, HandoverError]:
    """Also a correspondent that moved: whether one mapping sees what another one makes, nobody says."""
    used: Dict[bool, Set[Address]] = {True: set(), False: set()}
    for mapping in found:
        used[mapping.of_source] |= mapping.addresses
    both = used[True] & used[False]
    return {
        mapping: HandoverError(
            "address_on_both_sides",
            f"{', '.join(map(str, both & mapping.addresses))}: {mapping}",
            "no address in a mapping for a phone here is one in a mapping for a phone elsewhere",
            "Withdraw the other handover, or use another platform on that router.",
        )
        for mapping in (found if both else ())
        if both & mapping.addresses
    }
