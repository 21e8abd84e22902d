# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A step over SNMP against a real snmpd and kernel: what is put is read back, and every fault ends somewhere."""

from __future__ import annotations

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Entry,
    Mark,
    Rewrite,
    RewriteKind,
    Route,
    RouterState,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter

from ...standins.snmp_router.server import SnmpServer
from ...unit.mobility.worlds import NEW, NOW, OLD, PEER

STAMP = Stamp("8d7ac21f98194017", 1, NOW + 100_000_000)
ENCODER = Rewrite(RewriteKind.OUTBOUND_DST, Selector(destination=OLD), NEW, STAMP)
DECODER = Rewrite(RewriteKind.INBOUND_DST, Selector(destination=NEW), OLD, STAMP)
MARK = Mark(Selector(OLD, PEER), STAMP)
ROUTE = Route(OLD, NEW, "lan", STAMP)
OFF_LINK = Route(OLD, PEER, "lan", STAMP)


@pytest.fixture(autouse=True)
def clean(router: ManagedRouter) -> None:
    """Every test begins with a router that holds nothing."""
    apply(router, RouterState())


def apply(router: ManagedRouter, wanted: RouterState) -> RouterState:
    held = router.gather()
    change = difference(held, wanted)
    return router.apply(change, held, NOW) if change else held


def put(router: ManagedRouter, *entries: Entry) -> RouterState:
    return router.apply(Change(put=entries), RouterState(), NOW)


def kernel(server: SnmpServer) -> str:
    """What the kernel has of it."""
    return server.namespace.shell("nft list ruleset; ip route show; ip -6 route show").stdout


def test_the_kernel_has_it_when_the_step_is_done(server: SnmpServer, router: ManagedRouter) -> None:
    before = kernel(server)
    assert put(router, ENCODER, DECODER, MARK, ROUTE) == RouterState([ENCODER, DECODER, MARK, ROUTE])
    assert "1.1.1.1 via 2.2.2.2 dev lan" in kernel(server)
    assert 'iifname != "wan" ip daddr 1.1.1.1 notrack ip daddr set 2.2.2.2 accept' in kernel(server)
    assert 'iifname "wan" ip daddr 2.2.2.2 notrack ip daddr set 1.1.1.1 accept' in kernel(server)
    apply(router, RouterState())
    assert kernel(server) == before
