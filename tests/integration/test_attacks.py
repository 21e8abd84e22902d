# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody may point another's traffic at himself (design rule 11): attacks on a real Kamailio, from real hosts.

alice's phone is the victim, bob the attacker: he has an account of his own, on a host behind another router.
"""

from __future__ import annotations

import json
import time
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from lab import Lab
from lab.phone import TAG
from lab.registrar import Registrar

from .intake import codes, judged, pairs


class Scene:
    """A registrar that has seen alice at home, and bob's host."""

    def __init__(self, lab: Lab, directory: Path) -> None:
        self.lab = lab
        self.registrar = Registrar(lab)
        self.registrar.clear()
        self.home: IPv4Address = lab.topology.address("mn").v4.ip
        self.bob: IPv4Address = lab.topology.address("cn2").v4.ip
        self._directory = directory
        self.registrar.register_told(self.home)

    def moved(self) -> IPv4Address:
        """Move alice's phone from A to B."""
        new = self.lab.move("mn", "b").new[0]
        assert isinstance(new, IPv4Address)
        return new

    def judged(self, **policy: Any) -> tuple[list[tuple[str, str, str]], list[str]]:
        """The admitted pairs, and the codes of what was refused."""
        found = judged(self.lab, self.registrar, self._directory, **policy)
        return pairs(found), codes(found)

    def attack(self, node: str, local: object, user: str, **spec: Any) -> list[int | None]:
        """Run ``lab.attacker`` on a host."""
        whole = {
            "server": str(self.lab.topology.address("pcscf").v4.ip),
            "local": str(local),
            "user": user,
            "domain": self.registrar.domain,
            "password": self.lab.state.passwords[user],
            **spec,
        }
        done = self.lab.python(node, "lab.attacker", json.dumps(whole))
        assert done.returncode == 0, done.stderr
        statuses: list[int | None] = json.loads(done.stdout)
        return statuses


@pytest.fixture
def scene(at_home: Lab, tmp_path: Path) -> Scene:
    return Scene(at_home, tmp_path)


def tagged(old: object) -> list[str]:
    """The patent's header lines."""
    return [f"Require: {TAG}", f"{TAG}: <sip:x@{old}>"]


def test_the_scene_admits_the_true_move(scene: Scene) -> None:
    """Without this the rest would prove nothing."""
    new = scene.moved()
    scene.registrar.register_told(new, "--old", str(scene.home))
    assert scene.judged() == ([("alice", str(scene.home), str(new))], [])


def test_another_users_address_of_record(scene: Scene) -> None:
    report = scene.registrar.register(
        scene.bob, "--aor-user", "alice", "--old", str(scene.home), user="bob", node="cn2"
    )
    assert report["status"] == 403
    assert scene.judged() == ([], [])
    assert len(scene.registrar.lines()) == 1, "alice's own is the only one that was told"


def test_own_address_of_record_with_a_victims_old_address(scene: Scene) -> None:
    """Facts on SIP, section 6, attack 1: authenticated, accepted, told; and not believed."""
    report = scene.registrar.register(scene.bob, "--old", str(scene.home), user="bob", node="cn2")
    assert report["status"] == 200
    assert scene.judged() == ([], ["held_by_another"])


def test_own_address_of_record_with_an_address_that_nobody_has(scene: Scene) -> None:
    """Or who will have it next could be robbed in advance."""
    scene.registrar.register(scene.bob, "--old", str(scene.home + 1), user="bob", node="cn2")
    assert scene.judged() == ([], ["no_history"])


def test_a_binding_of_the_victims_address_made_before(scene: Scene) -> None:
    """The registrar accepts any Contact; bob lists alice's address as his own first, then moves away from it."""
    contact = f"<sip:bob@{scene.home}:5060>"
    assert scene.registrar.register(scene.bob, "--contact", contact, user="bob", node="cn2")["status"] == 200
    assert scene.registrar.register(scene.bob, "--old", str(scene.home), user="bob", node="cn2")["status"] == 200
    assert scene.judged() == ([], ["held_by_another"])


def test_a_replayed_register(scene: Scene) -> None:
    """Attack 3: each nonce is good for one request."""
    new = scene.moved()
    move = {"headers": tagged(scene.home)}
    statuses = scene.attack("mn", new, "alice", honest=move, requests=[move, {**move, "replay": True}])
    assert statuses == [200, 401]
    assert scene.judged() == ([("alice", str(scene.home), str(new))], [])


def test_headers_altered_under_a_valid_digest(scene: Scene) -> None:
    """Attack 2: digest covers neither Contact nor our header. So TLS is asked for, and the packet's source."""
    altered = {"contacts": [f"<sip:alice@{scene.bob}:5060>"], "headers": tagged(scene.home)}
    assert scene.attack("mn", scene.home, "alice", honest={}, requests=[altered]) == [200]
    assert scene.judged(require_secure_transport=True) == ([], ["transport_not_secure"])
    assert scene.judged() == ([], ["new_not_source"])


def test_an_old_address_that_is_live_for_somebody_else(scene: Scene) -> None:
    new = scene.moved()
    scene.registrar.register_told(new, "--old", str(scene.home))
    scene.registrar.register(scene.bob, "--old", str(scene.home), user="bob", node="cn2")
    admitted, refused = scene.judged()
    assert admitted == [("alice", str(scene.home), str(new))]
    assert refused == ["old_claimed"]


def test_a_packet_source_that_is_not_the_new_address(scene: Scene) -> None:
    victim = f"<sip:bob@{scene.home}:5060>"
    scene.registrar.register(scene.bob, "--contact", victim, "--old", str(scene.bob + 1), user="bob", node="cn2")
    assert scene.judged() == ([], ["new_not_source"])


def test_a_forged_packet_source_gets_no_further_than_the_first_router(scene: Scene) -> None:
    """BCP 38; and a digest cannot be made for a challenge that goes to somebody else."""
    before = reverse_path_drops(scene.lab, "rc")
    scene.attack("cn2", scene.bob, "bob", spoof=str(scene.home), honest={"headers": tagged(scene.bob)})
    assert reverse_path_drops(scene.lab, "rc") > before
    assert scene.judged() == ([], [])


def reverse_path_drops(lab: Lab, router: str) -> int:
    """Packets that came from where their source does not live."""
    lines = lab.run(router, ["cat", "/proc/net/netstat"]).stdout.splitlines()
    names, values = (line.split() for line in lines if line.startswith("TcpExt:"))
    return int(dict(zip(names, values, strict=True))["IPReversePathFilter"])


@pytest.mark.parametrize("whose", ["rb", "pcscf"])
def test_an_infrastructure_address(scene: Scene, whose: str) -> None:
    old = scene.lab.topology.address(whose).v4.ip
    scene.registrar.register(scene.bob, "--old", str(old), user="bob", node="cn2")
    assert scene.judged() == ([], ["infrastructure_address"])


def smuggled(old: object) -> dict[str, dict[str, Any]]:
    """The patent's header where only one of two readers would see it. Require is there, so that both look for it."""
    header = f"{TAG}: <sip:bob@{old}>"
    require = f"Require: {TAG}"
    return {
        "bare CR": {"headers": [require, f"Subject: x\r{header}"]},
        "bare LF": {"headers": [require, f"Subject: x\n{header}"]},
        "NUL": {"headers": [require, f"Subject: x\0\r\n{header}"]},
        "NUL in the header": {"headers": [require, f"{TAG}: \0<sip:bob@{old}>"]},
        "folding": {"headers": [require, f"Subject: x\r\n {header}"]},
        "a body": {"headers": [require, "Content-Type: text/plain"], "body": f"{header}\r\n"},
        "a second head": {"headers": [require], "body": f"\r\n\r\n{header}\r\n\r\n"},
    }


@pytest.mark.parametrize("way", list(smuggled("198.18.10.50")))
def test_a_header_that_is_smuggled_in(scene: Scene, way: str) -> None:
    """bob was at his own old address, which is none of alice's: only the smuggling can be what is refused."""
    part = smuggled(scene.home)[way]
    statuses = scene.attack("cn2", scene.bob, "bob", honest=part, requests=[part])
    admitted, refused = scene.judged()
    assert admitted == []
    # Either the server itself would not have it, or it says why it is not believed.
    assert refused or statuses[0] != 200, (statuses, scene.registrar.lines())
    assert not set(refused) - {"require_without_tag", "control_character", "bad_line_ending", "held_by_another"}


def test_a_flood_from_one_address_of_record(scene: Scene) -> None:
    new = scene.moved()
    report = scene.registrar.register(new, "--old", str(scene.home), "--repeat", "25")
    assert report["status"] == 200
    end = time.monotonic() + 60  # the answer is sent before the event is written
    while len(scene.registrar.lines()) < 1 + 25 and time.monotonic() < end:
        time.sleep(0.1)
    admitted, refused = scene.judged(max_registrations_per_aor=10)
    assert 0 < len(admitted) <= 10
    assert len(admitted) + len(refused) == 25
    # The server's processes write side by side: an event that overtook an older one makes that one stale.
    assert set(refused) <= {"too_many", "cseq_not_rising"}
    assert refused.count("too_many") >= 25 - 10 - refused.count("cseq_not_rising")
