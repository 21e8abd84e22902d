# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk of a packet: the patent's example both ways, ingress filtering, a chain of moves, and what stops it."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from itertools import pairwise

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Address,
    Directions,
    Freeze,
    Mark,
    Rewrite,
    RewriteKind,
    Route,
    Scope,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.proof import check
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.target import target_states
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.trace import Packet, trace

from .worlds import NETWORKS, NEW, NOW, OLD, PEER, TOPOLOGY, host, patent_handover

THERE = Packet(PEER, OLD, "tcp", 7000, 40000)
BACK = Packet(OLD, PEER, "tcp", 40000, 7000)
STAMP = Stamp("a", 1, NOW + 600)


def held(*wanted: Handover) -> dict[str, RouterState]:
    states, refused = target_states({}, wanted, TOPOLOGY)
    assert refused == []
    return states


def test_both_ways_past_ingress_filters() -> None:
    states = held(patent_handover())
    there, back = trace(THERE, "rc", TOPOLOGY, states), trace(BACK, "rb", TOPOLOGY, states)
    assert (there.packet, there.host, there.verdict) == (THERE, NEW, "delivered")
    assert (back.packet, back.host, back.verdict) == (BACK, PEER, "delivered")
    assert [hop.packet.source for hop in back.hops] == [NEW, NEW, OLD, OLD]


def test_forward_alone_does_not_come_back_past_an_ingress_filter() -> None:
    """BCP 38 (RFC 2827): the old address is foreign in the visited network."""
    states = held(patent_handover(directions=Directions.FORWARD))
    assert trace(BACK, "rb", TOPOLOGY, states).verdict == "source 1.1.1.1 does not belong to rb: ingress filtering"
    assert trace(BACK, "rb", TOPOLOGY, states, ingress_filtering=False).delivered


def test_without_us_the_packet_goes_where_nobody_is() -> None:
    walk = trace(THERE, "rc", TOPOLOGY, {})
    assert [(hop.where, hop.what) for hop in walk.hops] == [("rc", "to ra"), ("ra", "on link")]
    with pytest.raises(HandoverError, match=r"walk_failed.*tcp 3.3.3.3:7000 > 1.1.1.1:40000"):
        check(patent_handover(), TOPOLOGY, {})


def test_a_chain_of_moves_keeps_each_session_at_its_own_address() -> None:
    """A to B to D: the first call is known by 1.1.1.1, the one that was opened at B by 2.2.2.2 (design rule 9)."""
    at_d = host("rd", 4, 4)
    first = patent_handover(new=at_d, epoch=2)
    second = patent_handover(id="second", old=NEW, new=at_d, sessions=(replace(first.sessions[0], port=40001),))
    states = held(first, second)
    for old, port in ((OLD, 40000), (NEW, 40001)):
        there = Packet(PEER, old, "tcp", 7000, port)
        assert trace(there, "rc", TOPOLOGY, states).host == at_d
        assert trace(there, "rc", TOPOLOGY, states).packet == there
    check(first, TOPOLOGY, states)
    check(second, TOPOLOGY, states)


def test_a_wide_scope_spoils_what_is_new_and_the_narrow_one_does_not() -> None:
    """Design rule 1: the answer of the correspondent to a new session from the new address is rewritten."""
    new = Packet(PEER, NEW, "tcp", 7000, 41000)
    assert trace(new, "rc", TOPOLOGY, held(patent_handover())).packet == new
    wide = patent_handover(scope=Scope.CORRESPONDENT, sessions=(), correspondents=(PEER,))
    assert trace(new, "rc", TOPOLOGY, held(wide)).packet.destination == OLD


def test_a_route_is_for_marked_packets_alone() -> None:
    """A host beside the phone still reaches whoever holds the old address now (design rule 7)."""
    beside = Packet(host("rb", 4, 77), OLD, "udp", 1000, 2000)
    walk = trace(beside, "rb", TOPOLOGY, held(patent_handover()))
    assert [hop.what for hop in walk.hops] == ["to ra", "on link"]


@pytest.mark.parametrize("kind", RewriteKind)
def test_the_narrowest_scope_rewrites_and_no_other_after_it(kind: RewriteKind) -> None:
    """Each chain of ours returns after its first hit."""
    to = kind.changes_destination
    scopes = [
        Selector(PEER, OLD, "tcp", 7000, 40000),
        Selector(PEER, OLD),
        Selector(destination=OLD) if to else Selector(PEER),
    ]
    entries = [Rewrite(kind, match, host("rd", 4, 10 + number), STAMP) for number, match in enumerate(scopes)]
    # And one for what the narrowest makes of it.
    entries.append(Rewrite(kind, Selector(destination=entries[0].to) if to else Selector(entries[0].to), NEW, STAMP))
    for number, entry in enumerate(entries[:-1]):
        state = RouterState([*entries[number:-1], *(entries[-1:] if number == 0 else [])])
        walk = trace(THERE, "rc", TOPOLOGY, {"rc": state}, ingress_filtering=False)
        assert (walk.packet.destination if to else walk.packet.source) == entry.to


def test_each_rewrite_sees_what_the_one_before_made() -> None:
    """Decoders, then encoders, and the destination first in each: so both ends may have moved (design rule 9)."""
    one, two, three, four = (host("rd", 4, 10 + number) for number in range(4))
    state = RouterState(
        [
            Rewrite(RewriteKind.INBOUND_DST, Selector(PEER, OLD), one, STAMP),
            Rewrite(RewriteKind.INBOUND_SRC, Selector(PEER, one), two, STAMP),
            Rewrite(RewriteKind.OUTBOUND_DST, Selector(two, one), three, STAMP),
            Rewrite(RewriteKind.OUTBOUND_SRC, Selector(two, three), four, STAMP),
        ]
    )
    walk = trace(THERE, "rc", TOPOLOGY, {"rc": state}, ingress_filtering=False)
    assert (walk.packet.source, walk.packet.destination) == (four, three)


def test_a_frozen_flow_goes_nowhere() -> None:
    states = {"rc": RouterState([Freeze(Selector(PEER, OLD), STAMP)])}
    walk = trace(THERE, "rc", TOPOLOGY, states)
    assert (walk.delivered, walk.verdict) == (False, "frozen at rc")


def test_routers_that_send_a_packet_to_each_other_for_ever() -> None:
    """Written by hand: no plan makes it. The walk ends."""
    states = {
        "rb": RouterState([Rewrite(RewriteKind.OUTBOUND_DST, Selector(PEER, NEW), PEER, STAMP)]),
        "rc": RouterState([Rewrite(RewriteKind.OUTBOUND_DST, Selector(PEER, PEER), NEW, STAMP)]),
    }
    walk = trace(Packet(PEER, NEW), "rb", TOPOLOGY, states, ingress_filtering=False)
    assert (walk.verdict, len(walk.hops) <= 40) == ("loops", True)


@pytest.mark.parametrize("rounds", [10, 100])
def test_a_long_way_is_no_loop_until_the_hop_limit_ends_it(rounds: int) -> None:
    """Two routers that pass a packet to and fro, each time from another source."""
    at_b, at_c = NEW, PEER
    sources = [host("rd", 4, 10 + number) for number in range(rounds + 1)]
    states = {
        "rb": RouterState(
            entry
            for one, other in pairwise(sources)
            for entry in (
                Rewrite(RewriteKind.INBOUND_SRC, Selector(one, at_b), other, STAMP),
                Rewrite(RewriteKind.OUTBOUND_DST, Selector(other, at_b), at_c, STAMP),
            )
        ),
        "rc": RouterState(Rewrite(RewriteKind.OUTBOUND_DST, Selector(one, at_c), at_b, STAMP) for one in sources[1:-1]),
    }
    walk = trace(Packet(sources[0], at_b), "rb", TOPOLOGY, states, ingress_filtering=False)
    assert (walk.host, walk.verdict) == ((at_c, "delivered") if rounds == 10 else (None, "loops"))


def marked_route(to: Address, via: Address | None, interface: str | None) -> RouterState:
    """A router that marks one pair, with a route for its destination."""
    return RouterState([Mark(Selector(PEER, to), STAMP), Route(to, via, interface, STAMP)])


def test_a_route_off_the_device_leads_into_the_network() -> None:
    """The core knows neither our marks nor our routes: it looks at the destination alone."""
    packet = Packet(PEER, OLD, "udp", 7000, 40000)
    states = {"rc": marked_route(OLD, ip_address("203.0.113.1"), "wan")}
    walk = trace(packet, "rc", TOPOLOGY, states)
    assert [(hop.where, hop.what) for hop in walk.hops] == [
        ("rc", "route 1.1.1.1 via 203.0.113.1 dev wan"),
        ("rc", "to ra"),
        ("ra", "on link"),
    ]
    assert walk.host == OLD


def test_the_record_of_a_route_that_is_gone_routes_nothing() -> None:
    """The kernel drops routes with their device; a router that is read then still has our record of it."""
    walk = trace(Packet(PEER, OLD), "rc", TOPOLOGY, {"rc": marked_route(OLD, None, None)})
    assert [(hop.where, hop.what) for hop in walk.hops] == [("rc", "to ra"), ("ra", "on link")]


@pytest.mark.parametrize("later", [True, False])
def test_a_route_off_the_device_to_an_address_of_its_own_comes_back(later: bool) -> None:
    """It is marked again, and leaves again, also where the next routers' states are given, and are the same."""
    states = {"rc": marked_route(host("rc", 4, 9), ip_address("203.0.113.1"), "wan")}
    walk = trace(Packet(PEER, host("rc", 4, 9)), "rc", TOPOLOGY, states, states if later else None)
    assert (walk.verdict, len(walk.hops) <= 6) == ("loops", True)


@pytest.mark.parametrize("lost", ["rb", "rc"])
def test_a_state_that_lacks_something_is_seen(lost: str) -> None:
    """Every single entry matters: without it one of the two walks fails."""
    states = held(patent_handover())
    for entry in states[lost]:
        without = {**states, lost: states[lost].changed([entry.key], ())}
        with pytest.raises(HandoverError, match="walk_failed"):
            check(patent_handover(), TOPOLOGY, without)


def test_the_first_hop_router_is_the_longest_prefix() -> None:
    links = {"platform": "nftables", "inside": "l", "outside": "w"}
    described = {name: {"networks": list(networks), **links} for name, networks in NETWORKS.items()}
    inner = {"networks": ["1.1.1.128/25"], **links}
    topology = Topology.from_mapping({**described, "inner": inner})
    names = {text: topology.find(OLD.__class__(text)) for text in ("1.1.1.127", "1.1.1.128", "9.9.9.9")}
    assert {text: router and router.name for text, router in names.items()} == {
        "1.1.1.127": "ra",
        "1.1.1.128": "inner",
        "9.9.9.9": None,
    }
    with pytest.raises(HandoverError, match=r"bad_topology.*1\.1\.1\.0/24 of ra and other"):
        Topology.from_mapping({**described, "other": {**inner, "networks": ["1.1.1.0/24"]}})
