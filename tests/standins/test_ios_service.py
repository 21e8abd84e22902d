# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resident service on routers of which one is a stand-in of IOS, over SSH, and the others are Linux.

Shown: our dialogue over SSH, and that what the service configures is what handover.yml configures and carries a live
TCP session where routers work in IOS' documented order of operations. Not shown: that Cisco's software does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session

from ..kernel.agent.phones import Phone
from ..kernel.agent.place import Place, Running, mortal, until
from ..kernel.moving import NEW, OLD, PEER
from .ios_routers import Routers, known_host, routers
from .test_ios_handover import CLASH, session, spoken


def place_of(made: Routers, directory: Path) -> Place:
    """The service's files, for the inventory that playbooks have."""
    directory.mkdir()
    ports = {host["ansible_port"] for host in made.hosts.values() if "ansible_port" in host}
    known = made.place / "known_hosts"
    known.write_text("".join(known_host(made.place, port) for port in ports))
    # What stands for nftables there is what cisco.ios.ios leads to otherwise.
    hosts = {
        name: {**host, "handover_platform": "ios" if "ansible_network_os" in host else "nftables"}
        for name, host in made.hosts.items()
    }
    return Place(directory, hosts, widen=True, ssh={"known_hosts": str(known), "keepalive": 1.0})


@contextmanager
def serving(made: Routers, place: Place, name: str = "told") -> Iterator[Running]:
    service = mortal(place, made.world, name)
    try:
        service.await_told("ready")
        yield service
    finally:
        service.stop()


def listed(port: int) -> Session:
    return Session("tcp", port, PEER[4], 5060)


@pytest.mark.parametrize("ios", [("rb",), ("rc",), ("rb", "rc")], ids=["B", "C", "B and C"])
def test_a_live_session_moves_and_a_second_start_changes_nothing(tmp_path: Path, ios: tuple[str, ...]) -> None:
    with routers(tmp_path, *ios) as made, session(made) as (ours, theirs):
        before = {name: made.configuration(name) for name in ios}
        place, phone = place_of(made, tmp_path / "service"), Phone("alice")
        with serving(made, place) as service:
            place.tell(phone.register(OLD[4]))
            made.world.move()
            theirs.sendall(b"while it moves")
            place.tell(phone.register(NEW[4], OLD[4], [listed(ours.getsockname()[1])]))
            done = service.await_told("handover", kind="programmed")
            print(f"{ios}: {done['total_ms']} ms, of it {done['programmed_ms']} ms until the routers acknowledged")
            assert ours.recv(100) == b"while it moves"
            assert spoken(ours, theirs)
        typed = {name: made.typed(name) for name in ios}
        assert all(typed.values())
        with serving(made, place, "second") as service:
            service.await_told("handover", kind="unchanged")  # what the ledger wants is planned anew, and stands
            assert not [one for one in service.told() if one["event"] in ("step", "taken back")]
            assert {name: made.typed(name) for name in ios} == typed
            assert spoken(ours, theirs)
            place.tell(phone.register(NEW[4], expires=0))
            service.await_told("handover", kind="ended")
            until(lambda: {name: made.configuration(name) for name in ios} == before)


def test_the_lines_are_those_of_the_playbook(tmp_path: Path) -> None:
    """The service's own record of the handover, given to handover.yml: the same lines, and the same configuration."""
    with routers(tmp_path, "rb") as made, session(made) as (ours, theirs):
        place, phone = place_of(made, tmp_path / "service"), Phone("alice")
        with serving(made, place) as service:
            place.tell(phone.register(OLD[4]))
            made.world.move()
            place.tell(phone.register(NEW[4], OLD[4], [listed(ours.getsockname()[1])]))
            service.await_told("handover", kind="programmed")
            record = asked(place)
            held, typed = made.configuration("rb"), made.typed("rb")
        withdrawn = made.play("withdraw.yml", handover_withdraw=["all"])
        assert withdrawn.status == 0, withdrawn.said
        (made.place / "rb.typed").write_text("")
        played = made.play("handover.yml", handover_records=[record], handover_widen=True)
        assert played.status == 0, played.said
        assert spoken(ours, theirs)
        assert made.typed("rb") == typed
        assert made.configuration("rb") == held


def asked(place: Place) -> dict[str, Any]:
    """The handover that the service's ledger has."""
    import sqlite3

    with sqlite3.connect(place.directory / "state" / "ledger.sqlite") as ledger:
        ((record,),) = ledger.execute("SELECT record FROM handovers").fetchall()
    found: dict[str, Any] = json.loads(record)
    return found


def test_a_refused_line_refuses_the_handover_and_all_is_taken_back(tmp_path: Path) -> None:
    with routers(tmp_path, "rb", extra=CLASH) as made, session(made) as (ours, _theirs):
        before = made.configuration("rb"), len(made.world.routers["rc"].gather())
        place, phone = place_of(made, tmp_path / "service"), Phone("alice")
        with serving(made, place) as service:
            place.tell(phone.register(OLD[4]), phone.register(NEW[4], OLD[4], [listed(ours.getsockname()[1])]))
            refused = service.await_told("refused", code="similar_entry")
            assert f"rb: ip nat inside source static {OLD[4]} {NEW[4]}" in refused["reason"]
            taken = service.await_told("taken back")
            assert taken["not_undone"] == {}
            assert (made.configuration("rb"), len(made.world.routers["rc"].gather())) == before
            # The line is held open still.
            place.tell(phone.register(NEW[4], expires=0))
            assert service.alive


#: Lines of the dialogue at which the connection is lost: before the step, within it, before the router is read back.
LOST_AT = {
    "before the step": "configure terminal",
    "before the entry": f"ip nat inside source static {OLD[4]} {NEW[4]}",
    "after the entry": "end",
}


@pytest.mark.parametrize("at", LOST_AT)
def test_a_connection_that_is_lost_within_a_step_is_made_good(tmp_path: Path, at: str) -> None:
    with routers(tmp_path, "rb") as made, session(made) as (ours, theirs):
        place, phone = place_of(made, tmp_path / "service"), Phone("alice")
        with serving(made, place) as service:
            place.tell(phone.register(OLD[4]))
            made.world.move()
            made.hang_up("rb", LOST_AT[at])
            place.tell(phone.register(NEW[4], OLD[4], [listed(ours.getsockname()[1])]))
            service.await_told("handover", kind="programmed", seconds=40)
            assert not (made.place / "rb.hang-up").exists()
            assert [one["event"] for one in service.told()].count("router reached") >= 1 + len(made.hosts)
            assert spoken(ours, theirs)


def test_a_connection_that_is_lost_between_events_is_opened_again(tmp_path: Path) -> None:
    with routers(tmp_path, "rb") as made, session(made) as (ours, theirs):
        place, phone = place_of(made, tmp_path / "service"), Phone("alice")
        with serving(made, place) as service:
            made.hang_up("rb", "")  # the sign of life
            until(lambda: not (made.place / "rb.hang-up").exists())
            service.await_told("router reached", count=2, router="rb")
            place.tell(phone.register(OLD[4]))
            made.world.move()
            place.tell(phone.register(NEW[4], OLD[4], [listed(ours.getsockname()[1])]))
            service.await_told("handover", kind="programmed")
            assert spoken(ours, theirs)
