# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in of IOS on the loopback, and playbooks that reach it as they would reach a router."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from .started import BIN, BUILD, PEERS, started

LIMIT_S = 180


@dataclass(frozen=True)
class Router:
    """A stand-in that listens, and the directory of its test.

    :ivar secret: its enable password; the login starts unprivileged.
    """

    port: int
    place: Path
    secret: str

    def play(self, tasks: list[dict[str, Any]], **variables: Any) -> dict[str, Any]:
        """Run tasks on it with the real ansible-playbook, and return what each registered, by name."""
        names = [task["register"] for task in tasks if "register" in task]
        keep = {
            "ansible.builtin.copy": {
                "content": "{{ {" + ", ".join(f"'{name}': {name}" for name in names) + "} | to_json }}",
                "dest": str(self.place / "results.json"),
                "mode": "0600",
            },
            "vars": {"ansible_connection": "local", "ansible_become": False},
        }
        play = [{"hosts": "rb", "gather_facts": False, "tasks": [*tasks, keep]}]
        (self.place / "play.yml").write_text(yaml.safe_dump(play, sort_keys=False), encoding="utf-8")
        host = {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_connection": "ansible.netcommon.network_cli",
            "ansible_network_os": "cisco.ios.ios",
            "ansible_user": "operator",
            "ansible_password": "standin",
            "ansible_become": True,
            "ansible_become_method": "enable",
            "ansible_become_password": self.secret,
            "ansible_python_interpreter": str(BIN / "python"),
            **variables,
        }
        inventory = {"all": {"hosts": {"rb": host}}}
        (self.place / "hosts.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": f"{BUILD / 'collections'}:{PEERS / 'collections'}",
            "ANSIBLE_HOME": str(self.place / "ansible"),
            "ANSIBLE_HOST_KEY_CHECKING": "false",
            "ANSIBLE_NOCOLOR": "true",
            "PYTHONPATH": "",
        }
        command = [str(BIN / "ansible-playbook"), "-i", str(self.place / "hosts.yml"), str(self.place / "play.yml")]
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=LIMIT_S, check=False, cwd=self.place
        )
        assert done.returncode == 0, done.stdout + done.stderr
        results: dict[str, Any] = json.loads((self.place / "results.json").read_text(encoding="utf-8"))
        return results


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Router]:
    """A router with two interfaces, marked as inside and outside, and one static entry."""
    assert (PEERS / ".installed").exists(), "make .build/standins/.installed"
    secret = "let-me-in"
    start = tmp_path / "start.cfg"
    start.write_text(START, encoding="utf-8")
    with started("ios", "--secret", secret, start) as port:
        yield Router(port, tmp_path, secret)


START = """\
hostname rb
interface GigabitEthernet1
 ip address 10.1.1.1 255.255.255.0
 ip nat inside
interface GigabitEthernet2
 ip address 203.0.113.1 255.255.255.0
 ip nat outside
exit
ip nat inside source static 10.1.1.10 203.0.113.10
"""
