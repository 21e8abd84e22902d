# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The duties of the role sip_server: what the visited, the home and the correspondent's server do for a moving phone.

US 7,082,118, sections 2, 4, 5 and 7; RFC 3261, 3263, 3325, 3327.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.dialog_message import DialogMessage
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.dialogs import Dialogs
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import kamailio
from lab.phone import TAG

from .ua import Dialog, Message, Ua
from .world import (
    ABROAD,
    AT,
    AT_HOME,
    CORRESPONDENT,
    FAR,
    HOME,
    NOBODY,
    OTHER,
    STRANGER,
    VISITED,
    World,
    until_heard,
)

ALICE, BOB = f"sip:alice@{HOME}", f"sip:bob@{CORRESPONDENT}"
REQUIRE = (f"Require: {TAG}", f"{TAG}: <sip:alice@{AT_HOME}>")
#: Within a dialog the tag is for the servers on the way, not for the correspondent's phone.
PROXY_REQUIRE = (f"Proxy-Require: {TAG}", f"{TAG}: <sip:alice@{AT_HOME}>")

Phone = Callable[..., Ua]


@pytest.fixture(scope="module", params=["tls", "addresses"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    it = World(tmp_path_factory.mktemp("servers"), tls=request.param == "tls")
    yield it
    it.close()


@pytest.fixture
def phone(world: World) -> Iterator[Phone]:
    """Makes phones that go when the test is over."""
    made: list[Ua] = []

    def new(user: str, domain: str, at: str, by: str, password: str | None = None) -> Ua:
        made.append(world.phone(user, domain, at, by, **({} if password is None else {"password": password})))
        return made[-1]

    yield new
    for one in made:
        with suppress(TimeoutError):
            one.register(expires=0, contact="*")
        world.leave(one)


def registered(phone: Phone, world: World, user: str, domain: str, at: str, by: str, *headers: str) -> Ua:
    one = phone(user, domain, at, by)
    answer = one.register(*headers)
    assert answer.status == 200, answer
    return one


@pytest.fixture
def moved(phone: Phone, world: World) -> tuple[Ua, Message]:
    """Alice, who was at home and is abroad now, and the answer to her REGISTER there."""
    registered(phone, world, "alice", HOME, AT_HOME, HOME)
    abroad = phone("alice", HOME, ABROAD, VISITED)
    return abroad, abroad.register(*REQUIRE)


def test_a_visitor_is_told_of_where_she_is_and_who_her_home_says_she_is(
    world: World, moved: tuple[Ua, Message]
) -> None:
    _abroad, answer = moved
    assert answer.status == 200
    call_id = answer.one("Call-ID")
    for server in (VISITED, HOME):
        (event,) = world.told(server, call_id)
        assert (event["event"], event["aor"], event["src_ip"], event["src_port"], event["transport"]) == (
            "register",
            ALICE,
            ABROAD,
            5060,
            "udp",
        )
        assert (event["auth_user"], event["auth_realm"], event["qop"]) == ("alice", HOME, "auth")
        assert [bytes.fromhex(value).decode() for value in event["tag_hex"]] == [f"<sip:alice@{AT_HOME}>"]
        assert [bytes.fromhex(value).decode() for value in event["require_hex"]] == [TAG]
    (event,) = world.told(HOME, call_id)
    assert [binding["contact"] for binding in event["before"]] == [f"sip:alice@{AT_HOME}:5060"]


def test_the_home_server_knows_only_the_new_place_then(moved: tuple[Ua, Message]) -> None:
    abroad, _answer = moved
    dialog = Dialog(secrets.token_hex(8), f"<{ALICE}>;tag=q", f"<{ALICE}>", "")
    bindings = abroad.ask("REGISTER", f"sip:{HOME}", dialog, [])
    assert [contact.partition(">")[0] for contact in bindings.all("Contact")] == [f"<sip:alice@{ABROAD}:5060"]


def test_what_the_visited_server_told_before_is_what_the_home_server_listed(
    world: World, moved: tuple[Ua, Message]
) -> None:
    abroad, _answer = moved
    (event,) = world.told(VISITED, abroad.register().one("Call-ID"))
    assert f"sip:alice@{ABROAD}:5060" in [binding["contact"] for binding in event["before"]]


def test_a_call_to_her_address_of_record_finds_her_at_each_place(world: World, phone: Phone) -> None:
    bob = registered(phone, world, "bob", CORRESPONDENT, FAR, CORRESPONDENT)
    for at, by, headers in ((AT_HOME, HOME, ()), (ABROAD, VISITED, REQUIRE)):
        alice = registered(phone, world, "alice", HOME, at, by, *headers)
        answer, dialog = bob.call(ALICE)
        assert answer.status == 200
        assert answer.one("Contact") == f"<sip:alice@{at}:5060>"
        until_heard(alice, "ACK")
        # The caller's server says who calls.
        assert alice.heard[0].all("P-Asserted-Identity") == [f"<{BOB}>"]
        # Every server stays in the way.
        assert len(answer.all("Record-Route")) >= (2 if by == HOME else 3)
        assert bob.within(dialog, "BYE").status == 200
        assert alice.heard[-1].method == "BYE"


def test_a_phone_with_an_instance_keeps_its_new_binding(phone: Phone) -> None:
    """Of such a phone the new binding takes the old one's place (RFC 5626): that is not the one that it has left."""
    instance = ';+sip.instance="<urn:uuid:11111111-2222-4333-8444-555555555555>"'
    places: list[tuple[str, str, tuple[str, ...]]] = [(AT_HOME, HOME, ()), (ABROAD, VISITED, REQUIRE)]
    for at, by, headers in places:
        one = phone("alice", HOME, at, by)
        answer = one.register(*headers, contact=f"{one.contact}{instance}")
        assert [contact.partition(">")[0] for contact in answer.all("Contact")] == [f"<sip:alice@{at}:5060"]
        bindings = one.ask(
            "REGISTER", f"sip:{HOME}", Dialog(secrets.token_hex(8), f"<{ALICE}>;tag=q", f"<{ALICE}>", ""), []
        )
        assert [contact.partition(">")[0] for contact in bindings.all("Contact")] == [f"<sip:alice@{at}:5060"]


def test_she_calls_from_abroad_by_her_home_server(world: World, phone: Phone, moved: tuple[Ua, Message]) -> None:
    bob, (alice, _answer) = registered(phone, world, "bob", CORRESPONDENT, FAR, CORRESPONDENT), moved
    answer, dialog = alice.call(BOB)
    assert (answer.status, answer.one("Contact")) == (200, f"<sip:bob@{FAR}:5060>")
    until_heard(bob, "ACK")
    back = bob.taken(bob.heard[0])
    assert bob.within(back, "BYE").status == 200
    assert alice.heard[-1].method == "BYE"
    assert dialog.call_id == back.call_id


def test_where_media_go_is_told(world: World, phone: Phone, moved: tuple[Ua, Message]) -> None:
    """The server that leads the call tells of each message once, as the side sends it that it comes from."""
    bob, (alice, _answer) = registered(phone, world, "bob", CORRESPONDENT, FAR, CORRESPONDENT), moved
    alice.media, bob.media = 4000, 5004
    answer, dialog = alice.call(BOB)
    assert answer.status == 200
    until_heard(bob, "ACK")
    lines = world.servers[HOME].events(dialog.call_id, 4)
    items = [item for item in kamailio.parse([lines], "log") if isinstance(item, DialogMessage)]
    assert [(item.method, item.status) for item in items if item.status in (None, 200)][-3:] == [
        ("INVITE", None),
        ("INVITE", 200),
        ("ACK", None),
    ]
    dialogs = Dialogs()
    for item in items:
        dialogs.take(item)
    flows = {(str(flow.address), flow.port, str(flow.peer_address), flow.peer_port) for flow in dialogs.flows()}
    assert (ABROAD, 4000, FAR, 5004) in flows or (FAR, 5004, ABROAD, 4000) in flows
    assert alice.within(dialog, "BYE").status == 200


class TestCorrespondent:
    """Server 170 of the patent: told within a dialog, by a re-INVITE or a NOTIFY."""

    @pytest.fixture
    def call(self, world: World, phone: Phone, moved: tuple[Ua, Message]) -> tuple[Ua, Ua, Dialog]:
        """Alice abroad, Bob, and their dialog as Alice has it."""
        bob = registered(phone, world, "bob", CORRESPONDENT, FAR, CORRESPONDENT)
        answer, dialog = moved[0].call(BOB)
        assert answer.status == 200
        return moved[0], bob, dialog

    @pytest.mark.parametrize("method", ["INVITE", "NOTIFY"])
    def test_a_tagged_request_is_told_with_who_sent_it_and_from_where(
        self, world: World, call: tuple[Ua, Ua, Dialog], method: str
    ) -> None:
        alice, bob, dialog = call
        headers = PROXY_REQUIRE if method == "INVITE" else REQUIRE
        assert alice.within(dialog, method, *headers, "Event: dialog").status == 200
        (event,) = world.told(CORRESPONDENT, dialog.call_id)
        assert (event["event"], event["method"], event["status"]) == ("request", method, 200)
        assert (event["auth_user"], event["auth_realm"]) == ("alice", HOME)
        assert (event["src_ip"], event["transport"]) == (ABROAD, "udp")
        assert [bytes.fromhex(value).decode() for value in event["require_hex"]] == [TAG]
        assert [bytes.fromhex(value).decode() for value in event["contact_hex"]] == [f"<sip:alice@{ABROAD}:5060>"]
        # An INVITE is for the correspondent as well; the NOTIFY is for his server.
        assert [message.method for message in bob.heard if message.method != "ACK"][1:] == (
            ["INVITE"] if method == "INVITE" else []
        )
        assert alice.within(dialog, "BYE").status == 200

    def test_nothing_is_told_without_her_password(self, world: World, call: tuple[Ua, Ua, Dialog]) -> None:
        alice, _bob, dialog = call
        alice._password = "guessed"
        for method, headers in (("INVITE", PROXY_REQUIRE), ("NOTIFY", REQUIRE)):
            assert alice.within(dialog, method, *headers).status == 407
        assert world.told(CORRESPONDENT, dialog.call_id, 0) == []

    @pytest.mark.parametrize("by", [CORRESPONDENT, HOME, VISITED])
    def test_a_forged_notify_is_refused(self, world: World, phone: Phone, call: tuple[Ua, Ua, Dialog], by: str) -> None:
        """A stranger who knows the dialog, its route and its mark, and asserts an identity, is nobody still."""
        _alice, _bob, dialog = call
        stranger = world.phone("mallory", HOME, STRANGER, by)
        forged = (f"Require: {TAG}", f"{TAG}: <sip:alice@{AT_HOME}>", f"P-Asserted-Identity: <{ALICE}>")
        try:
            for route in (dialog.route, []):
                attack = Dialog(dialog.call_id, dialog.local, dialog.remote, dialog.target, route, dialog.cseq + 5)
                assert stranger.within(attack, "NOTIFY", *forged).status in (403, 407, 481)
        finally:
            world.leave(stranger)
        assert world.told(CORRESPONDENT, dialog.call_id, 0) == []

    def test_who_is_registered_with_another_name_is_refused(self, world: World, phone: Phone) -> None:
        """Mallory has an account of the same home, and a dialog of her own; From says that she is Alice."""
        registered(phone, world, "bob", CORRESPONDENT, FAR, CORRESPONDENT)
        mallory = registered(phone, world, "mallory", HOME, STRANGER, VISITED)
        answer, dialog = mallory.call(BOB)
        assert answer.status == 200
        forged = Dialog(dialog.call_id, dialog.local.replace("mallory", "alice"), dialog.remote, dialog.target)
        forged.route, forged.cseq = dialog.route, dialog.cseq
        assert mallory.within(forged, "NOTIFY", *REQUIRE).status in (403, 407)
        assert world.told(CORRESPONDENT, dialog.call_id, 0) == []

    def test_a_second_via_cannot_name_another_source(self, world: World, call: tuple[Ua, Ua, Dialog]) -> None:
        alice, _bob, dialog = call
        more = f"Via: SIP/2.0/UDP {AT_HOME}:5060;branch=z9hG4bKx"
        assert alice.within(dialog, "NOTIFY", *REQUIRE, more).status == 403
        assert world.told(CORRESPONDENT, dialog.call_id, 0) == []


@pytest.mark.parametrize("param", [";received={}", ";RECEIVED={}", ";rport=5060;received={}", ";rport=9"])
def test_a_phone_cannot_note_its_packets_source_itself(
    world: World, phone: Phone, moved: tuple[Ua, Message], param: str
) -> None:
    """Else it could name another's address, as its Contact does, and a server behind would take it for the source."""
    bob, (alice, _answer) = registered(phone, world, "bob", CORRESPONDENT, FAR, CORRESPONDENT), moved
    answer, dialog = alice.call(bob.aor)
    assert answer.status == 200
    alice.via = param.format(STRANGER)
    assert alice.within(dialog, "NOTIFY", *REQUIRE).status == 403
    assert alice.register(*REQUIRE, contact=f"<sip:alice@{STRANGER}:5060>").status == 403
    alice.via = ""
    assert world.told(CORRESPONDENT, dialog.call_id, 0) == []


def test_a_phone_cannot_claim_a_transport_that_it_does_not_use(
    world: World, phone: Phone, moved: tuple[Ua, Message]
) -> None:
    """Else what came by UDP would count as what nobody could alter."""
    bob, (alice, _answer) = registered(phone, world, "bob", CORRESPONDENT, FAR, CORRESPONDENT), moved
    answer, dialog = alice.call(bob.aor)
    assert answer.status == 200
    alice.transport = "TLS"
    with suppress(TimeoutError):  # the answer may go by that transport
        assert alice.within(dialog, "NOTIFY", *REQUIRE).status == 403
    with suppress(TimeoutError):
        assert alice.register(*REQUIRE).status == 403
    alice.transport = "UDP"
    assert world.told(CORRESPONDENT, dialog.call_id, 0) == []


class TestNoOpenRelay:
    """Only our own domains, and registered users."""

    @pytest.fixture
    def stranger(self, world: World) -> Iterator[Callable[[str, str, str], Ua]]:
        made: list[Ua] = []

        def new(user: str, domain: str, by: str) -> Ua:
            made.append(world.phone(user, domain, STRANGER, by, password=""))
            return made[-1]

        yield new
        for one in made:
            world.leave(one)

    @pytest.mark.parametrize("by", [VISITED, HOME, CORRESPONDENT])
    @pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "OPTIONS", "SUBSCRIBE"])
    def test_a_stranger_to_a_stranger(self, stranger: Callable[[str, str, str], Ua], by: str, method: str) -> None:
        one = stranger("eve", "stranger.example", by)
        dialog = Dialog(secrets.token_hex(8), f"<{one.aor}>;tag=s", f"<sip:x@{NOBODY}>", "")
        assert one.ask(method, f"sip:x@{NOBODY}", dialog, []).status == 403

    @pytest.mark.parametrize("by", [HOME, CORRESPONDENT])
    def test_the_name_of_a_user_without_the_password(self, stranger: Callable[[str, str, str], Ua], by: str) -> None:
        for user in ("alice", "nobody"):
            answer, _dialog = stranger(user, by, by).call(f"sip:x@{NOBODY}")
            assert answer.status == 407
            break

    def test_the_name_of_a_visitor_who_is_not_here(self, stranger: Callable[[str, str, str], Ua]) -> None:
        answer, _dialog = stranger("alice", HOME, VISITED).call(BOB)
        assert answer.status == 403

    @pytest.mark.parametrize("by", [VISITED, HOME, CORRESPONDENT])
    def test_a_route_of_the_callers_own(self, stranger: Callable[[str, str, str], Ua], by: str) -> None:
        one = stranger("eve", "stranger.example", by)
        for routes in ([f"<sip:{AT[by]}:5070;lr>", f"<sip:{NOBODY};lr>"], [f"<sip:{NOBODY};lr>"]):
            dialog = Dialog(secrets.token_hex(8), f"<{one.aor}>;tag=s", f"<sip:bob@{by}>", "", list(routes))
            assert one.ask("INVITE", f"sip:bob@{by}", dialog, []).status == 403
            inside = Dialog(secrets.token_hex(8), f"<{one.aor}>;tag=s", f"<sip:bob@{by}>;tag=t", "", list(routes))
            assert one.ask("INVITE", f"sip:x@{NOBODY}", inside, []).status == 481

    def test_a_strangers_path(self, phone: Phone) -> None:
        alice = phone("alice", HOME, AT_HOME, HOME)
        assert alice.register(f"Path: <sip:{NOBODY};lr>").status == 403

    def test_a_domain_that_nobody_here_serves(self, phone: Phone) -> None:
        one = phone("eve", "stranger.example", STRANGER, VISITED)
        assert one.register().status == 404


def test_other_tags_are_not_the_visited_servers_to_refuse_but_those_for_proxies_are(phone: Phone, world: World) -> None:
    """RFC 3261: Require is for the registrar (section 8.2.2.3), Proxy-Require for who stands between (16.3 step 5)."""
    alice = phone("alice", HOME, ABROAD, VISITED)
    answer = alice.register("Require: gruu")
    assert (answer.status, answer.all("Unsupported")) == (420, ["gruu"])
    answer = alice.register(f"Proxy-Require: sec-agree, {TAG}")
    assert (answer.status, answer.all("Unsupported")) == (420, ["sec-agree"])
    # For the visited server alone: a home server that knows nothing of it has nothing to refuse.
    assert alice.register(f"Proxy-Require: {TAG}", REQUIRE[1]).status == 200


def test_the_tag_is_switched_off_for_visitors_of_a_domain(phone: Phone) -> None:
    one = phone("olga", OTHER, ABROAD, VISITED)
    for name in ("Require", "Proxy-Require"):
        answer = one.register(f"{name}: {TAG}", REQUIRE[1])
        assert (answer.status, answer.all("Unsupported")) == (420, [TAG])
