# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a platform says that it can hold, also by the part of a router, and that a platform is whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import RewriteKind, Scope
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.placing import entries_for
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import Narrower, Part, require
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.nftables import Nftables
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.registry import PLATFORMS

from ..mobility.worlds import PEER, TOPOLOGY, patent_handover

SCOPED = patent_handover(scope=Scope.CORRESPONDENT, correspondents=(PEER,))


class Unequal(Nftables):
    """As nftables, but for the correspondent's router."""

    name = "unequal"
    capabilities = replace(
        Nftables.capabilities,
        narrower={Part.CORRESPONDENT: Narrower(frozenset({Scope.ADDRESS}), "its lines name one address")},
    )


def test_every_platform_is_whole() -> None:
    """None has a method left that only says what it should do."""
    for platform in PLATFORMS.values():
        assert not getattr(type(platform), "__abstractmethods__", None), platform.name


@pytest.mark.parametrize("kind", RewriteKind)
def test_the_phones_own_router_gives_the_old_address_back_and_takes_it(kind: RewriteKind) -> None:
    visited = {RewriteKind.INBOUND_DST, RewriteKind.OUTBOUND_SRC}
    assert (Part.of(kind) is Part.VISITED) == (kind in visited)


def test_a_platform_that_can_hold_less_in_one_part_refuses_there_alone() -> None:
    placed = entries_for(SCOPED, TOPOLOGY)
    require(Unequal(), SCOPED, "rb", placed["rb"])
    with pytest.raises(HandoverError, match="unsupported_scope") as told:
        require(Unequal(), SCOPED, "rc", placed["rc"])
    assert told.value.rule == (
        "unequal can hold the scopes address as the correspondent's router: its lines name one address"
    )


def test_a_platform_that_rewrites_nothing_in_one_part_says_so() -> None:
    class Mute(Unequal):
        capabilities = replace(
            Nftables.capabilities, narrower={Part.VISITED: Narrower(frozenset(), "it has no such line")}
        )

    with pytest.raises(HandoverError, match=r"unequal rewrites nothing as the visited router: it has no such line"):
        require(Mute(), SCOPED, "rb", entries_for(SCOPED, TOPOLOGY)["rb"])
