# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A move seen without the tag (design rule 12): what the registrar knew, and the phone now at another address.

Stock phones never send the patent's header. Each way is off unless the policy
turns it on. What was inferred is held against the same rules as what was said.

Never inferred: from another port at the same address; after the phone removed the
binding itself; from the binding of another instance; where two earlier addresses
are possible; where the phone was at the new address before.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Iterable, List, Optional, Set, Tuple

from ..sip.registration import Registration
from .claim import Claim, Context, moment_of
from .holding import Holding, Proof
from .model import Address
from .registration_policy import Inference

__all__ = ["inferred"]

_Held = List[Tuple[Address, Holding]]


def inferred(claim: Claim, context: Context) -> Optional[Claim]:
    """The claim with the old address that follows from the history; None where none follows for sure.

    The bindings that the registrar held before are part of the history by now; what this registration binds is not.
    """
    ways = context.policy.infer
    if ways == Inference() or claim.new is None or len({contact.host for contact in claim.contacts}) != 1:
        return None
    moment = moment_of(claim.registration, context.now)
    held = [
        (address, holding)
        for address, holding in context.history.of(claim.registration.aor)
        if holding.proof != Proof.NONE and holding.owner == claim.owner
    ]
    if any(address == claim.new and holding.end(moment) is None for address, holding in held):
        return None
    others = [
        (address, holding)
        for address, holding in held
        if address != claim.new
        and address.version == claim.new.version
        and context.history.usable(holding, moment)
        and holding.why_ended(moment) != "removed"
    ]
    for name, way in _WAYS:
        if getattr(ways, name):
            old = way(claim.registration, others, moment)
            if old is not None and not _anothers(old, claim, context, moment):
                return replace(claim, old=old, by=name)
    return None


def _same_instance(registration: Registration, held: _Held, moment: float) -> Optional[Address]:
    if registration.instance is None:
        return None
    flows = {contact.reg_id for contact in registration.live_contacts}
    # Two flows of one phone (RFC 5626) are two addresses at one time, not a move.
    return _latest(((a, h) for a, h in held if h.flow is None or flows == {None} or h.flow in flows), moment)


def _same_call_id(registration: Registration, held: _Held, moment: float) -> Optional[Address]:
    # That its CSeq is higher is a rule of admission (RFC 3261 section 10.3 step 7).
    if registration.call_id is None:
        return None
    return _latest(((a, h) for a, h in held if h.call_id == registration.call_id), moment)


def _removed_contact(registration: Registration, held: _Held, moment: float) -> Optional[Address]:
    gone = {contact.host for contact in registration.contacts if contact.expires == 0}
    return _latest(((a, h) for a, h in held if a in gone), moment)


def _single_contact(_registration: Registration, held: _Held, moment: float) -> Optional[Address]:
    return _latest(held, moment)


_WAYS: Tuple[Tuple[str, Callable[[Registration, _Held, float], Optional[Address]]], ...] = (
    ("instance", _same_instance),
    ("call_id", _same_call_id),
    ("removed_contact", _removed_contact),
    ("single_contact", _single_contact),
)


def _latest(held: Iterable[Tuple[Address, Holding]], moment: float) -> Optional[Address]:
    """The one address among these that lasts; or, where none lasts, the one that ended last."""
    found = list(held)
    lasting: Set[Address] = {address for address, holding in found if holding.end(moment) is None}
    if lasting:
        return lasting.pop() if len(lasting) == 1 else None
    return max(found, key=lambda item: item[1].end(moment) or 0, default=(None, None))[0]


def _anothers(old: Address, claim: Claim, context: Context, moment: float) -> bool:
    """Whether another phone of the same user is at the old address: two phones, not one that moved."""
    return any(
        holding.aor == claim.registration.aor and holding.owner != claim.owner and holding.end(moment) is None
        for holding in context.history.at(old)
        if holding.proof != Proof.NONE
    )
