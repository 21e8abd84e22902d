# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read before is remembered, within bounds."""

from __future__ import annotations

from typing import Callable, Dict, Hashable, TypeVar

__all__ = ["remembered"]

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


def remembered(size: int) -> Callable[[Callable[[_K], _V]], Callable[[_K], _V]]:
    """Let a function of one value remember what it said of at most ``size`` values; when they are more, all is
    forgotten. What it raises is not remembered.

    ``lru_cache`` does this, too, and takes three times as long for a value that is known: it keeps their order.
    """
    return lambda read: _Memory(read, size).__getitem__


class _Memory(Dict[_K, _V]):
    def __init__(self, read: Callable[[_K], _V], size: int) -> None:
        super().__init__()
        self._read, self._size = read, size

    def __missing__(self, key: _K) -> _V:
        value = self._read(key)
        if len(self) >= self._size:
            self.clear()
        self[key] = value
        return value
