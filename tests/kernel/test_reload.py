# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A firewall loaded anew under a live session: it falls silent until the elements are back, and goes on."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.settings import SETTINGS

from .moving import OLD, PEER, Journey, journey, moved

FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
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
def network() -> Iterator[Journey]:
    with journey() as made:
        for name in ("rb", "rc"):
            made.spaces[name].shell(f"cat >/etc/nftables.conf <<'RULES'{CONFIGURATION}RULES\n")
            made.spaces[name].shell("nft -f /etc/nftables.conf")
        yield made


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
def test_a_live_session_survives_it(network: Journey, version: int, router: str) -> None:
    network.at_home()
    network.now = time.time()
    with closing(network.peer.open_socket(FAMILY[version], socket.SOCK_STREAM)) as listener:
        listener.bind((str(PEER[version]), 0))
        listener.listen()
        listener.settimeout(2)
        mobile = network.mobile.open_socket(FAMILY[version], socket.SOCK_STREAM)
        mobile.bind((str(OLD[version]), 0))
        mobile.settimeout(2)
        mobile.connect(listener.getsockname())
        peer, _address = listener.accept()
    with closing(mobile), closing(peer):
        network.move()
        session = Session("tcp", mobile.getsockname()[1], PEER[version], peer.getsockname()[1])
        network.program(replace(moved(version, session), expires=int(network.now) + 3600))
        for end in (mobile, peer):
            end.setblocking(False)
        space = network.spaces[router]
        space.shell("nft -f /etc/nftables.conf")
        talk(peer, mobile, 0.4)
        talk(mobile, peer, 0.4)
        space.shell(SETTINGS["restore_path"])
        assert network.routers[router].gather() == network.held[router]
        assert "held" not in space.shell("nft list tables").stdout
        # TCP waits twice as long with every packet that was lost.
        assert talk(peer, mobile, 3)
        assert talk(mobile, peer, 3)
