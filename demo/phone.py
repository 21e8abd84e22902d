"""The mobile node's own client, in the lab's phone: the real one, with a real DHCP client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import yaml

from demo.places import Place
from lab import Lab
from lab.runtime import LabError, in_network
from lab.topology import ROOT

__all__ = ["Client", "client"]

_MODULE = "ansible_collections.sipmobility.handover.node.cli"
#: What udhcpc calls: the system's part of the work.
_DHCP = """#!/bin/sh
case $1 in
bound | renew)
    # Names first: whoever hears of the address asks at once, and those of the place that was left may not answer.
    echo "nameserver $dns" >/etc/resolv.conf
    ip address replace "$ip/$mask" dev "$interface"
    ip route replace default via "$router" dev "$interface"
    ;;
esac
"""


class Client:
    """The client that runs in the phone.

    :ivar dialogs: the file in which the user agent writes its calls.
    """

    def __init__(self, lab: Lab, directory: Path) -> None:
        self._lab = lab
        self._directory = directory
        self.log = directory / "client.log"
        self.dialogs = directory / "calls.json"

    def status(self) -> Mapping[str, Any]:
        """What it says of itself; empty while it does not answer."""
        argv = [sys.executable, "-m", _MODULE, "status", "--config", str(self._directory / "node.yml")]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False, env=environment())
        found: Mapping[str, Any] = json.loads(done.stdout)["ipv4"] if done.returncode == 0 else {}
        return found

    def write_calls(self, calls: Mapping[str, Any]) -> None:
        """What the user agent does with each call that begins (docs/mobile-node.md)."""
        made = self.dialogs.with_suffix(".new")
        made.write_text(json.dumps(calls), encoding="utf-8")
        made.replace(self.dialogs)

    def said(self, code: str) -> int:
        """How often it has told of this."""
        return self.log.read_text(encoding="utf-8").count(f" {code}: ")

    def wait_until_registered(self, address: IPv4Address, seconds: float = 40) -> Mapping[str, Any]:
        """:raises LabError: it is not, in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            told = self.status()
            if told.get("registered") and told["address"] == str(address):
                return told
            time.sleep(0.2)
        raise LabError(f"the phone does not register at {address}:\n{self.log.read_text(encoding='utf-8')[-2000:]}")


@contextmanager
def client(lab: Lab, directory: Path, home: Place, visited: Sequence[Place]) -> Iterator[Client]:
    """The client of Alice's phone, begun; ended at the end."""
    script, names, password = (directory / name for name in ("dhcp", "resolv.conf", "password"))
    script.write_text(_DHCP, encoding="utf-8")
    script.chmod(0o755)
    # The phone begins at home, with the address that the lab gave it.
    names.write_text(f"nameserver {home.address}\n", encoding="utf-8")
    password.write_text(lab.state.passwords["alice"] + "\n", encoding="utf-8")
    password.chmod(0o600)
    interface = lab.topology.nodes["mn"].lan_interface
    it = Client(lab, directory)
    told = {
        "user": "alice",
        "domain": home.domain,
        "password_file": str(password),
        "state_dir": str(directory),
        "control": str(directory / "control"),
        "versions": [4],
        "interfaces": [interface],
        "servers": [
            {"network": str(lab.topology.lans[place.lan].gateway.v4.network), "server": place.domain}
            for place in (home, *visited)
        ],
        "dialogs": str(it.dialogs),
        "ask_address": ["udhcpc", "-i", "{interface}", "-f", "-n", "-q", "-t", "8", "-T", "1", "-s", str(script)],
        "ask_after": 0.05,
        "poll": 1,
    }
    (directory / "node.yml").write_text(yaml.safe_dump(told), encoding="utf-8")
    # Its resolver is its own: the host's file must not change with the phone's place.
    inner = f'mount --bind {names} /etc/resolv.conf && exec "$0" -m {_MODULE} run --config {directory}/node.yml'
    argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", inner, sys.executable]
    with it.log.open("wb") as log:
        process = subprocess.Popen(
            in_network(lab.pids["mn"], argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment()
        )
    try:
        yield it
    finally:
        process.terminate()
        process.wait(20)


def environment() -> dict[str, str]:
    paths = [str(ROOT), str(ROOT / ".build" / "collections"), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
