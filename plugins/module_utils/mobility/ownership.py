# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ownership by interval: who had which address from when to when (design rule 11).

Learnt from every registration that the server accepted and whose sender is who
he says, tagged or not: what it binds, what the registrar held before, what it
removes, and from expiries. A claim teaches nothing about the old address, so a
refused one cannot make itself true. A contact that its own packet belies is
remembered as worthless: when the registrar lists it among the bindings before
the next REGISTER, that does not count either.
"""

from __future__ import annotations

from typing import Iterable, List, Optional, Sequence, Tuple

from ..errors import HandoverError
from ..sip.grammar import ip_literal
from ..sip.registration import Contact, Expired, Registration
from ..sip.uri import parse_uri
from .holding import Holding, Owner, Proof, contact_name, holding_from_value
from .memory import Memory, Parsed, Value
from .model import Address
from .registration_policy import Policy
from .seen import Seen
from .selector import address_text

__all__ = ["Ownership", "user_of"]

#: Most holdings that are remembered of one address, and most addresses of one address of record.
MOST_AT_ADDRESS = 16
MOST_OF_AOR = 32
#: Seconds that a holding is kept beyond the time in which it can matter.
_MARGIN = 3600
#: Longest that a binding is believed to last where only the phone has said how long, in seconds.
_LONGEST = 86400
_INFINITE = float("inf")


class Ownership:
    """The history of addresses, kept in a memory."""

    def __init__(self, memory: Memory, policy: Policy) -> None:
        self._memory = memory
        self._policy = policy
        self._seen = Seen(memory)
        self._parsed = Parsed(_holdings)

    def at(self, address: Address) -> Tuple[Holding, ...]:
        """Who had this address, in the order of learning."""
        value = self._memory.get("held", address_text(address))
        return self._parsed.of(value) if value else ()

    def of(self, aor: str, besides: Iterable[str] = ()) -> List[Tuple[Address, Holding]]:
        """What an address of record had, besides these addresses."""
        found = []
        for owner, text in self._memory.get("phones", user_of(aor)) or ():
            address = ip_literal(text) if owner == aor and text not in besides else None
            if address is not None:
                found += [(address, holding) for holding in self.at(address) if holding.aor == owner]
        return found

    def learn_before(self, registration: Registration, moment: float) -> None:
        """Learn what the registrar held before: that somebody was there, but not since when."""
        for binding in registration.bindings_before:
            if binding.host is not None:
                known = self._seen.saw(registration.aor, binding.call_id, binding.cseq)
                elsewhere = _elsewhere(binding.received, binding.host)
                owner = (registration.aor, binding.instance)
                worthless = known or elsewhere
                self.learn_listed(
                    owner, binding.host, binding.contact, binding.expires, binding.call_id, moment, worthless
                )

    def learn_listed(
        self,
        owner: Owner,
        address: Address,
        contact: str,
        expires: Optional[float],
        call_id: Optional[str],
        moment: float,
        worthless: bool = False,
    ) -> None:
        """Learn that the registrar lists a binding.

        What is known of it already is known better: a contact that its packet belied does not gain by being listed.

        :param contact: its URI.
        :param expires: Unix seconds UTC; None where the server does not say.
        :param worthless: whether it proves nothing: the server noted that its packet came from another address, or
            its REGISTER was seen, and what that proved was learnt then.
        """
        if not self._worth(address):
            return
        if expires is None:
            expires = moment + self._policy.default_lifetime_seconds
        same = [h for h in self.at(address) if h.owner == owner]
        if not same:
            if not worthless:
                found = Holding(*owner, None, None, expires, "", Proof.REGISTRAR, call_id)
                self._add(address, found, moment)
        elif same[-1].until is None and same[-1].expires != expires and same[-1].concerns(contact):
            # The registrar may have granted less than was asked for, or more.
            self._replace(address, same[-1], same[-1]._replace(expires=expires), moment)

    def learn(self, registration: Registration, moment: float) -> None:
        """Learn what a registration binds and removes, and what the phone has left thereby."""
        bound = [c for c in registration.live_contacts if c.host is not None]
        for contact in bound:
            self._bind(registration, contact, moment)
        if not registration.contacts and not registration.removes_all:
            return
        stays = (
            ()
            if registration.removes_all
            else {address_text(contact.host) for contact in bound if contact.host is not None}
        )
        for address, holding in self.of(registration.aor, stays):
            if holding.end(moment) is not None:
                continue
            if _removes(registration, address, holding):
                self._end(address, holding, moment, "removed")
            elif any(self._left_for(registration, contact, address, holding) for contact in bound):
                self._end(address, holding, moment, "left")

    def expire(self, item: Expired, moment: float) -> None:
        """Learn that a binding is over. A server that names no domain or no instance means all that fit."""
        if item.host is None or not self._worth(item.host):
            return
        fits = [
            h
            for h in self.at(item.host)
            if item.aor in (h.aor, user_of(h.aor)) and (item.instance is None or item.instance == h.instance)
        ]
        for holding in fits:
            if holding.until is None and holding.concerns(item.contact):
                self._end(item.host, holding, min(moment, max(holding.expires, holding.since or 0)), "expired")
        seen = self._seen.saw(item.aor, item.call_id, 0) or (item.call_id is None and self.of(item.aor))
        if not fits and not seen and item.aor != user_of(item.aor):
            found = Holding(item.aor, item.instance, None, moment, moment, "expired", Proof.REGISTRAR, item.call_id)
            self._add(item.host, found, moment)

    def leave(self, owner: Owner, address: Address, moment: float) -> None:
        """Learn that an owner was admitted elsewhere with this old address."""
        for holding in self.at(address):
            if holding.owner == owner and holding.end(moment) is None:
                self._end(address, holding, moment, "left")

    def vouch(self, owner: Owner, address: Address, since: Optional[float], until: float) -> None:
        """Learn the home server's word."""
        found = Holding(owner[0], owner[1], since, until, until, "left", Proof.HOME)
        for holding in self.at(address):
            if holding.owner == owner and holding.proof == Proof.HOME:
                self._replace(address, holding, found, until)
                return
        self._add(address, found, until)

    def usable(self, holding: Holding, moment: float) -> bool:
        """As :meth:`Holding.usable`, with the policy's grace."""
        return holding.usable(moment, self.grace)

    @property
    def grace(self) -> int:
        """Seconds, as the policy has them."""
        return self._policy.grace_seconds

    def _bind(self, registration: Registration, contact: Contact, moment: float) -> None:
        address = contact.host
        if address is None or not self._worth(address):
            return
        proved = not self._policy.require_packet_source or registration.source_address == address
        stated = contact.expires if registration.expires_stated else self._policy.default_lifetime_seconds
        found = Holding(
            registration.aor,
            contact.instance,
            moment,
            None,
            moment + min(stated, _LONGEST),
            "",
            Proof.SOURCE if proved else Proof.NONE,
            registration.call_id,
            contact.reg_id,
            contact_name(contact.uri),
        )
        held = self.at(address)
        mine = next((h for h in reversed(held) if h.owner == found.owner and h.proof != Proof.HOME), None)
        if mine is None or (mine.end(moment) is not None and not self._resumed(mine, held, moment)):
            self._add(address, found, moment)
        elif proved and mine.proof == Proof.SOURCE:
            self._replace(address, mine, found._replace(since=mine.since), moment)
        elif proved or mine.proof == Proof.NONE:
            # What was proved only now holds from now on.
            self._replace(address, mine, found, moment)

    def _resumed(self, mine: Holding, held: Sequence[Holding], moment: float) -> bool:
        """Whether a phone that was seen elsewhere never quite went: its binding lasted, and nobody came."""
        end = mine.end(moment)
        return (
            mine.ended == "left"
            and mine.expires >= moment
            and end is not None
            and all(h.owner == mine.owner or (h.end(moment) or _INFINITE) <= end for h in held)
        )

    def _left_for(self, registration: Registration, contact: Contact, address: Address, holding: Holding) -> bool:
        """Whether a contact shows that a holding of the same phone is over: it is elsewhere now."""
        proved = not self._policy.require_packet_source or registration.source_address == contact.host
        return (
            proved
            and contact.instance is not None  # without one, it may be another phone of the same user
            and holding.owner == (registration.aor, contact.instance)
            # Two flows of one phone (RFC 5626) are two addresses at one time.
            and (holding.flow is None or contact.reg_id is None or holding.flow == contact.reg_id)
        )

    def _worth(self, address: Address) -> bool:
        """Whether an address can ever be somebody's old address."""
        return self._policy.prefix_of(address) is not None and not self._policy.is_infrastructure(address)

    def _add(self, address: Address, holding: Holding, moment: float) -> None:
        self._index(holding.aor, address, moment)
        self._write(address, [*self.at(address), holding], moment)

    def _replace(self, address: Address, before: Holding, after: Holding, moment: float) -> None:
        self._index(after.aor, address, moment)
        self._write(address, [after if h == before else h for h in self.at(address)], moment)

    def _end(self, address: Address, holding: Holding, moment: float, why: str) -> None:
        self._replace(address, holding, holding._replace(until=moment, ended=why), moment)

    def _write(self, address: Address, holdings: List[Holding], moment: float) -> None:
        kept = [h for h in holdings if self._last_use(h) > moment]
        if len(kept) > MOST_AT_ADDRESS:
            ranks = [
                (h.proof in (Proof.SOURCE, Proof.HOME), h.end(moment) or _INFINITE, -at) for at, h in enumerate(kept)
            ]
            del kept[ranks.index(min(ranks))]
        keep_until = max((self._last_use(h) for h in kept), default=moment) + _MARGIN
        self._parsed.keep(kept, tuple(kept))
        self._memory.put("held", address_text(address), kept or None, keep_until)

    def _last_use(self, holding: Holding) -> float:
        return max(holding.expires, holding.until or 0) + self._policy.grace_seconds

    def _index(self, aor: str, address: Address, moment: float) -> None:
        """Note the address under its user, the latest last, and forget the user's longest untouched ones."""
        user, entry = user_of(aor), (aor, address_text(address))
        listed = [tuple(item) for item in self._memory.get("phones", user) or ()]
        if listed and listed[-1] == entry:
            return
        listed = [*(item for item in listed if item != entry), entry]
        same = [item for item in listed if item[0] == aor]
        if len(same) > MOST_OF_AOR:
            listed.remove(same[0])
            self._forget(aor, same[0][1], moment)
        keep_until = moment + self._policy.max_lifetime_seconds + self._policy.grace_seconds + _MARGIN
        self._memory.put("phones", user, listed, keep_until)

    def _forget(self, aor: str, text: str, moment: float) -> None:
        address = ip_literal(text)
        if address is not None:
            self._write(address, [h for h in self.at(address) if h.aor != aor], moment)


def _holdings(value: Value) -> Tuple[Holding, ...]:
    return tuple(holding_from_value(one) for one in value)


def user_of(aor: str) -> str:
    """The user part of an address of record: some servers name nothing else when a binding expires."""
    return aor.partition(":")[2].rpartition("@")[0] if "@" in aor else aor


def _removes(registration: Registration, address: Address, holding: Holding) -> bool:
    return registration.removes_all or any(
        contact.expires == 0
        and contact.host == address
        and (contact.instance is None or contact.instance == holding.instance)
        for contact in registration.contacts
    )


def _elsewhere(received: Optional[str], address: Address) -> bool:
    """Whether the server noted another packet source for a binding than the contact's host."""
    if received is None:
        return False
    try:
        found = parse_uri(received).address
    except HandoverError:
        return False
    return found is not None and found != address
