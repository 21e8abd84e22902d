# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No registration is lost, and none is done twice: server and writer killed, disk full, whoever reads away."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.sipmobility.handover.agent.cli import main
from lab.phone import TAG, Phone, Request
from tests.unit.roles.private_kamailio import DOMAIN, PASSWORD, ROOT

from ..namespaces import until
from .logged import Logged
from .world import ABROAD, AT_HOME

POLICY = {
    "managed_networks": {"home": ["198.51.100.0/24"], "abroad": ["198.18.2.0/24"]},
    "require_secure_transport": False,
    "max_registrations_per_aor": 1000,
    "max_handovers_per_address": 1000,
}


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Logged]:
    """A log on a file system of 64 KiB: some 90 registrations."""
    it = Logged(tmp_path, size="64k")
    yield it
    it.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Logged]:
    it = Logged(tmp_path)
    yield it
    it.close()


def registered(server: Logged, call_id: str, at: str = AT_HOME, old: str | None = None, cseq: int = 1) -> str:
    """One registration, which the server has accepted."""
    tag = (f"Require: {TAG}", f"{TAG}: <sip:alice@{old}>") if old else ()
    contact = f"<sip:alice@{at}:5060>"
    asked = Request("alice", "alice", DOMAIN, at, (contact,), 600, call_id, cseq, headers=tag)
    phone = Phone(at, server.address, 5060, 0, 10)
    try:
        assert phone.register(asked, PASSWORD).status == 200
    finally:
        phone.close()
    return call_id


def call_ids(events: list[dict[str, Any]]) -> list[str]:
    return [bytes.fromhex(event["call_id_hex"]).decode() for event in events]


def test_a_full_disk(small: Logged) -> None:
    """The server goes on; when there is room again everything is there, whole, once, and in order."""
    told = [registered(small, f"call-{number}") for number in range(150)]
    assert len(small.log.read_bytes().splitlines()) < 120
    assert small.log.read_bytes().endswith(b"\n")  # whoever reads now reads whole lines
    small.resize("16m")
    assert call_ids(small.events(150)) == told
    assert call_ids(small.events(151, 1)) == told
    assert b"No space left" in (small.directory / "writer.log").read_bytes()


def test_a_full_disk_and_the_writer_killed(small: Logged) -> None:
    told = [registered(small, f"call-{number}") for number in range(110)]
    small.stop_writer(signal.SIGKILL)
    small.start_writer()
    told += [registered(small, f"call-{number}") for number in range(110, 130)]
    small.stop_writer()
    small.start_writer()
    small.resize("16m")
    found = call_ids(small.events(130))
    # Killed between file and socket it writes one line more; readers know it.
    assert list(dict.fromkeys(found)) == told
    assert len(found) <= 131


def test_without_a_writer_nothing_is_lost(server: Logged) -> None:
    server.stop_writer()
    told = [registered(server, f"call-{number}") for number in range(8)]
    server.start_writer()
    told += [registered(server, f"call-{number}") for number in range(8, 20)]
    assert call_ids(server.events(20)) == told


def test_the_log_is_rotated(server: Logged) -> None:
    first = registered(server, "first")
    server.events(1)
    os.rename(server.log, server.log.with_suffix(".1"))
    server.signal_writer(signal.SIGHUP)
    second = registered(server, "second")
    assert call_ids(server.events(1)) == [second]
    assert first.encode().hex().encode() in server.log.with_suffix(".1").read_bytes()


def test_a_line_that_was_cut_short_is_ended(server: Logged) -> None:
    server.stop_writer()
    server.log.write_bytes(b'{"v":1,"event":"regis')
    server.start_writer()
    registered(server, "next")
    end, line = server.lines(2)
    assert (end, json.loads(line)["v"]) == (b'{"v":1,"event":"regis', 1)


class Reader:
    """Who reads the log now and then, as a playbook does, with cursor and history."""

    def __init__(self, server: Logged, directory: Path, capture: pytest.CaptureFixture[str]) -> None:
        self._server, self._capture = server, capture
        (directory / "policy.json").write_text(json.dumps(POLICY))
        self._cursor = str(directory / "cursor")
        self._told = ["--policy", str(directory / "policy.json"), "--store", str(directory / "history.db")]
        self._draft: str | None = None
        self.refused: list[str] = []

    def changes(self, count: int) -> list[tuple[str, str | None, str | None]]:
        """What has come to pass since the last time; so many events are in the log."""
        self._server.events(count)
        cursor = ["--cursor", self._cursor, "--cursor-out", self._cursor]
        commit = [] if self._draft is None else ["--commit", self._draft]
        main(["pairs", "--json", *self._told, *cursor, *commit, str(self._server.log)])
        found = json.loads(self._capture.readouterr().out)
        self._draft = found["draft"]
        self.refused += [item["code"] for item in found["refused"]]
        return [(change["kind"], change["old"], change["new"]) for change in found["changes"]]


@pytest.fixture
def reader(server: Logged, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Reader:
    return Reader(server, tmp_path, capsys)


def test_a_move_after_the_server_was_killed(server: Logged, reader: Reader) -> None:
    """It has forgotten its bindings; the history has not."""
    registered(server, "one")
    assert reader.changes(1) == []
    server.kill_server()
    server.start_server()
    registered(server, "two", ABROAD, AT_HOME)
    assert reader.changes(2) == [("moved", AT_HOME, ABROAD)]
    assert reader.changes(2) == []


def test_registrations_are_known_after_the_server_was_killed(tmp_path: Path) -> None:
    """Where they are kept in a file; nothing else is told of them again."""
    tables = yaml.safe_load((ROOT / "roles" / "sip_server" / "tasks" / "present.yml").read_text())
    (block,) = [task["block"] for task in tables if "block" in task]
    (script,) = [task["vars"]["sip_server_make_tables"] for task in block if "sip_server_make_tables" in str(task)]
    kept = tmp_path / "bindings.sqlite"
    subprocess.run([sys.executable, "-c", script, kept], check=True)
    it = Logged(tmp_path, settings={"sip_server_bindings": str(kept), "sip_server_expiry_seconds": 1})
    try:
        registered(it, "one")
        until(lambda: bool(sqlite3.connect(kept).execute("select contact from location").fetchall()))
        it.kill_server()
        it.start_server()
        registered(it, "two", ABROAD, AT_HOME)
        first, second = it.events(2)
        assert [binding["contact"] for binding in second["before"]] == [f"sip:alice@{AT_HOME}:5060"]
        assert first["before"] == []
    finally:
        it.close()


def test_killed_under_load(server: Logged) -> None:
    """Of what was answered nothing is lost, but for what was answered in the very moment."""
    told = [registered(server, f"before-{number}") for number in range(40)]
    server.kill_server()
    server.start_server()
    told += [registered(server, f"after-{number}") for number in range(5)]
    found = call_ids(server.events(45))
    assert len(found) == len(set(found))
    assert [one for one in told if one not in found] in ([], ["before-39"])


def test_who_reads_is_away_meanwhile(server: Logged, reader: Reader) -> None:
    """Thirty moves there and back, the log rotated in between: each is told once, in order, when he is back."""
    registered(server, "call", AT_HOME)
    assert reader.changes(1) == []
    wanted, cseq = [], 10
    for number in range(15):
        registered(server, "call", ABROAD, AT_HOME, cseq)
        registered(server, "call", AT_HOME, AT_HOME, cseq + 10)
        wanted += [("moved", AT_HOME, ABROAD), ("returned", AT_HOME, AT_HOME)]
        cseq += 20
        if number == 7:
            server.events(17)
            os.rename(server.log, server.log.with_suffix(".jsonl.1"))
            server.signal_writer(signal.SIGHUP)
    assert reader.changes(14) == wanted
    assert reader.changes(14) == []
    assert reader.refused == []


def test_a_line_that_is_written_twice_is_done_once(server: Logged, reader: Reader) -> None:
    registered(server, "one")
    registered(server, "two", ABROAD, AT_HOME)
    server.events(2)
    server.stop_writer()
    lines = server.log.read_bytes().splitlines(keepends=True)
    server.log.write_bytes(b"".join([*lines, lines[-1]]))
    assert reader.changes(3) == [("moved", AT_HOME, ABROAD)]
    assert reader.refused == ["replayed"]
