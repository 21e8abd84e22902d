# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of router_state for Cisco IOS are true: each is run against the stand-in, lines and results compared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.sipmobility.handover.plugins.action import router_state
from ansible_collections.sipmobility.handover.plugins.modules import router_state as documentation

from .ios_device import Terminal
from .ios_router import router

SHOW = "| section ^ip nat|^ip route|SIPMOBILITY|sipmobility"
EXAMPLES = [one for one in re.split(r"(?m)^# Using ", documentation.EXAMPLES) if "on Cisco IOS" in one.splitlines()[0]]


def part(example: str, title: str) -> list[str]:
    """The lines of a comment under a title that is underlined; a backslash at the end joins two."""
    found = re.search(rf"(?m)^# {title}.*\n# -+\n#\n((?:#.*\n)+)", re.sub(r" \\\n#     ", " ", example) + "\n")
    return [line[2:] for line in found.group(1).splitlines()] if found else []


def run(terminal: Terminal, options: Mapping[str, Any]) -> dict[str, Any]:
    """What the module returns for options as a task gives them."""
    action = router_state.ActionModule
    validator: Any = ArgumentSpecValidator  # Ansible's own interface is not typed
    checked = validator(action.ARGUMENTS, **action.RULES).validate(dict(options))
    assert not checked.error_messages, checked.error_messages
    module: Any = object.__new__(action)
    module._task = SimpleNamespace(check_mode=False)
    module.router = lambda _options, _variables: router(terminal)
    result: dict[str, Any] = module.work(checked.validated_parameters, {"inventory_hostname": "rb"})
    return result


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.split()[0] for example in EXAMPLES])
def test_an_example_does_what_it_shows(example: str) -> None:
    (task,) = yaml.safe_load(example.partition("\n")[2])
    options = task["sipmobility.handover.router_state"]
    if "running_config" in options:
        options["running_config"] = "\n".join(part(example, "File"))
    terminal = Terminal(part(example, "Before state")[1:])
    result = run(terminal, options)
    output = yaml.safe_load("\n".join([*part(example, "Task output"), ""]))
    assert output.items() <= result.items()
    assert {"commands"} <= set(output) or {"gathered", "rendered", "parsed"} & set(output)
    if result["changed"]:
        assert terminal.running(SHOW).splitlines() == part(example, "After state")[1:]


def test_every_state_has_an_example() -> None:
    choices = yaml.safe_load(documentation.DOCUMENTATION)["options"]["state"]["choices"]
    assert {example.split()[0] for example in EXAMPLES} == set(choices)
