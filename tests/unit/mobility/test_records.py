# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records: what is written is what is read, and what cannot be read is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, handover_id
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Entry
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.plan import plan
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import (
    entry_from_record,
    entry_to_record,
    handover_from_record,
    handover_to_record,
    stages_from_records,
    stages_to_records,
    state_from_records,
    state_to_records,
    step_from_record,
    step_to_record,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase, Stage, Step
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.target import target_states

from .entries import entries, states
from .worlds import NOW, OLD, TOPOLOGY, handovers, patent_handover

READERS: dict[str, Callable[[Any], object]] = {
    "handover": handover_from_record,
    "entry": entry_from_record,
    "state": state_from_records,
    "step": step_from_record,
    "stages": stages_from_records,
}
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(("1.1.1.1", "tcp", "both"))
)
anything = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


def through_json(record: Any) -> Any:
    return json.loads(json.dumps(record))


def samples() -> dict[str, Any]:
    """One good record of each kind."""
    target, _refused = target_states({}, [patent_handover()], TOPOLOGY)
    stages = plan({}, target)
    return {
        "handover": handover_to_record(patent_handover()),
        "entry": entry_to_record(next(iter(target["rb"]))),
        "state": state_to_records(target["rb"]),
        "step": step_to_record(stages[0].steps[0]),
        "stages": stages_to_records(stages),
    }


@given(entries())
def test_an_entry(entry: Entry) -> None:
    assert entry_from_record(through_json(entry_to_record(entry))) == entry


@given(states(entries()))
def test_a_state_in_a_stable_order(state: RouterState) -> None:
    records = through_json(state_to_records(state))
    assert state_from_records(records) == state
    assert state_to_records(RouterState(reversed(list(state)))) == state_to_records(state)


@given(handovers(), st.booleans(), st.integers(0, 10**18 - 1))
def test_a_handover(handover: Handover, ended: bool, epoch: int) -> None:
    one = replace(handover, ended=ended, epoch=epoch, instance="<urn:uuid:1>", aor="sip:ä@example.com")
    assert handover_from_record(through_json(handover_to_record(one))) == one


@given(states(entries(), 4), states(entries(), 4), st.sampled_from(Phase))
def test_a_step_and_a_plan(before: RouterState, after: RouterState, phase: Phase) -> None:
    one = Step("01-decode-rb", phase, "rb", tuple(before), tuple(after))
    read = step_from_record(through_json(step_to_record(one)))
    assert (RouterState(read.before), RouterState(read.after)) == (before, after)
    stages = (Stage(phase, 2.5, (read,)),)
    assert stages_from_records(through_json(stages_to_records(stages))) == stages


def test_the_id_and_the_defaults_of_a_handover() -> None:
    """The shortest record that a person writes."""
    peer = {"protocol": "tcp", "port": 40000, "correspondent": "3.3.3.3", "correspondent_port": 7000}
    short = {
        "aor": "sip:phone@example.com",
        "old": "1.1.1.1",
        "new": "2.2.2.2",
        "expires": NOW + 600,
        "sessions": [peer],
    }
    assert handover_from_record(short) == patent_handover(id=handover_id("sip:phone@example.com", None, OLD))


@pytest.mark.parametrize("over", [{"ended": True, "new": "2.2.2.2"}, {"new": "1.1.1.1"}])
def test_a_handover_that_is_over_needs_no_expiry(over: dict[str, Any]) -> None:
    assert handover_from_record({"old": "1.1.1.1", **over}).over


@pytest.mark.parametrize("kind", READERS)
def test_every_key_is_known_and_typed(kind: str) -> None:
    """An unknown key is refused with its name, wherever it stands, and so is a wrong type."""
    good = samples()[kind]
    READERS[kind](good)
    for path in paths(good):
        extra = mutated(good, path, lambda value: {**value, "colour": 1} if isinstance(value, dict) else value)
        if extra != good:
            with pytest.raises(HandoverError, match="colour"):
                READERS[kind](extra)
        if path and isinstance(path[-1], str):
            wrong = mutated(good, path, lambda value: {"colour": 1})
            with pytest.raises(HandoverError) as refused:
                READERS[kind](wrong)
            assert refused.value.code in ("bad_record", "bad_address"), (path, refused.value)


@pytest.mark.parametrize(
    ("kind", "key", "value", "told"),
    [
        ("entry", "handover", 'x" : 1.1.1.1 }\nELEMENTS\nreboot\n', "handover"),
        ("entry", "handover", "é", "handover"),
        ("entry", "handover", "a_b", "handover"),
        ("entry", "handover", "a" * 33, "handover"),
        ("entry", "epoch", 10**18, "epoch"),
        ("entry", "epoch", True, "epoch"),
        ("entry", "epoch", -1, "epoch"),
        ("entry", "expires", float("nan"), "expires"),
        ("entry", "expires", "tomorrow", "expires"),
        ("entry", "expires", 2**40, "expires"),
        ("entry", "type", "rewrites", "type"),
        ("entry", "kind", "inbound", "kind"),
        ("entry", "to", "2001:db8::1", "one family"),
        ("entry", "match", {"source": "1.1.1.1", "protocol": "tcp"}, "session"),
        ("handover", "id", "é", "handover id"),
        ("handover", "id", "a b", "handover id"),
        ("handover", "aor", "\ud800", "aor"),
        ("handover", "old", "1.1.1.1%eth0", "1.1.1.1%eth0"),
        ("handover", "old", "host.example.com", "host.example.com"),
        ("handover", "sessions", "tcp", "tcp"),
        ("handover", "scope", ["session"], "scope"),
        ("handover", "ended", "false", "ended"),
    ],
)
def test_a_value_that_means_nothing_is_refused(kind: str, key: str, value: Any, told: str) -> None:
    with pytest.raises(HandoverError) as refused:
        READERS[kind]({**samples()[kind], key: value})
    assert told in str(refused.value)


@pytest.mark.parametrize("name", ["lan; reboot", "lan\n", "", "-x" * 40, "$(id)", "é"])
def test_an_interface_is_only_a_name(name: str) -> None:
    """It becomes a word of a router's command."""
    record = {
        "type": "route",
        "destination": "1.1.1.1",
        "via": "2.2.2.2",
        "interface": name,
        "handover": "a",
        "expires": NOW,
    }
    with pytest.raises(HandoverError, match="interface"):
        entry_from_record(record)


@given(st.sampled_from(sorted(READERS)), anything)
def test_nothing_but_our_error_comes_out(kind: str, value: Any) -> None:
    only_our_error(lambda: READERS[kind](value))


@given(st.sampled_from(sorted(READERS)), st.data())
def test_nothing_but_our_error_comes_out_of_a_damaged_record(kind: str, data: st.DataObject) -> None:
    good = samples()[kind]
    path = data.draw(st.sampled_from(list(paths(good))))
    value = data.draw(anything)
    only_our_error(lambda: READERS[kind](mutated(good, path, lambda old: value)))


def only_our_error(what: Callable[[], object]) -> None:
    with suppress(HandoverError):
        what()


def paths(record: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path of every value in a record, the record itself included."""
    found = [at]
    inner = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    for key, value in inner:
        found += paths(value, (*at, key))
    return found


def mutated(record: Any, path: tuple[str | int, ...], change: Callable[[Any], Any]) -> Any:
    """A copy with one value changed."""
    if not path:
        return change(record)
    copy = record.copy()
    copy[path[0]] = mutated(record[path[0]], path[1:], change)
    return copy
