# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the documentation says is what the code takes.

``ansible-test sanity --test validate-modules`` never compares the documentation of a module whose work is an action
plugin with the action plugin's arguments.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "sipmobility.handover"
CODE = f"ansible_collections.{COLLECTION}.plugins"


def names(room: str, suffix: str = ".py") -> list[str]:
    return sorted(path.stem for path in (ROOT / "plugins" / room).glob(f"*{suffix}") if path.stem != "__init__")


MODULES, ACTIONS, FILTERS = names("modules"), names("action"), names("filter")
ROLES = sorted(path.parent.parent.name for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"))


@cache
def documented(kind: str) -> dict[str, dict[str, Any]]:
    """What Ansible itself reads of every plugin of a kind, fragments included."""
    wanted = [f"{COLLECTION}.{name}" for name in (MODULES if kind == "module" else FILTERS)]
    program = Path(sys.executable).with_name("ansible-doc")
    done = subprocess.run([program, "--json", "--type", kind, *wanted], capture_output=True, text=True, check=True)
    return {name.rpartition(".")[2]: found["doc"] for name, found in json.loads(done.stdout).items()}


def spec_of(module: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments and rules of a module, from its action plugin or from the module itself."""
    if module in ACTIONS:
        action = import_module(f"{CODE}.action.{module}")
        return action.ActionModule.ARGUMENTS, action.ActionModule.RULES
    code = import_module(f"{CODE}.modules.{module}")
    told: dict[str, Any] = {}

    def caught(**given: Any) -> None:
        told.update(given)
        raise StopIteration

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(code, "AnsibleModule", caught)
        with pytest.raises(StopIteration):
            code.main()
    return told.pop("argument_spec"), {name: told[name] for name in told if name != "supports_check_mode"}


def plain(options: Mapping[str, Mapping[str, Any]], inner: str) -> dict[str, dict[str, Any]]:
    """Options as far as documentation and arguments both tell them."""
    found = {}
    for name, option in options.items():
        found[name] = {
            "type": option.get("type", "str"),
            "elements": option.get("elements"),
            "required": option.get("required", False),
            "default": option.get("default"),
            "choices": sorted(option.get("choices") or ()),
            "aliases": sorted(option.get("aliases") or ()),
            "options": plain(option.get(inner) or {}, inner),
        }
    return found


def prose(option: Mapping[str, Any]) -> str:
    text = option["description"]
    return text if isinstance(text, str) else " ".join(text)


@pytest.mark.parametrize("module", MODULES)
def test_options_are_the_arguments(module: str) -> None:
    assert plain(documented("module")[module]["options"], "suboptions") == plain(spec_of(module)[0], "options")


@pytest.mark.parametrize("module", MODULES)
def test_rules_are_told_at_each_option_that_they_concern(module: str) -> None:
    options, rules = documented("module")[module]["options"], spec_of(module)[1]
    lists, others = {"mutually_exclusive", "required_one_of", "required_together"}, {"required_by", "required_if"}
    assert set(rules) <= lists | others
    groups = [set(group) for kind in lists for group in rules.get(kind, ())]
    groups += [{option, needed} for option, needed in rules.get("required_by", {}).items()]
    for group in groups:
        for name in group:
            for other in group - {name}:
                assert f"O({other})" in prose(options[name]), (name, other)
    for option, value, needed, *_any in rules.get("required_if", ()):
        for name in needed:
            text = prose(options[name])
            written = str(value).lower() if isinstance(value, bool) else value
            assert f"O({option}={written})" in text, name
            assert "required" in text.lower(), name


@pytest.mark.parametrize("module", MODULES)
def test_rules_that_are_told_are_kept(module: str) -> None:
    """ "Exactly one of O(a) and O(b)", "Mutually exclusive with", "Required together with" are no empty words."""
    options, rules = documented("module")[module]["options"], spec_of(module)[1]
    held = {
        kind: [set(group) for group in groups]
        for kind, groups in rules.items()
        if kind not in ("required_by", "required_if")
    }
    for name, option in options.items():
        for sentence in re.split(r"(?<=\.) ", prose(option)):
            told = set(re.findall(r"O\((\w+)\)", sentence))
            if sentence.startswith("Exactly one of"):
                assert told in held["mutually_exclusive"], name
                assert told in held["required_one_of"], name
            elif sentence.startswith("Mutually exclusive with"):
                assert told | {name} in held["mutually_exclusive"], name
            elif sentence.startswith("Required together with"):
                assert told | {name} in held["required_together"], name


def test_every_module_stands_in_the_action_group() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert runtime["action_groups"]["handover"] == MODULES


def test_every_action_plugin_is_documented() -> None:
    assert set(ACTIONS) <= set(MODULES)
    for action in ACTIONS:
        module, plugin = import_module(f"{CODE}.modules.{action}"), import_module(f"{CODE}.action.{action}")
        if hasattr(module, "main"):  # it runs on other hosts, too
            shared = {name for name in vars(plugin) if getattr(module, name, None) is getattr(plugin, name)}
            assert {"ARGUMENTS", "RULES", action.removesuffix("_info")} <= shared, "the work is in one place"


@pytest.mark.parametrize("module", MODULES)
def test_results_that_name_options_name_those_that_exist(module: str) -> None:
    doc = json.dumps(documented("module")[module])
    options = documented("module")[module]["options"]
    for name, value in re.findall(r"\bO\((\w+)(?:=(\w+))?\)", doc):
        assert name in options
        choices = options[name].get("choices")
        assert not value or not choices or value in map(str, choices), (name, value)


def test_every_filter_has_its_sidecar_and_the_other_way_round() -> None:
    assert names("filter", ".yml") == FILTERS


@pytest.mark.parametrize("name", FILTERS)
def test_a_filters_sidecar_is_its_signature(name: str) -> None:
    doc = documented("filter")[name]
    code = import_module(f"{CODE}.filter.{name}")
    offered = code.FilterModule().filters()
    assert list(offered) == [name]
    first, *rest = signature(offered[name]).parameters.values()
    options = dict(doc["options"])
    assert options.pop("_input")["required"], first.name
    positional = [word.strip() for word in doc.get("positional", "").split(",") if word.strip()]
    assert positional == [one.name for one in rest][: len(positional)]
    assert set(options) == {one.name for one in rest}
    for one in rest:
        option = options[one.name]
        required = one.default is Parameter.empty
        assert bool(option.get("required")) is required, one.name
        default = list(one.default) if isinstance(one.default, tuple) else one.default
        assert required or option.get("default") == default, one.name


@pytest.mark.parametrize("role", ROLES)
def test_a_roles_defaults_are_those_of_its_argument_specs(role: str) -> None:
    place = ROOT / "roles" / role
    specs = yaml.safe_load((place / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
    options = specs["main"]["options"]
    defaults = yaml.safe_load((place / "defaults" / "main.yml").read_text(encoding="utf-8"))
    assert set(options) == set(defaults)
    for name, option in options.items():
        assert name.startswith(f"{role}_")
        value = defaults[name]
        computed = isinstance(value, str) and "{{" in value  # from the inventory or the playbook
        assert computed or option["default"] == value, name
        assert not computed or "default" not in option, name


def test_the_roles_options_are_those_of_its_module() -> None:
    """first_hop_router hands its options on to router_prerequisites: same types, choices and defaults."""
    place = ROOT / "roles" / "first_hop_router" / "meta" / "argument_specs.yml"
    role = yaml.safe_load(place.read_text(encoding="utf-8"))["argument_specs"]["main"]["options"]
    module = documented("module")["router_prerequisites"]["options"]
    for name, option in module.items():
        ours = role[f"first_hop_router_{name}"]
        assert ours["type"] == option["type"], name
        assert set(ours.get("choices", ())) <= set(option.get("choices", ())), name
        assert (ours.get("default") or None) == option.get("default") or not option.get("default"), name


@pytest.mark.parametrize("role", ROLES)
def test_a_roles_readme_names_options_that_exist(role: str) -> None:
    specs = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    readme = (ROOT / "roles" / role / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(rf"\b{role}_\w+", readme))
    assert named
    assert named <= set(specs["argument_specs"]["main"]["options"])
