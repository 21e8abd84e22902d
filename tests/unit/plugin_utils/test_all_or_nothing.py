# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several routers at once, with servers that answer on cue: all have their encoders in the end, or none."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Change
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.plugin_utils.all_or_nothing import AllOrNothing

from ..mobility.worlds import NOW
from ..platforms.test_ietf_netconf import ENCODER, error
from .test_netconf_device import ALL, NOTHING, Scripted, holding, router

HELD = ["lock", "edit_config", "commit confirmed", "get_config"]
PLAIN = ("candidate:1.0",)


def carry_out(*servers: Scripted, then: Callable[[], object] = lambda: None) -> None:
    with AllOrNothing(NOW) as routers:
        for number, server in enumerate(servers):
            routers.apply(f"r{number}", router(server), Change(put=(ENCODER,)), RouterState())
        then()


def refusal(*servers: Scripted, then: Callable[[], object] = lambda: None) -> HandoverError:
    with pytest.raises(HandoverError) as told:
        carry_out(*servers, then=then)
    return told.value


def test_nobody_is_confirmed_before_the_last_one_has_it() -> None:
    first, last = Scripted(ALL, [holding(ENCODER)]), Scripted(ALL, [holding(ENCODER)])
    with AllOrNothing(NOW) as routers:
        for server in (first, last):
            routers.apply("r", router(server), Change(put=(ENCODER,)), RouterState())
            assert server.asked == HELD
    assert first.asked == last.asked == [*HELD, "commit", "unlock"]


def test_what_the_last_one_refuses_none_has() -> None:
    first = Scripted(ALL, [holding(ENCODER)])
    last = Scripted(ALL, [NOTHING, NOTHING], commit=error("operation-failed"))
    told = refusal(first, last)
    assert (told.code, told.advice) == ("step_refused", "The router is unchanged. The other routers are as before.")
    assert first.asked == [*HELD, "cancel_commit", "unlock"]


def test_a_router_without_confirmed_commit_is_undone() -> None:
    first, last = Scripted(PLAIN, [holding(ENCODER), NOTHING]), Scripted(PLAIN, [], lock=error("lock-denied"))
    assert refusal(first, last).advice.endswith("The other routers are as before.")
    once = ["lock", "edit_config", "commit", "get_config", "unlock"]
    assert first.asked == [*once, *once]


def test_a_confirmation_that_fails_takes_the_others_back() -> None:
    """The one before was confirmed and is undone by an edit; the one after was not and is cancelled."""
    first, last = Scripted(ALL, [holding(ENCODER), NOTHING]), Scripted(ALL, [holding(ENCODER)])
    middle = Scripted(ALL, [holding(ENCODER)])
    told = refusal(first, middle, last, then=lambda: middle.answers.update(commit="lost"))
    assert told.code == "session_lost"
    assert told.advice.endswith("The other routers are as before.")
    assert last.asked == [*HELD, "cancel_commit", "unlock"]
    assert first.asked[6:] == [*HELD, "commit", "unlock"]


def test_a_router_that_cannot_be_taken_back_is_named() -> None:
    first = Scripted(ALL, [holding(ENCODER)], cancel_commit="lost", unlock="lost")
    told = refusal(first, Scripted(ALL, lock=error("lock-denied")))
    assert told.code == "lock_held"
    assert told.advice.endswith("Not as before: r0 (session_lost). Run reconcile.")


def test_another_error_takes_back_too() -> None:
    first = Scripted(ALL, [holding(ENCODER)])
    with pytest.raises(ZeroDivisionError):
        carry_out(first, then=lambda: 1 / 0)
    assert first.asked == [*HELD, "cancel_commit", "unlock"]
