# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From real SIP messages to a decision: is the claim true? The home server knows (docs/home-server.md)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.agent.cli import main
from ansible_collections.sipmobility.handover.agent.home.answers import serve_answers
from ansible_collections.sipmobility.handover.agent.home.config import HomeConfig
from ansible_collections.sipmobility.handover.agent.home.witness import Witness
from ansible_collections.sipmobility.handover.plugins.module_utils.asking.access import HomeAccess
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.registration_policy import Policy
from lab.phone import TAG

from .ua import Ua
from .world import ABROAD, AT, AT_HOME, CORRESPONDENT, FAR, HOME, STRANGER, VISITED, World

POLICY = {
    "managed_networks": {"home": ["198.51.100.0/24"], "abroad": ["198.18.2.0/24", "198.18.9.0/24"]},
    # The phones of these tests speak UDP; servers among each other TLS.
    "require_secure_transport": False,
    "home_servers": {HOME: [f"sip.{HOME}"]},
    "home_timeout_seconds": 2,
}
ASKER = "agent.example"

Judged = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def world(network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    it = World(tmp_path_factory.mktemp("servers"), tls=True)
    yield it
    it.close()


@pytest.fixture(scope="module")
def access(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HomeAccess]:
    """The home server answers out of its real log."""
    certificate, key = map(str, world.authority.certificate(f"sip.{HOME}"))
    state = tmp_path_factory.mktemp("state")
    ca = str(world.authority.file)
    log = str(world.directory / HOME / "log")
    config = HomeConfig(log, "", str(state), certificate, key, ca, (ASKER,), AT[HOME], 0)
    witness = Witness(Policy.from_dict(POLICY), state)
    server = serve_answers(config, witness.answer)
    witness.follow(log, "kamailio")
    certificate, key = map(str, world.authority.certificate(ASKER))
    yield HomeAccess(certificate, key, ca, server.server_address[1], {f"sip.{HOME}": AT[HOME]})
    server.shutdown()
    server.server_close()
    witness.close()


@pytest.fixture
def judged(
    world: World, access: HomeAccess, tmp_path: Path, capsys: pytest.CaptureFixture[str], request: Any
) -> Judged:
    """What ``sip-handover pairs`` makes of what a server has written in this test."""
    begun = {name: (world.directory / name / "log").stat().st_size for name in AT}
    (tmp_path / "policy.json").write_text(json.dumps(POLICY))

    def judge(server: str, reached: HomeAccess = access) -> dict[str, Any]:
        (tmp_path / "home.json").write_text(json.dumps(asdict(reached)))
        with (world.directory / server / "log").open("rb") as whole:
            whole.seek(begun[server])
            (tmp_path / "log").write_bytes(whole.read())
        told = ["--policy", str(tmp_path / "policy.json"), "--home", str(tmp_path / "home.json")]
        main(["pairs", "--json", "--format", "kamailio", *told, str(tmp_path / "log")])
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return {
            "pairs": [
                (pair["aor"], pair["old"], pair["new"], pair["correspondent"]) for pair in found["address_pairs"]
            ],
            "refused": [item["code"] for item in found["refused"]],
        }

    return judge


@pytest.fixture
def phone(world: World) -> Iterator[Callable[..., Ua]]:
    made: list[Ua] = []

    def new(user: str, domain: str, at: str, by: str, *headers: str) -> Ua:
        made.append(world.phone(user, domain, at, by))
        assert made[-1].register(*headers).status == 200
        return made[-1]

    yield new
    for one in made:
        with suppress(TimeoutError):
            one.register(expires=0, contact="*")
        world.leave(one)


def tagged(name: str, user: str) -> tuple[str, str]:
    return f"{name}: {TAG}", f"{TAG}: <sip:{user}@{AT_HOME}>"


def test_a_first_visit_is_believed_on_the_home_servers_word(judged: Judged, phone: Callable[..., Ua]) -> None:
    phone("alice", HOME, AT_HOME, HOME)
    phone("alice", HOME, ABROAD, VISITED, *tagged("Require", "alice"))
    assert judged(VISITED) == {"pairs": [(f"sip:alice@{HOME}", AT_HOME, ABROAD, None)], "refused": []}


def test_who_never_was_there_is_denied(judged: Judged, phone: Callable[..., Ua]) -> None:
    """Mallory has an account of her own, and names Alice's address."""
    phone("alice", HOME, AT_HOME, HOME)
    phone("mallory", HOME, STRANGER, VISITED, *tagged("Require", "mallory"))
    assert judged(VISITED) == {"pairs": [], "refused": ["home_denied"]}


@pytest.mark.parametrize("method", ["INVITE", "NOTIFY"])
def test_the_correspondents_server_asks_too(judged: Judged, phone: Callable[..., Ua], method: str) -> None:
    bob = phone("bob", CORRESPONDENT, FAR, CORRESPONDENT)
    phone("alice", HOME, AT_HOME, HOME)
    alice = phone("alice", HOME, ABROAD, VISITED, *tagged("Require", "alice"))
    answer, dialog = alice.call(bob.aor)
    assert answer.status == 200
    assert (
        alice.within(dialog, method, *tagged("Proxy-Require" if method == "INVITE" else "Require", "alice")).status
        == 200
    )
    assert judged(CORRESPONDENT) == {"pairs": [(f"sip:alice@{HOME}", AT_HOME, ABROAD, bob.aor)], "refused": []}


def test_the_correspondents_server_is_not_deceived(judged: Judged, phone: Callable[..., Ua]) -> None:
    bob = phone("bob", CORRESPONDENT, FAR, CORRESPONDENT)
    phone("alice", HOME, AT_HOME, HOME)
    mallory = phone("mallory", HOME, STRANGER, VISITED)
    answer, dialog = mallory.call(bob.aor)
    assert answer.status == 200
    assert mallory.within(dialog, "NOTIFY", *tagged("Require", "mallory")).status == 200
    assert judged(CORRESPONDENT) == {"pairs": [], "refused": ["home_denied"]}


def test_nobody_answers(judged: Callable[..., dict[str, Any]], phone: Callable[..., Ua], access: HomeAccess) -> None:
    phone("alice", HOME, AT_HOME, HOME)
    phone("alice", HOME, ABROAD, VISITED, *tagged("Require", "alice"))
    assert judged(VISITED, replace(access, port=access.port - 1)) == {"pairs": [], "refused": ["home_silent"]}
