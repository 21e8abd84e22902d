# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""registrations_info in Ansible's own process, and as a module: the same, to whoever asks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..sip.messages import line

POLICY = {"managed_networks": {"location-101": ["1.1.1.0/24"], "location-102": ["2.2.2.0/24"]}}
#: What makes Ansible start the module, on this host too.
AS_MODULE: dict[str, dict[str, Any]] = {
    "because it waits": {"async": 60, "poll": 1},
    "because of an environment": {"environment": {"LANG": "C.UTF-8"}},
    "because of become": {"become": True},
}
FAILING: dict[str, dict[str, Any]] = {
    "no log": {"path": "missing"},
    "no networks": {"path": "log", "policy": {"infer": {}}},
    "a policy that means nothing": {"path": "log", "policy": {"managed_networks": {"a": ["1.1.1.1/24"]}}},
}
#: The tasks of one playbook: what the module is given, and how.
TASKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "here": ({"path": "log", "policy": POLICY}, {}),
    **{why: ({"path": "log", "policy": POLICY}, keywords) for why, keywords in AS_MODULE.items()},
    **{f"{name}, here": (options, {}) for name, options in FAILING.items()},
    **{f"{name}, there": (options, AS_MODULE["because of an environment"]) for name, options in FAILING.items()},
    "kept": ({"content": "", "store": "kept.db"}, {}),
    "checked": ({"content": "", "store": "checked.db"}, {"check_mode": True}),
}
#: What only Ansible itself tells, in one of the two ways or both.
_ANSIBLES = {"invocation", "ansible_job_id", "finished", "started", "results_file", "exception"}
_ANSIBLES |= {"stdout", "stderr", "stdout_lines", "stderr_lines"}


@dataclass(frozen=True)
class Ran:
    """What became of the playbook.

    :ivar found: the result of each task, less what Ansible adds.
    :ivar modules: the tasks for which a module was started.
    :ivar place: where the playbook lies.
    """

    found: dict[str, dict[str, Any]]
    modules: set[str]
    place: Path


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """A playbook beside a log, with a program in the place of sudo, which need not be there; started from elsewhere."""
    place = tmp_path_factory.mktemp("registrations")
    (place / "log").write_bytes(line(time=time.time()) + line(cseq=9999, time=time.time(), tag=["1.1.1.77"]))
    (place / "sudo").write_text('#!/bin/sh\nwhile [ "$1" != /bin/sh ]; do shift; done\nexec "$@"\n')
    (place / "sudo").chmod(0o755)
    tasks: list[dict[str, Any]] = [
        {
            "name": name,
            "sipmobility.handover.registrations_info": options,
            "register": f"found_{number}",
            "ignore_errors": True,
            **keywords,
        }
        for number, (name, (options, keywords)) in enumerate(TASKS.items())
    ]
    all_of_them = ", ".join(f"found_{number}" for number in range(len(TASKS)))
    told = {"content": f"{{{{ [{all_of_them}] | to_json }}}}", "dest": "found.json", "mode": "0600"}
    tasks.append({"name": "tell", "ansible.builtin.copy": told})
    variables = {"ansible_become_exe": str(place / "sudo"), "ansible_python_interpreter": sys.executable}
    play = {"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}
    (place / "playbook.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    (place / "elsewhere").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-vvv", "-i", "localhost,", "-c", "local", "../playbook.yml"],
        cwd=place / "elsewhere",
        env={**os.environ, "ANSIBLE_LOCAL_TEMP": str(place / "local")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads((place / "found.json").read_text())
    found = {
        name: {key: value for key, value in result.items() if key not in _ANSIBLES}
        for name, result in zip(TASKS, results, strict=True)
    }
    texts = {text.partition("]")[0]: text for text in done.stdout.split("TASK [")[1:]}
    return Ran(found, {name for name, text in texts.items() if "AnsiballZ_registrations_info" in text}, place)


def test_only_what_must_starts_a_module(ran: Ran) -> None:
    assert ran.modules == {*AS_MODULE, *(f"{name}, there" for name in FAILING)}


@pytest.mark.parametrize("why", AS_MODULE)
def test_both_tell_the_same(ran: Ran, why: str) -> None:
    """A log is named as it lies beside the playbook, wherever that was started."""
    here = ran.found["here"]
    assert [(pair["old"], pair["admitted"]) for pair in here["address_pairs"]] == [("1.1.1.20", True)]
    assert [item["code"] for item in here["refused"]] == ["not_held"]
    assert ran.found[why] == here


@pytest.mark.parametrize("name", FAILING)
def test_both_fail_alike(ran: Ran, name: str) -> None:
    here, there = (ran.found[f"{name}, {where}"] for where in ("here", "there"))
    for key in ("failed", "msg", "code", "subject", "rule", "advice"):
        assert here.get(key) == there.get(key)
    assert here["failed"]


def test_check_mode_keeps_no_history(ran: Ran) -> None:
    assert (ran.place / "kept.db").exists()
    assert not (ran.place / "checked.db").exists()
