"""``lab/.state``: keys, known hosts, SIP passwords. Made by ``up``, removed by ``down``, ignored by git."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.runtime import run
from lab.topology import ROOT, Topology

STATE = ROOT / "lab" / ".state"


class State:
    """Paths and contents below ``lab/.state``; the inventory and the demo read the same files."""

    def __init__(self, path: Path = STATE) -> None:
        self.path = path
        self.key = path / "id_ed25519"
        self.known_hosts = path / "known_hosts"
        self.sip_users = path / "sip_users.json"
        self.inventory = path / "inventory.json"
        self.ssh_config = path / "ssh_config"
        self._platforms = path / "platforms.json"
        self._walk = path / "walk"

    def ensure(self, topology: Topology) -> None:
        """Make what is missing; what exists is kept, so that host keys stay over a restart."""
        self.path.mkdir(mode=0o700, exist_ok=True)
        if not self.key.exists():
            _keygen(self.key, "controller")
        lines = []
        for node in topology.nodes.values():
            if node.mgmt is None:
                continue
            if not self.host_key(node.name).exists():
                _keygen(self.host_key(node.name), node.name)
            kind, value, _ = self.host_key(node.name).with_suffix(".pub").read_text().split(maxsplit=2)
            lines.append(f"{node.name},{topology.management_address(node).ip} {kind} {value}\n")
        self.known_hosts.write_text("".join(lines))
        self.ssh_config.write_text(f"Host *\n  UserKnownHostsFile {self.known_hosts}\n")
        if not self.sip_users.exists():
            passwords = {user: secrets.token_urlsafe(12) for user in topology.sip_users}
            self.sip_users.write_text(json.dumps(passwords, indent=1) + "\n")
            self.sip_users.chmod(0o600)

    @property
    def platforms(self) -> dict[str, str]:
        """The routers that are not of the platform nftables."""
        return json.loads(self._platforms.read_text()) if self._platforms.exists() else {}

    @property
    def walk(self) -> bool:
        """Whether the SIP servers of the walk are in the lab."""
        return self._walk.exists()

    def set_walk(self, walk: bool) -> None:
        """Keep whether they are."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if walk:
            self._walk.touch()
        else:
            self._walk.unlink(missing_ok=True)

    def set_platforms(self, platforms: Mapping[str, str], inventory: Mapping[str, Any]) -> None:
        """Keep which routers are of which platform, and their variables for Ansible beside ``lab/inventory``."""
        self.path.mkdir(mode=0o700, exist_ok=True)
        self._platforms.write_text(json.dumps(dict(platforms)))
        self.inventory.write_text(json.dumps({"all": {"hosts": dict(inventory)}}, indent=1))

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def host_key(self, node: str) -> Path:
        return self.path / f"host_{node}"

    @property
    def public_key(self) -> str:
        return self.key.with_suffix(".pub").read_text()

    @property
    def passwords(self) -> dict[str, str]:
        """SIP user to password."""
        loaded: dict[str, str] = json.loads(self.sip_users.read_text())
        return loaded


def _keygen(path: Path, comment: str) -> None:
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)], text="y\n")
