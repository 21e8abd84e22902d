# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stories see what is wrong with a planner that is broken on purpose, one way at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase as Part
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils import planning
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility import (
    goals,
    placing,
    read_back,
    target,
    trace,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility import plan as planner
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Freeze,
    Mark,
    Rewrite,
    RewriteKind,
    Role,
    Scope,
    Selector,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase, Stage, Step

from .journeys import journey
from .journeys.journey import Journey
from .journeys.scenarios import Story, stories

Stages = Sequence[Stage]


def first(*phases: Phase) -> Callable[[Stages], Stages]:
    """A plan whose stages of these phases come before the others."""
    return lambda stages: sorted(stages, key=lambda stage: stage.phase not in phases)


def encoding_early(role: Role) -> Callable[[Stages], Stages]:
    """Encoders of one role come, change and go before anything else."""

    def of(step: Step, early: bool) -> Step:
        before, after = (
            tuple(entry for entry in entries if (entry.role is role) is early) for entries in (step.before, step.after)
        )
        return replace(step, before=before, after=after)

    def breaking(stages: Stages) -> Stages:
        encoding = [stage for stage in stages if stage.phase is Phase.ENCODE]
        found = [replace(stage, steps=tuple(of(step, True) for step in stage.steps)) for stage in encoding]
        for stage in stages:
            if stage in encoding:
                stage = replace(stage, steps=tuple(of(step, False) for step in stage.steps))
            found.append(stage)
        return found

    return breaking


def without(*phases: Phase) -> Callable[[Stages], Stages]:
    return lambda stages: [stage for stage in stages if stage.phase not in phases]


def undrained(stages: Stages) -> Stages:
    return [replace(stage, wait=0.0) for stage in stages]


def in_two_transactions(stages: Stages) -> Stages:
    """Encoders go, and come again."""
    found: list[Stage] = []
    for stage in stages:
        if stage.phase is Phase.ENCODE:
            gone = tuple(replace(step, after=()) for step in stage.steps)
            found.append(replace(stage, steps=gone))
            stage = replace(stage, steps=tuple(replace(step, before=()) for step in stage.steps))
        found.append(stage)
    return found


def thawed_early(stages: Stages) -> Stages:
    """What is frozen in the place of a decoder that went is let through before packets have drained."""
    found: list[Stage] = []
    for stage in stages:
        if stage.phase is Phase.RETIRE:
            frozen = [(step, tuple(e for e in step.before if isinstance(e, Freeze))) for step in stage.steps]
            thawing = tuple(replace(step, before=entries, after=()) for step, entries in frozen if entries)
            found.append(Stage(Phase.THAW, 0.0, thawing))
        found.append(stage)
    return [stage for stage in found if stage.steps]


def decoders_early(stages: Stages) -> Stages:
    """What goes, goes before the encoders; and its end is not announced, which would put it back."""
    going = {key for stage in stages if stage.phase is Phase.RETIRE for step in stage.steps for key in step.removed}
    return first(Phase.RETIRE)([_less(stage, going) for stage in stages])


def decoders_late(stages: Stages) -> Stages:
    going = {key for stage in stages if stage.phase is Phase.RETIRE for step in stage.steps for key in step.removed}
    return sorted((_less(stage, going) for stage in stages), key=lambda stage: stage.phase is Phase.DECODE)


def _less(stage: Stage, going: set[Any]) -> Stage:
    if stage.phase is not Phase.DECODE:
        return stage
    steps = [
        replace(
            step,
            before=tuple(entry for entry in step.before if entry.key not in going),
            after=tuple(entry for entry in step.after if entry.key not in going),
        )
        for step in stage.steps
    ]
    return replace(stage, steps=tuple(steps))


MOVES = stories(kinds=("move", "move", "return", "end"), fates=("done",))
UNDONE = stories(kinds=("move", "move", "end"), fates=("done", "undone"))
NARROW = (Scope.SESSION,)
PLAIN = ("nftables",)
PLAIN_MOVES = stories(kinds=("move", "return", "end"), fates=("done",), platforms=PLAIN)

PLANS = {
    "the correspondent encodes first": (encoding_early(Role.ENCODER_DST), MOVES),
    "the visited router encodes first": (encoding_early(Role.ENCODER_SRC), MOVES),
    "decoders go first": (decoders_early, PLAIN_MOVES),
    "decoders come last": (decoders_late, PLAIN_MOVES),
    "nothing drains": (undrained, MOVES),
    "an encoder is changed in two transactions": (
        in_two_transactions,
        stories(kinds=("move", "move", "reassign"), fates=("done",), platforms=PLAIN, scopes=NARROW),
    ),
    "nothing is frozen": (
        without(Phase.FREEZE, Phase.THAW),
        stories(kinds=("move", "end"), fates=("done",), platforms=("iptables",)),
    ),
    "thawed before packets have drained": (
        thawed_early,
        stories(kinds=("move", "end"), fates=("done",), platforms=("iptables",)),
    ),
}


def broken_plan(monkeypatch: pytest.MonkeyPatch, breaking: Callable[[Stages], Stages]) -> None:
    def plan(*args: Any, **options: Any) -> tuple[Stage, ...]:
        return tuple(breaking(planner.plan(*args, **options)))

    monkeypatch.setattr(planning, "plan", plan)


def assert_seen(told: st.SearchStrategy[Story] | None = None, how: str = "a wrong address") -> None:
    """Some of the stories fail, and say this."""

    @settings(max_examples=1000, phases=[Part.generate], database=None, derandomize=True, report_multiple_bugs=False)
    @given(stories() if told is None else told)
    def tell(story: Story) -> None:
        Journey(story).tell()

    with pytest.raises(AssertionError, match=how):
        tell()


@pytest.mark.parametrize("how", PLANS)
def test_a_wrong_order(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    breaking, told = PLANS[how]
    broken_plan(monkeypatch, breaking)
    # Where a plan has more than one goal, decoders that go first are put back by the next one.
    assert_seen(told, "a wrong address|is not as planned" if breaking is decoders_early else "a wrong address")


def test_everything_expires_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (placing, read_back):
        monkeypatch.setattr(module, "DECODER_MARGIN", 0)
    assert_seen()


def test_undone_without_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planner, "drains_when_undone", lambda phase: False)
    assert_seen(UNDONE, "a wrong address|not as before")


def test_undone_in_the_order_in_which_it_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def undo(stages: Stages, done: Sequence[str]) -> Stages:
        return planner.undo(stages, done)[::-1]

    monkeypatch.setattr(journey, "undo", undo)
    assert_seen(UNDONE, "a wrong address|not as before")


def test_an_encoder_meets_the_route_of_another_handover(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(goals, "_captured", lambda current, target: (set(), set()))
    assert_seen(stories(kinds=("move", "open"), fates=("done",), platforms=PLAIN, scopes=NARROW))


def test_a_route_takes_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also hosts beside the phone, on their way to the later holder of its old address."""
    right = trace._pass

    def everything_marked(*args: Any) -> Any:
        packet, _, frozen = right(*args)
        return packet, True, frozen

    monkeypatch.setattr(trace, "_pass", everything_marked)
    assert_seen(stories(kinds=("move", "reassign"), fates=("done",), platforms=PLAIN, scopes=NARROW), "not delivered")


def selected(entry: Any, change: Callable[[Selector], Selector]) -> Any:
    return replace(entry, match=change(entry.match))


def wrong_port(entry: Any) -> Any:
    if isinstance(entry, Rewrite) and entry.kind is RewriteKind.INBOUND_DST and entry.match.protocol:
        return selected(entry, lambda match: replace(match, source_port=(match.source_port or 0) % 65535 + 1))
    return entry


def too_wide(entry: Any) -> Any:
    if isinstance(entry, Rewrite):
        return selected(entry, lambda match: Selector(match.source, match.destination))
    return entry


def unmarked(entry: Any) -> Any:
    return None if isinstance(entry, Mark) else entry


@pytest.mark.parametrize(
    ("breaking", "how"),
    [
        (wrong_port, "a wrong address"),
        (too_wide, "not delivered|not left alone"),
        (unmarked, "not delivered|not recognised as whole"),
    ],
)
def test_a_wrong_entry(breaking: Callable[[Any], Any], how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With no walk before it is sent, which would refuse it."""
    right = placing.entries_for

    def entries_for(*args: Any) -> dict[str, list[Any]]:
        placed = right(*args)
        return {name: [new for new in map(breaking, entries) if new] for name, entries in placed.items()}

    monkeypatch.setattr(placing, "entries_for", entries_for)
    monkeypatch.setattr(target, "entries_for", entries_for)
    monkeypatch.setattr(planning, "check", lambda *args: None)
    assert_seen(MOVES, how)


def test_something_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that does not take away all it should."""

    def forgetful(stages: Stages) -> Stages:
        return [
            replace(stage, steps=tuple(Step(s.id, s.phase, s.router, s.before[:-1], s.after) for s in stage.steps))
            if stage.phase is Phase.RETIRE
            else stage
            for stage in stages
        ]

    broken_plan(monkeypatch, forgetful)
    assert_seen(MOVES, "is not as planned")
