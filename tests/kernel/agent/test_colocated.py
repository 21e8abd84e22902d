# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SIP server, service and visited router on one box: the role's real Kamailio, and ``ansible_connection: local``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session

from ...unit.roles.private_kamailio import DOMAIN, PASSWORD, Kamailio
from ..live import open_tcp
from ..moving import NEW, OLD, Journey
from ..namespaces import Namespace
from .place import Place, serving, ssh_servers, states, until
from .test_service import at_home, talk

__all__ = ["at_home"]

#: The visited router's address in its LAN, and where the server pushes its events to.
_BOX, _PUSH = "203.0.113.1", "127.0.0.1:8448"


@contextmanager
def _sip_server(box: Namespace, directory: Path) -> Iterator[None]:
    """It takes registrations from its LAN and from outside; so its operator's firewall must have it."""
    directory.mkdir()
    box.shell(
        "nft 'insert rule inet operator input iif lo accept; insert rule inet operator input udp dport 5060 accept'"
    )
    settings = {"sip_server_push": _PUSH, "sip_server_children": 1}
    inside = ["nsenter", "--target", str(box.pid), "--net"]
    server = Kamailio(directory, settings, listen=[f"udp:{_BOX}:5060"], within=inside, opened=box.open_socket)
    try:
        yield
    finally:
        server.stop()


def _register(road: Journey, local: object, *more: str) -> int:
    """By the phone, from one of its addresses; the status."""
    who = ["--server", _BOX, "--local", str(local), "--user", "alice", f"--password={PASSWORD}", "--domain", DOMAIN]
    inside = ["nsenter", "--target", str(road.mobile.pid), "--net"]
    done = subprocess.run(
        [*inside, sys.executable, "-m", "lab.phone", *who, *more],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return int(json.loads(done.stdout)["status"])


def _listed(session: Session) -> str:
    return f"{session.protocol}:{session.port}:{session.correspondent}:{session.correspondent_port}"


def test_a_live_session_where_the_sip_server_is_on_the_visited_router(at_home: Journey, tmp_path: Path) -> None:
    box = at_home.spaces["rb"]
    with ssh_servers(at_home, tmp_path) as servers, _sip_server(box, tmp_path / "sip"):
        # Its own tables by commands on the spot, as root; the others' over the network.
        hosts = {**servers.hosts, "rb": {"ansible_connection": "local"}}
        place = Place(tmp_path, hosts, {"require_secure_transport": False}, events=[{"evapi": _PUSH}])
        with (
            serving(place, box.pid) as service,
            open_tcp(at_home, 4, 15) as (mobile, peer, session),
        ):
            assert _register(at_home, OLD[4]) == 200
            at_home.move()
            assert _register(at_home, NEW[4], "--old", str(OLD[4]), "--session", _listed(session)) == 200
            service.await_told("handover", new=str(NEW[4]), kind="programmed")
            talk(mobile, peer)
            assert len(states(at_home)["rb"]) > 0
            assert _register(at_home, NEW[4], "--expires", "0") == 200
            service.await_told("handover", kind="ended")
            until(lambda: not any(len(state) for state in states(at_home).values()))
        assert not [one for one in service.told() if one["event"] in ("taken back", "drift", "not retired", "refused")]
