# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""This repository as a project of AWX: its playbooks found, its collection installed, its jobs handed to the runner.

AWX itself does not run here. ansible-runner, ansible-galaxy and ansible-playbook are the real ones, and the directory
is laid out as AWX lays it out (awx/main/tasks/jobs.py, release 24.6.1).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.agent.data_file import load

from ..unit.agent.patent import FIXTURES
from .conftest import LIMIT_S
from .started import BUILD, ROOT

BIN = BUILD / "eda" / "venv" / "bin"
#: How AWX tells a playbook from other YAML (awx/main/utils/ansible.py: could_be_playbook, skip_directory).
PLAYBOOK = re.compile(r"^\s*?-?\s*?(?:hosts|(ansible\.builtin\.)?import_playbook|include):\s*?.*?$")
NO_PLAYBOOKS = ("roles", "tasks", "group_vars", "host_vars")
ROUTERS = {
    "ra": ("1.1.1.0/24", "nftables"),
    "rb": ("2.2.2.0/24", "nftables"),
    "rc": ("3.3.3.0/24", "vyos"),
}


def run(*command: object, cwd: Path, **environment: str) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHON"))}
    words = [str(word) for word in command]
    told = {**kept, "PATH": f"{BIN}:{kept['PATH']}", **environment}
    done = subprocess.run(words, cwd=cwd, env=told, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout[-6000:]}{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def private(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A private_data_dir with the checkout as its project, and what a project update installs."""
    place = tmp_path_factory.mktemp("awx_job")
    project = place / "project"
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).splitlines()
    for name in (name for name in listed if (ROOT / name).is_file()):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes((ROOT / name).read_bytes())
    # As its project_update.yml does, in the directory of the project.
    install = ("collection", "install", "--offline", "-r", "collections/requirements.yml")
    run(BIN / "ansible-galaxy", *install, "-p", place / "requirements_collections", cwd=project, HOME=str(place))
    return place


def job(place: Path, playbook: str, cmdline: str = "", **extra: Any) -> list[dict[str, Any]]:
    """Run a job: inventory, extra variables and environment in files, as AWX writes them; its events in order."""
    hosts = {
        name: {
            # Nobody listens there: rendering must not even try.
            "ansible_host": "127.0.0.1",
            "ansible_port": 9,
            "handover_networks": [network],
            "handover_platform": platform,
            "handover_inside_interface": "lan",
            "handover_outside_interface": "wan",
        }
        for name, (network, platform) in ROUTERS.items()
    }
    groups = {"first_hop_routers": {"hosts": list(hosts)}, "all": {"children": ["first_hop_routers"]}}
    told = json.dumps({"_meta": {"hostvars": hosts}, **groups})
    for name in ("env", "inventory"):
        (place / name).mkdir(exist_ok=True)
    script = place / "inventory" / "hosts"
    script.write_text(f"#!/usr/bin/env python3\nprint(r'''{told}''')\n", encoding="utf-8")
    script.chmod(0o700)
    (place / "env" / "extravars").write_text(json.dumps(extra), encoding="utf-8")
    environment = {
        "ANSIBLE_COLLECTIONS_PATH": str(place / "requirements_collections"),
        "ANSIBLE_FORCE_COLOR": "False",
        "HOME": str(place),
    }
    (place / "env" / "envvars").write_text(json.dumps(environment), encoding="utf-8")
    (place / "env" / "cmdline").write_text(cmdline, encoding="utf-8")
    ident = f"{Path(playbook).stem}-{len(list(place.glob('artifacts/*')))}"
    command = (BIN / "ansible-runner", "run", place, "-p", f"playbooks/{playbook}.yml", "--ident", ident)
    run(*command, cwd=place)
    events = [
        json.loads(path.read_text(encoding="utf-8")) for path in (place / "artifacts" / ident).glob("job_events/*.json")
    ]
    return sorted(events, key=lambda event: int(event["counter"]))


def stats(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The event from which AWX takes a job's outcome, and what the next node of a workflow is given."""
    (last,) = (event["event_data"] for event in events if event["event"] == "playbook_on_stats")
    found: dict[str, Any] = last
    return found


def test_awx_offers_our_playbooks_and_nothing_that_is_not_for_it(private: Path) -> None:
    project = private / "project"
    offered = []
    for path in sorted(project.rglob("*.yml")):
        parts = path.relative_to(project).parts
        if any(part.startswith(".") or part in NO_PLAYBOOKS for part in parts[:-1]):
            continue
        if any(PLAYBOOK.match(line) for line in path.read_text(encoding="utf-8").splitlines()):
            offered.append("/".join(parts))
    ours = {name for name in offered if name.startswith("playbooks/")}
    assert ours == {
        f"playbooks/{name}.yml" for name in ("agent", "awx/configure", "handover", "reconcile", "site", "withdraw")
    }
    others = {name.partition("/")[0] for name in offered} - {"playbooks"}
    known = {"demo", "extensions", "lab", "tests"}
    assert others <= known, "rulebooks, demo and lab have hosts, too; docs/awx.md says so"


def test_a_project_update_installs_the_collection(private: Path) -> None:
    installed = private / "requirements_collections" / "ansible_collections" / "sipmobility" / "handover"
    assert (installed / "MANIFEST.json").is_file()
    assert not (installed / "tests").exists()


def test_a_job_renders_the_patents_example(private: Path) -> None:
    """The routers' text for a pipeline: no router is reached."""
    handovers = [{**load(str(FIXTURES / "both.yml"))[0], "expires": "2099-01-01T00:00:00Z"}]
    events = job(
        private,
        "site",
        first_hop_router_render_only=True,
        first_hop_router_render_dir=str(private / "rendered"),
        first_hop_router_handovers=handovers,
    )
    told = stats(events)
    assert set(told["ok"]) >= set(ROUTERS)
    assert not told["failures"]
    assert not told["dark"]
    text = {name: sorted((private / "rendered" / name).glob("[0-9]*")) for name in ROUTERS}
    assert text["ra"] == []
    assert "1.1.1.1" in text["rb"][0].read_text(encoding="utf-8")
    assert text["rc"][0].suffix == ".cfg"


def test_a_job_that_does_not_say_who_moved_says_what_is_missing(private: Path) -> None:
    """A launched template whose survey was left empty: AWX hands the answers on as empty text."""
    with pytest.raises(AssertionError, match="Say who moved"):
        job(private, "handover", "--check --diff", handover_old="", handover_new="", handover_sessions="auto")


def test_a_service_without_a_machine_is_a_failure(private: Path) -> None:
    """A play on an empty group would end well, having done nothing."""
    with pytest.raises(AssertionError, match="No machine for the service in sip_servers"):
        job(private, "agent")
