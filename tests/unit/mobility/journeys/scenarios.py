# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random stories, as plain data: who is there, who talks to whom, what happens, and how far each plan gets.

Numbers are choices: a world takes each modulo what there is to choose from, so any story can be told in any world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Directions, Scope

__all__ = ["Call", "Event", "Story", "stories"]

_KINDS = (
    *("move", "move", "move", "move", "return", "swap", "together", "follow"),
    *("refresh", "end", "open", "reassign", "expire"),
)
_FATES = ("done", "done", "done", "undone", "completed", "taken back", "abandoned")


@dataclass(frozen=True)
class Call:
    """A session that is opened: a phone, its peer (a correspondent, or another phone), protocol and ports."""

    phone: int
    peer: int
    protocol: str
    port: int
    peer_port: int


@dataclass(frozen=True)
class Event:
    """One thing that happens, and what becomes of the plan for it.

    :ivar fate: the plan is ``done``, ``undone``, or cut off: then ``completed`` or ``taken back`` by whoever finds
        the routers so, or ``abandoned``.
    :ivar cut: how many of its stages run, where it is not done.
    :ivar mask: which steps of the stage after those run, a bit for each.
    :ivar seconds: since the event before.
    """

    kind: str
    who: int
    where: int
    reuse: bool
    fate: str
    cut: int
    mask: int
    seconds: int


@dataclass(frozen=True)
class Story:
    """All that a world needs to be told.

    :ivar platforms: of the routers, one each.
    :ivar behind: the router behind which each is, nearer to the network between; itself, where there is none.
    :ivar phones: the home router of each phone.
    :ivar correspondents: the router of each correspondent, and whether it is hidden behind that router's address. One
        more than there are routers stands for a network that is not managed.
    :ivar foreign_sources: the network between takes packets of any source from any router.
    """

    platforms: tuple[str, ...]
    behind: tuple[int, ...]
    version: int
    scope: Scope
    directions: Directions
    phones: tuple[int, ...]
    correspondents: tuple[tuple[int, bool], ...]
    calls: tuple[Call, ...]
    events: tuple[Event, ...]
    foreign_sources: bool = False


_small = st.integers(0, 7)
_CALLS = st.builds(
    Call,
    st.integers(0, 2),
    st.integers(0, 4),
    st.sampled_from(("tcp", "udp")),
    st.sampled_from((5060, 40000)),
    st.sampled_from((5060, 7000)),
)


def _events(kinds: Sequence[str], fates: Sequence[str]) -> st.SearchStrategy[Event]:
    return st.builds(
        Event,
        st.sampled_from(kinds),
        st.integers(0, 2),
        st.integers(0, 5),
        st.booleans(),
        st.sampled_from(fates),
        _small,
        _small,
        st.sampled_from((3, 60, 400, 640, 700)),
    )


@st.composite
def stories(
    draw: st.DrawFn,
    kinds: Sequence[str] = _KINDS,
    fates: Sequence[str] = _FATES,
    platforms: Sequence[str] = ("nftables", "nftables", "iptables"),
    scopes: Sequence[Scope] = (Scope.SESSION, Scope.SESSION, Scope.SESSION, Scope.CORRESPONDENT, Scope.ADDRESS),
    nested: Sequence[bool] = (False, False, False, True),
    foreign_sources: bool = False,
) -> Story:
    """Two to six routers, one to three phones, one to three correspondents, up to four calls and twenty events."""
    found = tuple(draw(st.lists(st.sampled_from(platforms), min_size=2, max_size=6)))
    routers = st.integers(0, len(found) - 1)
    alone = tuple(range(len(found)))
    anywhere = st.integers(0, len(found)) if foreign_sources else routers
    return Story(
        found,
        tuple(draw(st.integers(0, number)) for number in alone) if draw(st.sampled_from(nested)) else alone,
        draw(st.sampled_from((4, 6))),
        draw(st.sampled_from(scopes)),
        Directions.BOTH if "iptables" in found else draw(st.sampled_from(Directions)),
        tuple(draw(st.lists(routers, min_size=1, max_size=3))),
        tuple(draw(st.lists(st.tuples(anywhere, st.booleans()), min_size=1, max_size=3))),
        tuple(draw(st.lists(_CALLS, min_size=1, max_size=4))),
        tuple(draw(st.lists(_events(kinds, fates), min_size=1, max_size=20))),
        foreign_sources,
    )
