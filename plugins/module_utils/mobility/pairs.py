# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reading of registrations yields: pairs of addresses, changes, refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Mapping, Optional, Tuple

from ..reader import Reader, address, flag, items, optional, text, time_from_text
from ..sip.refusal import Refusal
from .handover import Session, handover_id
from .model import Address
from .records import session_from_record, session_to_record
from .selector import address_text

__all__ = ["TAG", "AddressPair", "Change", "Refusal", "pair_from_record", "pair_to_value"]

#: How a pair is found by the patent's header; the other ways are those of :mod:`inference`.
TAG = "tag"


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
    :ivar by: how it was found: ``tag``, ``instance``, ``call_id``, ``removed_contact`` or ``single_contact``.
    :ivar held_from: from when on the owner alone had the old address, Unix seconds UTC; None where not known.
    :ivar held_to: until when; None where he has it still, or it is not known.
    :ivar reassigned: whether somebody else has the old address now. Only sessions of the owner's interval are his
        then, and no wider scope is right.
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
    by: str = TAG
    held_from: Optional[int] = None
    held_to: Optional[int] = None
    reassigned: bool = False

    @property
    def id(self) -> str:
        """The id of the handover that it leads to."""
        return handover_id(self.aor, self.instance, self.old)


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


def pair_to_value(pair: AddressPair) -> Dict[str, Any]:
    """A pair as plain data for a memory; :func:`pair_from_record` reads it again."""
    return {
        **vars(pair),
        "old": address_text(pair.old),
        "new": address_text(pair.new),
        "correspondents": [str(peer) for peer in pair.correspondents],
        "sessions": [session_to_record(session) for session in pair.sessions],
    }


def pair_from_record(record: Mapping[str, Any]) -> AddressPair:
    """A live pair from plain data: a pair, or a handover, of an earlier run or of the routers.

    ``old``, ``new`` and ``expires`` are required; what a pair does not have is ignored. One without ``admitted``
    counts as admitted: it is live, so somebody has admitted it.

    :raises HandoverError: naming the key.
    """
    read = Reader(record, "pair")
    return AddressPair(
        aor=read.take("aor", text, ""),
        instance=read.take("instance", optional(text), None),
        old=read.take("old", address),
        new=read.take("new", address),
        correspondents=tuple(address(item) for item in read.take("correspondents", items, [])),
        sessions=tuple(session_from_record(item) for item in read.take("sessions", items, [])),
        expires=read.take("expires", time_from_text),
        admitted=read.take("admitted", flag, True),
        source=read.take("source", text, "live"),
        by=read.take("by", text, TAG),
        held_from=read.take("held_from", optional(time_from_text), None),
        held_to=read.take("held_to", optional(time_from_text), None),
        reassigned=read.take("reassigned", flag, False),
        correspondent=read.take("correspondent", optional(text), None),
    )
