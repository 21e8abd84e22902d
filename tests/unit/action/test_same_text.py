# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Design: "The same handover through any skin, given one clock, gives the same text for each router."

One run of ansible-playbook with the real modules and filters, compared with the command line's expected text.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.sipmobility.handover.agent.data_file import load

from ..agent.patent import EXPECTED, FIXTURES, NOW, steps_in

CASES = ("forward", "both")
PLAY = """
- hosts: first_hop_routers
  gather_facts: false
  connection: local
  tasks:
    - ansible.builtin.include_tasks: case.yml
      loop: "{{ cases | dict2items }}"
      loop_control:
        loop_var: case
"""
CASE = """
- sipmobility.handover.apply_step:
    step: "{{ item }}"
    render: true
    now: "{{ moment }}"
  loop: >-
    {{ (case.value | sipmobility.handover.handover_plan(topology)).stages | map(attribute='steps') | flatten
       | selectattr('router', 'equalto', inventory_hostname) }}
  register: by_filter
- sipmobility.handover.plan_handover:
    handovers: "{{ case.value }}"
    routers: "{{ topology | list }}"
    dest: "{{ playbook_dir }}/plan-{{ case.key }}"
  register: planned
  run_once: true
- sipmobility.handover.apply_step:
    src: "{{ playbook_dir }}/plan-{{ case.key }}"
    stage: "{{ item.index }}"
    render: true
    now: "{{ moment }}"
  loop: "{{ planned.stages }}"
  register: by_plan
- sipmobility.handover.router_state:
    config: "{{ (case.value | sipmobility.handover.router_states(topology))[inventory_hostname] }}"
    state: rendered
    now: "{{ moment }}"
  register: whole
- ansible.builtin.copy:
    content: "{{ {'filter': by_filter.results, 'plan': by_plan.results, 'whole': whole} | to_json }}"
    dest: "{{ playbook_dir }}/{{ case.key }}-{{ inventory_hostname }}.json"
    mode: "0644"
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The modules' results, by case and router."""
    place = tmp_path_factory.mktemp("play")
    topology = load(str(FIXTURES / "topology.yml"))
    hosts = {
        name: {
            "handover_networks": router["networks"],
            "handover_platform": router["platform"],
            "handover_inside_interface": router["inside"],
            "handover_outside_interface": router["outside"],
            "ansible_python_interpreter": sys.executable,
        }
        for name, router in topology.items()
    }
    inventory = {"all": {"children": {"first_hop_routers": {"hosts": hosts}}}}
    variables = {
        "topology": topology,
        "moment": NOW,
        "cases": {case: load(str(FIXTURES / f"{case}.yml")) for case in CASES},
    }
    for name, text in {"play.yml": PLAY, "case.yml": CASE, "inventory.yml": yaml.safe_dump(inventory)}.items():
        (place / name).write_text(text, encoding="utf-8")
    (place / "variables.json").write_text(json.dumps(variables), encoding="utf-8")
    program = Path(sys.executable).with_name("ansible-playbook")
    files = ("--inventory", "inventory.yml", "--extra-vars", "@variables.json", "play.yml")
    done = subprocess.run([program, *files], cwd=place, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return {f"{case}-{name}": load(str(place / f"{case}-{name}.json")) for case in CASES for name in topology}


def texts(results: list[dict[str, Any]]) -> dict[str, str]:
    return {result["step"]: result["rendered"] for result in results if result["step"] is not None}


@pytest.mark.parametrize("router", ["ra", "rb", "rc"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", ["filter", "plan"])
def test_steps_by_module_are_those_of_the_command_line(told: dict[str, Any], way: str, case: str, router: str) -> None:
    """A plan by the filter, handed to apply_step; and one by plan_handover, through files."""
    file = EXPECTED / f"{case}-{router}.txt"
    expected = steps_in(file.read_text(encoding="utf-8")) if file.exists() else {}
    assert texts(told[f"{case}-{router}"][way]) == expected


@pytest.mark.parametrize("router", ["rb", "rc"])
def test_a_whole_state_is_the_step_where_there_is_one_step(told: dict[str, Any], router: str) -> None:
    """With ``forward`` each router has one step, so that its end state from nothing is that step."""
    (step,) = steps_in((EXPECTED / f"forward-{router}.txt").read_text(encoding="utf-8")).values()
    assert told[f"forward-{router}"]["whole"]["rendered"] == step


def test_rendering_changes_nothing(told: dict[str, Any]) -> None:
    for results in told.values():
        assert not any(item["changed"] for item in (*results["filter"], *results["plan"], results["whole"]))
