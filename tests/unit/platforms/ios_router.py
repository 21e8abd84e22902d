# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""States that an IOS router can hold, and a router of the stand-in in this process."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Entry,
    Freeze,
    Mark,
    Route,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.flow_lines import (
    Flow,
    Line,
    both_halves,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.router import Ios
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.static_nat import Side
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.router_device import ios_router
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter

from .ios_device import Terminal

NOW = 1_700_000_000


_IOS, _RENDERER = Ios(), Renderer()


def router(terminal: Terminal) -> ManagedRouter:
    return ios_router("rb", _IOS, _RENDERER, lambda: terminal)


def address(number: int) -> IPv4Address:
    return IPv4Address("198.51.100.0") + number


#: Old addresses and new ones of phones here, and of those that correspondents here speak with: no address is on both
#: sides of a router.
PHONES = ([address(n) for n in range(10, 14)], [address(n) for n in range(30, 34)])
ABROAD = ([address(n) for n in range(50, 54)], [address(n) for n in range(70, 74)])
PEERS = [address(n) for n in range(90, 93)]

stamps = st.builds(
    Stamp,
    st.text("0123456789abcdef", min_size=1, max_size=32),
    st.integers(1, 10**10),
    st.integers(NOW + 1, 10**11),
    flows=st.integers(1, 10**6),
    ended=st.booleans(),
)


@st.composite
def rewrites(draw: st.DrawFn, side: Side) -> list[Entry]:
    """Both halves of some lines; at the visited router also for some correspondents each."""
    olds, news = PHONES if side is Side.INSIDE else ABROAD
    pairs = draw(st.lists(st.tuples(st.sampled_from(olds), st.sampled_from(news)), max_size=3))
    # One new address for each old one, and the other way round, as for packets without a correspondent.
    pairs = list({new: (old, new) for old, new in {old: (old, new) for old, new in pairs}.values()}.values())
    found: list[Entry] = []
    for old, new in pairs:
        scoped = side is Side.INSIDE and draw(st.booleans())
        peers = draw(st.sets(st.sampled_from(PEERS), min_size=1)) if scoped else [None]
        for peer in peers:
            for half in both_halves(Flow(Line(side, old, new, scoped), peer), draw(stamps)):
                later = half.stamp.expires + draw(st.integers(0, 99))
                found.append(replace(half, stamp=replace(half.stamp, expires=later)))
    return found


selectors = st.one_of(
    st.builds(Selector, st.sampled_from(PEERS), st.sampled_from(PHONES[0])),
    st.builds(Selector, st.none(), st.sampled_from(PHONES[1])),
    st.builds(Selector, st.sampled_from(PHONES[0]), st.none()),
)
routes = st.builds(
    Route,
    st.sampled_from(PHONES[0]),
    st.sampled_from(PHONES[1]),
    st.sampled_from(["GigabitEthernet1", "Vlan20"]),
    stamps,
)
others = st.one_of(routes, st.builds(Mark, selectors, stamps), st.builds(Freeze, selectors, stamps))


@st.composite
def states(draw: st.DrawFn) -> RouterState:
    """What a router may hold."""
    found = [entry for side in Side for entry in draw(rewrites(side))]
    found += draw(st.lists(others, max_size=5))
    return RouterState({entry.key: entry for entry in found}.values())
