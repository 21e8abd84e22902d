# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routers with iptables: freeze, program, forget the connections, thaw (design rules 3 and 7), under live sessions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Scope
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.placing import DECODER_MARGIN, GRACE
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_to_record
from lab import Lab
from lab.runtime import comes
from lab.snapshot import differences
from lab.traffic import Traffic

from .operator import Routers, handover, playbook
from .test_order import moved_session, ours

EVERYWHERE = dict.fromkeys(("rb", "rc", "rd"), "iptables")


class Switched:
    """Routers that the role has prepared for iptables instead of nftables; ``back`` prepares them as before."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def to(self, *names: str) -> None:
        """Let exactly these be prepared for iptables."""
        wanted = set(names)
        for gone in self._names - wanted:
            prepare(gone, "iptables", "absent")
            prepare(gone, "nftables", "present")
        for come in wanted - self._names:
            prepare(come, "nftables", "absent")
            prepare(come, "iptables", "present")
        self._names = wanted


def prepare(router: str, platform: str, state: str) -> None:
    variables = {
        "handover_platform": platform,
        "first_hop_router_state": state,
        "first_hop_router_firewall": "insert",
        "first_hop_router_drop_handovers": True,
    }
    done = playbook("site", variables, "--limit", router)
    assert done.status == 0, done.output


@pytest.fixture(scope="module")
def switched(prepared: Lab) -> Iterator[Switched]:
    """For the whole file, so that a router is prepared anew only where two tests differ in it."""
    them = Switched()
    yield them
    them.to()


@pytest.mark.parametrize(
    ("names", "version", "scope"),
    [
        pytest.param(("rb", "rc"), 4, Scope.SESSION, id="B and C, IPv4, session"),
        pytest.param(("rb", "rc"), 6, Scope.SESSION, id="B and C, IPv6, session"),
        pytest.param(("rb", "rc"), 4, Scope.CORRESPONDENT, id="B and C, IPv4, correspondent"),
        pytest.param(("rb",), 4, Scope.SESSION, id="B beside nftables"),
        pytest.param(("rc",), 4, Scope.SESSION, id="C beside nftables"),
    ],
)
def test_sessions_survive(
    switched: Switched, at_home: Lab, tmp_path: Path, names: tuple[str, ...], version: int, scope: Scope
) -> None:
    switched.to(*names)
    routers = Routers(at_home, dict.fromkeys(names, "iptables"))
    try:
        streams = moved_session(at_home, routers, tmp_path, version, ours, scope)
        assert {name: stream["alive"] for name, stream in streams.items()} == {"tcp": True, "udp": True}, streams
    finally:
        routers.clear()


def test_a_call_moves_on_and_comes_home(switched: Switched, at_home: Lab, tmp_path: Path) -> None:
    """A to B to D and back to A under one session, three routers with iptables; nothing is left over."""
    switched.to(*EVERYWHERE)
    lab, routers = at_home, Routers(at_home, EVERYWHERE)
    before = {name: lab.snapshot(name) for name in EVERYWHERE}
    mn, peer = lab.topology.address("mn").v4.ip, lab.topology.address("cn").v4.ip
    sessions = [Session("tcp", 40000, peer, 7101), Session("udp", 7102, peer, 7102)]
    try:
        with Traffic(lab, mn, peer, tmp_path) as traffic:
            time.sleep(1)
            first = 0.0
            for place in ("b", "d", "a"):
                move = lab.move("mn", place)
                first = first or move.down
                planned = routers.plan(handover(mn, move.new[0], sessions))
                assert not planned.refused
                routers.apply(planned.stages)
                traffic.settle()
        streams = traffic.result(first)
        assert {name: stream["alive"] for name, stream in streams.items()} == {"tcp": True, "udp": True}, streams
    finally:
        routers.clear()
    for name, snapshot in before.items():
        assert differences(snapshot, lab.snapshot(name)) == []


def test_the_playbooks_program_withdraw_and_foretell(switched: Switched, at_home: Lab, tmp_path: Path) -> None:
    switched.to("rb", "rc")
    lab, inventory = at_home, tmp_path / "platforms.yml"
    inventory.write_text("all: {hosts: {rb: {handover_platform: iptables}, rc: {handover_platform: iptables}}}\n")
    too = ("-i", str(inventory))
    mn, new, peer = (lab.topology.address(*who).v4.ip for who in (("mn",), ("mn", "b"), ("cn",)))
    record = handover_to_record(handover(mn, new, [Session("tcp", 40000, peer, 7101)]))
    variables = {"handover_records": [record]}
    before = {name: lab.snapshot(name) for name in ("rb", "rc")}
    foretold = playbook("handover", variables, "--check", "--diff", *too)
    assert foretold.status == 0, foretold.output
    assert all(differences(snapshot, lab.snapshot(name)) == [] for name, snapshot in before.items())
    done = playbook("handover", variables, *too)
    assert done.status == 0, done.output
    assert foretold.changed == done.changed
    assert all(done.changed[name] > 0 for name in ("rb", "rc"))
    again = playbook("handover", variables, *too)
    assert again.status == 0, again.output
    assert (again.changed["rb"], again.changed["rc"]) == (0, 0)
    gone = playbook("withdraw", {"handover_withdraw": ["all"]}, *too)
    assert gone.status == 0, gone.output
    for name, snapshot in before.items():
        assert differences(snapshot, lab.snapshot(name)) == []


def test_what_has_expired_is_swept_and_what_has_not_survives_a_reboot(switched: Switched, at_home: Lab) -> None:
    """Rules of iptables have no timeout: the role's timer takes them away, its service puts the others back."""
    switched.to("rb", "rc")
    lab, routers = at_home, Routers(at_home, {"rb": "iptables", "rc": "iptables"})
    mn, new, peer = (lab.topology.address(*who).v4.ip for who in (("mn",), ("mn", "b"), ("cn",)))
    short = handover(mn, new, [Session("tcp", 40001, peer, 7101)], seconds=-25)
    lasting = handover(mn + 1, new + 1, [Session("tcp", 40002, peer, 7101)])
    try:
        routers.put(routers.plan(short, lasting).targets)
        held = {name: state.of(lasting.id) for name, state in routers.states().items()}
        assert [bool(held[name]) for name in ("rb", "rc")] == [True, True]
        # Encoders last GRACE seconds longer than the registration, decoders and routes DECODER_MARGIN more.
        left: list[int] = []

        def swept() -> bool:
            left.append(sum(len(state.of(short.id)) for state in routers.states().values()))
            return left[-1] == 0

        assert comes(swept, GRACE + DECODER_MARGIN + 20)
        assert left[0] == 5
        assert 3 in left, "decoders and the route outlive the encoders"
        assert {name: state.of(lasting.id) for name, state in routers.states().items()} == held
        lab.restart("rb")
        assert comes(lambda: prepared_again(lab) and routers.states()["rb"].of(lasting.id) == held["rb"], 20)
    finally:
        routers.clear()


def prepared_again(lab: Lab) -> bool:
    """Whether the restoring service has ended on B."""
    return lab.run("rb", ["systemctl", "is-active", "sipmobility-restore"], check=False).stdout.strip() == "active"
