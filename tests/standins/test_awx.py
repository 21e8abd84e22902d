# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/awx by the real modules of awx.awx: their own argument specifications, and a stand-in for AWX itself."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from .awx import Awx, running
from .conftest import LIMIT_S
from .started import BIN, BUILD, PEERS, ROOT

PLACE = ROOT / "playbooks" / "awx"
ROUTERS = {
    "rb": {"ansible_host": "203.0.113.1", "handover_networks": ["203.0.113.0/24"]},
    "rc": {"ansible_host": "198.51.100.1", "handover_networks": ["198.51.100.0/24"]},
}
SIP_SERVERS = {"sip1": {"ansible_host": "203.0.113.5"}}


class _Loader(yaml.SafeLoader):
    """Reads the tags of Ansible."""


_Loader.add_constructor("!unsafe", lambda loader, node: str(node.value))


def data(path: Path) -> Any:
    return yaml.load(path.read_text(encoding="utf-8"), _Loader)


def environment(place: Path, **more: str) -> dict[str, str]:
    return {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": f"{BUILD / 'collections'}:{PEERS / 'collections'}",
        "ANSIBLE_HOME": str(place / "ansible"),
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "PYTHONPATH": "",
        **more,
    }


def played(place: Path, address: str, *options: str) -> str:
    """What configure.yml said when it was run with two routers, a SIP server and a login."""
    mine = place / "mine.yml"
    mine.write_text(
        yaml.safe_dump({"handover_awx_routers": ROUTERS, "handover_awx_sip_servers": SIP_SERVERS}), encoding="utf-8"
    )
    command = [str(BIN / "ansible-playbook"), str(PLACE / "configure.yml"), "-e", f"@{mine}", *options]
    told = environment(place, CONTROLLER_HOST=address, CONTROLLER_OAUTH_TOKEN="nobody-checks-it")
    done = subprocess.run(command, capture_output=True, text=True, env=told, timeout=LIMIT_S, check=False, cwd=place)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Awx, str, str]]:
    """The stand-in after two runs, and what each said."""
    place = tmp_path_factory.mktemp("awx")
    with running() as (address, awx):
        yield awx, played(place, address), played(place, address)


def changes(output: str) -> int:
    (count,) = re.findall(r"^localhost\s+: ok=\d+\s+changed=(\d+)", output, re.M)
    return int(count)


def test_a_second_run_changes_nothing(made: tuple[Awx, str, str]) -> None:
    assert changes(made[1]) >= 8
    assert changes(made[2]) == 0


def test_every_survey_asks_for_what_the_playbook_or_role_takes(made: tuple[Awx, str, str]) -> None:
    """The survey that came out in the end, beside the argument specifications: names, types, choices, defaults."""
    awx = made[0]
    playbooks = data(ROOT / "playbooks" / "vars" / "argument_specs.yml")["argument_specs"]
    roles = {"site": "first_hop_router", "agent": "handover_agent"}
    seen = set()
    for template in awx.kept["job_templates"].values():
        name = Path(template["playbook"]).stem
        assert (ROOT / template["playbook"]).is_file()
        options = dict(playbooks[name]["options"])
        if name in roles:
            specs = data(ROOT / "roles" / roles[name] / "meta" / "argument_specs.yml")
            options |= specs["argument_specs"]["main"]["options"]
        survey = awx.surveys["job_templates", template["id"]]
        assert survey["spec"]
        for question in survey["spec"]:
            _same(question, options[question["variable"]])
            seen.add(question["variable"])
        for variable in json.loads(template["extra_vars"]):
            assert variable in options
    assert seen >= {"handover_old", "handover_withdraw", "handover_goal", "first_hop_router_state"}


def _same(question: dict[str, Any], option: dict[str, Any]) -> None:
    kind = option["type"]
    asked = {"int": "integer", "float": "float", "bool": "multiplechoice"}.get(kind, "text")
    choices = ["true", "false"] if kind == "bool" else option.get("choices", [])
    assert question["type"] == ("multiplechoice" if choices else asked)
    assert question["choices"] == choices
    default = option.get("default")
    told = {True: "true", False: "false", None: ""}.get(default, default) if not isinstance(default, list) else ""
    assert question["default"] == told
    description = option["description"]
    assert question["question_description"] == (description if isinstance(description, str) else " ".join(description))
    assert not option.get("required") or question["required"]


def test_the_workflow_plans_asks_carries_out_and_verifies(made: tuple[Awx, str, str]) -> None:
    awx = made[0]
    (workflow,) = awx.kept["workflow_job_templates"].values()
    nodes = {node["identifier"]: node for node in awx.kept["workflow_job_template_nodes"].values()}

    def after(name: str, how: str) -> list[str]:
        ids = awx.linked.get(("workflow_job_template_nodes", nodes[name]["id"], f"{how}_nodes"), [])
        return [one for one, node in nodes.items() if node["id"] in ids]

    assert after("plan", "success") == ["approve"]
    assert after("approve", "success") == ["handover"]
    assert after("handover", "success") == ["verify"]
    assert after("handover", "failure") == ["take_back"]
    assert after("plan", "failure") == after("approve", "failure") == []
    plan, audit = awx.named("job_templates", "SIP mobility - plan"), awx.named("job_templates", "SIP mobility - audit")
    assert plan["job_type"] == audit["job_type"] == "check"
    assert nodes["plan"]["unified_job_template"] == plan["id"]
    assert nodes["verify"]["unified_job_template"] == audit["id"]
    approval = awx.kept["workflow_approval_templates"][nodes["approve"]["unified_job_template"]]
    assert approval["timeout"] == 300
    # The plan's records reach the handover, which does nothing else: both take variables, neither runs twice at once.
    handover = awx.named("job_templates", "SIP mobility - handover")
    assert handover["ask_variables_on_launch"]
    assert not handover["allow_simultaneous"]
    required = {
        one["variable"] for one in awx.surveys["workflow_job_templates", workflow["id"]]["spec"] if one["required"]
    }
    assert required == {"handover_old", "handover_new"}
    # Launched by an event, the same template has no question that must be answered.
    assert not [one for one in awx.surveys["job_templates", handover["id"]]["spec"] if one["required"]]


def test_schedules_run_reconcile_and_audit(made: tuple[Awx, str, str]) -> None:
    awx = made[0]
    found = {awx.kept["job_templates"][one["unified_job_template"]]["name"] for one in awx.kept["schedules"].values()}
    assert found == {"SIP mobility - reconcile", "SIP mobility - audit"}


def test_credentials_keep_secrets_and_give_what_the_inventory_names(made: tuple[Awx, str, str]) -> None:
    for kind in made[0].kept["credential_types"].values():
        fields = {field["id"]: field for field in kind["inputs"]["fields"]}
        injected = kind["injectors"]["extra_vars"]
        assert {re.fullmatch(r"\{\{ (\w+) \}\}", text).group(1) for text in injected.values()} == set(fields)  # type: ignore[union-attr]
        for name, field in fields.items():
            assert field.get("secret", False) is (name not in ("user", "known_hosts")), name


@pytest.mark.parametrize(("name", "hosts"), [("first_hop_routers", ROUTERS), ("sip_servers", SIP_SERVERS)])
def test_hosts_are_in_the_group_that_playbooks_take(
    made: tuple[Awx, str, str], name: str, hosts: dict[str, dict[str, Any]]
) -> None:
    awx = made[0]
    group = awx.named("groups", name)
    members = awx.linked["groups", group["id"], "hosts"]
    assert {awx.kept["hosts"][one]["name"] for one in members} == set(hosts)
    for host, variables in hosts.items():
        assert json.loads(awx.named("hosts", host)["variables"]) == variables


def tasks() -> list[tuple[str, str, dict[str, Any]]]:
    """Every task for a module of awx.awx: file, module, arguments."""
    found = []
    for path in sorted(PLACE.rglob("*.yml")):
        content = data(path) if path.parent.name != "vars" else []
        for block in content if isinstance(content, list) else []:
            for task in block.get("tasks", [block]):
                found += [(path.name, name, told) for name, told in task.items() if name.startswith("awx.awx.")]
    return found


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ansible-doc knows of the modules that are used."""
    names = sorted({name for _file, name, _told in tasks()})
    place = tmp_path_factory.mktemp("doc")
    command = [str(BIN / "ansible-doc"), "--json", "-t", "module", *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment(place), cwd=place)
    docs: dict[str, Any] = json.loads(done.stdout)
    return docs


def test_every_task_gives_its_module_what_it_takes(documented: dict[str, Any]) -> None:
    """Also those that the run above leaves out, such as the inventory's source."""
    assert {name for _file, name, _told in tasks()} >= {"awx.awx.inventory_source", "awx.awx.schedule"}
    for file, name, told in tasks():
        options = documented[name]["doc"]["options"]
        known = set(options) | {alias for option in options.values() for alias in option.get("aliases", ())}
        assert set(told) <= known, (file, name)
        assert {one for one, option in options.items() if option.get("required")} <= set(told), (file, name)
        for argument, value in told.items():
            choices = options.get(argument, {}).get("choices")
            if choices and not (isinstance(value, str) and "{{" in value):
                assert value in choices, (file, name, argument)
