# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as files: its steps, their texts, which stages leave encoders unconfirmed, and when they are confirmed."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase, Stage, Step
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import Planned, make_plan
from ansible_collections.sipmobility.handover.plugins.plugin_utils.beside import beside
from ansible_collections.sipmobility.handover.plugins.plugin_utils.plan_files import (
    note_held,
    read_step,
    summary,
    take_held,
    write_plan,
)

from ..mobility.worlds import TOPOLOGY, patent_handover

Rows = list[tuple[Phase, str]]


def told(rows: Rows, confirming: Collection[str]) -> list[tuple[list[str], list[str]]]:
    """What each stage holds and confirms; a row is a phase and its routers."""
    stages = tuple(
        Stage(phase, 0.0, tuple(Step(f"{number}-{name}", phase, name, (), ()) for name in names.split()))
        for number, (phase, names) in enumerate(rows)
    )
    found = summary(Planned((), (), stages, {}, holders=frozenset(confirming)))["stages"]
    return [(stage["hold"], stage["confirm"]) for stage in found]


HANDOVER: Rows = [(Phase.DECODE, "rb rc"), (Phase.ENCODE, "rb rc")]


def test_encoders_are_confirmed_when_the_last_router_has_its_own() -> None:
    assert told(HANDOVER, {"rb", "rc"}) == [([], []), (["rb", "rc"], ["rb", "rc"])]


def test_only_routers_that_can() -> None:
    assert told(HANDOVER, {"rc"}) == [([], []), (["rc"], ["rc"])]
    assert told(HANDOVER, ()) == [([], []), ([], [])]


def test_a_single_encoder_waits_for_nobody() -> None:
    """With one direction there is no other; the step itself confirms it."""
    assert told([(Phase.DECODE, "rb rc"), (Phase.ENCODE, "rc")], {"rb", "rc"}) == [([], []), ([], [])]


def test_stages_in_a_row_are_one_matter_and_others_another() -> None:
    rows = [*HANDOVER, (Phase.RETIRE, "rb rc"), *HANDOVER]
    assert told(rows, {"rb", "rc"}) == [*told(HANDOVER, {"rb", "rc"}), ([], []), *told(HANDOVER, {"rb", "rc"})]


def test_a_router_with_two_steps_in_a_row_holds_the_last() -> None:
    rows = [(Phase.CLEAR_SRC, "rb rd"), (Phase.ENCODE, "rb rc")]
    assert told(rows, {"rb", "rc", "rd"}) == [(["rd"], []), (["rb", "rc"], ["rb", "rc", "rd"])]


def test_what_is_decoder_and_encoder_in_one_is_not_held() -> None:
    """The encoder that comes behind it relies on it."""
    rows = [(Phase.DECODE, "rc"), (Phase.JOINT, "rb"), (Phase.ENCODE, "rc")]
    assert told(rows, {"rb", "rc"}) == [([], []), ([], []), (["rc"], ["rc"])]
    assert told(rows, {"rb"}) == [([], [])] * 3


@pytest.mark.parametrize("router", ["rb", "rc"])
def test_what_is_held_is_taken_once(tmp_path: Path, router: str) -> None:
    note_held(str(tmp_path), "rc", {"session": "7"}, 1)
    held = take_held(str(tmp_path), router)
    assert held is None if router == "rb" else held is not None and (held.stage, held.receipt) == (1, {"session": "7"})
    assert take_held(str(tmp_path), router) is None


@pytest.mark.parametrize("details", [True, False])
def test_steps_are_read_as_they_were_planned(tmp_path: Path, details: bool) -> None:
    planned = make_plan([patent_handover()], TOPOLOGY, {name: RouterState() for name in TOPOLOGY.routers})
    write_plan(planned, str(tmp_path), details=details)
    read = [
        [read_step(str(tmp_path), n, step.router) for step in stage.steps] for n, stage in enumerate(planned.stages)
    ]
    assert read == [list(stage.steps) for stage in planned.stages]
    assert [(tmp_path / name).exists() for name in ("plan.json", "targets/rb.json")] == [details, details]


def test_steps_may_be_written_by_two_processes(tmp_path: Path) -> None:
    planned = make_plan(
        [patent_handover()], TOPOLOGY, {name: RouterState() for name in TOPOLOGY.routers}, beside=beside
    )
    write_plan(planned, str(tmp_path / "one"))
    write_plan(planned, str(tmp_path / "two"), beside=beside)
    one, two = (
        {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / name).rglob("*.json")}
        for name in ("one", "two")
    )
    assert one == two
    assert len(one) == 10
