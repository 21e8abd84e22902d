# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the playbooks are those that playbooks/vars/argument_specs.yml tells, and surveys are made of."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.sipmobility.handover.plugins.filter.handovers import FilterModule as Handovers
from ansible_collections.sipmobility.handover.plugins.filter.survey import survey

from .test_documentation import documented

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOKS = ROOT / "playbooks"
SPECS: dict[str, Any] = yaml.safe_load((PLAYBOOKS / "vars" / "argument_specs.yml").read_text(encoding="utf-8"))[
    "argument_specs"
]
#: The keys under which a task or play makes a variable of ours itself.
_MAKES = ("register", "loop_var")
_NAME = re.compile(r"(?<![\w.'/])handover_[a-z_]+(?!\w|\()")


def told(node: Any, made: set[str], files: list[str], texts: list[str]) -> None:
    """Collect what a playbook makes itself, which files of tasks it includes, and all of its text."""
    if isinstance(node, list):
        for item in node:
            told(item, made, files, texts)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("ansible.builtin.set_fact", "vars"):
                made |= set(value)
            if key in _MAKES:
                made.add(value)
            if key in ("ansible.builtin.include_tasks", "ansible.builtin.import_tasks"):
                files += re.findall(r"\w+\.yml", value)
            if key in ("when", "that"):  # these hold expressions without braces
                texts.append(" ".join(map(str, value if isinstance(value, list) else [value])))
            told(value, made, files, texts)
    elif isinstance(node, str):
        texts += re.findall(r"\{\{.*?\}\}", node, re.S)


def variables(name: str) -> set[str]:
    """The variables of ours that a playbook reads, and does not make or is told to make where they are not given."""
    made: set[str] = set()
    texts: list[str] = []
    files, seen = [str(PLAYBOOKS / f"{name}.yml")], set()
    while files:
        path = Path(files.pop())
        path = path if path.is_absolute() else PLAYBOOKS / "tasks" / path
        if path not in seen:
            seen.add(path)
            told(yaml.safe_load(path.read_text(encoding="utf-8")), made, files, texts)
    words = " ".join(re.sub(r"sipmobility\.handover\.\w+|'handover_\w+'", "", text) for text in texts)
    return {found for found in _NAME.findall(words) if found not in made or found in SPECS[name]["options"]}


def test_every_playbook_is_described() -> None:
    assert set(SPECS) == {path.stem for path in PLAYBOOKS.glob("*.yml")}


@pytest.mark.parametrize("name", sorted(SPECS))
def test_a_playbook_reads_the_variables_that_are_told_of(name: str) -> None:
    assert variables(name) == set(SPECS[name]["options"])


@pytest.mark.parametrize("name", sorted(SPECS))
def test_a_default_is_the_one_that_the_playbook_takes(name: str) -> None:
    files = (PLAYBOOKS / f"{name}.yml", *(PLAYBOOKS / "tasks").glob("*.yml"))
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    for variable, option in SPECS[name]["options"].items():
        found = re.findall(rf"\b{variable} \| default\(([^(),]+)(?:, true)?\)", text)
        values = [yaml.safe_load(value) for value in found if value not in ("omit", "''", "'auto'")]
        assert "default" not in option or all(value == option["default"] for value in values), variable


def test_choices_are_those_of_what_takes_them() -> None:
    options, filters = SPECS["handover"]["options"], documented("filter")["handovers"]["options"]
    for name in ("scope", "directions", "via"):
        assert options[f"handover_{name}"]["choices"] == filters[name]["choices"]
        assert options[f"handover_{name}"]["default"] == filters[name]["default"]
    module = documented("module")["plan_handover"]["options"]
    assert SPECS["reconcile"]["options"]["handover_goal"]["choices"] == module["recover"]["choices"]
    for name in ("drain", "widen", "freeze"):
        assert options[f"handover_{name}"]["default"] == module[name]["default"]
        assert options[f"handover_{name}"]["type"] == module[name]["type"]
    assert list(Handovers().filters()) == ["handovers"]


def test_the_documentation_names_every_variable() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(handover_\w+)`", text))
    assert set(SPECS["handover"]["options"]) | set(SPECS["reconcile"]["options"]) <= named


def test_a_survey_asks_in_the_order_that_it_was_given() -> None:
    made = survey(
        SPECS["handover"]["options"], ["handover_new", "handover_widen", "handover_scope"], "Move", ["handover_new"]
    )
    assert made["name"] == "Move"
    asked = [
        (one["question_name"], one["variable"], one["type"], one["required"], one["default"]) for one in made["spec"]
    ]
    assert asked == [
        ("New", "handover_new", "text", True, ""),
        ("Widen", "handover_widen", "multiplechoice", False, "false"),
        ("Scope", "handover_scope", "multiplechoice", False, "session"),
    ]
    assert made["spec"][1]["choices"] == ["true", "false"]


def test_a_secret_is_asked_for_as_one() -> None:
    (question,) = survey({"key": {"type": "str", "no_log": True}}, ["key"])["spec"]
    assert question["type"] == "password"


@pytest.mark.parametrize("name", ["handover_records", "handover_policy", "handover_sessions"])
def test_a_structure_has_no_question(name: str) -> None:
    with pytest.raises(AnsibleFilterError, match="AWX has no question"):
        survey(SPECS["handover"]["options"], [name])


def test_an_unknown_option_has_no_question() -> None:
    with pytest.raises(AnsibleFilterError, match="is no option"):
        survey(SPECS["reconcile"]["options"], ["handover_goals"])
