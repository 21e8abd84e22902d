# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random entries and states of routers: every kind, scope and family, also what no plan makes but a user may write."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Address,
    Directions,
    Entry,
    Freeze,
    Mark,
    Neighbour,
    Rewrite,
    RewriteKind,
    Route,
    Scope,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.selector import PROTOCOLS, Selector
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms import stamp as stamps

from .worlds import NOW

#: Where next hops are, and where old addresses are.
LINKS = {4: "198.51.100.0", 6: "2001:db8:51::"}
MOBILE = {4: "198.18.0.0", 6: "2001:db8:18::"}


def addresses(version: int) -> st.SearchStrategy[Address]:
    """Any address of a family, and some that are likely to meet."""
    few = ("203.0.113.7", "198.18.0.1") if version == 4 else ("2001:db8::7", "::ffff:203.0.113.7", "2001:db8::ffff:1")
    numbers = st.integers(1, 2 ** (32 if version == 4 else 128) - 1)
    wide: st.SearchStrategy[Address] = numbers.map(IPv4Address if version == 4 else IPv6Address)
    return st.sampled_from([ip_address(text) for text in few]) | wide


@st.composite
def stamp(draw: st.DrawFn) -> Stamp:
    """A stamp of a handover that lives for a while at ``NOW``."""
    identity = draw(st.from_regex(r"[0-9A-Za-z]{1,32}", fullmatch=True))
    epoch, flows = draw(st.integers(0, 10**18 - 1)), draw(st.integers(0, 10**9 - 1))
    expires = NOW + draw(st.integers(60, 400_000_000))
    directions = draw(st.sampled_from(Directions))
    end = draw(st.sampled_from(("", " v=home"))) + draw(st.sampled_from(("", " end")))
    return stamps.decode(f"sipmobility:1 id={identity} e={epoch} x={expires} n={flows} d={directions.value}{end}")


@st.composite
def selectors(draw: st.DrawFn, version: int, scope: Scope, of_destination: bool | None = None) -> Selector:
    """A selector of a scope; one of a single address names the source, the destination, or either of them."""
    source, destination = draw(addresses(version)), draw(addresses(version))
    if scope is Scope.ADDRESS:
        to = draw(st.booleans()) if of_destination is None else of_destination
        return Selector(destination=destination) if to else Selector(source)
    if scope is Scope.CORRESPONDENT:
        return Selector(source, destination)
    ports = draw(st.integers(1, 65535)), draw(st.integers(1, 65535))
    return Selector(source, destination, draw(st.sampled_from(PROTOCOLS)), *ports)


@st.composite
def holdable(draw: st.DrawFn) -> Entry:
    """An entry as a plan for a Linux router makes it."""
    version, scope, kind = draw(st.sampled_from((4, 6))), draw(st.sampled_from(Scope)), draw(st.integers(0, 4))
    if kind < 3:
        rewrite = draw(st.sampled_from(RewriteKind))
        match = draw(selectors(version, scope, rewrite.changes_destination))
        return Rewrite(rewrite, match, draw(addresses(version)), draw(stamp()))
    if kind == 3:
        return Mark(
            draw(selectors(version, draw(st.sampled_from((Scope.SESSION, Scope.CORRESPONDENT))))), draw(stamp())
        )
    via = draw(st.none() | st.integers(2, 254).map(lambda host: ip_address(LINKS[version]) + host))
    return Route(ip_address(MOBILE[version]) + draw(st.integers(1, 65000)), via, "lan", draw(stamp()))


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """Any entry that the model can hold."""
    version = draw(st.sampled_from((4, 6)))
    match = draw(selectors(version, draw(st.sampled_from(Scope))))
    link = draw(st.sampled_from(("lan", "eth0.100", "GigabitEthernet0/0/1")))
    one: Entry = draw(
        st.one_of(
            holdable(),
            st.builds(Rewrite, st.sampled_from(RewriteKind), st.just(match), addresses(version), stamp()),
            st.builds(Mark, st.just(match), stamp()),
            st.builds(Freeze, st.just(match), stamp()),
            st.builds(Neighbour, addresses(version), st.just(link), stamp()),
            st.builds(Route, addresses(version), st.none() | addresses(version), st.none() | st.just(link), stamp()),
        )
    )
    return one


def states(of: st.SearchStrategy[Entry], most: int = 12) -> st.SearchStrategy[RouterState]:
    """What a router holds: entries with different keys, encoders that can be told apart by what leaves them."""
    return st.lists(of, max_size=most, unique_by=(lambda entry: entry.key, encoded)).map(RouterState)


def encoded(entry: Entry) -> object:
    """What leaves an encoder: two that make the same packets have one decoder at the other end, so no plan has both."""
    encoder = isinstance(entry, Rewrite) and not entry.kind.is_decoder
    return (entry.kind, entry.image) if encoder else entry.key  # type: ignore[union-attr]
