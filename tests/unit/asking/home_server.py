# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A home server on loopback, real TLS and all, out of a log."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from http.server import ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from ansible_collections.sipmobility.handover.agent.home.answers import serve_answers
from ansible_collections.sipmobility.handover.agent.home.config import HomeConfig
from ansible_collections.sipmobility.handover.agent.home.witness import Witness
from ansible_collections.sipmobility.handover.plugins.module_utils.asking.access import HomeAccess
from lab.certificates import Authority

from ..mobility.registrar import World
from ..mobility.test_admission import POLICY
from ..sip.messages import NOW

__all__ = ["ASKER", "HOME", "HomeServer", "policy_text", "world_of_today"]

HOME, ASKER = "home.example.com", "sip.visited.example"
LOOPBACK = "127.0.0.1"


def world_of_today(seconds_ago: float) -> World:
    """A registrar whose clock is ours."""
    it = World(POLICY)
    it.time = time.time() - NOW - seconds_ago
    return it


class HomeServer:
    """The home server of example.com. It has the certificate of ``name``."""

    def __init__(self, directory: Path, log: bytes, *, name: str = HOME, askers: tuple[str, ...] = (ASKER,)) -> None:
        self.authority = Authority(directory)
        self.log = directory / "registrations.jsonl"
        self.log.write_bytes(log)
        certificate, key = self.authority.certificate(name)
        config = HomeConfig(
            str(self.log),
            "",
            str(directory / "state"),
            str(certificate),
            str(key),
            str(self.authority.file),
            askers,
            LOOPBACK,
            0,
        )
        self._config = config
        self._directory = directory
        self._server: ThreadingHTTPServer | None = None
        self.ended = threading.Event()
        self.begin()

    def begin(self) -> None:
        """Answer, with what was learnt before."""
        self.witness = Witness(replace(POLICY), self._directory / "state")
        self._server = serve_answers(self._config, self.witness.answer)
        self.witness.follow(self._config.log, "kamailio", self.ended.set)
        self.port: int = self._server.server_address[1]

    def access(self, name: str = ASKER, authority: Authority | None = None) -> HomeAccess:
        """How somebody with a certificate of that name asks it."""
        certificate, key = (authority or self.authority).certificate(name)
        return HomeAccess(str(certificate), str(key), str(self.authority.file), self.port, {HOME: LOOPBACK})

    def pause(self) -> None:
        """Answer no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def close(self) -> None:
        """End it."""
        self.pause()
        self.witness.close()


def policy_text(**more: Any) -> str:
    """The policy of the one who asks, as a file."""
    networks = {name: [str(one) for one in prefixes] for name, prefixes in POLICY.managed_networks.items()}
    assert all(ip_network(one) for prefixes in networks.values() for one in prefixes)
    policy: Mapping[str, Any] = {
        "managed_networks": networks,
        "home_servers": {"example.com": [HOME]},
        "home_timeout_seconds": 1,
        **more,
    }
    return json.dumps(policy)


def silent() -> socket.socket:
    """A port that takes connections and says nothing."""
    one = socket.create_server((LOOPBACK, 0))
    return one
