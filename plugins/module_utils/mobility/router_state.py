# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one router holds for us, as a whole: its entries, and what finds the entry that a packet matches."""

from __future__ import annotations

from typing import Dict, Iterable, Iterator, List, Mapping, Optional

from ..errors import HandoverError
from .model import Entry, Freeze, Key, Mark, Rewrite, RewriteKind, same
from .selector import Bits, Selector

__all__ = ["Lookup", "Lookups", "RouterState", "same_state"]


class Lookup:
    """Entries of one sort by the packets that they match."""

    def __init__(self) -> None:
        self._entries: Dict[Bits, Entry] = {}
        self._wide = False

    def add(self, match: Selector, entry: Entry) -> None:
        """Hold an entry by its selector."""
        self._entries[match.bits] = entry
        self._wide = self._wide or match.protocol is None

    def find(self, packet: Bits, by_destination: bool = False) -> Optional[Entry]:
        """The entry that a packet matches, the narrowest first.

        :param by_destination: whether what selects a single address selects the destination, and not the source.
        """
        found = self._entries.get(packet)
        if found is None and self._wide:
            version, source, destination = packet[:3]
            found = self._entries.get((version, source, destination, "", 0, 0))
            if found is None:
                one = (-1, destination) if by_destination else (source, -1)
                found = self._entries.get((version, *one, "", 0, 0))
        return found


class Lookups:
    """The entries of one router by the packets that they match, sort by sort; a sort that it has none of is missing."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.rewrites: Dict[RewriteKind, Lookup] = {}
        self.marks: Optional[Lookup] = None
        self.freezes: Optional[Lookup] = None
        for entry in entries:
            if isinstance(entry, Rewrite):
                found = self.rewrites.get(entry.kind)
                if found is None:
                    found = self.rewrites[entry.kind] = Lookup()
            elif isinstance(entry, Mark):
                found = self.marks = self.marks or Lookup()
            elif isinstance(entry, Freeze):
                found = self.freezes = self.freezes or Lookup()
            else:
                continue
            found.add(entry.match, entry)


class RouterState:
    """What one router holds, or must hold, for us: entries by key.

    :raises HandoverError: ``duplicate_entry`` when two entries have one key.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        held: Dict[Key, Entry] = {}
        for entry in entries:
            first = held.setdefault(entry.key, entry)
            if first is not entry and first != entry:
                raise HandoverError("duplicate_entry", entry, "a router holds one entry for each key")
        self._held = held
        self._lookups: Optional[Lookups] = None

    @classmethod
    def of_held(cls, held: Dict[Key, Entry]) -> RouterState:
        """The state of entries that are sorted by their keys already; the mapping is kept."""
        state = cls()
        state._held = held
        return state

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._held.values())

    def __len__(self) -> int:
        return len(self._held)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RouterState) and self._held == other._held

    def __repr__(self) -> str:
        return f"RouterState({sorted(map(repr, self._held.values()))})"

    @property
    def entries(self) -> Mapping[Key, Entry]:
        """The entries by their keys."""
        return self._held

    @property
    def lookups(self) -> Lookups:
        """What finds the entries that a packet matches."""
        if self._lookups is None:
            self._lookups = Lookups(self)
        return self._lookups

    def get(self, key: Key) -> Optional[Entry]:
        """The entry with this key, if there is one."""
        return self._held.get(key)

    def of(self, handover: str) -> List[Entry]:
        """The entries of one handover."""
        return [entry for entry in self if entry.stamp.handover == handover]

    def without(self, handovers: Iterable[str]) -> RouterState:
        """This state less the entries of these handovers."""
        gone = frozenset(handovers)
        return RouterState.of_held({k: entry for k, entry in self._held.items() if entry.stamp.handover not in gone})

    def live(self, now: float) -> RouterState:
        """This state less what has expired at ``now`` (Unix seconds)."""
        return RouterState.of_held({k: entry for k, entry in self._held.items() if entry.stamp.expires > now})

    def changed(self, remove: Iterable[Key], put: Iterable[Entry]) -> RouterState:
        """This state after keys were removed and entries put in (replacing equal keys)."""
        held = dict(self._held)
        for key in remove:
            held.pop(key, None)
        for entry in put:
            held[entry.key] = entry
        return RouterState.of_held(held)


def same_state(one: RouterState, other: RouterState) -> bool:
    """Whether two states are equal, expiries within :data:`EXPIRY_TOLERANCE`."""
    keys = set(one.entries) | set(other.entries)
    return all(same(one.get(key), other.get(key)) for key in keys)
