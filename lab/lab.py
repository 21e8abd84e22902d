"""``Lab``: what tests, demo and command line call."""

from __future__ import annotations

import fcntl
import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

from lab import image, mobility, nodefiles, snapshot, topology, wiring
from lab.keys import State
from lab.platforms import KINDS, Kind
from lab.runtime import Completed, LabError, containers, in_container, in_network, interfaces, podman, run
from lab.topology import ROOT, Node

_LOCK = Path("/run/lock/sipmobility-lab")
_CAPABILITIES = ("NET_ADMIN", "NET_RAW", "SYS_ADMIN", "AUDIT_WRITE")
_READY_WITHIN = 60.0


class Lab:
    """The lab of this checkout. One lab runs on a machine at a time; objects of this class are cheap views of it."""

    def __init__(self) -> None:
        self.state = State()
        self.topology = topology.load(self.state.walk)
        self._pids: dict[str, int] = {}

    # -- life -----------------------------------------------------------------------------------------------------

    @classmethod
    def up(cls, platforms: Mapping[str, str] = MappingProxyType({}), walk: bool = False) -> Lab:
        """Bring the lab up, or what is missing of it. Fast when it is up already.

        :param platforms: routers that are not of the platform nftables, see ``lab/platforms``.
        :param walk: with a SIP server in each network.
        :raises LabError: it could not; what was made so far stays for a look, ``down`` removes it.
        """
        lab = cls()
        if os.geteuid() != 0:
            raise LabError("the lab needs root: it makes network namespaces and links")
        with _lock():
            lab._choose(platforms, walk)
            lab._up()
        return lab

    @classmethod
    def down(cls) -> None:
        """Remove everything of the lab but its images: also what an unfinished or another checkout's ``up`` left."""
        lab = cls()
        with _lock():
            lab._down()
            lab.state.remove()

    def status(self) -> dict[str, str]:
        """Node name to ``running``, ``unwired``, podman's word for another state, or ``absent``."""
        known = containers()
        words = {}
        for node in self.topology.nodes.values():
            record = known.get(node.container)
            words[node.name] = record["State"] if record else "absent"
        pids = self._running()
        for link in wiring.links(self.topology):
            name = str(link.one.node)
            if name in pids and link.one.name not in interfaces(pids[name]):
                words[name] = "unwired"
        return words

    def restart(self, node: str) -> None:
        """A real reboot: everything in memory is lost, the disk stays. Returns when the node is back in service."""
        with _lock():
            podman("stop", "--time", "20", self.topology.nodes[node].container)
            self._unwire({node})
            podman("start", self.topology.nodes[node].container)
            self._wire(fresh={node})
            self._wait_ready([self.topology.nodes[node]])

    def renew(self, *nodes: str) -> None:
        """Replace nodes by new ones: what was changed on their disks is gone too. Host keys stay."""
        fresh = [self.topology.nodes[name] for name in nodes]
        with _lock():
            podman("rm", "--force", "--volumes", "--time", "0", *(node.container for node in fresh))
            with ThreadPoolExecutor(4) as pool:
                self._unwire(set(nodes))
                list(pool.map(partial(self._start, exists=False), fresh))
            self._wire(fresh=set(nodes))
            self._wait_ready(fresh)

    # -- work in a node -------------------------------------------------------------------------------------------

    @property
    def pids(self) -> dict[str, int]:
        """Node name to the host's process id of its first process; asked again after a node was restarted by anyone."""
        if not self._pids or not all(Path(f"/proc/{pid}").exists() for pid in self._pids.values()):
            known = containers()
            self._pids = {name: self._pid_of(known, name) for name in self.topology.nodes}
        return self._pids

    def run(
        self, node: str, argv: Sequence[str], *, text: str = "", check: bool = True, timeout: float = 60
    ) -> Completed:
        """Run a program of the node's own in the node, as root."""
        return run(in_container(self.pids[node], argv), text=text, check=check, timeout=timeout)

    def popen(
        self,
        node: str,
        argv: Sequence[str],
        *,
        stdin: int | IO[Any] | None = None,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
    ) -> subprocess.Popen[str]:
        """Start a program of the host's in the node's network namespace (the nodes have no Python)."""
        return subprocess.Popen(
            in_network(self.pids[node], argv), stdin=stdin, stdout=stdout, stderr=stderr, text=True, env=_environment()
        )

    def python(self, node: str, module: str, *args: str, timeout: float = 60) -> Completed:
        """Run one of our modules (``lab.phone``, ``lab.streams``) with the host's Python in the node's network."""
        path = f"PYTHONPATH={_environment()['PYTHONPATH']}"
        argv = ["env", path, sys.executable, "-m", module, *args]
        return run(in_network(self.pids[node], argv), check=False, timeout=timeout)

    def ssh(self, node: str, command: str, *, text: str = "", check: bool = True, timeout: float = 60) -> Completed:
        """Run a command as the operator over sshd, the way Ansible comes in."""
        address = self.topology.management_address(self.topology.nodes[node]).ip
        options = [f"UserKnownHostsFile={self.state.known_hosts}", "StrictHostKeyChecking=yes", "BatchMode=yes"]
        flags = [flag for option in (*options, "IdentitiesOnly=yes") for flag in ("-o", option)]
        target = f"{topology.USER}@{address}"
        argv = ["ssh", "-F", "none", "-i", str(self.state.key), *flags, target, command]
        return run(argv, text=text, check=check, timeout=timeout)

    def snapshot(self, node: str) -> dict[str, Any]:
        """What the node's kernel holds, asked for outside the product's code; two of them can be compared."""
        held = snapshot.take(lambda argv: self.run(node, argv, check=False))
        show = self._kind(self.topology.nodes[node]).show
        return {**held, "configuration": self.run(node, show).stdout.splitlines()} if show else held

    # -- the world ------------------------------------------------------------------------------------------------

    def move(self, node: str, lan: str, *, keep_old: bool = True) -> mobility.Move:
        """Move a mobile node to another LAN (``a``..``d``)."""
        return mobility.move(self.topology, self.pids, node, lan, keep_old=keep_old)

    def carry(self, node: str, lan: str) -> float:
        """Move a mobile node's cable alone, without addresses. Gives the monotonic time at which it was out."""
        return mobility.carry(self.topology, self.pids, node, lan)

    def home(self, node: str = "mn") -> None:
        """Put a mobile node back on its first LAN with nothing kept of its moves."""
        mobility.reset(self.topology, self.pids, node)

    def bcp38(self, on: bool) -> None:
        """Switch the core's source address filter, and its reverse path filter with it, which would do the same."""
        if on:
            self.run("core", ["nft", "-f", "/etc/nftables.conf"])
        else:
            self.run("core", ["nft", "flush", "chain", "inet", "bcp38", "ingress"])
        names = ["all", *(f"to-{router}" for router in self.topology.uplinks)]
        self.run("core", ["sysctl", "-q", "-w", *(f"net.ipv4.conf.{name}.rp_filter={int(on)}" for name in names)])

    def bcp38_drops(self) -> dict[str, int]:
        """Packets that the core dropped for their source, by family (``ipv4``, ``ipv6``)."""
        return snapshot.counters(self.run("core", ["nft", "-j", "list", "counters", "table", "inet", "bcp38"]).stdout)

    # -- below ----------------------------------------------------------------------------------------------------

    @cached_property
    def _fingerprint(self) -> str:
        """Changes when what is laid into the nodes changes, or the checkout that they belong to."""
        digest = hashlib.sha256(str(self.state.path).encode())
        for node in self.topology.nodes.values():
            digest.update(nodefiles.archive(node, self.topology, self.state, self._kind(node)))
            digest.update("\0".join(self._create_arguments(node)).encode())
        return digest.hexdigest()[:16]

    def _up(self) -> None:
        self.state.ensure(self.topology)
        nodes = list(self.topology.nodes.values())
        known = containers()
        if known and any(self._is_other(known.get(node.container)) for node in nodes):
            print("lab: another or an older lab is here; it is replaced", file=sys.stderr)
            self._down()
            known = {}
        stopped = [node for node in nodes if known.get(node.container, {}).get("State") != "running"]
        if stopped:
            image.ensure(self._image(node) for node in nodes)
            self._unwire({node.name for node in stopped})
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda node: self._start(node, node.container in known), stopped))
        self._wire(fresh={node.name for node in stopped})
        self._wait_ready(nodes)

    def _down(self) -> None:
        names = list(containers())
        if names:
            podman("rm", "--force", "--volumes", "--time", "0", *names)
        wiring.remove_host_side(self.topology)

    def _is_other(self, record: dict[str, Any] | None) -> bool:
        return record is not None and (record.get("Labels") or {}).get("lab") != self._fingerprint

    def _choose(self, platforms: Mapping[str, str], walk: bool) -> None:
        self.state.set_walk(walk)
        self.topology = topology.load(walk)
        routers = {node.name for node in self.topology.of_kind("router")}
        for name, platform in platforms.items():
            if name not in routers or platform not in KINDS:
                raise LabError(f"{name}={platform}: routers are {sorted(routers)}, platforms {sorted(KINDS)}")
        chosen = {name: platform for name, platform in platforms.items() if platform != "nftables"}
        variables = {
            name: {"handover_platform": platform, **KINDS[platform].variables(self.state.path)}
            for name, platform in chosen.items()
        }
        self.state.set_platforms(chosen, variables)

    def _kind(self, node: Node) -> Kind:
        return KINDS[self.state.platforms.get(node.name, "nftables")]

    def _image(self, node: Node) -> image.Image:
        return image.SIP_SERVER if node.kind == "sip_server" else self._kind(node).image

    def _start(self, node: Node, exists: bool) -> None:
        if not exists:
            podman("create", "--label", f"lab={self._fingerprint}", *self._create_arguments(node))
            podman(
                "cp",
                "-",
                f"{node.container}:/",
                data=nodefiles.archive(node, self.topology, self.state, self._kind(node)),
            )
        podman("start", node.container)

    def _create_arguments(self, node: Node) -> list[str]:
        if node.kind == "switch":
            # A process 1 that has no handler for a signal does not get it.
            life, command = ["--systemd", "false", "--stop-signal", "SIGKILL"], ["/bin/sleep", "infinity"]
        else:
            life, command = ["--systemd", "always"], ["/sbin/init"]
        names = ["--name", node.container, "--hostname", node.name]
        capabilities = [f"--cap-add={capability}" for capability in _CAPABILITIES]
        tag = self._image(node).tag
        return [*names, *life, *capabilities, "--network", "none", "--pull", "never", tag, *command]

    def _unwire(self, stopped: set[str]) -> None:
        self._pids = {}
        wiring.unwire(self.topology, self._running(), stopped)

    def _wire(self, fresh: set[str]) -> None:
        wiring.host_bridge(self.topology)
        wiring.switch(self.topology, self.pids["fabric"])
        ends = wiring.wire(self.topology, self.pids)
        wiring.configure(ends, set(self.pids) - fresh - {"fabric"}, self.pids)

    def _wait_ready(self, nodes: Sequence[Node]) -> None:
        """Until each node has its addresses and answers on its sshd."""
        end = time.monotonic() + _READY_WITHIN
        for node in nodes:
            if node.kind == "switch":
                continue
            kind = self._kind(node)
            units = [
                "lab-net",
                "nftables",
                *(["kamailio", "sipmobility-events"] if node.kind == "sip_server" else kind.units),
            ]
            if kind.ready:
                ready = partial(self._succeeds, node, kind.ready)
                _until(ready, end, f"{node.name}: {' '.join(kind.ready)} does not succeed")
            _until(partial(self._active, node, units), end, f"{node.name}: {', '.join(units)} not active")
            if node.mgmt is not None:
                address = str(self.topology.management_address(node).ip)
                _until(partial(_answers, address), end, f"{node.name}: sshd at {address} does not answer")

    def _succeeds(self, node: Node, argv: Sequence[str]) -> bool:
        return self.run(node.name, argv, check=False).returncode == 0

    def _active(self, node: Node, units: list[str]) -> bool:
        said = self.run(node.name, ["systemctl", "is-active", *units], check=False).stdout.split()
        if "failed" in said:
            log = self.run(node.name, ["journalctl", "-b", "-n", "30", "--no-pager"], check=False).stdout
            raise LabError(f"{node.name}: of {', '.join(units)} one has failed\n{log}")
        return said == ["active"] * len(units)

    def _pid_of(self, known: dict[str, dict[str, Any]], name: str) -> int:
        record = known.get(self.topology.nodes[name].container)
        if record is None or record["State"] != "running":
            raise LabError(f"node {name} is not running: python -m lab up")
        return int(record["Pid"])

    def _running(self) -> dict[str, int]:
        known = containers()
        names = {node.container: node.name for node in self.topology.nodes.values()}
        return {names[name]: int(r["Pid"]) for name, r in known.items() if r["State"] == "running" and name in names}


@contextmanager
def _lock() -> Iterator[None]:
    """One change at a time, over all checkouts of this machine."""
    with _LOCK.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("lab: waiting for another process that changes the lab", file=sys.stderr)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _environment() -> dict[str, str]:
    paths = [str(ROOT), str(ROOT / ".build" / "collections"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


def _until(holds: Callable[[], bool], end: float, complaint: str) -> None:
    while not holds():
        if time.monotonic() > end:
            raise LabError(f"not within {_READY_WITHIN:g} s: {complaint}")
        time.sleep(0.1)


def _answers(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=2) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
