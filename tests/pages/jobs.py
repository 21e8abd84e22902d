# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory in which a page's commands run as they stand there, and routers in private namespaces that they reach."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from ..kernel.namespaces import Namespace
from ..unit.sip.messages import binding, line

__all__ = ["NETWORKS", "Runner", "blocks", "commands", "placed", "runner_in"]

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = {"ra": "1.1.1", "rb": "2.2.2", "rc": "3.3.3"}
LINKS = """
ip link add lan type veth peer name host; ip link set lan up; ip link set host up
ip link add wan type veth peer name uplink; ip link set wan up; ip link set uplink up
ip address add {network}.1/24 dev lan
"""
#: Ansible's local connection runs its commands by this shell.
SHELL = """#!/bin/sh
exec nsenter --target {pid} --net --mount /bin/sh "$@"
"""
COMMAND = f"""#!/bin/sh
exec {sys.executable} -m ansible_collections.sipmobility.handover.agent.cli "$@"
"""


def blocks(page: str, kind: str) -> list[str]:
    """The blocks of code of one language on a page of the documentation."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.M | re.S)


def commands(page: str, number: int) -> str:
    """What one types of the block of that number with a prompt, without the prompt and what is answered."""
    lines = blocks(page, "console")[number].splitlines(keepends=True)
    typed: list[str] = []
    for text in lines:
        if text.startswith(("$ ", "# ")):
            typed.append(text[2:])
        elif typed and typed[-1].endswith("\\\n"):
            typed.append(text)
    return "".join(typed)


def placed(text: str, place: Path) -> str:
    """The text of a page whose paths from the root lie in a directory of the test."""
    return re.sub(r"(?<=[\s\"'>=])/(?=(etc|var|run)/)", f"{place}/", text)


class Runner:
    """A directory in which jobs run, and the routers that they reach."""

    def __init__(self, place: Path, routers: dict[str, Namespace]) -> None:
        self.place = place
        self.routers = routers
        hosts = {}
        for name, namespace in routers.items():
            hosts[name] = {
                "ansible_connection": "local",
                "ansible_shell_executable": str(self.script(f"shell-{name}", SHELL.format(pid=namespace.pid))),
                "handover_networks": [f"{NETWORKS[name]}.0/24"],
                "handover_inside_interface": "lan",
                "handover_outside_interface": "wan",
            }
        self.write("inventory.yml", {"all": {"children": {"first_hop_routers": {"hosts": hosts}}}})
        (place / "state").mkdir()
        self.script("bin/sip-handover", COMMAND)

    def script(self, name: str, text: str) -> Path:
        path = self.place / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        return path

    def write(self, name: str, data: Any) -> None:
        (self.place / name).write_text(yaml.safe_dump(data), encoding="utf-8")

    def sh(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a block as the shell of a job does: the first command that fails ends it."""
        path = f"{self.place / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.place,
            env={**os.environ, "PATH": path, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def read(self, name: str) -> Any:
        return json.loads((self.place / name).read_text(encoding="utf-8"))

    def moves(self, user: str, old: str, new: str) -> None:
        """A line of the SIP server: a phone that was at one address registers from another."""
        with (self.place / "registrations.jsonl").open("ab") as log:
            log.write(
                line(
                    aor=f"sip:{user}@example.com",
                    auth_user=user,
                    src_ip=new,
                    contact=[f"<sip:{user}@{new}>"],
                    tag=[f"<sip:{user}@{old}>"],
                    before=[binding(old, contact=f"sip:{user}@{old}")],
                    call_id=f"{user}@phone",
                    time=time.time(),
                )
            )


@contextmanager
def runner_in(place: Path) -> Iterator[Runner]:
    """Routers as their operator left them."""
    with ExitStack() as stack:
        routers = {name: stack.enter_context(Namespace()) for name in NETWORKS}
        for name, namespace in routers.items():
            namespace.shell(LINKS.format(network=NETWORKS[name]))
        yield Runner(place, routers)
