# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A phone's first visit: the service asks its home server, over HTTPS, while a TCP session waits to be kept alive."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.certificates import Authority

from ..live import open_tcp
from ..moving import NEW, OLD, Journey
from .phones import DOMAIN, Phone
from .place import Place, Running, serving, ssh_servers, states

HOME, ASKER = "sip.home.example", "agent.visited.example"
PORT = 5443


@pytest.fixture
def at_home(road: Journey) -> Iterator[Journey]:
    """The phone at home, the routers empty now and afterwards."""
    road.held, road.now = states(road), time.time()
    road.at_home()
    yield road
    road.held = states(road)


class Homes:
    """The home server's files, beside those of the service that asks."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "home"
        self.directory.mkdir()
        self.log = self.directory / "registrations.jsonl"
        self.log.touch()
        self.authority = Authority(self.directory)
        certificate, key = self.authority.certificate(ASKER)
        ca = str(self.authority.file)
        self.access = {
            "certificate": str(certificate),
            "private_key": str(key),
            "ca": ca,
            "port": PORT,
            "addresses": {HOME: "127.0.0.1"},
        }

    @contextmanager
    def answering(self, inside: int, policy: str, name: str = HOME) -> Iterator[Running]:
        """``sip-handover home`` in the network of a process."""
        certificate, key = self.authority.certificate(name)
        told = {
            "log": str(self.log),
            "policy": policy,
            "state_dir": str(self.directory / "state"),
            "certificate": str(certificate),
            "private_key": str(key),
            "ca": str(self.authority.file),
            "askers": [ASKER],
            "listen": "127.0.0.1",
        }
        config = self.directory / "home.yml"
        config.write_text(yaml.safe_dump(told))
        command = [sys.executable, "-m", "ansible_collections.sipmobility.handover.agent.cli", "home"]
        inside_of = ["nsenter", "--target", str(inside), "--net", *command, "--config", str(config)]
        it = Running(inside_of, self.directory, "answers")
        try:
            deadline = time.monotonic() + 60
            while "answering on port" not in it.told_path.read_text(encoding="utf-8"):
                assert time.monotonic() < deadline, "it does not answer"
                time.sleep(0.05)
            yield it
        finally:
            assert it.stop() == 0


def place_of(directory: Path, hosts: Any, homes: Homes, seconds: int) -> Place:
    policy = {"home_servers": {DOMAIN: [HOME]}, "home_timeout_seconds": seconds}
    return Place(directory, hosts, policy, home=homes.access)


def test_the_home_servers_word_keeps_a_session_alive(at_home: Journey, tmp_path: Path) -> None:
    """One phone is believed, another that says the same is not."""
    phone, liar = Phone("alice"), Phone("mallory")
    homes = Homes(tmp_path)
    core = at_home.spaces["core"].pid
    with ssh_servers(at_home, tmp_path) as servers:
        place = place_of(tmp_path, servers.hosts, homes, 20)
        homes.log.write_bytes(phone.register(OLD[4]))
        phone.bindings = []  # this server has never seen it
        with (
            homes.answering(core, str(tmp_path / "policy.yml")),
            serving(place, core) as service,
            open_tcp(at_home, 4, 15) as (mobile, peer, session),
        ):
            at_home.move()
            place.tell(liar.register(NEW[4], OLD[4], [session]))
            service.await_told("refused", code="home_denied")
            place.tell(phone.register(NEW[4], OLD[4], [session]))
            service.await_told("home question")
            service.await_told("handover", new=str(NEW[4]), kind="programmed")
            mobile.sendall(b"from the phone")
            assert peer.recv(100) == b"from the phone"
            place.tell(phone.register(NEW[4], expires=0))
            service.await_told("handover", kind="ended")


def test_silence_is_refused_in_time_and_another_servers_word_is_not_taken(at_home: Journey, tmp_path: Path) -> None:
    phone = Phone("alice")
    homes = Homes(tmp_path)
    core = at_home.spaces["core"].pid
    with ssh_servers(at_home, tmp_path) as servers:
        place = place_of(tmp_path, servers.hosts, homes, 2)
        homes.log.write_bytes(phone.register(OLD[4]))
        phone.bindings = []
        with serving(place, core) as service:
            begun = time.monotonic()
            place.tell(phone.register(NEW[4], OLD[4]))
            service.await_told("refused", code="home_silent")
            assert 1.5 < time.monotonic() - begun < 60
            assert "home_unreachable" in service.await_told("home server", server=HOME)["problem"]
            with homes.answering(core, str(tmp_path / "policy.yml"), "sip.elsewhere.example"):
                place.tell(phone.register(NEW[4], OLD[4]))
                service.await_told("refused", code="answer_not_trusted")
                service.await_told("refused", 2, code="home_silent")
            assert not any(len(state) for state in states(at_home).values())


def test_what_it_is_told_is_read_strictly(tmp_path: Path) -> None:
    config = tmp_path / "home.yml"
    command = [
        sys.executable,
        "-m",
        "ansible_collections.sipmobility.handover.agent.cli",
        "home",
        "--config",
        str(config),
    ]
    for text, said in (("log: /x", "bad_config"), ("port: x", "port"), ("colour: red", "unknown_config_key")):
        config.write_text(text)
        done = subprocess.run([*command, "--check"], capture_output=True, text=True, check=False)
        assert (done.returncode, said in done.stderr) == (2, True)
