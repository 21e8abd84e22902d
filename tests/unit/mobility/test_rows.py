# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps as rows: what is written is what is read, and what cannot be read is refused."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.plan import plan
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.rows import step_from_rows, step_to_rows
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase, Step
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.target import target_states

from .entries import entries, states
from .test_records import mutated, paths, through_json
from .worlds import TOPOLOGY, patent_handover


def rows() -> dict[str, Any]:
    """The rows of a step with rewrites and a route."""
    target, _refused = target_states({}, [patent_handover()], TOPOLOGY)
    steps = [step for stage in plan({}, target) for step in stage.steps if step.router == "rb"]
    read: dict[str, Any] = through_json(step_to_rows(steps[0]))
    return read


@given(states(entries(), 4), states(entries(), 4), st.sampled_from(Phase))
def test_a_step(before: RouterState, after: RouterState, phase: Phase) -> None:
    one = Step("01-decode-rb", phase, "rb", tuple(before), tuple(after))
    assert step_from_rows(through_json(step_to_rows(one))) == one


def test_a_stamp_stands_once() -> None:
    assert len(rows()["stamps"]) == 1 < len(rows()["after"])


@given(st.data())
def test_a_damaged_step_is_refused_or_read(data: st.DataObject) -> None:
    """Whatever stands in the place of any value."""
    good = rows()
    path = data.draw(st.sampled_from(paths(good)))
    odd: Any = data.draw(st.sampled_from((None, [], {}, "", "x", "route", "mark", 7, -1, 2**200, True, 2.5, [[]])))
    with suppress(HandoverError):
        step_from_rows(mutated(good, path, lambda old: odd))


@pytest.mark.parametrize("row", [[], ["route"], ["mark", 4, 1, 2, "tcp", "1", 2, 0], ["mark", 5, 1, 2, "", 0, 0, 0]])
def test_a_row_of_another_form_is_refused(row: list[object]) -> None:
    with pytest.raises(HandoverError, match="bad_record"):
        step_from_rows({**rows(), "after": [row]})


def test_an_entry_without_its_stamp_is_refused() -> None:
    with pytest.raises(HandoverError, match="bad_record"):
        step_from_rows({**rows(), "stamps": []})


def test_entries_that_share_a_stamp_share_it_again() -> None:
    one = step_from_rows(rows())
    assert len({id(entry.stamp) for entry in one.after}) == 1
    parted = replace(one, after=tuple(replace(entry, stamp=replace(entry.stamp)) for entry in one.after))
    assert step_from_rows(through_json(step_to_rows(parted))) == one
