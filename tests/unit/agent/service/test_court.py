# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judge's process judges as the judge does, and lives exactly as long as it is asked."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.agent.service.config import EventInput
from ansible_collections.sipmobility.handover.agent.service.court import Court
from ansible_collections.sipmobility.handover.agent.service.inputs.opened import pushed_items
from ansible_collections.sipmobility.handover.agent.service.judge import Judge
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.intake import Item
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.registration_policy import Policy
from ansible_collections.sipmobility.handover.plugins.module_utils.reader import address

from ....kernel.agent.phones import Phone

_POLICY = Policy(managed_networks={"a": (ip_network("198.51.100.0/24"),), "b": (ip_network("203.0.113.0/24"),)})
_DECIDED = {"scope": "session", "directions": "both", "sessions": "listed"}


class _Told:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.all: list[tuple[str, ...]] = []

    def refused(self, subject: str, code: str, _reason: str) -> None:
        self.all.append(("refused", subject, code))

    def told(self, event: str, **_what: object) -> None:
        self.all.append(("told", event))


def _moves() -> list[list[Item]]:
    """A phone at home and away, one that moves to an address that was never its own, and something that is no event."""
    alice, mallory = Phone("alice"), Phone("mallory")
    session = Session("tcp", 40000, address("198.18.3.30"), 7000)
    lines = [
        alice.register("198.51.100.20"),
        alice.register("203.0.113.20", "198.51.100.20", [session]),
        mallory.register("203.0.113.66", "198.51.100.20", [session]),
        b"{",
    ]
    return [pushed_items([line], EventInput(socket="x")) for line in lines]


def _in_court(tmp_path: Path, story: Callable[[Court], Awaitable[None]], told: _Told | None = None) -> None:
    async def run() -> None:
        court = await Court.begun(told or _Told())
        try:
            await court.open(_POLICY, str(tmp_path / "history.sqlite"), [], None, **_DECIDED)
            await story(court)
        finally:
            await court.close()

    asyncio.run(run())


def test_it_judges_as_the_judge_does(tmp_path: Path) -> None:
    moves, here, there = _moves(), _Told(), _Told()
    judge = Judge(
        _POLICY, str(tmp_path / "own.sqlite"), [], here, scope="session", directions="both", sessions="listed"
    )
    expected = [judge.take(items) for items in moves]
    found = []

    async def story(court: Court) -> None:
        for items in moves:
            found.append(await court.take(items))
        assert (court.dirty, court.dialogs, court.may_wait) == (True, 0, False)
        await court.commit()
        assert not court.dirty
        assert list(await court.flows()) == []

    _in_court(tmp_path, story, there)
    assert found == expected
    assert sum(map(len, found)) == 1
    assert there.all == here.all
    assert {told[0] for told in there.all} == {"refused"}


def test_its_errors_are_the_judges(tmp_path: Path) -> None:
    (tmp_path / "history.sqlite").write_text("no database")

    async def story(_court: Court) -> None:
        raise AssertionError("it opened")

    with pytest.raises(HandoverError) as refused:
        _in_court(tmp_path, story)
    assert refused.value.code == "store_unreadable"
    assert "history.sqlite" in refused.value.subject
    assert refused.value.advice


def test_an_answer_is_never_that_to_another_request(tmp_path: Path) -> None:
    """What asks may be cancelled while the judge judges."""
    home, move, *_more = _moves()

    async def story(court: Court) -> None:
        asked = asyncio.create_task(court.take(home))
        await asyncio.sleep(0)
        asked.cancel()
        (found,) = await court.take(move)
        assert found["new"] == "203.0.113.20"
        with pytest.raises(asyncio.CancelledError):
            await asked

    _in_court(tmp_path, story)


def test_a_request_that_failed_is_trouble(tmp_path: Path) -> None:
    async def story(court: Court) -> None:
        trouble = asyncio.create_task(court.trouble())
        with sqlite3.connect(tmp_path / "history.sqlite") as other:
            other.execute("DROP TABLE entries")
        with pytest.raises(HandoverError) as refused:
            await court.take(_moves()[0])
        async with asyncio.timeout(20):
            with pytest.raises(HandoverError) as told:
                await trouble
        assert told.value.code == refused.value.code == "store_unreadable"

    _in_court(tmp_path, story)


def _child() -> int:
    """The one process that this one has begun."""
    (found,) = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return int(found)


def test_signals_to_all_processes_of_a_service_do_not_end_it(tmp_path: Path) -> None:
    async def story(court: Court) -> None:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            os.kill(_child(), number)
        assert await court.take(_moves()[0]) == []

    _in_court(tmp_path, story)


def test_one_that_was_killed_is_told_of_also_where_nothing_is_asked(tmp_path: Path) -> None:
    async def story(court: Court) -> None:
        os.kill(_child(), signal.SIGKILL)
        async with asyncio.timeout(20):
            with pytest.raises(HandoverError) as told:
                await court.trouble()
        assert told.value.code == "judge_ended"
        with pytest.raises(HandoverError) as refused:
            await court.take(_moves()[0])
        assert refused.value.code == "judge_ended"

    _in_court(tmp_path, story)


def test_it_ends_with_whoever_asks(tmp_path: Path) -> None:
    """Killed, too: what asks is a process of its own, which leaves nothing behind."""
    script = (
        "import asyncio, os, signal\n"
        f"from {__name__} import _POLICY, _DECIDED, _Told, _child\n"
        f"from {Court.__module__} import Court\n"
        "async def run():\n"
        "    court = await Court.begun(_Told())\n"
        f"    await court.open(_POLICY, {str(tmp_path / 'history.sqlite')!r}, [], None, **_DECIDED)\n"
        "    print(_child(), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(run())\n"
    )
    asked = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert asked.returncode == -signal.SIGKILL, asked.stderr
    deadline = time.monotonic() + 20
    while Path(f"/proc/{int(asked.stdout)}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path(f"/proc/{int(asked.stdout)}").exists()
