# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets are looked up only while something stands: from the first entry on, and until the last is gone."""

from __future__ import annotations

import socket
import time
from contextlib import closing
from dataclasses import replace

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Entry,
    Mark,
    Rewrite,
    RewriteKind,
    Route,
    Selector,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState

from ..unit.mobility.worlds import NEW, NOW, OLD, PEER
from . import moving
from .live import FAMILY
from .moving import Journey, moved
from .namespaces import Namespace
from .test_nftables import STAMP, STAMPED
from .test_preparation import NFTABLES, managed, prepare
from .test_preparation import bare as bare

SESSION = Rewrite(RewriteKind.INBOUND_DST, Selector(PEER, NEW, "tcp", 7000, 40000), OLD, STAMP)
ANOTHER = replace(SESSION, match=replace(SESSION.match, source_port=7001))
PAIR = Mark(Selector(OLD, PEER), STAMP)
IDLE = NFTABLES.setting("idle_command")


@pytest.fixture
def router(bare: Namespace) -> Namespace:
    prepare(bare)
    return bare


def step(router: Namespace, *put: Entry, remove: tuple[Entry, ...] = ()) -> RouterState:
    one = managed(router)
    return one.apply(Change(remove, put), one.gather(), NOW)


def opened(router: Namespace) -> list[str]:
    """The sets that hold their family, those of IPv4."""
    names = ("in_use", "wide_in_use")
    return [name for name in names if "elements = { ip }" in router.shell(f"nft list set ip sipmobility {name}").stdout]


def ruleset(router: Namespace) -> str:
    return router.shell("nft list ruleset").stdout


def test_from_the_first_to_the_last(router: Namespace) -> None:
    before = ruleset(router)
    assert opened(router) == []
    step(router, SESSION)
    assert opened(router) == ["in_use"]
    step(router, PAIR, ANOTHER)
    assert opened(router) == ["in_use", "wide_in_use"]
    step(router, remove=(PAIR,))
    assert opened(router) == ["in_use"]
    step(router, remove=(SESSION,))
    assert opened(router) == ["in_use"]
    step(router, remove=(ANOTHER,))
    assert ruleset(router) == before


def test_what_stands_among_thousands(router: Namespace) -> None:
    """More than the kernel lists at once, and nothing but what expired: the sets' own count would be wrong."""
    before = ruleset(router)
    many = tuple(replace(SESSION, match=replace(SESSION.match, source_port=port)) for port in range(1024, 4096))
    step(router, *many)
    step(router, remove=many[1:])
    assert opened(router) == ["in_use"]
    step(router, remove=many[:1])
    assert ruleset(router) == before


def test_where_all_expired_the_step_that_takes_the_route_closes(router: Namespace) -> None:
    before = ruleset(router)
    one = managed(router)
    route = Route(OLD, PEER.__class__("198.51.100.20"), "lan", STAMP)
    soon = replace(SESSION, stamp=replace(STAMP, expires=NOW + 5))
    one.apply(Change(put=(route, soon)), RouterState(), NOW)
    time.sleep(5.2)
    assert opened(router) == ["in_use"]
    step(router, remove=(route,))
    assert ruleset(router) == before


@pytest.mark.parametrize(
    "happens",
    [f"add element ip sipmobility session_mark {{ {OLD} . {PEER} . tcp . 1 . 2 {STAMPED} }}", "add table ip theirs"],
    ids=["ours", "theirs"],
)
def test_what_comes_meanwhile_keeps_it_open(router: Namespace, happens: str) -> None:
    """Between the look at the sets and the transaction, which the kernel refuses then."""
    step(router, SESSION)
    router.shell(f"printf '%s\\n' '{happens}' >/run/meanwhile")
    router.shell(f"sed -i 's,my .begin,system(qw(nft -f /run/meanwhile)); &,' {IDLE}; grep -q meanwhile {IDLE}")
    step(router, remove=(SESSION,))
    assert opened(router) == ["in_use"]


def test_without_perl_it_stays_open(router: Namespace) -> None:
    """And the next step that takes the last away closes it."""
    before = ruleset(router)
    step(router, SESSION)
    router.shell(f"mv {IDLE} /run/idle")
    assert step(router, remove=(SESSION,)) == RouterState()
    assert opened(router) == ["in_use"]
    router.shell(f"mv /run/idle {IDLE}")
    step(router, PAIR)
    step(router, remove=(PAIR,))
    assert ruleset(router) == before


@pytest.mark.parametrize("version", [4, 6])
def test_our_table_tracks_nothing_and_puts_fragments_together(road: Journey, version: int) -> None:
    """On routers without a firewall, whose kernel nobody else has asked to."""
    spaces = [road.spaces[name] for name in road.routers]
    kept = [space.shell("nft list table inet operator").stdout for space in spaces]
    text = bytes(range(250)) * 16
    peers = (road.mobile, moving.OLD), (road.peer, moving.PEER)
    mobile, peer = (space.open_socket(FAMILY[version], socket.SOCK_DGRAM, 0) for space, _address in peers)
    try:
        for space in spaces:
            space.shell("nft delete table inet operator; conntrack -F 2>/dev/null; true")
        with closing(mobile), closing(peer):
            for one, (_space, address) in zip((mobile, peer), peers, strict=True):
                one.bind((str(address[version]), 0))
                one.settimeout(1)
            mobile.connect(peer.getsockname()[:2])
            peer.connect(mobile.getsockname()[:2])
            road.move()
            road.program(
                moved(version, Session("udp", mobile.getsockname()[1], moving.PEER[version], peer.getsockname()[1]))
            )
            peer.send(text)
            assert mobile.recv(5000) == text
            mobile.send(text)
            assert peer.recv(5000) == text
        assert [space.shell("cat /proc/sys/net/netfilter/nf_conntrack_count").stdout for space in spaces] == ["0\n"] * 3
    finally:
        for space, firewall in zip(spaces, kept, strict=True):
            space.shell(f"nft -f - <<'X'\n{firewall}\nX\n")
