# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Playbooks run as an operator runs them, from a controller that reaches the routers over their management links.

Routers with a NETCONF server are reached by ansible.netcommon.netconf, the others by ssh, all with one login.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..after_step import CALLBACKS, acting_after
from ..one_call import NETWORKS
from .world import MANAGEMENT, World

__all__ = ["Done", "Operator", "links"]

ROOT = Path(__file__).resolve().parents[3]
_LIMIT_S = 180


def links(platform: str) -> tuple[str, str]:
    """How routers of a platform call the inside and the outside interface."""
    return ("GigabitEthernet1", "GigabitEthernet2") if platform == "iosxe_netconf" else ("lan", "wan")


@dataclass(frozen=True)
class Done:
    """How a playbook ended."""

    status: int
    output: str
    report: Mapping[str, Any]


class Operator:
    """Runs playbooks of this collection.

    :param built: has the login's key, and the routers' host key.
    :param place: an empty directory.
    """

    def __init__(self, world: World, built: Path, place: Path) -> None:
        self._world = world
        self._built = built
        self._place = place
        #: Keys by name; others than these are wrong ones.
        self.host_key = "host"
        self.login_key = "user"
        #: ``N:COMMAND``: what to do after the Nth acknowledged step; see tests/integration/callbacks.
        self.after_step = ""
        #: Seconds after which Ansible ends a session that is idle.
        self.idle = 30

    @contextmanager
    def after(self, step: int, action: Callable[[], object]) -> Iterator[None]:
        """Within this, do something after the Nth acknowledged step of a playbook, which waits for it."""
        with acting_after(self._place, step, action) as self.after_step:
            try:
                yield
            finally:
                self.after_step = ""

    def play(self, name: str | Path, *flags: str, **variables: Any) -> Done:
        """Run a playbook of ours, by its name, or another, by its path, to its end."""
        self._write()
        report = self._place / "report.json"
        report.unlink(missing_ok=True)
        given = self._place / "variables.json"
        given.write_text(json.dumps({"handover_drain": 0.5, "handover_report": str(report), **variables}))
        inside = ["nsenter", "--target", str(self._world.spaces["control"].pid), "--net", "--"]
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        book = str(name) if isinstance(name, Path) else f"playbooks/{name}.yml"
        words = ["-i", str(self._place / "hosts.yml"), "-e", f"@{given}", *flags, book]
        done = subprocess.run(
            [*inside, program, *words],
            cwd=ROOT,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
            start_new_session=True,
        )
        told = json.loads(report.read_text()) if report.exists() else {}
        return Done(done.returncode, done.stdout + done.stderr, told)

    def _write(self) -> None:
        known = (self._built / f"{self.host_key}.pub").read_text().split()[:2]
        lines = [" ".join([f"[{address}]:830", *known]) for address in MANAGEMENT.values()]
        (self._place / "known_hosts").write_text("\n".join(lines) + "\n")
        (self._place / "ssh_config").write_text(f"Host *\n  UserKnownHostsFile {self._place}/known_hosts\n")
        routers = {name: self._host(name, platform) for name, platform in self._world.platforms.items()}
        inventory = {"all": {"children": {"first_hop_routers": {"hosts": routers}}}}
        (self._place / "hosts.yml").write_text(yaml.safe_dump(inventory))

    def _host(self, name: str, platform: str) -> dict[str, Any]:
        host = {
            "ansible_host": MANAGEMENT[name],
            "ansible_port": 830,
            "ansible_user": "root",
            "ansible_private_key_file": str(self._built / self.login_key),
            "ansible_host_key_checking": True,
            "handover_networks": [NETWORKS[name]],
            "handover_platform": platform,
            **dict(zip(("handover_inside_interface", "handover_outside_interface"), links(platform), strict=True)),
        }
        if "netconf" in platform:
            return {
                **host,
                "ansible_connection": "ansible.netcommon.netconf",
                "ansible_network_os": "ansible.netcommon.default",
                "ansible_netconf_ssh_config": str(self._place / "ssh_config"),
            }
        common = f"-F none -o UserKnownHostsFile={self._place}/known_hosts -o IdentitiesOnly=yes"
        return {**host, "ansible_connection": "ansible.builtin.ssh", "ansible_ssh_common_args": common}

    def _environment(self) -> dict[str, str]:
        build = ROOT / ".build"
        return {
            **os.environ,
            **CALLBACKS,
            "ANSIBLE_COLLECTIONS_PATH": f"{build / 'collections'}:{build / 'standins' / 'collections'}",
            "ANSIBLE_HOME": str(self._place / "ansible"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "true",
            # A shared connection would outlive this world, and be found by the next, whose addresses are the same.
            "ANSIBLE_SSH_ARGS": "-o ControlMaster=no",
            "ANSIBLE_PERSISTENT_CONNECT_TIMEOUT": str(self.idle),
            "PYTHONPATH": str(build / "collections"),
            "PYTHONUNBUFFERED": "1",
            "SIPMOBILITY_AFTER_STEP": self.after_step,
        }
