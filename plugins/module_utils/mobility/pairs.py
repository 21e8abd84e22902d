# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reading of registrations yields: pairs of addresses, changes, refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from ..sip.refusal import Refusal
from .handover import Session
from .model import Address

__all__ = ["AddressPair", "Change", "Refusal"]


@dataclass(frozen=True)
class AddressPair:
    """A mobile node's old and new address, and whom it is for.

    :ivar aor: canonical address of record of the owner.
    :ivar instance: ``+sip.instance`` of the owner, or None.
    :ivar correspondents: the correspondents that the policy names, or the one that an INVITE or NOTIFY is for; empty
        for none.
    :ivar sessions: the sessions that the registration lists; empty where it lists none, or its list was not believed.
    :ivar expires: absolute expiry of the registration, Unix seconds UTC.
    :ivar admitted: whether every rule of a policy held; False where there was no policy.
    :ivar source: file and line of the registration.
    :ivar current: whether nothing later in the same run took its place or ended it.
    :ivar correspondent: address of record of the correspondent that an INVITE or NOTIFY is for; None of a REGISTER.
    """

    aor: str
    instance: Optional[str]
    old: Address
    new: Address
    correspondents: Tuple[Address, ...]
    sessions: Tuple[Session, ...]
    expires: int
    admitted: bool
    source: str
    current: bool = True
    correspondent: Optional[str] = None


@dataclass(frozen=True)
class Change:
    """What happened to a mobile node's old address.

    :ivar kind: ``moved``, ``refreshed`` (the same pair again), ``returned`` (it has the old address again)
        or ``ended`` (the registration is over).
    :ivar old: None where a registration ended and the input does not tell the old address.
    :ivar new: the address that the registration names; None where every binding was removed.
    :ivar expires: absolute expiry, Unix seconds UTC; of an ended one, the time of its end.
    :ivar admitted: as in :class:`AddressPair`.
    """

    kind: str
    aor: str
    instance: Optional[str]
    old: Optional[Address]
    new: Optional[Address]
    expires: int
    admitted: bool
    source: str
