# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a platform can express, also where that depends on the part that a router has in a handover."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import FrozenSet, Mapping

from ..mobility.model import Directions, RewriteKind, Scope

__all__ = ["Capabilities", "Narrower", "Part"]


class Part(Enum):
    """The part that a router which rewrites has in a handover.

    VISITED is the phone's first hop now. CORRESPONDENT sends on to it: the correspondent's own router, or the home
    router where that one stands in for it.
    """

    VISITED = "visited"
    CORRESPONDENT = "correspondent's"

    __hash__ = object.__hash__  # as for Scope

    @classmethod
    def of(cls, kind: RewriteKind) -> Part:
        """The part of the router that holds such a rewrite."""
        return cls.VISITED if kind in (RewriteKind.INBOUND_DST, RewriteKind.OUTBOUND_SRC) else cls.CORRESPONDENT


@dataclass(frozen=True)
class Narrower:
    """What a platform can hold in one part, where that is less than in the other, and why."""

    scopes: FrozenSet[Scope]
    because: str


@dataclass(frozen=True)
class Capabilities:
    """What a platform can express.

    :ivar scopes: the scopes it can hold.
    :ivar directions: the directions it can hold.
    :ivar joint: its changes take effect as a whole (connection tracking, or both halves in one line), so
        the flows concerned are frozen on it meanwhile.
    :ivar neighbours: it can answer for an address on a link.
    :ivar atomic: of a joint platform, each line takes effect at once: no freeze is needed where lines only come, or
        only go, and no other joint router changes with it.
    :ivar expires: what it holds goes by itself when its time is over.
    :ivar by_side: it translates only between an inside and an outside interface: it routes first and translates then
        on the way out, and the other way round on the way in.
    :ivar confirms: its routers can hold encoders unconfirmed, and take them back by themselves.
    :ivar narrower: the parts in which it can hold less than ``scopes``.
    :ivar freezes: of a joint platform, the packets of a flow can be dropped on its routers while they change.
    :ivar written_only: its text is written to files; no router of it is reached.
    """

    scopes: FrozenSet[Scope]
    directions: FrozenSet[Directions]
    joint: bool
    neighbours: bool = False
    atomic: bool = False
    expires: bool = True
    by_side: bool = False
    confirms: bool = False
    narrower: Mapping[Part, Narrower] = field(default_factory=lambda: MappingProxyType({}))
    freezes: bool = True
    written_only: bool = False

    @property
    def everything(self) -> bool:
        """Whether there is no handover that it cannot express."""
        whole = len(self.scopes) == len(Scope) and len(self.directions) == len(Directions)
        return whole and self.neighbours and not self.narrower
