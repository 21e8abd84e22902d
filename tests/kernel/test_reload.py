# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A firewall loaded anew under a live session: it falls silent until the elements are back, and goes on."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from dataclasses import replace

import pytest

from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.settings import SETTINGS

from .live import open_tcp
from .moving import Journey, moved

#: As the role advises, on a router that filters nothing: the next packet finds its host, whatever it looks like.
CONFIGURATION = """
flush ruleset
table inet operator {
    chain forward {
        type filter hook forward priority filter; policy accept
    }
}
include "/etc/nftables.d/*.nft"
"""


@pytest.fixture(scope="module")
def network(network: Journey) -> Journey:
    for name in ("rb", "rc"):
        network.spaces[name].shell(f"cat >/etc/nftables.conf <<'RULES'{CONFIGURATION}RULES\n")
        network.spaces[name].shell("nft -f /etc/nftables.conf")
    return network


def talk(one: socket.socket, other: socket.socket, seconds: float) -> int:
    """How often the second one heard the first one; a reset is an error."""
    heard, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        one.send(b"alive?")
        with suppress(BlockingIOError):
            heard += bool(other.recv(1000))
        time.sleep(0.02)
    return heard


@pytest.mark.parametrize("router", ["rb", "rc"])
@pytest.mark.parametrize("version", [4, 6])
def test_a_live_session_survives_it(road: Journey, version: int, router: str) -> None:
    road.now = time.time()
    with open_tcp(road, version, patience=2) as (mobile, peer, session):
        road.move()
        road.program(replace(moved(version, session), expires=int(road.now) + 3600))
        for end in (mobile, peer):
            end.setblocking(False)
        space = road.spaces[router]
        space.shell("nft -f /etc/nftables.conf")
        talk(peer, mobile, 0.4)
        talk(mobile, peer, 0.4)
        space.shell(SETTINGS["restore_path"])
        assert road.routers[router].gather() == road.held[router]
        assert "held" not in space.shell("nft list tables").stdout
        # TCP waits twice as long with every packet that was lost.
        assert talk(peer, mobile, 3)
        assert talk(mobile, peer, 3)
