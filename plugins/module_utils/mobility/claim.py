# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registration seen as a claim: this address's traffic shall come to that one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Tuple

from ..sip.registration import Contact, Registration
from .holding import Owner
from .live import Live
from .memory import Memory, RunMemory
from .model import Address
from .ownership import Ownership
from .pairs import TAG
from .registration_policy import Policy
from .seen import Seen

__all__ = ["Claim", "Context", "claim_of", "context_of", "lifetime_of", "moment_of"]


@dataclass(frozen=True)
class Claim:
    """A registration, and what it says about addresses.

    :ivar contacts: the contacts that count: those that it binds, or those that it removes when it binds none.
    :ivar old: the old address, where exactly one is stated.
    :ivar new: the address of the first contact that counts.
    :ivar by: ``tag``, or the way in which the old address was inferred.
    """

    registration: Registration
    contacts: Tuple[Contact, ...]
    old: Optional[Address]
    new: Optional[Address]
    by: str = TAG

    @property
    def owner(self) -> Owner:
        """Whose registration it is."""
        return (self.registration.aor, self.registration.instance)

    @property
    def addresses(self) -> List[Tuple[str, Address]]:
        """Old and new with their names, as far as they are known."""
        return [(name, value) for name, value in (("old", self.old), ("new", self.new)) if value is not None]


@dataclass(frozen=True)
class Context:
    """What a claim is held against. ``now`` is Unix seconds UTC."""

    policy: Policy
    now: float
    seen: Seen
    history: Ownership
    live: Live


def context_of(policy: Policy, now: float, memory: Optional[Memory] = None) -> Context:
    """Everything that a memory knows, as it is held against a claim."""
    memory = RunMemory() if memory is None else memory
    return Context(policy, now, Seen(memory), Ownership(memory, policy), Live(memory))


def claim_of(registration: Registration) -> Claim:
    """What a registration claims."""
    contacts = registration.live_contacts or registration.contacts
    one_old = len(registration.old_hosts) == 1 and len(registration.old_addresses) == 1
    return Claim(
        registration=registration,
        contacts=contacts,
        old=registration.old_addresses[0] if one_old else None,
        new=contacts[0].host if contacts else None,
    )


def lifetime_of(registration: Registration, policy: Policy) -> int:
    """Seconds that a registration lasts under a policy."""
    stated = registration.expires if registration.expires_stated else policy.default_lifetime_seconds
    return min(stated, policy.max_lifetime_seconds)


def moment_of(registration: Registration, now: float) -> float:
    """When a registration came, as far as the input says; else ``now``."""
    return now if registration.received_at is None else registration.received_at
