# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handovers on IOS routers without a command line: ccCopyTable, TFTP and scp carry lines. A live TCP session moves.

**The routers are stand-ins**: a real snmpd, our table behind it, our stand-in of IOS behind that, whose NAT a real
kernel carries out. The files are fetched by curl.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Directions,
    Rewrite,
    RewriteKind,
    Route,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState

from ..conftest import refusal
from ..one_call import NEW, OLD, Call
from .test_live_call import carry_out, handover
from .test_playbooks import ROOT, record, run
from .world import World, worlds

PAIRS = [("ios", "snmp"), ("snmp", "ios"), ("ios", "ios")]
CLASH = "ip nat inside source static 203.0.113.99 203.0.113.7"


def configurations(world: World) -> dict[str, str]:
    """What the IOS routers have, read past our code."""
    ios = [name for name, platform in world.platforms.items() if platform == "ios"]
    return {name: world.servers[name].state.read_text(encoding="ascii") for name in ios}


@pytest.mark.parametrize(("b", "c"), PAIRS)
def test_a_live_session_moves(tmp_path: Path, b: str, c: str) -> None:
    platforms = {"rb": b, "rc": c}
    with worlds(tmp_path, **platforms) as world, ExitStack() as stack:
        now = time.time()
        call = Call(world.spaces, stack)
        before, kernel = configurations(world), world.kernel()
        world.move()
        call.say(b"lost without us")
        assert not call.hears(b"lost without us", seconds=0.5)
        carry_out(world, handover(now, Directions.BOTH), platforms, now)
        assert call.hears(b"lost without us")
        carry_out(world, handover(now, Directions.BOTH, ended=True), platforms, now)
        for router in world.routers.values():
            assert router.gather() == RouterState()
        assert configurations(world) == before
        assert comes_to(world, kernel) == kernel


def test_a_live_session_moves_by_playbook(tmp_path: Path) -> None:
    with worlds(tmp_path, ra="snmp", rb="snmp", rc="ios") as world, ExitStack() as stack:
        call = Call(world.spaces, stack)
        before, kernel = configurations(world), world.kernel()
        done = run(tmp_path, world, ROOT / "playbooks" / "site.yml", from_core=True)
        assert done.returncode == 0, done.stdout + done.stderr
        world.move()
        call.say(b"lost without us")
        books, asked = ROOT / "playbooks", [record("both")]
        done = run(tmp_path, world, books / "handover.yml", from_core=True, handover_records=asked)
        assert done.returncode == 0, done.stdout + done.stderr
        assert call.hears(b"lost without us")
        assert "in the clear" in " ".join((done.stdout + done.stderr).split())
        by_scp = {"rc": {"handover_copy_protocol": "scp"}}
        book = books / "withdraw.yml"
        done = run(tmp_path, world, book, from_core=True, wrong=by_scp, handover_withdraw=["all"])
        assert done.returncode == 0, done.stdout + done.stderr
        assert "in the clear" not in " ".join((done.stdout + done.stderr).split())
        assert configurations(world) == before
        assert comes_to(world, kernel) == kernel


def test_a_transport_that_a_platform_does_not_have(tmp_path: Path) -> None:
    with worlds(tmp_path, rb="snmp") as world:
        wrong = {"rb": {"handover_transport": "snmp_config_copy"}}
        done = run(tmp_path, world, ROOT / "playbooks" / "site.yml", from_core=True, wrong=wrong)
        assert done.returncode != 0
        assert "wrong_transport" in done.stdout


def test_a_line_that_ios_refuses(tmp_path: Path) -> None:
    """Nobody says which line it was; reading back tells. What stood of the file is taken away again."""
    with worlds(tmp_path, rb="ios") as world:
        server, router = world.servers["rb"], world.routers["rb"]
        server.without_nat()
        server.state.write_text(f"{CLASH}\n{configurations(world)['rb']}\n", encoding="ascii")
        server.with_nat()
        before = configurations(world)
        stamp = Stamp("8d7ac21f98194017", 1, int(time.time()) + 600, Directions.BOTH)
        decoder = Rewrite(RewriteKind.INBOUND_DST, Selector(destination=NEW), OLD, stamp)
        encoder = Rewrite(RewriteKind.OUTBOUND_SRC, Selector(OLD), NEW, stamp)
        entries = (decoder, encoder, Route(OLD, NEW, "lan", stamp))
        told = refusal(lambda: router.apply(Change(put=entries), RouterState(), time.time()))
        assert f"ip nat inside source static {OLD} {NEW}" in told.subject
        assert configurations(world) == before
        assert told.subject.startswith("rb: ")


def comes_to(world: World, kernel: dict[str, str]) -> dict[str, str]:
    """What the kernels hold, once it is this or a minute has passed: the stand-in's follows its configuration."""
    deadline = time.monotonic() + 60
    while (found := world.kernel()) != kernel and time.monotonic() < deadline:
        time.sleep(0.1)
    return found
