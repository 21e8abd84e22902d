# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a router holds to what it shall hold: the goal of each state, and what must be taken away and put."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, FrozenSet, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from ...errors import HandoverError
from .static_nat import OPTIONS, Owned, StaticNat, alike, entry_from_record, entry_to_record

__all__ = ["GOALS", "NatChange", "Wanted", "difference", "unfinished", "wanted_from_records"]

Entries = Tuple[StaticNat, ...]


@dataclass(frozen=True)
class Wanted:
    """An entry that is asked for.

    :ivar said: the options that were given, also as false: the others are left as they are by ``merged``.
    """

    entry: StaticNat
    said: FrozenSet[str] = frozenset()


@dataclass(frozen=True)
class NatChange:
    """What to do, in this order: IOS takes no new line for an entry that stands, nor one that collides with it."""

    remove: Entries = ()
    put: Entries = ()

    def __bool__(self) -> bool:
        return bool(self.remove or self.put)

    def __iter__(self) -> Iterator[StaticNat]:
        return iter(self.remove + self.put)


def wanted_from_records(records: Iterable[Mapping[str, Any]]) -> Tuple[Wanted, ...]:
    """What is asked for, from plain data.

    :raises HandoverError: ``bad_record``, ``bad_static_nat``, ``given_twice``.
    """
    found: Dict[Any, Wanted] = {}
    for record in records:
        entry = entry_from_record(record)
        if entry.key in found:
            raise HandoverError(
                "given_twice", entry_to_record(entry), "an entry is given once", "Remove one of the two."
            )
        said = frozenset(name for name in OPTIONS if record.get(name) is not None)
        found[entry.key] = Wanted(entry, said)
    return tuple(found.values())


def difference(held: Entries, goal: Entries) -> NatChange:
    """What leads from one to the other. An entry whose options change is taken away and put anew."""
    have, want = _by_key(held), _by_key(goal)

    def stays(entry: StaticNat) -> bool:
        return entry.key in have and entry.key in want and alike(have[entry.key], want[entry.key])

    return NatChange(
        tuple(entry for entry in held if not stays(entry)), tuple(entry for entry in goal if not stays(entry))
    )


def unfinished(change: NatChange, held: Entries) -> Entries:
    """The entries of a change that a router, read back, does not show as it was told."""
    have, put = _by_key(held), _by_key(change.put)
    left = [entry for entry in change.remove if entry.key in have and entry.key not in put]
    left += [entry for entry in change.put if entry.key not in have or not alike(have[entry.key], entry)]
    return tuple(left)


def _merged(held: Entries, wanted: Sequence[Wanted], owned: Sequence[Owned]) -> Entries:
    have = _by_key(held)
    for one in wanted:
        old = have.get(one.entry.key)
        new = one.entry
        if old is not None:
            new = replace(old, **{name: getattr(one.entry, name) for name in one.said})
        have[new.key] = _kept(old, new)
    return tuple(have.values())


def _replaced(held: Entries, wanted: Sequence[Wanted], owned: Sequence[Owned]) -> Entries:
    subjects = {one.entry.subject for one in wanted}
    return _put_among(held, wanted, lambda entry: entry.subject in subjects)


def _overridden(held: Entries, wanted: Sequence[Wanted], owned: Sequence[Owned]) -> Entries:
    for one in wanted:
        if not _covered(owned, one.entry):
            raise HandoverError(
                "not_owned",
                entry_to_record(one.entry),
                "an entry that overrides lies in a part that is owned",
                "Widen owned, or use the state merged for this entry.",
            )
    return _put_among(held, wanted, lambda entry: _covered(owned, entry))


def _deleted(held: Entries, wanted: Sequence[Wanted], owned: Sequence[Owned]) -> Entries:
    keys = {one.entry.key for one in wanted}
    return tuple(entry for entry in held if entry.key not in keys and not _covered(owned, entry))


#: What a router shall hold, by state: of what it holds, what is asked for, and what the caller owns.
GOALS: Mapping[str, Callable[[Entries, Sequence[Wanted], Sequence[Owned]], Entries]] = {
    "merged": _merged,
    "replaced": _replaced,
    "overridden": _overridden,
    "deleted": _deleted,
}


def _put_among(held: Entries, wanted: Sequence[Wanted], goes: Callable[[StaticNat], bool]) -> Entries:
    """What is held without what goes, and with what is wanted; an entry that stays keeps its place."""
    want = {one.entry.key: one.entry for one in wanted}
    goal: List[StaticNat] = []
    for entry in held:
        if entry.key in want:
            goal.append(_kept(entry, want.pop(entry.key)))
        elif not goes(entry):
            goal.append(entry)
    return (*goal, *want.values())


def _kept(old: Optional[StaticNat], new: StaticNat) -> StaticNat:
    return old if old is not None and alike(old, new) else new


def _covered(owned: Iterable[Owned], entry: StaticNat) -> bool:
    return any(part.covers(entry) for part in owned)


def _by_key(entries: Iterable[StaticNat]) -> Dict[Any, StaticNat]:
    return {entry.key: entry for entry in entries}
