# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pairs that are live: one for each owner (AOR, instance), old address and correspondent; one owner an address."""

from __future__ import annotations

from typing import Any, Iterable, List, Mapping, Optional, Sequence, Tuple

from .handover import handover_id
from .holding import Owner
from .memory import Memory, Parsed, Value
from .model import Address
from .ownership import user_of
from .pairs import AddressPair, pair_from_record, pair_to_value
from .selector import address_text

__all__ = ["Live"]

#: Seconds that a pair is remembered beyond its expiry; a late expiry event still ends it.
_MARGIN = 3600
#: What tells a pair from one that took its place.
_IDENTITY = ("aor", "instance", "old", "correspondent", "new", "source")


class Live:
    """Live pairs in a memory, by their owner's user name: some servers name nothing else when a binding expires."""

    def __init__(self, memory: Memory, pairs: Iterable[AddressPair] = ()) -> None:
        self._memory = memory
        self._parsed = Parsed(_pairs)
        for pair in pairs:
            self.put(pair)

    def all(self) -> List[AddressPair]:
        """Every live pair of a named owner."""
        return [pair_from_record(value) for _user, held in self._memory.items("pairs") for value in held]

    def same(self, pair: AddressPair) -> Optional[AddressPair]:
        """The live pair of the same owner and old address, for the same correspondent."""
        return next((found for found in self._of_user(pair.aor) if _key(found) == _key(pair)), None)

    def holds(self, pair: AddressPair) -> bool:
        """Whether this very pair is live: nothing has ended it or taken its place."""
        old, new = address_text(pair.old), address_text(pair.new)
        wanted = (pair.aor, pair.instance, old, pair.correspondent, new, pair.source)
        held = self._memory.get("pairs", user_of(pair.aor)) or ()
        return any(tuple([value.get(name) for name in _IDENTITY]) == wanted for value in held)

    def put(self, pair: AddressPair) -> None:
        """Add a pair; it takes the place of :meth:`same`."""
        self._put("pairs", user_of(pair.aor), [p for p in self._of_user(pair.aor) if _key(p) != _key(pair)], pair)
        identity = pair.id
        claims = [claim for claim in self._claims(pair.old) if claim[0] != identity]
        claims.append([identity, pair.aor, pair.instance, pair.expires])
        self._memory.put("claims", address_text(pair.old), claims, pair.expires + _MARGIN)

    def drop(self, pair: AddressPair) -> None:
        """Remove a live pair."""
        self._put("pairs", user_of(pair.aor), [p for p in self._of_user(pair.aor) if _key(p) != _key(pair)])
        identity = pair.id
        claims = [claim for claim in self._claims(pair.old) if claim[0] != identity]
        self._memory.put("claims", address_text(pair.old), claims or None, pair.expires + _MARGIN)

    def of(self, aor: str) -> List[AddressPair]:
        """The pairs of an address of record, or of a user in any domain where only the user is named."""
        return [pair for pair in self._of_user(aor) if aor in (pair.aor, user_of(pair.aor))]

    def of_owner(self, owner: Owner, earliest: float) -> List[AddressPair]:
        """The pairs of one phone that last, or were over only after ``earliest`` (Unix seconds)."""
        return [
            pair for pair in self._of_user(owner[0]) if (pair.aor, pair.instance) == owner and pair.expires > earliest
        ]

    def other_owner(self, owner: Owner, old: Address, earliest: float) -> Optional[Owner]:
        """Who else has a pair with this old address that lasts, or was over only after ``earliest``.

        An empty AOR stands for one of which only a router knows.
        """
        mine = handover_id(owner[0], owner[1], old)
        claims = self._claims(old)
        return next((_claim_owner(claim) for claim in claims if claim[0] != mine and claim[3] > earliest), None)

    def stand(self, record: Mapping[str, Any]) -> None:
        """Add what stands from an earlier run or on the routers. A router knows the handover's id, not its owner.

        :raises HandoverError: naming the key.
        """
        pair = pair_from_record(record)
        if pair.aor:
            if self.same(pair) is None:
                self.put(pair)
            return
        entry: List[Any] = [str(record.get("id") or ""), pair_to_value(pair)]
        for address in sorted({address_text(pair.old), address_text(pair.new)}):
            others = [item for item in self._memory.get("unnamed", address) or [] if item[0] != entry[0]]
            self._memory.put("unnamed", address, [*others, entry], pair.expires + _MARGIN)
        claims = [claim for claim in self._claims(pair.old) if claim[0] != entry[0]]
        if len(claims) == len(self._claims(pair.old)):
            claims.append([entry[0], "", None, pair.expires])
            self._memory.put("claims", address_text(pair.old), claims, pair.expires + _MARGIN)

    def adopt(self, owner: Owner, addresses: Iterable[Address]) -> None:
        """Give an owner those handovers of unnamed ones at these addresses that bear the id of his."""
        for address in addresses:
            for identity, value in self._memory.get("unnamed", address_text(address)) or ():
                pair = pair_from_record({**value, "aor": owner[0], "instance": owner[1]})
                if pair.id == identity:
                    self._take_name(pair)
                    if self.same(pair) is None:
                        self.put(pair)

    def _take_name(self, pair: AddressPair) -> None:
        for address in sorted({address_text(pair.old), address_text(pair.new)}):
            left = [item for item in self._memory.get("unnamed", address) or [] if item[0] != pair.id]
            self._memory.put("unnamed", address, left or None, pair.expires + _MARGIN)

    def _claims(self, old: Address) -> List[List[Any]]:
        return list(self._memory.get("claims", address_text(old)) or [])

    def _of_user(self, aor: str) -> Sequence[AddressPair]:
        value = self._memory.get("pairs", user_of(aor))
        return self._parsed.of(value) if value else ()

    def _put(self, shelf: str, key: str, pairs: List[AddressPair], *more: AddressPair) -> None:
        kept = [*pairs, *more]
        keep_until = max((pair.expires for pair in kept), default=0) + _MARGIN
        value = [pair_to_value(pair) for pair in kept]
        self._parsed.keep(value, tuple(kept))
        self._memory.put(shelf, key, value or None, keep_until)


def _pairs(value: Value) -> Tuple[AddressPair, ...]:
    return tuple(pair_from_record(one) for one in value)


def _claim_owner(claim: List[Any]) -> Owner:
    """Whose a claim is."""
    return (claim[1], claim[2])


def _key(pair: AddressPair) -> Tuple[str, Optional[str], Address, Optional[str]]:
    return (pair.aor, pair.instance, pair.old, pair.correspondent)
