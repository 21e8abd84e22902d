# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as files: a summary, and one file for each step and each router's end state.

Plans for thousands of handovers travel between the tasks of a playbook, and into a pipeline, this way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..module_utils.errors import HandoverError
from ..module_utils.mobility.confirming import Confirming
from ..module_utils.mobility.records import handover_to_record, state_to_records
from ..module_utils.mobility.rows import step_from_rows, step_to_rows
from ..module_utils.mobility.session_search import Found
from ..module_utils.mobility.step import Phase, Stage, Step, drains_when_undone, stands_with
from ..module_utils.planning import Planned, in_turn
from .files import read_json, write_json
from .session_records import found_to_record, refused_to_record

__all__ = [
    "Held",
    "note_generation",
    "note_held",
    "read_generation",
    "read_step",
    "summary",
    "take_held",
    "unread_generation",
    "write_plan",
]

_SUMMARY = "plan.json"
#: The stages once more, without the handovers, which may be many: what each step of each router reads.
_STAGES = "stages.json"


def summary(planned: Planned, searched: Sequence[Found] = ()) -> dict[str, Any]:
    """A plan without its entries: who is moved, who was refused, which stages there are.

    :param searched: what became of the handovers whose sessions were looked for.
    """
    handovers = [handover_to_record(handover) for handover in planned.handovers]
    return {"handovers": handovers, **_outline(planned, searched)}


def _outline(planned: Planned, searched: Sequence[Found]) -> dict[str, Any]:
    """A summary but for the handovers, which may be many."""
    without = [record for record in map(refused_to_record, searched) if record is not None]
    told: dict[str, Any] = {
        "refused": [
            {"handover": handover_to_record(item.handover), "code": item.code, "reason": item.reason}
            for item in planned.refused
        ]
        + without,
        "notes": [{"handover": note.handover, "code": note.code, "text": note.text} for note in planned.notes],
        "stages": [_stage(index, planned.stages, waiting) for index, waiting in enumerate(planned.confirming)],
    }
    if searched:
        told["sessions"] = [found_to_record(found) for found in searched]
    return told


def write_plan(
    planned: Planned,
    directory: str,
    searched: Sequence[Found] = (),
    details: bool = True,
    beside: Callable[[Callable[[], None]], Callable[[], None]] = in_turn,
) -> dict[str, Any]:
    """Write a plan into a directory and return its summary, less the handovers; parameters as for :func:`summary`.

    :param details: write each router's end state and the whole summary, too; no step needs them.
    :param beside: begins work, and returns what waits for it: half of the steps may be written by another process.
    :raises HandoverError: ``unwritable_file``.
    """
    place = Path(directory)
    try:
        for name in ("steps", "targets") if details else ("steps",):
            (place / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HandoverError("unwritable_file", f"{directory}: {error}", "the destination can be written") from error
    steps = [step for stage in planned.stages for step in stage.steps]
    half = len(steps) // 2
    written = beside(partial(_write_steps, place, steps[:half]))
    _write_steps(place, steps[half:])
    written()
    told = _outline(planned, searched)
    if details:
        write_json(place / _SUMMARY, summary(planned, searched))
        for router, state in planned.targets.items():
            write_json(place / "targets" / f"{router}.json", state_to_records(state))
    write_json(place / _STAGES, told["stages"])
    return told


def _write_steps(place: Path, steps: Sequence[Step]) -> None:
    for step in steps:
        write_json(place / "steps" / f"{step.id}.json", step_to_rows(step))


def note_generation(directory: str | Path, router: str, generation: str, stage: int = -1) -> None:
    """Note of which generation a router was after a stage, or when it was gathered (-1).

    :raises HandoverError: ``unwritable_file``.
    """
    write_json(Path(directory) / f"{router}.generation", {"generation": generation, "stage": stage})


def read_generation(directory: str | Path, router: str) -> tuple[str, int]:
    """What :func:`note_generation` noted; an empty generation where nothing was.

    :raises HandoverError: ``unreadable_file``.
    """
    path = Path(directory) / f"{router}.generation"
    if not path.exists():
        return "", -1
    noted = read_json(path)
    return str(noted["generation"]), int(noted["stage"])


@dataclass(frozen=True)
class Held:
    """What a router holds unconfirmed: since which stage, and what a later task needs to confirm or cancel it."""

    stage: int
    receipt: Mapping[str, str]


def note_held(directory: str, router: str, receipt: Mapping[str, str], stage: int) -> None:
    """Note that a router holds what it did in a stage unconfirmed.

    :raises HandoverError: ``unwritable_file``.
    """
    write_json(_held(directory, router), {"stage": stage, "receipt": dict(receipt)})


def take_held(directory: str, router: str) -> Held | None:
    """What :func:`note_held` noted, once; None where the router holds nothing.

    :raises HandoverError: ``unreadable_file``.
    """
    path = _held(directory, router)
    if not path.exists():
        return None
    noted = read_json(path)
    path.unlink()
    return Held(int(noted["stage"]), noted["receipt"])


def unread_generation(directory: str, stage: int, router: str) -> str:
    """The generation of a router that stands as the plan expects it before this stage; empty where it may not.

    :raises HandoverError: ``unreadable_file``.
    """
    generation, last = read_generation(directory, router)
    between = _stages(directory)[last + 1 : stage]
    return "" if last >= stage or any(router in item["steps"] for item in between) else generation


def read_step(directory: str, stage: int, router: str) -> Step | None:
    """A router's step in a stage of a written plan; None where it has nothing to do.

    :raises HandoverError: ``unreadable_file``, ``bad_stage``, ``bad_record``.
    """
    stages = _stages(directory)
    if not 0 <= stage < len(stages):
        raise HandoverError("bad_stage", stage, f"the plan has stages 0 to {len(stages) - 1}")
    step = stages[stage]["steps"].get(router)
    return None if step is None else step_from_rows(read_json(Path(directory) / "steps" / f"{step}.json"))


def _stages(directory: str) -> list[dict[str, Any]]:
    stages: list[dict[str, Any]] = read_json(Path(directory) / _STAGES)
    return stages


def _held(directory: str, router: str) -> Path:
    return Path(directory) / f"{router}.held"


def _stage(index: int, stages: tuple[Stage, ...], waiting: Confirming) -> Mapping[str, Any]:
    stage = stages[index]
    encoded = any(later.phase is not Phase.DECODE for later in stages[index + 1 :])
    drain = max((item.wait for item in stages), default=0.0) or 2.0
    return {
        "index": index,
        "phase": stage.phase.value,
        "wait": stage.wait,
        # When this stage is taken back, packets of a later one may still be under way.
        "undo_wait": drain if drains_when_undone(stage.phase) and encoded else 0.0,
        "stands_with": sorted(phase.value for phase in stands_with(stage.phase)),
        "steps": {step.router: step.id for step in stage.steps},
        "hold": sorted(waiting.hold),
        "confirm": sorted(waiting.confirm),
    }
