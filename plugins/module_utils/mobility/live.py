# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pairs that are live: at most one for each owner (AOR, instance), old address, and whom it is for."""

from __future__ import annotations

from typing import Dict, Iterable, Iterator, List, Optional, Tuple

from .model import Address
from .pairs import AddressPair

__all__ = ["Live"]

_Key = Tuple[str, Optional[str], Address, Optional[str]]


class Live:
    """Live pairs by their owner's user name: a server without domains names nothing else when a binding expires."""

    def __init__(self, pairs: Iterable[AddressPair] = ()) -> None:
        self._of_user: Dict[str, Dict[_Key, AddressPair]] = {}
        for pair in pairs:
            self.put(pair)

    def __iter__(self) -> Iterator[AddressPair]:
        for held in self._of_user.values():
            yield from held.values()

    def same(self, pair: AddressPair) -> Optional[AddressPair]:
        """The live pair of the same owner and old address, for the same correspondent."""
        return self._of_user.get(_user(pair.aor), {}).get(_key(pair))

    def put(self, pair: AddressPair) -> None:
        """Add a pair. It takes the place of :meth:`same`, and of those whose new address the owner has left."""
        held = self._of_user.setdefault(_user(pair.aor), {})
        for key, other in list(held.items()):
            if key[:3] == _key(pair)[:3] and other.new != pair.new:
                del held[key]
        held[_key(pair)] = pair

    def drop(self, pair: AddressPair) -> None:
        """Remove a live pair."""
        user = _user(pair.aor)
        del self._of_user[user][_key(pair)]
        if not self._of_user[user]:
            del self._of_user[user]

    def of(self, aor: str) -> List[AddressPair]:
        """The pairs of an address of record, or of a user in any domain where only the user is named."""
        held = [pair for pair in self._of_user.get(_user(aor), {}).values() if pair.aor == aor]
        return held or list(self._of_user.get(aor, {}).values())


def _key(pair: AddressPair) -> _Key:
    return (pair.aor, pair.instance, pair.old, pair.correspondent)


def _user(aor: str) -> str:
    return aor.partition(":")[2].rpartition("@")[0]
