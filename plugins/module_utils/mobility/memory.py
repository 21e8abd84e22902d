# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered from one registration to the next, as plain data on shelves.

The core says what is worth remembering and for how long; where that is kept is
not its business. Here it lasts as long as the process. ``store/sqlite.py`` keeps
it in a file, which runs of a playbook, the command line and the agent share.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Callable, Dict, Generic, List, Optional, Protocol, Tuple, TypeVar

__all__ = ["FINDINGS", "Memory", "Overlay", "Parsed", "RunMemory", "Value"]

#: What JSON can say: texts, numbers, true, false, None and lists of them. Never changed once it was handed over.
Value = Any

#: Shelves that grow with what was found, not with what was read: nothing of them is forgotten to save space.
FINDINGS = frozenset(("pairs", "claims", "unnamed", "waiting"))
#: Most keys on each other shelf of a :class:`RunMemory`; the longest untouched are forgotten first.
_REMEMBERED = 32768


#: Values whose meaning is remembered: as many as one registration may ask for.
_PARSED = 64

_T = TypeVar("_T")


class Memory(Protocol):
    """Shelves of values by key."""

    def get(self, shelf: str, key: str) -> Optional[Value]:
        """The value, or None."""

    def put(self, shelf: str, key: str, value: Optional[Value], keep_until: float) -> None:
        """Put a value in the place of an earlier one; None takes it away.

        :param keep_until: Unix seconds from which on it is of no use to anybody and may be forgotten.
        """

    def items(self, shelf: str) -> List[Tuple[str, Value]]:
        """Every key of a shelf with its value. For shelves that are short."""


class RunMemory:
    """A memory as long as one run, bounded in size. What it forgets is judged as if it had never been seen."""

    def __init__(self) -> None:
        self._shelves: Dict[str, OrderedDict[str, Value]] = {}

    def get(self, shelf: str, key: str) -> Optional[Value]:
        """The value, or None."""
        held = self._shelves.get(shelf)
        return None if held is None else held.get(key)

    def put(self, shelf: str, key: str, value: Optional[Value], keep_until: float) -> None:
        """Put a value in the place of an earlier one; None takes it away."""
        held = self._shelves.setdefault(shelf, OrderedDict())
        if value is None:
            held.pop(key, None)
            return
        held[key] = value
        held.move_to_end(key)
        if len(held) > _REMEMBERED and shelf not in FINDINGS:
            held.popitem(last=False)

    def items(self, shelf: str) -> List[Tuple[str, Value]]:
        """Every key of a shelf with its value."""
        return list(self._shelves.get(shelf, {}).items())


class Overlay:
    """A memory whose changes stay in it: what would be remembered can be asked without remembering it."""

    def __init__(self, below: Memory) -> None:
        self._below = below
        self._changed: Dict[Tuple[str, str], Optional[Value]] = {}

    def get(self, shelf: str, key: str) -> Optional[Value]:
        """The value, or None."""
        if (shelf, key) in self._changed:
            return self._changed[shelf, key]
        return self._below.get(shelf, key)

    def put(self, shelf: str, key: str, value: Optional[Value], keep_until: float) -> None:
        """Put a value in the place of an earlier one; None takes it away."""
        self._changed[shelf, key] = value

    def items(self, shelf: str) -> List[Tuple[str, Value]]:
        """Every key of a shelf with its value."""
        found = dict(self._below.items(shelf))
        found.update((key, value) for (at, key), value in self._changed.items() if at == shelf)
        return [(key, value) for key, value in found.items() if value is not None]


class Parsed(Generic[_T]):
    """What values mean. One registration asks for the same values again and again, and they are never changed.

    :param read: reads a value.
    """

    def __init__(self, read: Callable[[Value], _T]) -> None:
        self._read = read
        #: By the value's identity, which nothing else can have while the value is kept here.
        self._known: Dict[int, Tuple[Value, _T]] = {}

    def of(self, value: Value) -> _T:
        """What a value means."""
        known = self._known.get(id(value))
        if known is not None:
            return known[1]
        meaning = self._read(value)
        self.keep(value, meaning)
        return meaning

    def keep(self, value: Value, meaning: _T) -> None:
        """Note what a value means that was made of that just now."""
        if len(self._known) >= _PARSED:
            self._known.clear()
        self._known[id(value)] = (value, meaning)
