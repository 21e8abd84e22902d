# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The home server's word over HTTPS (docs/home-server.md): who asks, who answers, and what becomes of it."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.agent.cli import main
from ansible_collections.sipmobility.handover.plugins.module_utils.asking.access import HomeAccess
from ansible_collections.sipmobility.handover.plugins.module_utils.asking.client import PATH
from lab.certificates import Authority

from ..mobility.registrar import World
from .home_server import ASKER, HOME, LOOPBACK, HomeServer, policy_text, silent, world_of_today

A, B = "1.1.1.20", "2.2.2.20"

Run = Callable[..., dict[str, Any]]
Started = Callable[..., HomeServer]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """Starts a home server that has seen Alice at A, and ends it."""
    servers: list[HomeServer] = []

    def start(**settings: Any) -> HomeServer:
        at_home = world_of_today(60)
        at_home.register("alice", A)
        directory = tmp_path / "home"
        directory.mkdir()
        servers.append(HomeServer(directory, at_home.log, **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def visited() -> World:
    """Alice's first REGISTER abroad, and Mallory's who says that he was at A."""
    return world_of_today(2)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str], visited: World) -> Run:
    """``sip-handover pairs`` on the visited server's log."""

    def pairs(access: HomeAccess | None, *options: str, **policy: Any) -> dict[str, Any]:
        (tmp_path / "policy.yml").write_text(policy_text(**policy))
        (tmp_path / "log").write_bytes(visited.log)
        home = []
        if access is not None:
            (tmp_path / "home.yml").write_text(json.dumps(asdict(access)))
            home = ["--home", str(tmp_path / "home.yml")]
        shape = "--jsonl" if "--jsonl" in options else "--json"
        main(["pairs", shape, "--policy", str(tmp_path / "policy.yml"), *home, str(tmp_path / "log")])
        out, err = capsys.readouterr()
        assert out, err
        found: dict[str, Any] = json.loads(out) if "--jsonl" not in options else {"lines": out.splitlines()}
        return {**found, "err": err}

    return pairs


def codes(found: Mapping[str, Any]) -> list[str]:
    return [item["code"] for item in found["refused"]]


def test_the_home_servers_yes_admits(started: Started, run: Run, visited: World) -> None:
    server = started()
    visited.register("alice", B, A)
    found = run(server.access())
    assert [(pair["old"], pair["new"], pair["admitted"]) for pair in found["address_pairs"]] == [(A, B, True)]
    assert found["address_pairs"][0]["held_from"] is not None
    assert (codes(found), "questions" in found) == ([], False)


def test_its_no_refuses(started: Started, run: Run, visited: World) -> None:
    server = started()
    visited.register("mallory", B, A)
    assert codes(run(server.access())) == ["home_denied"]


def test_without_a_way_to_ask_the_question_is_told(run: Run, visited: World) -> None:
    visited.register("alice", B, A)
    found = run(None)
    assert [question["servers"] for question in found["questions"]] == [[HOME]]


@pytest.mark.parametrize("how", ["says nothing", "is not there", "drops the connection"])
def test_a_server_that_does_not_answer_is_waited_for_no_longer_than_told(
    started: Started, run: Run, visited: World, how: str
) -> None:
    server = started()
    visited.register("alice", B, A)
    with silent() as one:
        port = one.getsockname()[1]
        if how == "is not there":
            one.close()
        elif how == "drops the connection":
            one.listen(0)
        begun = time.monotonic()
        found = run(replace(server.access(), port=port))
    assert (codes(found), found["address_pairs"]) == (["home_silent"], [])
    assert time.monotonic() - begun < 60
    assert "home_unreachable" in found["err"] or how == "says nothing"


def test_the_certificate_of_another_server_is_not_trusted(started: Started, run: Run, visited: World) -> None:
    """One that the same authority has signed."""
    server = started(name="home.example.net")
    visited.register("alice", B, A)
    found = run(server.access())
    assert (codes(found), found["address_pairs"]) == (["answer_not_trusted", "home_silent"], [])
    assert "home.example.net" in found["refused"][0]["reason"]


def test_a_certificate_of_an_unknown_authority(started: Started, run: Run, visited: World, tmp_path: Path) -> None:
    server = started()
    visited.register("alice", B, A)
    found = run(replace(server.access(), ca=str(Authority(tmp_path, "stranger").file)))
    assert (codes(found), "home_unreachable" in found["err"]) == (["home_silent"], True)


def test_who_is_not_to_ask_gets_no_word(started: Started, run: Run, visited: World, tmp_path: Path) -> None:
    server = started()
    visited.register("alice", B, A)
    found = run(server.access("curious.example"))
    assert (codes(found), "403" in found["err"]) == (["home_silent"], True)
    # Nor who has no certificate of the authority at all.
    found = run(server.access(ASKER, Authority(tmp_path, "stranger")))
    assert (codes(found), "home_unreachable" in found["err"]) == (["home_silent"], True)


def test_the_second_server_is_asked_where_the_first_is_gone(started: Started, run: Run, visited: World) -> None:
    server = started()
    access = server.access()
    visited.register("alice", B, A)
    away = replace(access, addresses={**access.addresses, "gone.example.com": "127.0.0.9"})
    found = run(away, home_servers={"example.com": ["gone.example.com", HOME]})
    assert [(pair["old"], pair["new"]) for pair in found["address_pairs"]] == [(A, B)]


def test_what_was_learnt_outlives_the_server(started: Started, run: Run, visited: World) -> None:
    server = started()
    visited.register("alice", B, A)
    assert codes(run(server.access())) == []
    server.close()
    server.log.write_bytes(b"")  # rotated away
    server.begin()
    assert [pair["old"] for pair in run(server.access())["address_pairs"]] == [A]


def test_outcomes_line_by_line(started: Started, run: Run, visited: World) -> None:
    server = started()
    visited.register("alice", B, A)
    visited.register("mallory", B, A)
    lines = [json.loads(line) for line in run(server.access(), "--jsonl")["lines"]]
    told = [(line["outcome"], line.get("code")) for line in lines]
    assert told[:2] == [("question", None), ("question", None)]
    assert set(told[2:]) == {("address_pair", None), ("change", None), ("refused", "home_denied"), ("cursor", None)}


def test_a_log_that_is_followed(started: Started, visited: World, tmp_path: Path) -> None:
    """Answers come while the log is waited for; so does the end of waiting."""
    server = started()
    (tmp_path / "policy.yml").write_text(policy_text())
    (tmp_path / "home.yml").write_text(json.dumps(asdict(server.access())))
    log = tmp_path / "log"
    log.touch()
    told = ["--policy", str(tmp_path / "policy.yml"), "--home", str(tmp_path / "home.yml"), "--format", "kamailio"]
    command = [sys.executable, "-m", "ansible_collections.sipmobility.handover.agent.cli", "pairs", "--follow"]
    with subprocess.Popen([*command, "--jsonl", *told, str(log)], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None

        def tell(user: str, old: str) -> None:
            known = len(visited.log)
            visited.register(user, B, old)
            with log.open("ab") as file:
                file.write(visited.log[known:])

        def outcome(kind: str) -> dict[str, Any]:
            assert running.stdout is not None
            for line in running.stdout:
                found: dict[str, Any] = json.loads(line)
                if found["outcome"] == kind:
                    return found
            raise AssertionError(f"no {kind}")

        try:
            tell("alice", A)
            assert outcome("address_pair")["old"] == A
            tell("mallory", "1.1.1.21")
            assert outcome("refused")["code"] == "home_denied"
            server.pause()
            tell("carol", "1.1.1.22")
            assert outcome("refused")["code"] == "home_silent"
        finally:
            running.terminate()
    assert running.returncode == 0


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (PATH, b"{}", 400),
        (PATH, b"[" * 10_000, 400),
        (PATH, b"x" * 20_000, 413),
        (PATH, b'{"version": 2}', 400),
        ("/elsewhere", b"{}", 404),
    ],
)
def test_what_is_no_question(started: Started, path: str, body: bytes, status: int) -> None:
    access = started().access()
    context = ssl.create_default_context(cafile=access.ca)
    context.check_hostname = False
    context.load_cert_chain(access.certificate, access.private_key)
    connection = http.client.HTTPSConnection(LOOPBACK, access.port, context=context, timeout=60)
    connection.request("POST", path, body)
    assert connection.getresponse().status == status
    connection.close()


def test_a_file_that_is_not_there(run: Run, visited: World, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "policy.yml").write_text(policy_text())
    (tmp_path / "home.yml").write_text('{"certificate": "/a", "private_key": "/b", "ca": "/c"}')
    (tmp_path / "log").write_bytes(b"")
    status = main(["pairs", "--policy", str(tmp_path / "policy.yml"), "--home", str(tmp_path / "home.yml"), "-"])
    assert (status, "bad_certificate" in capsys.readouterr().err) == (2, True)
