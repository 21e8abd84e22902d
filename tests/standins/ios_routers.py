# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A phone that moves between routers some of which are stand-ins of IOS, and the shipped playbooks beside them.

The internetwork is that of the kernel tests: strict stateful firewalls on Linux routers, ``rp_filter=1``, a core that
holds every packet to BCP 38. Stand-ins are reached over SSH and network_cli, the others by a shell in their namespace.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..kernel.internetwork import NETWORKS
from ..kernel.moving import Journey, journey
from .conftest import LIMIT_S
from .started import BIN, BUILD, PEERS, ROOT, started

__all__ = ["IOS", "Played", "Routers", "known_host", "routers", "standin"]

_SECRET = "let-me-in"
_UPLINK = {"ra": "198.18.101.2", "rb": "198.18.102.2", "rc": "198.18.103.2"}
#: How a stand-in is reached, but for its port.
IOS = {
    "ansible_host": "127.0.0.1",
    "ansible_connection": "ansible.netcommon.network_cli",
    "ansible_network_os": "cisco.ios.ios",
    "ansible_user": "operator",
    "ansible_password": "standin",
    "ansible_become": True,
    "ansible_become_method": "enable",
    "ansible_become_password": _SECRET,
}


@dataclass(frozen=True)
class Played:
    """How a playbook ended.

    :ivar changed: how many tasks changed something, by router.
    """

    status: int
    said: str
    changed: Mapping[str, int]


@dataclass(frozen=True)
class Routers:
    """The internetwork, the phone in it, and the inventory of its routers."""

    world: Journey
    place: Path
    hosts: Mapping[str, Mapping[str, Any]]

    def play(self, playbook: str, **variables: Any) -> Played:
        """Run a playbook of the collection with the real ansible-playbook."""
        inventory = {"all": {"children": {"first_hop_routers": {"hosts": self.hosts}}}}
        (self.place / "hosts.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
        (self.place / "variables.json").write_text(json.dumps(variables), encoding="utf-8")
        command = [BIN / "ansible-playbook", "-i", "hosts.yml", "-e", "@variables.json", ROOT / "playbooks" / playbook]
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True,
            text=True,
            env=self._environment(),
            timeout=LIMIT_S,
            check=False,
            cwd=self.place,
        )
        recap = done.stdout.rpartition("PLAY RECAP")[2]
        changed = {
            line.split()[0]: int(line.partition("changed=")[2].split()[0])
            for line in recap.splitlines()
            if "changed=" in line
        }
        return Played(done.returncode, done.stdout + done.stderr, changed)

    def configuration(self, router: str) -> str:
        """The running configuration of a stand-in."""
        return (self.place / f"{router}.running").read_text(encoding="utf-8")

    def typed(self, router: str) -> list[str]:
        """The lines of configuration that a stand-in was told, and not those that make up the dialogue."""
        lines = (self.place / f"{router}.typed").read_text(encoding="utf-8").splitlines()
        mode = ("configure", "do ", "enable", "end", "show ", "terminal ")
        return [line for line in lines if line and not line.startswith(mode)]

    def hang_up(self, router: str, line: str) -> None:
        """Have a stand-in lose its connection in place of this line, once."""
        (self.place / f"{router}.hang-up").write_text(line, encoding="utf-8")

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": f"{BUILD / 'collections'}:{PEERS / 'collections'}",
            "ANSIBLE_HOME": str(self.place / "ansible"),
            "ANSIBLE_HOST_KEY_CHECKING": "false",
            "ANSIBLE_NOCOLOR": "true",
            "PYTHONPATH": "",
        }


@contextmanager
def routers(place: Path, *ios: str, extra: str = "") -> Iterator[Routers]:
    """Make it; these routers are stand-ins.

    :param extra: lines of configuration that each stand-in starts with besides.
    """
    with ExitStack() as stack:
        world = stack.enter_context(journey())
        hosts = {}
        for name in NETWORKS:
            process = world.spaces[name].pid
            if name in ios:
                # Its firewall would be IOS' own, of which the stand-in has access lists alone.
                world.spaces[name].shell("nft flush ruleset")
                start = place / f"{name}.cfg"
                start.write_text(_start(name) + extra, encoding="utf-8")
                port = stack.enter_context(standin(place, name, process))
                reached: dict[str, Any] = {**IOS, "ansible_port": port}
            else:
                shell = place / f"shell-{name}"
                shell.write_text(f'#!/bin/sh\nexec nsenter --target {process} --net --mount /bin/sh "$@"\n')
                shell.chmod(0o755)
                reached = {"ansible_connection": "local", "ansible_shell_executable": str(shell)}
            hosts[name] = {
                **reached,
                "ansible_python_interpreter": str(BIN / "python"),
                "handover_networks": [NETWORKS[name][4]],
                "handover_inside_interface": "lan",
                "handover_outside_interface": "wan",
            }
        yield Routers(world, place, hosts)


def _start(name: str) -> str:
    lan = NETWORKS[name][4].replace(".0/24", ".1")
    return f"""\
hostname {name}
interface lan
 ip address {lan} 255.255.255.0
 ip nat inside
interface wan
 ip address {_UPLINK[name]} 255.255.255.0
 ip nat outside
exit
"""


def _host_key(place: Path) -> Path:
    """The private key of all of them; its public half is beside it."""
    key = place / "host-key"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    return key


def known_host(place: Path, port: int) -> str:
    """The line of a stand-in in a file of known hosts."""
    kind, key, *_comment = (place / "host-key.pub").read_text(encoding="utf-8").split()
    return f"[127.0.0.1]:{port} {kind} {key}\n"


@contextmanager
def standin(place: Path, name: str, process: int, inside: int | None = None) -> Iterator[int]:
    """A stand-in whose configuration the namespace of a process carries out; its port on the loopback.

    :param place: has its first configuration.
    :param inside: a process in whose network it is reached; None for this one.
    """
    log = place / f"{name}.log"
    options: list[str | Path] = ["--secret", _SECRET, "--kernel", str(process), "--shown", place / f"{name}.running"]
    options += ["--typed", place / f"{name}.typed", "--hang-up", place / f"{name}.hang-up"]
    options += ["--host-key", _host_key(place)]
    within = () if inside is None else ("nsenter", "--target", str(inside), "--net", "--")
    with log.open("w") as said, started("ios", *options, place / f"{name}.cfg", within=within, said=said) as port:
        yield port
    assert not log.read_text(encoding="utf-8"), "the kernel carried everything out"
