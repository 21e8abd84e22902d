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
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..sip.messages import line

POLICY = {"managed_networks": {"location-101": ["1.1.1.0/24"], "location-102": ["2.2.2.0/24"]}}
#: What makes Ansible start the module, on this host too.
AS_MODULE: dict[str, dict[str, Any]] = {
    "because it waits for it": {"async": 60, "poll": 1},
    "because of an environment": {"environment": {"LANG": "C.UTF-8"}},
    "because of become": {"become": True},
}
#: What only Ansible itself tells, in one of the two ways or both.
_ANSIBLES = {"invocation", "ansible_job_id", "finished", "started", "results_file", "stdout", "stderr", "exception"}
_ANSIBLES |= {"stdout_lines", "stderr_lines"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with a log, and a program in the place of sudo, which need not be there."""
    (tmp_path / "log").write_bytes(line(time=time.time()) + line(cseq=9999, time=time.time(), tag=["1.1.1.77"]))
    (tmp_path / "sudo").write_text('#!/bin/sh\nwhile [ "$1" != /bin/sh ]; do shift; done\nexec "$@"\n')
    (tmp_path / "sudo").chmod(0o755)
    return tmp_path


def ran(place: Path, options: dict[str, Any], keywords: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """The result of the task in a playbook there, less what Ansible adds; whether a module was started for it."""
    tasks = [
        {
            "sipmobility.handover.registrations_info": options,
            "register": "found",
            "ignore_errors": True,
            **keywords,
        },
        {"ansible.builtin.copy": {"content": "{{ found | to_json }}", "dest": "found.json", "mode": "0600"}},
    ]
    variables = {"ansible_become_exe": str(place / "sudo"), "ansible_python_interpreter": sys.executable}
    play = {"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}
    (place / "playbook.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    elsewhere = place / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-vvv", "-i", "localhost,", "-c", "local", "../playbook.yml"],
        cwd=elsewhere,
        env={**os.environ, "ANSIBLE_LOCAL_TEMP": str(place / "local")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((place / "found.json").read_text())
    started = "AnsiballZ_registrations_info" in done.stdout
    return {key: value for key, value in found.items() if key not in _ANSIBLES}, started


@pytest.mark.parametrize("why", AS_MODULE)
def test_both_tell_the_same(place: Path, why: str) -> None:
    """A log is named as it lies beside the playbook, wherever that was started."""
    options = {"path": "log", "policy": POLICY}
    here, started = ran(place, options, {})
    assert not started
    assert [(pair["old"], pair["admitted"]) for pair in here["address_pairs"]] == [("1.1.1.20", True)]
    assert [item["code"] for item in here["refused"]] == ["not_held"]
    there, started = ran(place, options, AS_MODULE[why])
    assert started
    assert there == here


@pytest.mark.parametrize("options", [{"path": "log"}, {"path": "missing"}, {"path": "log", "policy": {"infer": {}}}])
def test_both_fail_alike(place: Path, options: dict[str, Any]) -> None:
    (place / "log").write_bytes(b"") if "policy" in options else (place / "log").unlink()
    here, _started = ran(place, options, {})
    there, started = ran(place, options, AS_MODULE["because of an environment"])
    assert started
    for key in ("failed", "msg", "code", "subject", "rule", "advice"):
        assert here.get(key) == there.get(key)
    assert here["failed"]


@pytest.mark.parametrize("checking", [False, True])
def test_check_mode_keeps_no_history(place: Path, checking: bool) -> None:
    ran(place, {"content": "", "store": "history.db"}, {"check_mode": checking})
    assert (place / "history.db").exists() is not checking
