# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where mobile nodes are that a plan is not about, as the routers tell."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Address,
    Entry,
    Rewrite,
    RewriteKind,
    Route,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.target import elsewhere
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Router, Topology

from .worlds import NEW, NOW, OLD, PEER, TOPOLOGY, patent_handover

STAMP = Stamp("0123456789abcdef", 3, NOW + 600)
BESIDE = ip_address("1.1.1.9")
ROUTE = Route(OLD, BESIDE, "lan", STAMP)
REWRITE = Rewrite(RewriteKind.INBOUND_DST, Selector(PEER, NEW, "tcp", 7000, 40000), OLD, STAMP)


def told(*entries: Entry, topology: Topology = TOPOLOGY) -> dict[Address, Address]:
    return elsewhere({"ra": RouterState(entries)}, (), topology)


def at(entry: Entry, **changes: object) -> Entry:
    return replace(entry, stamp=replace(entry.stamp, **changes))  # type: ignore[arg-type]


def test_rewrites_tell_and_routes_do_where_nothing_is_rewritten() -> None:
    assert told(REWRITE) == {OLD: NEW}
    assert told(ROUTE) == {OLD: BESIDE}
    assert told(replace(ROUTE, via=None)) == {}


@pytest.mark.parametrize("epoch", [2, 4])
def test_the_newest_epoch_tells(epoch: int) -> None:
    assert told(REWRITE, at(ROUTE, epoch=epoch)) == {OLD: BESIDE if epoch > 3 else NEW}
    assert told(at(ROUTE, epoch=epoch), REWRITE) == {OLD: BESIDE if epoch > 3 else NEW}


def test_a_route_of_one_that_ends_does_not() -> None:
    """It is at home, or gone: what it was led by goes last."""
    assert told(at(ROUTE, ended=True)) == {}


def test_remnants_tell_nothing() -> None:
    assert told(at(ROUTE, handover=""), at(REWRITE, handover="")) == {}


def test_a_route_to_a_router_behind_leads_to_no_phone() -> None:
    inner = Router(
        "inner",
        (ip_network("5.5.5.0/24"),),
        "nftables",
        "lan",
        "wan",
        behind="ra",
        addresses=(ip_address("1.1.1.254"),),
    )
    topology = Topology((*TOPOLOGY.routers.values(), inner))
    onward = replace(ROUTE, via=ip_address("1.1.1.254"))
    assert told(onward, topology=topology) == {}
    assert told(onward) == {OLD: ip_address("1.1.1.254")}


def test_a_plan_knows_best_of_its_own() -> None:
    handover = patent_handover(id=STAMP.handover)
    states = {"ra": RouterState([at(ROUTE, epoch=9)])}
    assert elsewhere(states, [handover], TOPOLOGY) == {OLD: NEW}
    assert elsewhere(states, [replace(handover, ended=True)], TOPOLOGY) == {}
