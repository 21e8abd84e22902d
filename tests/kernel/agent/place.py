# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service with its files, and routers in private namespaces, each with an SSH server of its own.

The service runs in the core's namespace, so it reaches the routers over their links as over any network.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import yaml

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState

from ..internetwork import NETWORKS
from ..moving import Journey
from ..namespaces import Namespace

__all__ = ["Place", "Running", "SshServers", "mortal", "serving", "ssh_servers", "states", "until"]

_PORT = 2222
_UPLINKS = {"ra": "198.18.101.2", "rb": "198.18.102.2", "rc": "198.18.103.2"}


class Spaces(Protocol):
    """Routers in namespaces."""

    @property
    def spaces(self) -> Mapping[str, Namespace]:
        """The namespaces by name."""


class Place:
    """The directory of one service: configuration, policy, inventory, log, and what it keeps."""

    def __init__(
        self,
        directory: Path,
        hosts: Mapping[str, Mapping[str, Any]],
        policy: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        self.directory = directory
        self.log = directory / "register.jsonl"
        self.socket = directory / "events.sock"
        self.config = directory / "serve.yml"
        self.log.touch()
        routers = {
            name: {
                "handover_networks": list(NETWORKS[name].values()),
                "handover_platform": "nftables",
                "handover_inside_interface": "lan",
                "handover_outside_interface": "wan",
                **hosts[name],
            }
            for name in NETWORKS
        }
        self._write("inventory.yml", {"all": {"children": {"first_hop_routers": {"hosts": routers}}}})
        networks = {name: list(found.values()) for name, found in NETWORKS.items()}
        limits = {"max_registrations_per_aor": 100_000, "max_handovers": 1_000_000}
        self._write("policy.yml", {"managed_networks": networks, **limits, **(policy or {})})
        told = {
            "inventory": str(directory / "inventory.yml"),
            "policy": str(directory / "policy.yml"),
            "state_dir": str(directory / "state"),
            "events": [{"log": str(self.log)}, {"socket": str(self.socket)}],
            "drain": 0.3,
            **settings,
        }
        self._write("serve.yml", told)

    def tell(self, *lines: bytes) -> None:
        """The SIP server writes events."""
        with self.log.open("ab", buffering=0) as file:
            for line in lines:
                file.write(line)

    def _write(self, name: str, data: object) -> None:
        (self.directory / name).write_text(yaml.safe_dump(data), encoding="utf-8")


class Running:
    """A process that serves; what it tells is read line by line."""

    def __init__(self, argv: list[str], directory: Path, name: str) -> None:
        self.told_path = directory / f"{name}.jsonl"
        with self.told_path.open("ab") as told:
            self._process = subprocess.Popen(argv, stderr=told, stdin=subprocess.DEVNULL)

    def told(self) -> list[dict[str, Any]]:
        """What it has told so far."""
        found = []
        for line in self.told_path.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):
                found.append(json.loads(line))
        return found

    def await_told(self, event: str, count: int = 1, seconds: float = 60, **what: Any) -> dict[str, Any]:
        """Wait until something was told so often; the last one."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = [
                one for one in self.told() if one["event"] == event and all(one.get(key) == what[key] for key in what)
            ]
            if len(found) >= count:
                return found[-1]
            if self._process.poll() is not None:
                break
            time.sleep(0.01)
        raise AssertionError(f"no {event} {what}:\n{self.told_path.read_text(encoding='utf-8')[-6000:]}")

    def wait(self, seconds: float = 60) -> int:
        """Its end: the exit status, or minus the signal."""
        return self._process.wait(seconds)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    @property
    def stopped(self) -> bool:
        """Whether it stands still, until it is told to go on."""
        return Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    def send(self, number: signal.Signals) -> None:
        """A signal."""
        self._process.send_signal(number)

    @property
    def judge(self) -> int:
        """The id of its judge's process."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        (found,) = [one for one in children if b".court" in Path(f"/proc/{one}/cmdline").read_bytes()]
        return int(found)

    @property
    def resident(self) -> int:
        """How much of the memory it and its judge have, in bytes."""
        statuses = [Path(f"/proc/{one}/status").read_text().splitlines() for one in (self._process.pid, self.judge)]
        return sum(int(line.split()[1]) * 1024 for status in statuses for line in status if "VmRSS" in line)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            return self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise


@contextmanager
def serving(place: Place, inside: int | None = None, *more: str) -> Iterator[Running]:
    """``sip-handover serve``, in the network of a process where one is named."""
    command = [sys.executable, "-m", "ansible_collections.sipmobility.handover.agent.cli", "serve"]
    argv = [*([] if inside is None else ["nsenter", "--target", str(inside), "--net"]), *command]
    running = Running([*argv, "--verbose", "--config", str(place.config), *more], place.directory, "told")
    try:
        running.await_told("ready")
        yield running
    finally:
        running.stop()


def mortal(place: Place, network: Spaces, name: str, die: int = 0, after: bool = False, stop: bool = False) -> Running:
    """The service in a process that is killed, or stopped, before, or after, its step of this number; 0 for none."""
    spaces = json.dumps({router: network.spaces[router].pid for router in NETWORKS})
    argv = [sys.executable, "-m", "tests.kernel.agent.child", "--config", str(place.config), "--spaces", spaces]
    more = [*(["--after"] if after else []), *(["--stop"] if stop else [])]
    return Running([*argv, "--die", str(die), *more], place.directory, name)


class SshServers:
    """An SSH server in each router."""

    def __init__(self, network: Journey, directory: Path) -> None:
        self._network = network
        self._settings = directory / "sshd_config"
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        for name in ("host", "login"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name], check=True)
        (directory / "authorized").write_text((directory / "login.pub").read_text())
        kind, key, *_comment = (directory / "host.pub").read_text().split()
        known = directory / "known_hosts"
        known.write_text("".join(f"[{address}]:{_PORT} {kind} {key}\n" for address in _UPLINKS.values()))
        self._settings.write_text(
            f"Port {_PORT}\nHostKey {directory}/host\nAuthorizedKeysFile {directory}/authorized\nStrictModes no\n"
            "PidFile none\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\nLogLevel ERROR\n"
        )
        #: The inventory variables that lead to each.
        self.hosts: dict[str, dict[str, Any]] = {
            name: {
                "ansible_host": address,
                "ansible_port": _PORT,
                "ansible_user": "root",
                "ansible_ssh_private_key_file": str(directory / "login"),
                "ansible_ssh_common_args": f"-o UserKnownHostsFile={known} -o StrictHostKeyChecking=yes",
                "ansible_connection": "ssh",
            }
            for name, address in _UPLINKS.items()
        }

    def start(self, name: str) -> None:
        """Let a router be reached."""
        space = self._network.spaces[name]
        space.shell(f"mkdir -p /run/sshd; nft insert rule inet operator input tcp dport {_PORT} accept")
        inside = ["nsenter", "--target", str(space.pid), "--net", "--mount"]
        self._running[name] = subprocess.Popen([*inside, "/usr/sbin/sshd", "-D", "-f", str(self._settings)])

    def freeze(self, name: str) -> None:
        """Whatever the sessions of a router run stops, until it is killed."""
        for pid in _below(self._running[name].pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def kill(self, name: str) -> None:
        """Kill the server of a router with all its sessions."""
        server = self._running.pop(name)
        sessions = _below(server.pid)
        for pid in (server.pid, *sessions):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        server.wait(60)

    def close(self) -> None:
        """End them all."""
        for name in tuple(self._running):
            self.kill(name)


@contextmanager
def ssh_servers(network: Journey, directory: Path) -> Iterator[SshServers]:
    """An SSH server in each router."""
    directory.chmod(0o755)
    servers = SshServers(network, directory)
    try:
        for name in _UPLINKS:
            servers.start(name)
        yield servers
    finally:
        servers.close()


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that comes to pass."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def _below(pid: int) -> list[int]:
    """The processes that a process has started, and theirs."""
    try:
        children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
    return [one for child in children for one in (child, *_below(child))]


def states(network: Journey) -> dict[str, RouterState]:
    """What the routers hold."""
    return {name: router.gather() for name, router in network.routers.items()}
