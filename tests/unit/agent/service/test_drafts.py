# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a step that was written before its turn counts as long as it says what is to be changed, and when."""

from __future__ import annotations

from typing import cast

from ansible_collections.sipmobility.handover.agent.service.holdings import Holdings
from ansible_collections.sipmobility.handover.agent.service.known_router import KnownRouter
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Change
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Step
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter

from ....kernel.internetwork import TOPOLOGY
from ....kernel.moving import PEER, moved
from ...mobility.worlds import NOW


class Told:
    """A router that writes when each text was written."""

    generation = "of a boot 7"

    def text(self, change: Change, now: float) -> str:
        return f"{len(change.put)} put at {now}"


def known() -> KnownRouter:
    router = KnownRouter("rb", cast(ManagedRouter, Told()))
    router.held = Holdings()
    return router


def first_step(router: str = "rb") -> Step:
    handover = moved(4, Session("tcp", 40000, PEER[4], 7000))
    stages = make_plan([handover], TOPOLOGY, {name: RouterState() for name in TOPOLOGY.routers}).stages
    return next(step for stage in stages for step in stage.steps if step.router == router)


def test_a_draft_is_used() -> None:
    router, step = known(), first_step()
    unread = router.unread(step, NOW + 0.1, router.draft(step, NOW))
    assert unread is not None
    assert unread.text == Told().text(Change((), step.after), NOW)
    assert unread.known == Told.generation


def test_an_old_draft_is_written_anew() -> None:
    """It says how many seconds an entry lasts."""
    router, step = known(), first_step()
    for later in (NOW + 5, NOW - 5):
        unread = router.unread(step, later, router.draft(step, NOW))
        assert unread is not None
        assert unread.text.endswith(f"at {later}")


def test_a_draft_for_what_the_router_held_before_is_written_anew() -> None:
    router, step = known(), first_step()
    draft = router.draft(step, NOW)
    assert router.held is not None
    router.held.change(Change((), step.after[:1]))
    unread = router.unread(step, NOW, draft)
    assert unread is not None
    assert unread.change.put == step.after[1:]
    assert unread.text == Told().text(unread.change, NOW)


def test_there_is_no_draft_of_nothing() -> None:
    router, step = known(), first_step()
    assert router.held is not None
    router.held.change(Change((), step.after))
    assert router.draft(step, NOW) is None
    router.forget()
    assert router.draft(step, NOW) is None
