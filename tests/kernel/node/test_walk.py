# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""US 7,082,118, sections 5 and 7, by the real client: the move, the request, the session that goes on, the way home."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.pairs import AddressPair

from ..live import open_tcp
from ..moving import NEW, OLD, PEER, Journey, moved
from .walk import SERVERS, Client, Servers, come_home, go_visiting, held, soon

Make = Callable[..., Client]


def length(version: int) -> int:
    return 32 if version == 4 else 128


def at_home(client: Make, version: int = 4, **settings: object) -> Client:
    it = client(versions=[version], **settings)
    soon(lambda: it.registered_at(OLD[version], version), it)
    return it


def tagged(world: Servers) -> list[dict[str, object]]:
    return [event for event in world.events("visited") if event["tag_hex"]]


@pytest.mark.parametrize("version", [4, 6])
def test_a_session_goes_on_and_the_old_address_goes_with_it(
    world: Servers, client: Make, road: Journey, version: int
) -> None:
    it = at_home(client, version)
    with open_tcp(road, version, 15) as (mobile, peer, session):
        go_visiting(road)
        soon(lambda: it.registered_at(NEW[version], version), it)
        assert held(road) == [f"{OLD[version]}/{length(version)}"]

        (event,) = tagged(world)
        assert event["qop"] == "auth-int"
        assert event["src_ip"] == str(NEW[version])
        report = world.report()
        (pair,) = report.address_pairs
        assert isinstance(pair, AddressPair)
        assert (pair.old, pair.new, pair.admitted) == (OLD[version], NEW[version], True)
        assert [(one.protocol, one.port, one.correspondent) for one in pair.sessions] == [
            ("tcp", session.port, PEER[version])
        ]

        road.program(moved(version, *pair.sessions))
        mobile.sendall(b"still there?")
        assert peer.recv(100) == b"still there?"
        peer.sendall(b"yes")
        assert mobile.recv(100) == b"yes"
    soon(lambda: held(road) == [], it)
    soon(lambda: world.events("visited")[-1]["expires"] == 60, it)
    assert [change.kind for change in world.report().changes][-1] == "ended"


def test_home_again(world: Servers, client: Make, road: Journey) -> None:
    it = at_home(client)
    with open_tcp(road, 4, 15) as (mobile, peer, _session):
        go_visiting(road)
        soon(lambda: it.registered_at(NEW[4]), it)
        come_home(road)
        soon(lambda: it.registered_at(OLD[4]), it)
        assert held(road) == []
        mobile.sendall(b"home")
        assert peer.recv(100) == b"home"
        soon(lambda: world.events("visited")[-1]["expires"] == 0, it)
        assert "returned" in [change.kind for change in world.report().changes]


def test_without_a_session_nothing_is_held(world: Servers, client: Make, road: Journey) -> None:
    it = at_home(client)
    go_visiting(road)
    soon(lambda: it.registered_at(NEW[4]), it)
    assert held(road) == []
    assert tagged(world) == []


def test_many_sessions_go_over_tcp(world: Servers, client: Make, road: Journey) -> None:
    """RFC 3261 section 18.1.1: such a request is too long for a datagram."""
    it = at_home(client)
    udp = [road.mobile.open_socket(2, 2) for _ in range(60)]
    try:
        for one in udp:
            one.bind((str(OLD[4]), 0))
            one.connect((str(PEER[4]), 9))
        go_visiting(road)
        soon(lambda: it.registered_at(NEW[4]), it)
        (event,) = tagged(world)
        assert event["transport"] == "tcp"
        assert len(world.report().address_pairs[0].sessions) == 60
    finally:
        for one in udp:
            one.close()


class TestServers:
    def test_a_wrong_password(self, world: Servers, client: Make) -> None:
        it = client(password="guessed")
        soon(lambda: "credentials_refused" in it.said(), it)
        assert world.events("home") == []
        assert "guessed" not in it.said()

    def test_the_tag_is_switched_off_there(self, world: Servers, client: Make, road: Journey) -> None:
        world.stop("visited")
        world.start("visited", sip_server_domains=[{"name": "visited.example", "mobility": False}])
        it = at_home(client)
        with open_tcp(road, 4, 15):
            go_visiting(road)
            soon(lambda: it.registered_at(NEW[4]), it)
            assert "tag_refused" in it.said()
            assert held(road) == [f"{OLD[4]}/32"]
            (event,) = world.events("visited")
            assert event["require_hex"] == []

    def test_it_is_away_for_a_while(self, world: Servers, client: Make, road: Journey) -> None:
        it = at_home(client, patience=1)
        world.stop("visited")
        with open_tcp(road, 4, 15):
            go_visiting(road)
            soon(lambda: "server_silent" in it.said(), it)
            world.start("visited")
            soon(lambda: it.registered_at(NEW[4]), it)
            assert len(tagged(world)) == 1

    def test_it_wants_a_longer_lifetime(self, world: Servers, client: Make) -> None:
        world.stop("home")
        world.start("home", sip_server_min_expires=90)
        it = client()
        soon(lambda: it.registered_at(OLD[4]), it)


class TestRestart:
    def test_killed_and_started_again(self, world: Servers, client: Make, road: Journey) -> None:
        it = at_home(client)
        with open_tcp(road, 4, 15):
            go_visiting(road)
            soon(lambda: it.registered_at(NEW[4]), it)
            it.end(signal.SIGKILL)
            road.mobile.shell("ip address flush dev lo scope global")
            it.start()
            soon(lambda: len(tagged(world)) == 2, it)
            assert held(road) == [f"{OLD[4]}/32"]
            one, two = tagged(world)
            assert one["call_id_hex"] == two["call_id_hex"]

    def test_a_move_while_it_was_not_there(self, world: Servers, client: Make, road: Journey) -> None:
        it = at_home(client)
        with open_tcp(road, 4, 15):
            it.end(signal.SIGKILL)
            go_visiting(road)
            it.start()
            soon(lambda: len(tagged(world)) == 1, it)
            assert held(road) == [f"{OLD[4]}/32"]

    def test_a_state_that_cannot_be_read(self, world: Servers, client: Make, road: Journey, tmp_path: Path) -> None:
        (tmp_path / "state.json").write_text("{", encoding="utf-8")
        it = at_home(client)
        assert "bad_state" in it.said()

    def test_stopped_it_takes_its_registration_back(self, world: Servers, client: Make) -> None:
        it = at_home(client)
        assert it.end() == 0
        assert world.events("home")[-1]["expires"] == 0

    def test_stopped_while_sessions_live_by_it_and_given_up(self, world: Servers, client: Make, road: Journey) -> None:
        it = at_home(client)
        with open_tcp(road, 4, 15):
            go_visiting(road)
            soon(lambda: it.registered_at(NEW[4]), it)
            assert it.end() == 0
            assert held(road) == [f"{OLD[4]}/32"]
            assert world.events("visited")[-1]["expires"] == 60
            for _again in range(2):  # the second time it is gone already
                done = it.ask("give-up")
                assert (done.returncode, done.stdout, held(road)) == (0, f"{OLD[4]}\n", []), done.stderr

    def test_switched_off(self, world: Servers, client: Make, road: Journey) -> None:
        it = at_home(client)
        with open_tcp(road, 4, 15):
            go_visiting(road)
            soon(lambda: it.registered_at(NEW[4]), it)
            it.end()
            it = client(enabled=False)
            soon(lambda: held(road) == [], it)


def test_the_server_of_a_correspondent_is_told(world: Servers, client: Make, road: Journey, tmp_path: Path) -> None:
    """An unconnected RTP socket, of which only the call knows. The patent's Figure 3B, step 390."""
    stream = {"local": str(OLD[4]), "protocol": "udp", "port": 4000, "correspondent": str(PEER[4])}
    call = {
        "call_id": "call@phone",
        "local_tag": "a",
        "remote_tag": "b",
        "local_uri": "sip:alice@visited.example",
        "remote_uri": "sip:bob@visited.example",
        "remote_target": f"sip:bob@{PEER[4]}",
        "cseq": 7,
        "media": [{**stream, "correspondent_port": 5004}],
    }
    calls = tmp_path / "calls.json"
    calls.write_text(json.dumps({"version": 1, "dialogs": [call]}), encoding="utf-8")
    it = at_home(client, dialogs=str(calls), correspondent_servers={"visited.example": SERVERS["home"][4]})
    go_visiting(road)
    soon(lambda: "correspondent_told" in it.said(), it)
    assert held(road) == [f"{OLD[4]}/32"]
    (notify,) = [event for event in world.events("home") if event["event"] == "request"]
    assert (notify["method"], notify["ruri"]) == ("NOTIFY", f"sip:bob@{PEER[4]}")
    calls.write_text(json.dumps({"version": 1, "dialogs": []}), encoding="utf-8")
    soon(lambda: held(road) == [], it)
