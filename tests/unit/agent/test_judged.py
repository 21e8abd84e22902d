# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One phone's message ends neither the service nor the home server; what the history does not take is read again."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.agent.cursor_file import load_cursors
from ansible_collections.sipmobility.handover.agent.home.witness import Witness
from ansible_collections.sipmobility.handover.agent.service.config import EventInput
from ansible_collections.sipmobility.handover.agent.service.inputs.opened import pushed_items
from ansible_collections.sipmobility.handover.agent.service.judge import Judge
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.home import HomeQuestion
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.intake import Intake, Item, Outcome
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.registration_policy import Policy
from ansible_collections.sipmobility.handover.plugins.module_utils.reader import address
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Registration

from ...kernel.agent.phones import DOMAIN, Phone

_POLICY = Policy(managed_networks={"a": (ip_network("198.51.100.0/24"),), "b": (ip_network("203.0.113.0/24"),)})
_AT_HOME, _NEXT_DOOR = address("198.51.100.20"), address("198.51.100.21")


class _Told:
    def __init__(self) -> None:
        self.refused_codes: list[str] = []

    def refused(self, _subject: str, code: str, _reason: str) -> None:
        self.refused_codes.append(code)

    def told(self, event: str, **_what: object) -> None:
        raise AssertionError(event)


@pytest.fixture
def a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Judging what Mallory says raises an error."""
    take = Intake.take

    def faulty(intake: Intake, item: Item, now: float) -> Iterator[Outcome]:
        if isinstance(item, Registration) and "mallory" in item.aor:
            raise ZeroDivisionError
        return take(intake, item, now)

    monkeypatch.setattr(Intake, "take", faulty)


@pytest.mark.usefixtures("a_fault")
def test_the_service_judges_what_comes_behind_one_that_cannot_be_judged(tmp_path: Path) -> None:
    alice, told = Phone("alice"), _Told()
    history = str(tmp_path / "history.sqlite")
    judge = Judge(_POLICY, history, [], told, scope="session", directions="both", sessions="listed")
    session = Session("tcp", 40000, address("198.18.3.30"), 7000)
    lines = [
        alice.register("198.51.100.20"),
        Phone("mallory").register("203.0.113.66"),
        alice.register("203.0.113.20", "198.51.100.20", [session]),
    ]
    (found,) = judge.take([item for line in lines for item in pushed_items([line], EventInput(socket="x"))])
    assert (found["old"], found["new"]) == ("198.51.100.20", "203.0.113.20")
    assert told.refused_codes == ["not_judged"]
    judge.close()


class _Home:
    """A witness of a log, as ``sip-handover home`` has one."""

    def __init__(self, directory: Path) -> None:
        self.log, self.state = directory / "log", directory / "state"
        self.log.touch()
        self.ended = threading.Event()
        self.witness = Witness(_POLICY, self.state)
        self.witness.follow(str(self.log), "kamailio", self.ended.set)

    def tell(self, line: bytes) -> None:
        """The log grows."""
        with self.log.open("ab") as file:
            file.write(line)

    def has_had(self, user: str, at: Address = _AT_HOME) -> bool:
        """Whether a user is known to have had an address, within some seconds."""
        aor = f"sip:{user}@{DOMAIN}"
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            now = time.time()
            question = HomeQuestion(f"{0:016x}", aor, None, at, now - 60, now, ("home",), now + 5)
            if self.witness.answer(question, "home").held:
                return True
            time.sleep(0.05)
        return False


@pytest.mark.usefixtures("a_fault")
def test_a_home_server_reads_on_behind_one_that_cannot_be_judged(tmp_path: Path) -> None:
    home = _Home(tmp_path)
    home.tell(Phone("mallory").register("198.51.100.66") + Phone("alice").register(_AT_HOME))
    assert home.has_had("alice")
    home.witness.close()
    assert not home.ended.is_set()


def test_a_home_server_whose_history_takes_nothing_ends_and_reads_again(tmp_path: Path) -> None:
    home = _Home(tmp_path)
    home.tell(Phone("alice").register(_AT_HOME))
    assert home.has_had("alice")
    home.witness.close()
    cursors = load_cursors(str(home.state / "cursors.json"))

    home = _Home(tmp_path)
    assert home.has_had("alice")
    with sqlite3.connect(home.state / "history.sqlite") as other:
        other.execute("ALTER TABLE entries RENAME TO away")
    home.tell(Phone("bob").register(_NEXT_DOOR))
    assert home.ended.wait(20)
    assert isinstance(home.witness.trouble, HandoverError)
    assert home.witness.trouble.code == "store_unreadable"
    home.witness.close()
    assert load_cursors(str(home.state / "cursors.json")) == cursors

    with sqlite3.connect(home.state / "history.sqlite") as other:
        other.execute("ALTER TABLE away RENAME TO entries")
    home = _Home(tmp_path)
    assert home.has_had("bob", _NEXT_DOOR)
    home.witness.close()
