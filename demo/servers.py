"""The SIP servers of the walk, set up by the role ``sip_server``; and the home server's word.

Home (the patent's S-CSCF), two visited ones (P-CSCF), and the correspondent's (170), which know each other by
certificates of an authority of their own.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from demo.places import CORRESPONDENT, HOME, TLS_PORT, UDP_PORT, VISITED, Place
from demo.playbooks import run_playbook
from demo.screen import Work
from lab import Lab
from lab.certificates import Authority
from lab.registrar import Registrar
from lab.runtime import LabError

__all__ = ["ASKER", "USERS", "Asked", "HomeWord", "home_word", "set_up"]

#: The name in the certificate of the service that asks the home server.
ASKER = "agent.example"
#: Whose phone is whose.
USERS = {HOME: ("alice",), CORRESPONDENT: ("bob", "carol")}
_PORT = 5443
_COMMAND = "ansible_collections.sipmobility.handover.agent.cli"
_ASKED = re.compile(r"^(\S+) asks of (\S+) and (\S+): (yes|no)$", re.MULTILINE)
#: On the servers.
_FILES = {
    "sip_server_tls_certificate": "/etc/kamailio/walk.pem",
    "sip_server_tls_private_key": "/etc/kamailio/walk.key",
    "sip_server_tls_ca_list": "/etc/kamailio/walk-peers.pem",
}


def set_up(lab: Lab, found: Mapping[str, Place], authority: Authority, directory: Path, work: Work) -> None:
    """Run the role; afterwards nothing is registered, and nothing was told.

    :raises PlaybookFailed: it did.
    """
    hosts = {place.node: _variables(lab, found, place, authority) for place in found.values()}
    # Where the lab keeps its keys: it has passwords, and the variables of the lab's inventory stand beside it.
    inventory = lab.state.path / "walk.json"
    inventory.touch(mode=0o600)
    inventory.write_text(json.dumps({"lab_nodes": {"children": {"sip_servers": {"hosts": hosts}}}}), encoding="utf-8")
    try:
        playbook = Path(__file__).with_name("servers.yml")
        run_playbook(playbook, directory, work, ["lab/inventory", str(inventory)], {})
    finally:
        inventory.unlink()
    for place in found.values():
        Registrar(lab, place.node).clear()


@dataclass(frozen=True)
class Asked:
    """A question that the home server was asked, and its word."""

    asker: str
    aor: str
    old: str
    yes: bool


class HomeWord:
    """``sip-handover home``, which runs beside the home server."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def asked(self) -> list[Asked]:
        """What it was asked so far."""
        found = _ASKED.findall(self._log.read_text(encoding="utf-8"))
        return [Asked(asker, aor, old, word == "yes") for asker, aor, old, word in found]


@contextmanager
def home_word(
    lab: Lab, home: Place, authority: Authority, directory: Path, policy: Mapping[str, Any]
) -> Iterator[tuple[HomeWord, Mapping[str, Any]]]:
    """Begun, with how it is reached (docs/home-server.md); ended at the end."""
    certificate, key = authority.certificate(home.server)
    at = str(lab.topology.management_address(lab.topology.nodes[home.node]).ip)
    config = {
        "log": str(home.log),
        "policy": str(directory / "home-policy.yml"),
        "state_dir": str(directory / "home-state"),
        "certificate": str(certificate),
        "private_key": str(key),
        "ca": str(authority.file),
        "askers": [ASKER],
        "listen": at,
        "port": _PORT,
    }
    for name, data in (("home-policy.yml", dict(policy)), ("home.yml", config)):
        (directory / name).write_text(yaml.safe_dump(data), encoding="utf-8")
    log = directory / "home.log"
    argv = [sys.executable, "-m", _COMMAND, "home", "--config", str(directory / "home.yml")]
    with log.open("wb") as record:
        process = lab.popen(home.node, argv, stdin=subprocess.DEVNULL, stderr=record)
    try:
        end = time.monotonic() + 20
        while "answering" not in log.read_text(encoding="utf-8"):
            if process.poll() is not None or time.monotonic() > end:
                raise LabError(f"sip-handover home does not begin: {log.read_text(encoding='utf-8')[-1000:]}")
            time.sleep(0.05)
        certificate, key = authority.certificate(ASKER)
        reached = {"certificate": str(certificate), "private_key": str(key), "ca": str(authority.file), "port": _PORT}
        yield HomeWord(log), {**reached, "addresses": {home.server: at}}
    finally:
        process.terminate()
        process.wait(20)


def _variables(lab: Lab, found: Mapping[str, Place], place: Place, authority: Authority) -> dict[str, Any]:
    """Those of one host."""
    certificate, key = authority.certificate(place.server)
    sockets = (f"udp:{place.address}:{UDP_PORT}", f"tcp:{place.address}:{UDP_PORT}", f"tls:{place.address}:{TLS_PORT}")
    return {
        "ansible_host": str(lab.topology.management_address(lab.topology.nodes[place.node]).ip),
        "ansible_pipelining": True,
        "walk_names": str(place.address),
        "walk_certificate": str(certificate),
        "walk_private_key": str(key),
        "walk_authority": str(authority.file),
        "sip_server_install": False,
        "sip_server_listen": list(sockets),
        "sip_server_children": 2,
        **_FILES,
        **_duties(found, place, lab.state.passwords),
    }


def _duties(found: Mapping[str, Place], place: Place, passwords: Mapping[str, str]) -> dict[str, Any]:
    """As roles/sip_server/README.md has them, "Three servers"."""
    home, far = found[HOME], found[CORRESPONDENT]
    if place.lan in VISITED:
        return {
            "sip_server_duties": ["visited"],
            "sip_server_visitors": [{"name": home.domain, "mobility": True}],
            "sip_server_peers": [_peer(home)],
        }
    own = {
        "sip_server_domains": [{"name": place.domain, "mobility": True}],
        "sip_server_users": [
            {"name": user, "domain": place.domain, "password": passwords[user]} for user in USERS[place.lan]
        ],
    }
    if place is home:
        visited = [{"name": found[lan].server} for lan in VISITED]
        return {**own, "sip_server_duties": ["registrar", "proxy"], "sip_server_peers": [*visited, _peer(far)]}
    return {**own, "sip_server_duties": ["registrar", "proxy", "correspondent"], "sip_server_peers": [_peer(home)]}


def _peer(place: Place) -> dict[str, Any]:
    return {"name": place.server, "domains": [place.domain]}
