# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resident service on routers over SNMP, beside nftables; a live session goes on."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session

from ...standins.snmp_router.server import KEYS, WRITER
from ..agent.phones import Phone
from ..agent.place import Place, mortal, serving, until
from ..one_call import NETWORKS, NEW, OLD, PEER, PORT, Call
from .world import UPLINKS, World, worlds


def place_of(world: World, directory: Path) -> Place:
    """The service's files."""
    directory.mkdir()
    return Place(directory, {name: _host(world, name) for name in NETWORKS}, widen=True, ssh={"keepalive": 1.0})


def _host(world: World, name: str) -> dict[str, Any]:
    host = {"handover_platform": world.platforms[name], "handover_networks": [NETWORKS[name]]}
    if name not in world.servers:
        return host
    copied = world.platforms[name] == "ios"
    return {
        **host,
        **({"handover_transport": "snmp_config_copy"} if copied else {}),
        # Files are carried to where the service is: it stands in the core then.
        "handover_snmp_host": UPLINKS[name][0] if copied else "127.0.0.1",
        "handover_snmp_port": 161 if copied else world.servers[name].relay.port,
        "handover_snmp_user": WRITER,
        "handover_snmp_auth_key": KEYS[0],
        "handover_snmp_privacy_key": KEYS[1],
        "handover_snmp_timeout": 2,
    }


@pytest.mark.parametrize(("b", "c"), [("snmp", "snmp"), ("snmp", "nftables"), ("nftables", "snmp")])
def test_a_live_session_moves(tmp_path: Path, b: str, c: str) -> None:
    platforms: Mapping[str, str] = {"ra": "nftables", "rb": b, "rc": c}
    with worlds(tmp_path, **platforms) as world, ExitStack() as stack:
        call, phone, place = Call(world.spaces, stack), Phone("alice"), place_of(world, tmp_path / "service")
        call.say(b"at home")
        assert call.hears(b"at home")
        before = world.kernel()
        service = mortal(place, world, "told")
        try:
            service.await_told("ready")
            place.tell(phone.register(OLD))
            world.move()
            place.tell(phone.register(NEW, OLD, [Session("tcp", call.port, PEER, PORT)]))
            done = service.await_told("handover", kind="programmed")
            print(f"{b}, {c}: {done['total_ms']} ms, of it {done['programmed_ms']} ms until the routers acknowledged")
            call.say(b"still there")
            assert call.hears(b"still there")
            place.tell(phone.register(NEW, expires=0))
            service.await_told("handover", kind="ended")
            until(lambda: world.kernel() == before)
            assert not [one for one in service.told() if one["event"] in ("taken back", "drift", "not retired")]
            assert not [key for key in KEYS if key in service.told_path.read_text(encoding="utf-8")]
        finally:
            service.stop()


def test_an_agent_that_is_silent_is_waited_for(tmp_path: Path) -> None:
    platforms: Mapping[str, str] = {"ra": "nftables", "rb": "snmp", "rc": "nftables"}
    with worlds(tmp_path, **platforms) as world, ExitStack() as stack:
        call, phone, place = Call(world.spaces, stack), Phone("alice"), place_of(world, tmp_path / "service")
        service = mortal(place, world, "told")
        try:
            service.await_told("ready")
            place.tell(phone.register(OLD))
            world.move()
            world.servers["rb"].relay.asks = False
            place.tell(phone.register(NEW, OLD, [Session("tcp", call.port, PEER, PORT)]))
            service.await_told("refused", code="router_unreachable", seconds=40)
            world.servers["rb"].relay.asks = True
            service.await_told("handover", kind="programmed", seconds=60)
            call.say(b"still there")
            assert call.hears(b"still there")
        finally:
            service.stop()


def test_ios_by_copied_lines(tmp_path: Path) -> None:
    """No Cisco software: the stand-in of IOS behind a real snmpd fetches the lines, and a kernel carries them out."""
    with worlds(tmp_path, ra="ios", rb="ios", rc="ios") as world, ExitStack() as stack:
        call, phone, place = Call(world.spaces, stack), Phone("alice"), place_of(world, tmp_path / "service")
        before = world.kernel()
        with serving(place, world.spaces["core"].pid) as service:
            place.tell(phone.register(OLD))
            world.move()
            call.say(b"while it moves")
            place.tell(phone.register(NEW, OLD, [Session("tcp", call.port, PEER, PORT)]))
            done = service.await_told("handover", kind="programmed", seconds=60)
            print(f"copied: {done['total_ms']} ms, of it {done['programmed_ms']} ms until the routers acknowledged")
            assert call.hears(b"while it moves")
            place.tell(phone.register(NEW, expires=0))
            service.await_told("handover", kind="ended", seconds=60)
            until(lambda: world.kernel() == before)
            told = service.told()
        assert [one for one in told if one["event"] == "warning" and "TFTP" in one["text"]]
