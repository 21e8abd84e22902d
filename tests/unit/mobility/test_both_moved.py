# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions with an address that a phone has left: with the phone, or with whoever has the address since."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Scope
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan

from .worlds import TOPOLOGY, host, patent_handover

OURS, THEIRS = host("ra", 4, 20), host("rc", 4, 20)
#: The phone that moves, and the one at the other end, which moved from rc's network to rd's.
FIRST = patent_handover(old=OURS, new=host("rb", 4, 20), sessions=(Session("tcp", 40000, THEIRS, 5060),))
OTHER = patent_handover(
    id="0123456789abcdef",
    old=THEIRS,
    new=host("rd", 4, 20),
    sessions=(Session("tcp", 5060, OURS, 40000),),
)
#: The same phone, that talked with somebody else when it moved.
STRANGER = replace(OTHER, sessions=(Session("tcp", 5060, host("ra", 4, 21), 40000),))


def codes(*handovers: Handover, held: dict[str, RouterState] | None = None) -> dict[str, str]:
    return {item.handover.id: item.code for item in make_plan(handovers, TOPOLOGY, held or {}).refused}


def test_both_ends_name_the_session() -> None:
    assert codes(FIRST, OTHER) == {}


@pytest.mark.parametrize("together", [True, False])
def test_one_that_the_other_end_does_not_name_is_somebody_elses(together: bool) -> None:
    """Their packets would be shown the way to the phone that left."""
    if together:
        assert codes(FIRST, STRANGER) == {FIRST.id: "correspondent_replaced"}
    else:
        held = make_plan([STRANGER], TOPOLOGY, {}).targets
        assert codes(FIRST, held=held) == {FIRST.id: "correspondent_replaced"}


def test_one_that_stands_and_names_it() -> None:
    held = make_plan([OTHER], TOPOLOGY, {}).targets
    assert codes(FIRST, held=held) == {}


def test_a_wider_scope_names_all() -> None:
    """It is refused for another reason: one end's rewrites are wider than the other's."""
    wide = replace(OTHER, scope=Scope.CORRESPONDENT, sessions=(), correspondents=(OURS,))
    assert set(codes(FIRST, wide).values()) == {"walk_failed"}


def test_a_wider_scope_names_no_others() -> None:
    wide = replace(OTHER, scope=Scope.CORRESPONDENT, sessions=(), correspondents=(host("ra", 4, 21),))
    assert codes(FIRST, wide)[FIRST.id] == "correspondent_replaced"
