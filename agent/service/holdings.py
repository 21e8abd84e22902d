# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a router holds, by handover: one move among ten thousand costs what one move costs.

A plan needs the entries of its handovers, and those of others that its walk of packets may meet: see :func:`concerned`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set

from ...plugins.module_utils.mobility.handover import Handover
from ...plugins.module_utils.mobility.model import Address, Change, Entry, Key, Neighbour, Rewrite, Route
from ...plugins.module_utils.mobility.router_state import RouterState

__all__ = ["Holdings", "concerned"]

_Index = dict[Address, dict[str, int]]


class Holdings:
    """The entries of one router.

    :param expires: whether they go by themselves when their time is over.
    :ivar changes: how often they were changed.
    """

    def __init__(self, state: Iterable[Entry] = (), expires: bool = True) -> None:
        self._expires = expires
        self._by_handover: dict[str, dict[Key, Entry]] = {}
        #: Handovers by the old and new addresses in their entries, and by the other end's, with how many entries.
        self._ends: _Index = {}
        self._peers: _Index = {}
        #: Handovers with rewrites for whatever the other end is, with how many of these.
        self._wide: Counter[str] = Counter()
        self._count = 0
        self.changes = 0
        for entry in state:
            self._put(entry)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Entry]:
        for held in tuple(self._by_handover.values()):
            yield from tuple(held.values())

    @property
    def remnants(self) -> bool:
        """Whether there is something of which no handover is known: a step was cut in its middle."""
        return "" in self._by_handover

    def change(self, change: Change) -> None:
        """The router was changed."""
        self.changes += 1
        for entry in change.remove:
            self._remove(entry)
        for entry in change.put:
            self._put(entry)

    def part(self, handovers: Iterable[str], now: float = 0) -> RouterState:
        """The entries of these handovers; as of :meth:`lasting`."""
        return self._lasting((one for name in handovers for one in self._by_handover.get(name, {}).values()), now)

    def lasting(self, now: float) -> RouterState:
        """All that the router still holds at a time.

        :param now: Unix seconds.
        """
        return self._lasting(self, now)

    def at_ends(self, address: Address) -> Iterable[str]:
        """The handovers with this old or new address."""
        return self._ends.get(address, ())

    def with_peer(self, address: Address) -> Iterable[str]:
        """The handovers with this correspondent."""
        return self._peers.get(address, ())

    @property
    def wide(self) -> Set[str]:
        """The handovers that rewrite for whatever correspondent there is: no entry tells of whom."""
        return self._wide.keys()

    @property
    def handovers(self) -> Set[str]:
        """All of which it has something."""
        return self._by_handover.keys()

    def ends_of(self, handover: str) -> set[Address]:
        """The old and new addresses in the entries of a handover."""
        return set().union(*(_addresses(entry)[0] for entry in self._by_handover.get(handover, {}).values()))

    def addresses_of(self, handover: str) -> set[Address]:
        """All that are in the entries of a handover."""
        return set().union(*(set().union(*_addresses(entry)) for entry in self._by_handover.get(handover, {}).values()))

    def _lasting(self, entries: Iterable[Entry], now: float) -> RouterState:
        return RouterState(entry for entry in entries if not self._expires or entry.stamp.expires > now)

    def _put(self, entry: Entry) -> None:
        held = self._by_handover.setdefault(entry.stamp.handover, {})
        before = held.get(entry.key)
        if before is not None:
            self._remove(before)
            held = self._by_handover.setdefault(entry.stamp.handover, {})
        held[entry.key] = entry
        self._count += 1
        if _is_wide(entry):
            self._wide[entry.stamp.handover] += 1
        for index, addresses in zip((self._ends, self._peers), _addresses(entry), strict=True):
            for address in addresses:
                at = index.setdefault(address, {})
                at[entry.stamp.handover] = at.get(entry.stamp.handover, 0) + 1

    def _remove(self, entry: Entry) -> None:
        identity = entry.stamp.handover
        held = self._by_handover.get(identity, {})
        found = held.pop(entry.key, None)
        if found is None:
            return
        if not held:
            del self._by_handover[identity]
        self._count -= 1
        if _is_wide(found):
            self._wide[identity] -= 1
            self._wide += Counter()  # less what is none
        for index, addresses in zip((self._ends, self._peers), _addresses(found), strict=True):
            for address in addresses:
                at = index[address]
                at[identity] -= 1
                if not at[identity]:
                    del at[identity]
                if not at:
                    del index[address]


def concerned(holdings: Mapping[str, Holdings], wanted: Iterable[Handover]) -> set[str]:
    """The ids of the handovers whose entries a plan of these must see; their own are among them.

    Those at whose old or new address one of these handovers has an end or a correspondent; those whose correspondent
    is a phone that moves here, which change with it; those that are for every correspondent, who may be any of them,
    and where one of these changes, all on its router; and for these the same again.
    The empty id is that of remnants.
    """
    found = {""}
    places: set[Address] = set()
    moving: set[Address] = set()
    for handover in wanted:
        found.add(handover.id)
        # Others may still know it under the address that it leaves now.
        moving |= {handover.old, handover.new}.union(*(held.ends_of(handover.id) for held in holdings.values()))
        peers = [one for session in handover.sessions for one in (session.correspondent, session.seen[0])]
        places |= {handover.old, handover.new, *peers, *handover.correspondents}
    todo = set(found)
    for held in holdings.values():
        for address in moving:
            todo.update(held.with_peer(address))
    changing = frozenset(todo)
    for held in holdings.values():
        # Which of the packets that the router decodes one of these meets, nothing tells.
        todo.update(held.wide if changing.isdisjoint(held.wide) else held.handovers)
    while todo:
        found |= todo
        for held in holdings.values():
            places.update(*(held.addresses_of(identity) for identity in todo))
        todo = {one for held in holdings.values() for place in places for one in held.at_ends(place)} - found
        places = set()
    return found


def _is_wide(entry: Entry) -> bool:
    return isinstance(entry, Rewrite) and None in (entry.match.source, entry.match.destination)


def _addresses(entry: Entry) -> tuple[set[Address], set[Address]]:
    """The old and new addresses in an entry, and the other end's."""
    if isinstance(entry, Rewrite):
        ends = set(entry.pair)
        return ends, {one for one in (entry.match.source, entry.match.destination) if one is not None} - ends
    if isinstance(entry, Route):
        return {one for one in (entry.destination, entry.via) if one is not None}, set()
    if isinstance(entry, Neighbour):
        return {entry.address}, set()
    # Of a mark, or a freeze, nothing tells which end is which; its handover has other entries that do.
    both = {one for one in (entry.match.source, entry.match.destination) if one is not None}
    return set(), both
