# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Kamailio is killed under a phone that moves, and started again."""

from __future__ import annotations

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ..internetwork import TOPOLOGY
from ..moving import NEW, OLD, Journey
from .agreement import WITHIN, agreed
from .place import states, until
from .sip_server import BY_UDP, sip_server
from .test_chaos import scene, started
from .test_service import at_home as at_home
from .test_service import handovers

pytestmark = pytest.mark.chaos


@pytest.mark.skipif(shutil.which("kamailio") is None, reason="Kamailio is not installed on this host")
@pytest.mark.parametrize("when", ["as the phone moves", "when it has accepted"])
def test_kamailio_is_killed(at_home: Journey, tmp_path: Path, when: str) -> None:
    """It forgets its bindings. What it accepted is not lost, and a phone that it does not answer asks again."""
    hosts: dict[str, dict[str, Any]] = {name: {} for name in TOPOLOGY.routers}
    with (
        sip_server(tmp_path / "sip", ["alice"], [OLD[4], NEW[4]]) as server,
        scene(at_home, tmp_path, hosts, BY_UDP, events=[{"log": str(server.log)}]) as told,
        started(told, "told") as service,
    ):
        phone = server.phone("alice")
        phone.register(OLD[4])
        at_home.move()
        if when == "as the phone moves":
            server.kill()
            with ThreadPoolExecutor(1) as apart:
                registered = apart.submit(phone.register, NEW[4], OLD[4], [told.session], patience=30)
                time.sleep(1)
                assert not registered.done()
                server.start()
                registered.result()
        else:
            phone.register(NEW[4], OLD[4], [told.session])
            until(lambda: len(server.log.read_bytes().splitlines()) == 2)
            server.kill()
            server.start()
        service.await_told("handover", new=str(NEW[4]), seconds=WITHIN)
        agreed(at_home, told.state, f"Kamailio killed {when}")
        told.lives()
        phone.register(NEW[4], OLD[4], [told.session], expires=1200)
        until(lambda: [one.expires > time.time() + 900 for one in handovers(at_home)] == [True])
        phone.register(NEW[4], expires=0)
        until(lambda: not any(len(held) for held in states(at_home).values()))
        agreed(at_home, told.state, "the end after Kamailio was killed")
