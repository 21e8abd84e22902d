# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service on real routers: live sessions over SSH, refreshes and ends, a router that is lost, events told twice."""

from __future__ import annotations

import base64
import hmac
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.recover import standing

from ..internetwork import TOPOLOGY
from ..live import open_tcp
from ..moving import NEW, OLD, PEER, Journey
from .phones import Phone
from .place import Place, mortal, serving, ssh_servers, states, until

_THERE = "203.0.113.21"


@pytest.fixture
def at_home(road: Journey) -> Iterator[Journey]:
    """The phone at home, the routers empty now and afterwards."""
    road.held, road.now = states(road), time.time()
    road.at_home()
    yield road
    road.held = states(road)


def handovers(network: Journey) -> list[Handover]:
    return [one for one in standing(states(network)) if not one.over]


def talk(mobile: socket.socket, peer: socket.socket) -> None:
    mobile.sendall(b"from the phone")
    assert peer.recv(100) == b"from the phone"
    peer.sendall(b"to the phone")
    assert mobile.recv(100) == b"to the phone"


def test_a_live_session_over_ssh(at_home: Journey, tmp_path: Path) -> None:
    phone = Phone("alice")
    with ssh_servers(at_home, tmp_path) as servers:
        place = Place(tmp_path, servers.hosts)
        with (
            serving(place, at_home.spaces["core"].pid) as service,
            open_tcp(at_home, 4, 15) as (mobile, peer, session),
        ):
            place.tell(phone.register(OLD[4]))
            at_home.move()
            place.tell(phone.register(NEW[4], OLD[4], [session]))
            service.await_told("handover", new=str(NEW[4]), kind="programmed")
            talk(mobile, peer)
            (first,) = handovers(at_home)

            place.tell(phone.register(NEW[4], OLD[4], [session], expires=1200))
            service.await_told("handover", 2)
            (extended,) = handovers(at_home)
            assert extended.expires > first.expires + 300
            talk(mobile, peer)

            place.tell(phone.register(NEW[4], expires=0))
            service.await_told("handover", kind="ended")
            until(lambda: not any(len(state) for state in states(at_home).values()))
        assert service.wait() == 0
        assert not [one for one in service.told() if one["event"] in ("taken back", "drift", "not retired")]


def test_a_listed_session_does_not_wait_for_those_that_routers_know(at_home: Journey, tmp_path: Path) -> None:
    phone = Phone("alice")
    with ssh_servers(at_home, tmp_path) as servers:
        place = Place(tmp_path, servers.hosts, sessions="auto")
        with (
            serving(place, at_home.spaces["core"].pid) as service,
            open_tcp(at_home, 4, 15) as (mobile, peer, listed),
            open_tcp(at_home, 4, 15) as (other_mobile, other_peer, other),
        ):
            talk(other_mobile, other_peer)
            place.tell(phone.register(OLD[4]))
            at_home.move()
            place.tell(phone.register(NEW[4], OLD[4], [listed]))
            assert service.await_told("handover", new=str(NEW[4]))["flows"] == 1
            talk(mobile, peer)
            service.await_told("handover", 2)
            assert [one["flows"] for one in service.told() if one["event"] == "handover"] == [1, 2]
            (found,) = handovers(at_home)
            assert {one.port for one in found.sessions} == {listed.port, other.port}
            talk(mobile, peer)
            talk(other_mobile, other_peer)


def test_hundreds_move_at_once(at_home: Journey, tmp_path: Path) -> None:
    """More than are judged, and planned, at a time; one of them is never believed."""
    phones = [Phone(f"many{number}") for number in range(300)]
    place = Place(tmp_path, {name: {} for name in TOPOLOGY.routers})
    service = mortal(place, at_home, "told")
    session = Session("tcp", 40000, PEER[6], 7000)
    new = {number: NEW[6] + 4096 + number for number in range(300)}
    try:
        service.await_told("ready")
        place.tell(*(phone.register(OLD[6] + 4096 + number) for number, phone in enumerate(phones) if number != 150))
        until(lambda: (tmp_path / "state" / "cursors.json").exists())
        place.tell(
            *(phone.register(new[number], OLD[6] + 4096 + number, [session]) for number, phone in enumerate(phones))
        )
        service.await_told("handover", count=299)
        refused = service.await_told("refused")
    finally:
        service.stop()
    assert refused["code"] == "no_history"
    assert {one.new for one in handovers(at_home)} == {one for number, one in new.items() if number != 150}


def test_a_router_that_is_lost_is_waited_for(at_home: Journey, tmp_path: Path) -> None:
    phone, other = Phone("alice"), Phone("bob")
    with ssh_servers(at_home, tmp_path) as servers:
        place = Place(tmp_path, servers.hosts)
        with (
            serving(place, at_home.spaces["core"].pid) as service,
            open_tcp(at_home, 4, 15) as (mobile, peer, session),
        ):
            place.tell(phone.register(OLD[4]), other.register("198.51.100.66"))
            at_home.move()
            servers.kill("rb")
            place.tell(phone.register(NEW[4], OLD[4], [session]))
            service.await_told("refused", code="router_unreachable")
            assert not any(len(state) for state in states(at_home).values())
            servers.start("rb")
            service.await_told("handover", new=str(NEW[4]), kind="programmed", seconds=60)
            talk(mobile, peer)


def test_what_comes_twice_counts_once_and_can_be_looked_at(at_home: Journey, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{probe.getsockname()[1]}"
    place = Place(tmp_path, {name: {} for name in TOPOLOGY.routers}, http=at)
    phone = Phone("alice")
    service = mortal(place, at_home, "told")
    look = build_opener(ProxyHandler({})).open
    try:
        service.await_told("ready")
        with open_tcp(at_home, 4, 15) as (_mobile, _peer, session):
            for event in (phone.register(OLD[4]), phone.register(NEW[4], OLD[4], [session])):
                place.tell(event)
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                    sender.sendto(event, str(place.socket))
            service.await_told("handover")
            until(lambda: b"socket" in look(f"http://{at}/metrics").read())
        with look(f"http://{at}/healthz") as answer:
            assert json.load(answer) == {"status": "ok"}
        with look(f"http://{at}/status") as answer:
            status = json.load(answer)
        assert [(one["status"], one["new"]) for one in status["handovers"]] == [("done", str(NEW[4]))]
        assert {name: one["up"] for name, one in status["routers"].items()} == dict.fromkeys(TOPOLOGY.routers, True)
        assert status["refusals"] == []
        with look(f"http://{at}/") as answer:
            assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
            page = answer.read().decode()
        assert str(NEW[4]) in page
        assert "all routers acknowledged" in page
        metrics = look(f"http://{at}/metrics").read().decode()
        assert 'sip_handover_handovers_total{kind="programmed"} 1.0' in metrics
        assert 'sip_handover_seconds_count{part="all"} 1.0' in metrics
    finally:
        service.stop()


def test_events_that_are_posted_with_a_signature(at_home: Journey, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{probe.getsockname()[1]}"
    secret = tmp_path / "secret"
    secret.write_bytes(b"a secret that nobody else has\n")
    secret.chmod(0o600)
    events = [{"webhook": {"secret_file": str(secret)}}]
    place = Place(tmp_path, {name: {} for name in TOPOLOGY.routers}, http=at, events=events)

    def post(identity: str, body: bytes, key: bytes) -> int:
        now = str(int(time.time()))
        proof = base64.b64encode(hmac.digest(key, f"{identity}.{now}.".encode() + body, "sha256")).decode()
        headers = {"webhook-id": identity, "webhook-timestamp": now, "webhook-signature": f"v1,{proof}"}
        try:
            with build_opener(ProxyHandler({})).open(Request(f"http://{at}/events", body, headers)) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code

    phone, service = Phone("alice"), mortal(place, at_home, "told")
    try:
        service.await_told("ready")
        with open_tcp(at_home, 4, 15) as (mobile, peer, session):
            at_home.move()
            body = phone.register(OLD[4]) + phone.register(NEW[4], OLD[4], [session])
            assert post("one", body, b"another secret, which is as long") == 401
            assert post("two", body, b"a secret that nobody else has") == 202
            service.await_told("handover", new=str(NEW[4]), kind="programmed")
            talk(mobile, peer)
    finally:
        service.stop()
