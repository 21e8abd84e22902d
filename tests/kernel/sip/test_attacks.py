# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attacks of tests/integration/test_attacks.py, on each duty of the servers (design rule 11).

Alice is the victim; Mallory has an account at the same home. What is about the network alone, a forged packet source,
is there and not here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from lab.phone import TAG

from .judging import Judge, tagged
from .ua import Dialog, Message, Ua
from .world import ABROAD, AT, AT_HOME, CORRESPONDENT, FAR, HOME, STRANGER, VISITED, World

ALICE, MALLORY, BOB = (f"sip:{user}" for user in (f"alice@{HOME}", f"mallory@{HOME}", f"bob@{CORRESPONDENT}"))
NOBODYS = "198.51.100.77"
Phone = Callable[..., Ua]


@dataclass
class Way:
    """How a phone tells of a move: to whom, by which request.

    :ivar told: the server that tells of it.
    :ivar by: the server that the phone sends to.
    :ivar within: sends within the phone's call with Bob; None for a REGISTER.
    """

    told: str
    by: str
    registered: Phone
    method: str = "REGISTER"

    def phone(self, user: str, at: str) -> Ua:
        """A phone that may send; with a call where that is needed."""
        one = self.registered(user, HOME, at, self.by)
        self.dialog: Dialog | None = None
        if self.method != "REGISTER":
            answer, self.dialog = one.call(BOB)
            assert answer.status == 200
        return one

    def tell(self, phone: Ua, *headers: str, contact: str | None = None) -> Message:
        """Tell of a move with these header lines."""
        if self.dialog is None:
            return phone.register(*headers, contact=contact)
        phone.contact = phone.contact if contact is None else contact
        return phone.within(self.dialog, self.method, *headers, "Event: dialog")

    @property
    def correspondent(self) -> str | None:
        """Whom a pair is for."""
        return None if self.method == "REGISTER" else BOB


@pytest.fixture(params=["visited", "home", "correspondent"])
def way(request: pytest.FixtureRequest, registered: Phone) -> Way:
    """A REGISTER by the visited server, one at the home server itself, a NOTIFY to the correspondent's."""
    if request.param == "visited":
        return Way(VISITED, VISITED, registered)
    if request.param == "home":
        return Way(HOME, HOME, registered)
    registered("bob", CORRESPONDENT, FAR, CORRESPONDENT)
    return Way(CORRESPONDENT, VISITED, registered, "NOTIFY")


@pytest.fixture
def victim(registered: Phone) -> Ua:
    """Alice at home."""
    return registered("alice", HOME, AT_HOME, HOME)


def nothing(found: object, *codes: str) -> bool:
    """Whether nothing was admitted, and what was refused is of these codes."""
    assert isinstance(found, dict)
    return not found["pairs"] and bool(found["refused"]) and set(found["refused"]) <= set(codes)


def test_the_true_move_is_admitted(way: Way, victim: Ua, judged: Judge) -> None:
    """Without this the rest would prove nothing."""
    assert way.tell(way.phone("alice", ABROAD), *tagged("Require", "alice")).status == 200
    assert (ALICE, AT_HOME, ABROAD, way.correspondent) in judged(way.told)["pairs"]


def test_a_victims_old_address(way: Way, victim: Ua, judged: Judge) -> None:
    assert way.tell(way.phone("mallory", STRANGER), *tagged("Require", "mallory")).status == 200
    assert nothing(judged(way.told), "home_denied", "held_by_another")


def test_an_address_that_nobody_has(way: Way, judged: Judge) -> None:
    """Or who will have it next could be robbed in advance."""
    assert way.tell(way.phone("mallory", STRANGER), *tagged("Require", "mallory", NOBODYS)).status == 200
    assert nothing(judged(way.told), "home_denied", "not_held")


def test_a_binding_of_the_victims_address_made_before(way: Way, victim: Ua, judged: Judge) -> None:
    """The registrar accepts any Contact; Mallory lists Alice's address as her own first, then moves away from it."""
    mallory = way.phone("mallory", STRANGER)
    assert mallory.register(contact=f"<sip:mallory@{AT_HOME}:5060>").status == 200
    assert way.tell(mallory, *tagged("Require", "mallory")).status == 200
    assert nothing(judged(way.told), "home_denied", "held_by_another")


def test_another_users_address_of_record(world: World, registered: Phone, victim: Ua, judged: Judge) -> None:
    """By each server; of a NOTIFY test_duties has it."""
    for by in (VISITED, HOME):
        one = world.phone("alice", HOME, STRANGER, by)
        one._user = "mallory"  # her own name and password in the credentials
        try:
            assert one.register(*tagged("Require", "alice")).status == 403
        finally:
            world.leave(one)
    for server in (VISITED, HOME):
        assert judged(server)["pairs"] == []


def test_a_replay(way: Way, victim: Ua, judged: Judge) -> None:
    """Each nonce is good for one request."""
    phone = way.phone("alice", ABROAD)
    assert way.tell(phone, *tagged("Require", "alice")).status == 200
    assert phone.again().status in (401, 407)
    found = judged(way.told)
    assert found["pairs"].count((ALICE, AT_HOME, ABROAD, way.correspondent)) == 1
    assert found["refused"] == []


def test_a_contact_altered_under_a_valid_digest(way: Way, victim: Ua, judged: Judge) -> None:
    """A digest covers neither Contact nor our header. So the packet's source counts, and TLS is asked for."""
    phone = way.phone("alice", ABROAD)
    assert way.tell(phone, *tagged("Require", "alice"), contact=f"<sip:alice@{STRANGER}:5060>").status == 200
    assert nothing(judged(way.told), "new_not_source")
    assert "transport_not_secure" in judged(way.told, require_secure_transport=True)["refused"]


def test_an_old_address_that_is_live_for_somebody_else(way: Way, victim: Ua, judged: Judge) -> None:
    assert way.tell(way.phone("alice", ABROAD), *tagged("Require", "alice")).status == 200
    assert way.tell(way.phone("mallory", STRANGER), *tagged("Require", "mallory")).status == 200
    found = judged(way.told)
    assert {pair[0] for pair in found["pairs"]} == {ALICE}
    # Where Alice's claim itself waits for the home server's word, that word comes first.
    assert nothing({**found, "pairs": []}, "old_claimed", "home_denied")


@pytest.mark.parametrize("whose", [VISITED, HOME])
def test_an_infrastructure_address(way: Way, judged: Judge, whose: str) -> None:
    assert way.tell(way.phone("mallory", STRANGER), *tagged("Require", "mallory", AT[whose])).status == 200
    assert nothing(judged(way.told, infrastructure=list(AT.values())), "infrastructure_address")


_HEADER, _REQUIRE = f"{TAG}: <sip:mallory@{AT_HOME}>", f"Require: {TAG}"
#: The patent's header where only one of two readers would see it. Require is there, so that both look for it.
SMUGGLED = {
    "bare CR": (_REQUIRE, f"Subject: x\r{_HEADER}"),
    "bare LF": (_REQUIRE, f"Subject: x\n{_HEADER}"),
    "NUL": (_REQUIRE, f"Subject: x\0\r\n{_HEADER}"),
    "NUL in the header": (_REQUIRE, f"{TAG}: \0<sip:mallory@{AT_HOME}>"),
    "folding": (_REQUIRE, f"Subject: x\r\n {_HEADER}"),
    "a second head": (_REQUIRE, f"Subject: x\r\n\r\n{_HEADER}"),
}


@pytest.mark.parametrize("name", SMUGGLED)
def test_a_header_that_is_smuggled_in(way: Way, victim: Ua, judged: Judge, name: str) -> None:
    phone = way.phone("mallory", STRANGER)
    try:
        status = way.tell(phone, *SMUGGLED[name]).status
    except TimeoutError:
        status = 0
    found = judged(way.told)
    assert found["pairs"] == []
    codes = {"require_without_tag", "control_character", "bad_line_ending", "held_by_another", "home_denied"}
    assert set(found["refused"]) <= codes
    # Either a server would not have it, or it says why it is not believed. A NOTIFY in which the correspondent's server
    # sees no such header is none of its business: it goes on to Bob.
    assert status != 200 or found["refused"] or way.method == "NOTIFY", (status, found)


def test_a_flood(way: Way, victim: Ua, judged: Judge) -> None:
    phone = way.phone("alice", ABROAD)
    for _ in range(15):
        assert way.tell(phone, *tagged("Require", "alice")).status == 200
    end = time.monotonic() + 60  # the answer is sent before the event is written
    while True:
        found = judged(way.told, max_registrations_per_aor=10)
        too_many, stale = (found["refused"].count(code) for code in ("too_many", "cseq_not_rising"))
        if too_many >= 15 - 10 - stale or time.monotonic() > end:
            break
        time.sleep(0.1)
    mine = [pair for pair in found["pairs"] if pair[3] == way.correspondent]
    # Of what waits for the home server's word, the newest stands for all.
    assert 0 < len(mine) <= 10
    # The server's processes write side by side: an event that overtook an older one makes that one stale.
    assert set(found["refused"]) <= {"too_many", "cseq_not_rising"}
    assert too_many >= 15 - 10 - stale
