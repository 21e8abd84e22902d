# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client on a real host that moves between two real networks, and two real SIP servers in a third."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.intake import Report, read_registrations
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.registration_policy import Policy
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import kamailio

from ...unit.roles.private_kamailio import DOMAIN, PASSWORD, Kamailio
from ..internetwork import NETWORKS
from ..moving import NEW, OLD, Journey
from ..namespaces import Namespace

__all__ = ["SERVERS", "Client", "Servers", "come_home", "go_visiting", "held", "servers", "soon"]

#: The SIP server of the network at home, and that of the visited one, in the correspondent's network.
SERVERS = {
    "home": {4: "198.18.3.40", 6: "2001:db8:c::40"},
    "visited": {4: "198.18.3.41", 6: "2001:db8:c::41"},
}
_PORT = 5060
_MODULE = "ansible_collections.sipmobility.handover.node.cli"
#: Seconds that a busy machine may take for what is expected.
_PATIENCE = 30.0


class Servers:
    """The two servers by their names.

    :param variables: of the role, for one of them.
    """

    def __init__(self, directory: Path, space: Namespace) -> None:
        self._directory, self._space = directory, space
        self._running: dict[str, Kamailio] = {}

    def start(self, name: str, **variables: Any) -> None:
        place = self._directory / name
        place.mkdir(exist_ok=True)
        addresses = SERVERS[name]
        sockets = [f"{way}:{host}:{_PORT}" for host in (addresses[4], f"[{addresses[6]}]") for way in ("udp", "tcp")]
        told = {"sip_server_min_expires": 2, "sip_server_children": 1, **variables}
        self._running[name] = Kamailio(
            place,
            told,
            listen=sockets,
            within=["nsenter", "--target", str(self._space.pid), "--net"],
            opened=self._space.open_socket,
        )

    def stop(self, *names: str) -> None:
        for name in names or tuple(self._running):
            self._running.pop(name).stop()

    def events(self, name: str) -> list[dict[str, Any]]:
        """What a server has told so far."""
        lines = self._running[name].lines().splitlines()
        return [json.loads(line[line.index(b"{") :]) for line in lines]

    def report(self) -> Report:
        """What the project makes of what both have told, in the order in which it happened."""
        told = sorted(
            (json.loads(line[line.index(b"{") :])["time"], line)
            for server in self._running.values()
            for line in server.lines().splitlines()
        )
        facts = [fact for time_, line in told for fact in kamailio.parse([line + b"\n"], "log")]
        networks = {name: tuple(map(ip_network, found.values())) for name, found in NETWORKS.items()}
        policy = Policy(networks, require_secure_transport=False)
        return read_registrations(facts, policy, time.time())


class Client:
    """The client's process; stopped at the end, whatever becomes of it."""

    def __init__(self, directory: Path, space: Namespace, **settings: Any) -> None:
        self.directory = directory
        self._space = space
        self._process: subprocess.Popen[bytes] | None = None
        (directory / "password").write_text(settings.pop("password", PASSWORD) + "\n", encoding="utf-8")
        self._told = {
            "user": "alice",
            "domain": DOMAIN,
            "password_file": str(directory / "password"),
            "state_dir": str(directory),
            "control": str(directory / "control"),
            "versions": [4],
            "servers": [
                {
                    "network": NETWORKS[router][version],
                    "server": f"udp:[{SERVERS[name][version]}]:{_PORT}" if version == 6 else SERVERS[name][version],
                }
                for router, name in (("ra", "home"), ("rb", "visited"))
                for version in (4, 6)
            ],
            "expires": 60,
            "poll": 0.2,
            "linger": 0.5,
            "retry_first": 0.2,
            "retry_most": 1,
            **settings,
        }
        self.log = directory / "client.log"

    def start(self) -> None:
        (self.directory / "node.yml").write_text(yaml.safe_dump(self._told), encoding="utf-8")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(self._command("run"), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; gives the exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        try:
            return self._process.wait(_PATIENCE)
        finally:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        if self._process is not None:
            self.end(signal.SIGKILL)

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self._command(*words), capture_output=True, text=True, timeout=_PATIENCE, check=False)

    def status(self) -> Mapping[str, Any]:
        done = self.ask("status")
        found: Mapping[str, Any] = json.loads(done.stdout) if done.returncode == 0 else {}
        return found

    def registered_at(self, address: object, version: int = 4) -> bool:
        told = self.status().get(f"ipv{version}", {})
        return bool(told.get("registered")) and told["address"] == str(address)

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def _command(self, verb: str, *words: str) -> list[str]:
        inside = ["nsenter", "--target", str(self._space.pid), "--net", "--mount"]
        return [*inside, sys.executable, "-m", _MODULE, verb, "--config", str(self.directory / "node.yml"), *words]


@contextmanager
def servers(road: Journey, directory: Path) -> Iterator[Servers]:
    """Both servers."""
    addresses = [address for both in SERVERS.values() for address in both.values()]
    add = [f"ip address replace {one}/{64 if ':' in one else 24} dev lan" for one in addresses]
    # As in any of these networks: an IPv6 address is there at once (accept_dad is 0).
    road.peer.shell("set -e\n" + "\n".join(add))
    with ExitStack() as stack:
        them = Servers(directory, road.peer)
        stack.callback(them.stop)
        them.start("home")
        them.start("visited")
        yield them


def go_visiting(road: Journey) -> None:
    """The link at home is gone with its addresses, and those of the visited network are there. Nothing else is done."""
    road.mobile.shell(f"""set -e
        ip address flush dev home scope global; ip link set home down; ip link set visited up
        ip address replace {NEW[4]}/24 dev visited
        ip -6 address replace {NEW[6]}/64 dev visited nodad
        ip route replace default via 203.0.113.1
        ip -6 route replace default via 2001:db8:b::1
    """)


def come_home(road: Journey) -> None:
    """And back."""
    road.mobile.shell(f"""set -e
        ip address flush dev visited scope global; ip link set visited down; ip link set home up
        ip address replace {OLD[4]}/24 dev home
        ip -6 address replace {OLD[6]}/64 dev home nodad
        ip route replace default via 198.51.100.1
        ip -6 route replace default via 2001:db8:a::1
    """)


def held(road: Journey) -> list[str]:
    """The addresses on the phone's loopback interface, but the loopback's own, with their length."""
    links = json.loads(road.mobile.shell("ip -j address show dev lo").stdout)
    found = [f"{one['local']}/{one['prefixlen']}" for link in links for one in link["addr_info"]]
    return sorted(one for one in found if one not in ("127.0.0.1/8", "::1/128"))


def soon(condition: Callable[[], object], client: Client, seconds: float = _PATIENCE) -> None:
    """Wait for something that comes to pass; what the client said is told where it does not."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"it did not come to pass:\n{client.said()[-3000:]}")
        time.sleep(0.05)
