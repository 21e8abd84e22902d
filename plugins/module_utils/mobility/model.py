# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries that a first-hop router holds for us.

The vocabulary of RFC 4008: a rewrite is inbound or outbound, and changes the
source or the destination. A *decoder* (inbound) restores what a host expects;
an *encoder* (outbound) sends a packet into the network under the mobile
node's other address.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Optional, Tuple, Union

from ..errors import HandoverError
from .selector import Address, Scope, Selector

__all__ = [
    "EXPIRY_TOLERANCE",
    "Address",
    "Change",
    "Directions",
    "Entry",
    "Freeze",
    "Key",
    "Mark",
    "Neighbour",
    "Rewrite",
    "RewriteKind",
    "Role",
    "Route",
    "Scope",
    "Selector",
    "Stamp",
    "Via",
    "same",
]

#: Seconds by which two absolute expiries may differ and still count as equal:
#: what a router reports is its own clock's view of a timeout.
EXPIRY_TOLERANCE = 2


class Directions(Enum):
    """FORWARD: only packets towards the mobile node are rewritten. BOTH: the reverse as well."""

    FORWARD = "forward"
    BOTH = "both"


class Via(Enum):
    """Which router sends a correspondent's packets on to where the mobile node is.

    CORRESPONDENT_ROUTER: its own. HOME_ROUTER: where its own is not managed, that of the old address.
    """

    CORRESPONDENT_ROUTER = "correspondent_router"
    HOME_ROUTER = "home_router"


class Role(Enum):
    """What an entry does in a handover; decides when it may change."""

    DECODER = "decoder"
    SUPPORT = "support"
    ENCODER_DST = "encoder_dst"
    ENCODER_SRC = "encoder_src"
    FREEZE = "freeze"


class RewriteKind(Enum):
    """The four rewrites of RFC 4008 (natAddrMapTranslationEntity).

    :ivar word: its value, which Enum gives slowly.
    :ivar is_decoder: whether it restores what a host expects.
    :ivar changes_destination: whether it changes the destination rather than the source.
    :ivar role: what it does in a handover.
    """

    INBOUND_DST = "inbound_dst"
    INBOUND_SRC = "inbound_src"
    OUTBOUND_DST = "outbound_dst"
    OUTBOUND_SRC = "outbound_src"

    __hash__ = object.__hash__  # as for Scope

    def __init__(self, word: str) -> None:
        self.word = word
        self.is_decoder = word.startswith("inbound")
        self.changes_destination = word.endswith("dst")
        encoder = Role.ENCODER_DST if self.changes_destination else Role.ENCODER_SRC
        self.role = Role.DECODER if self.is_decoder else encoder


@dataclass(frozen=True)
class Stamp:
    """Whose an entry is: written into the router beside it, so that any controller can finish or undo the work.

    :ivar handover: id of the handover; the empty string for a remnant whose owner the router no longer knows.
    :ivar epoch: rises with each change of the handover.
    :ivar expires: absolute expiry of this entry, Unix seconds UTC.
    :ivar directions: the handover's directions; ``FORWARD`` where this entry's flow is handed over in that one only.
    :ivar flows: how many flows (sessions, or correspondents) the whole handover has; a controller that
        finds fewer on the routers knows that it does not see all of it.
    :ivar ended: the whole handover is about to end; announced before the encoders go, so that a crash in
        between is not mistaken for a handover that was only begun. (Where the mobile node moved on, the newer
        epoch of what stays tells the same.)
    :ivar via: the handover's choice, see :class:`Via`.
    """

    handover: str
    epoch: int
    expires: int
    directions: Directions = Directions.BOTH
    flows: int = 1
    ended: bool = False
    via: Via = Via.CORRESPONDENT_ROUTER

    def until(self, expires: int) -> Stamp:
        """This stamp with another expiry."""
        return Stamp(self.handover, self.epoch, expires, self.directions, self.flows, self.ended, self.via)

    def __str__(self) -> str:
        going = ", ending" if self.ended else ""
        return f"handover {self.handover or 'unknown'}, epoch {self.epoch}{going}"


Key = Tuple[object, ...]


@dataclass(frozen=True)
class Rewrite:
    """One rewrite: packets that match get ``to`` as source or destination.

    :raises HandoverError: ``bad_entry`` when ``to`` is of another family.
    """

    kind: RewriteKind
    match: Selector
    to: Address
    stamp: Stamp

    def __post_init__(self) -> None:
        if self.match.bits[0] != self.to.version:
            _of_one_family(self.match.address, self.to)

    def __str__(self) -> str:
        return f"{self.kind.value} {self.match} to {self.to} ({self.stamp})"

    @property
    def key(self) -> Key:
        """What can stand only once on a router."""
        return ("rewrite", self.kind, self.match)

    @property
    def rank(self) -> Key:
        """Its place among a router's entries, wherever they are listed."""
        return ("rewrite", self.kind.word, self.match.bits)

    @property
    def role(self) -> Role:
        return self.kind.role

    @property
    def pair(self) -> Tuple[Address, Address]:
        """The old and the new address of the mobile node that it is for."""
        mobile = (self.match.destination if self.kind.changes_destination else self.match.source) or self.match.address
        return (self.to, mobile) if self.kind.is_decoder else (mobile, self.to)

    @property
    def image(self) -> Selector:
        """The selector of the packets that leave this rewrite."""
        match = self.match
        source, destination = match.source, match.destination
        if self.kind.changes_destination:
            destination = self.to
        else:
            source = self.to
        return Selector(source, destination, match.protocol, match.source_port, match.destination_port)


@dataclass(frozen=True)
class Mark:
    """Packets that are only marked, so that they find the handover's route and pass the operator's firewall."""

    match: Selector
    stamp: Stamp

    def __str__(self) -> str:
        return f"mark {self.match} ({self.stamp})"

    @property
    def key(self) -> Key:
        return ("mark", self.match)

    @property
    def rank(self) -> Key:
        return ("mark", self.match.bits)

    role = Role.SUPPORT


@dataclass(frozen=True)
class Route:
    """Host route for an old address; seen by marked packets alone where the platform can do that.

    :raises HandoverError: ``bad_entry`` when ``via`` is of another family.
    """

    destination: Address
    via: Optional[Address]
    interface: Optional[str]
    stamp: Stamp

    def __post_init__(self) -> None:
        if self.via is not None:
            _of_one_family(self.destination, self.via)

    def __str__(self) -> str:
        return f"route {self.destination} via {self.via} dev {self.interface} ({self.stamp})"

    @property
    def key(self) -> Key:
        return ("route", self.destination)

    @property
    def rank(self) -> Key:
        return ("route", self.destination.version, int(self.destination))

    role = Role.SUPPORT


@dataclass(frozen=True)
class Neighbour:
    """Proxy neighbour entry (ARP or ND): the router answers for an old address on its link, for the hosts there.

    It comes and goes with the encoder of the packets that it draws to the router.
    """

    address: Address
    interface: str
    stamp: Stamp

    def __str__(self) -> str:
        return f"neighbour {self.address} dev {self.interface} ({self.stamp})"

    @property
    def key(self) -> Key:
        return ("neighbour", self.address, self.interface)

    @property
    def rank(self) -> Key:
        return ("neighbour", self.address.version, int(self.address), self.interface)

    role = Role.ENCODER_DST


@dataclass(frozen=True)
class Freeze:
    """Packets that are dropped while a stateful router is being changed."""

    match: Selector
    stamp: Stamp

    def __str__(self) -> str:
        return f"freeze {self.match} ({self.stamp})"

    @property
    def key(self) -> Key:
        return ("freeze", self.match)

    @property
    def rank(self) -> Key:
        return ("freeze", self.match.bits)

    role = Role.FREEZE


Entry = Union[Rewrite, Mark, Route, Neighbour, Freeze]


@dataclass(frozen=True)
class Change:
    """One transaction: entries that go, entries that come. A replaced entry is in both."""

    remove: Tuple[Entry, ...] = ()
    put: Tuple[Entry, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.remove or self.put)


def _of_one_family(one: Address, other: Address) -> None:
    if one.version != other.version:
        raise HandoverError("bad_entry", f"{one} {other}", "the addresses of an entry are of one family")


def same(one: Optional[Entry], other: Optional[Entry]) -> bool:
    """Whether two entries are equal, their expiries within :data:`EXPIRY_TOLERANCE`."""
    if one is other:
        return True
    if one is None or other is None:
        return False
    if abs(one.stamp.expires - other.stamp.expires) > EXPIRY_TOLERANCE:
        return False
    return one == replace(other, stamp=other.stamp.until(one.stamp.expires))
