# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of sessions through a real Kamailio: what its digest protects, and what its event lines carry.

Facts on SIP, section 6: the digest covers the body with ``auth-int`` only, and Kamailio's own does not even then.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Registration
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sessions_body import MAX_BODY, parse_sessions
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import kamailio
from lab.phone import SESSIONS_TYPE, TAG, Answer, Phone, Request, credentials, sessions_body

from .private_kamailio import PASSWORD, ROOT, Kamailio, request

pytestmark = pytest.mark.skipif(shutil.which("kamailio") is None, reason="Kamailio is not installed on this host")

FIXTURES = ROOT / "tests" / "fixtures" / "kamailio"
OLD = "198.51.100.20"
LIST = sessions_body(OLD, ["tcp:40001:203.0.113.20:7100", "udp:4000:203.0.113.20:5004"])
TO_BOB = "<sip:bob@visited.example>;tag=7"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kamailio]:
    it = Kamailio(tmp_path_factory.mktemp("kamailio"))
    yield it
    it.stop()


def tagged(body: bytes = LIST, content_type: str = SESSIONS_TYPE, headers: Sequence[str] = ()) -> Request:
    """A tagged REGISTER with a body, under a Call-ID of its own."""
    lines = (f"Require: {TAG}", f"{TAG}: <sip:alice@{OLD}>", f"Content-Type: {content_type}", *headers)
    return replace(request(secrets.token_hex(8)), headers=lines, body=body)


def facts(server: Kamailio, call_id: str, count: int = 1) -> list[Registration]:
    """What the server's events, so many of them, say of a call."""
    found = list(kamailio.parse([server.events(call_id, count)], "log"))
    assert all(isinstance(item, Registration) for item in found)
    return [item for item in found if isinstance(item, Registration)]


def challenged(phone: Phone, wanted: Request) -> str:
    """The challenge that a request meets."""
    (challenge,) = phone.transact(wanted).all("WWW-Authenticate")
    return challenge


def answered(phone: Phone, wanted: Request, authorization: str, *more: str) -> Answer:
    """The answer to a request with these credentials, each in a header line of its own."""
    lines = tuple(f"Authorization: {text}" for text in more)
    return phone.transact(
        replace(wanted, cseq=wanted.cseq + 1, authorization=authorization, headers=(*wanted.headers, *lines))
    )


@pytest.mark.parametrize("qop", ["auth-int", "auth"])
def test_the_event_has_the_body_and_says_what_the_digest_covered(server: Kamailio, qop: str) -> None:
    wanted = tagged()
    assert server.phone().register(wanted, PASSWORD, qop).status == 200
    (fact,) = facts(server, wanted.call_id)
    assert (fact.authenticated_user, fact.authenticated_qop) == ("alice", qop)
    assert (fact.listed, fact.body_refused) == (parse_sessions(LIST), ())


def test_auth_int_is_offered_where_there_is_a_body(server: Kamailio) -> None:
    assert 'qop="auth,auth-int"' in challenged(server.phone(), tagged())
    assert 'qop="auth"' in challenged(server.phone(), tagged(b""))


def test_a_registration_without_a_body_is_told_without_one(server: Kamailio) -> None:
    for qop in ("auth", "auth-int"):
        wanted = tagged(b"")
        assert server.phone().register(wanted, PASSWORD, qop).status == 200
        (fact,) = facts(server, wanted.call_id)
        assert (fact.listed, fact.body_refused, fact.authenticated_qop) == (None, (), qop)


def test_a_body_that_was_altered_under_auth_int_is_refused(server: Kamailio) -> None:
    wanted = replace(tagged(LIST.replace(b"203.0.113.20", b"203.0.113.66")), signed=LIST)
    assert server.phone().register(wanted, PASSWORD, "auth-int").status == 401
    assert facts(server, wanted.call_id, 0) == []
    # Under auth nobody notices, which is why such a list does not count.
    assert server.phone().register(wanted, PASSWORD, "auth").status == 200
    assert [fact.authenticated_qop for fact in facts(server, wanted.call_id)] == ["auth"]


def test_a_wrong_password(server: Kamailio) -> None:
    assert server.phone().register(tagged(), "guessed", "auth-int").status == 401


class TestReplay:
    """Each nonce is good for one request: that which the module checks, and the response that the script checks."""

    @pytest.fixture
    def recorded(self, server: Kamailio) -> tuple[Request, str]:
        """A request that was accepted, and its credentials."""
        phone, wanted = server.phone(), tagged()
        given = credentials(challenged(phone, wanted), wanted, PASSWORD, "auth-int")
        assert answered(phone, wanted, given).status == 200
        return wanted, given

    def test_the_same_credentials_again(self, server: Kamailio, recorded: tuple[Request, str]) -> None:
        wanted, given = recorded
        again = replace(wanted, cseq=wanted.cseq + 5)
        assert answered(server.phone(), again, given).status == 401
        assert len(facts(server, wanted.call_id)) == 1

    @pytest.mark.parametrize("realm", ["visited.example", "other.example"])
    @pytest.mark.parametrize("first", [True, False])
    def test_beside_another_header_with_a_fresh_nonce(
        self, server: Kamailio, recorded: tuple[Request, str], realm: str, first: bool
    ) -> None:
        """The module takes the first header of its realm, the script must not take another."""
        wanted, given = recorded
        phone, again = server.phone(), replace(wanted, cseq=wanted.cseq + 5)
        fresh = credentials(challenged(phone, again), again, "guessed", "auth-int")
        given = given.replace('realm="visited.example"', f'realm="{realm}"')
        pair = (given, fresh) if first else (fresh, given)
        assert answered(phone, again, *pair).status == 401
        assert len(facts(server, wanted.call_id)) == 1

    @pytest.mark.parametrize("name", ["nonce", "Nonce"])
    @pytest.mark.parametrize("front", [True, False])
    def test_with_a_second_nonce_in_the_same_header(
        self, server: Kamailio, recorded: tuple[Request, str], name: str, front: bool
    ) -> None:
        wanted, given = recorded
        phone, again = server.phone(), replace(wanted, cseq=wanted.cseq + 5)
        nonce = challenged(phone, again).partition('nonce="')[2].partition('"')[0]
        fresh = f'{name}="{nonce}"'
        both = given.replace("Digest ", f"Digest {fresh}, ") if front else f"{given}, {fresh}"
        assert answered(phone, again, both).status == 401
        assert len(facts(server, wanted.call_id)) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("qop=auth-int", 'qop="auth-int"'),
        ("nc=00000001", 'nc="00000001"'),
        (", ", ","),
        (", algorithm=MD5", ', algorithm=MD5, opaque="x"'),
    ],
)
def test_credentials_in_another_plain_spelling(server: Kamailio, old: str, new: str) -> None:
    phone, wanted = server.phone(), tagged()
    given = credentials(challenged(phone, wanted), wanted, PASSWORD, "auth-int")
    assert old in given
    assert answered(phone, wanted, given.replace(old, new)).status == 200


def test_any_bytes_come_through(server: Kamailio) -> None:
    body = bytes(range(256)) * 4 + b"<null> \r\n\r\n \x00"
    wanted = tagged(body, "application/octet-stream")
    assert server.phone().register(wanted, PASSWORD, "auth-int").status == 200
    assert f'"body_hex":"{body.hex()}"'.encode() in server.events(wanted.call_id)


def test_the_longest_body_comes_through_and_a_longer_one_is_told_as_left_out(server: Kamailio) -> None:
    for size, code in ((MAX_BODY, []), (MAX_BODY + 1, ["bad_body"])):
        wanted = tagged(LIST + b" " * (size - len(LIST)))
        assert server.phone().register(wanted, PASSWORD).status == 200
        (fact,) = facts(server, wanted.call_id)
        assert [item.code for item in fact.body_refused] == code
        assert fact.listed == (None if code else parse_sessions(LIST))


def test_a_list_beside_other_parts(server: Kamailio) -> None:
    body = b"--b\r\n\r\ntext\r\n--b\r\nContent-Type: " + SESSIONS_TYPE.encode() + b"\r\n\r\n" + LIST + b"\r\n--b--\r\n"
    wanted = tagged(body, 'multipart/mixed; boundary="b"')
    assert server.phone().register(wanted, PASSWORD).status == 200
    assert [fact.listed for fact in facts(server, wanted.call_id)] == [parse_sessions(LIST)]


class TestNotify:
    """US 7,082,118: the phone tells the server of its correspondent."""

    def test_a_tagged_notify_in_a_dialog_is_told(self, server: Kamailio) -> None:
        wanted = replace(tagged(), to=TO_BOB)
        assert server.phone().register(wanted, PASSWORD).status == 200
        (fact,) = facts(server, wanted.call_id)
        assert (fact.method, fact.aor, fact.authenticated_qop) == ("NOTIFY", "sip:alice@visited.example", "auth-int")
        assert fact.correspondent is not None
        assert (fact.correspondent.aor, fact.correspondent.target) == (
            "sip:bob@visited.example",
            "sip:visited.example",
        )
        assert (fact.listed, [str(address) for address in fact.old_addresses]) == (parse_sessions(LIST), [OLD])

    @pytest.mark.parametrize(
        ("change", "password", "status"),
        [
            ({"to": "<sip:bob@visited.example>"}, PASSWORD, 481),
            ({"headers": ()}, PASSWORD, 481),
            ({}, "guessed", 401),
            ({"aor_user": "bob"}, PASSWORD, 403),
            ({"headers": (f"Require: {TAG}, foo", f"{TAG}: <sip:alice@{OLD}>")}, PASSWORD, 420),
        ],
        ids=["no dialog", "no tag", "wrong password", "another's name", "another option tag"],
    )
    def test_what_is_not_accepted_is_not_told(
        self, server: Kamailio, change: dict[str, object], password: str, status: int
    ) -> None:
        wanted = replace(tagged(), **{"to": TO_BOB, **change})  # type: ignore[arg-type]
        assert server.phone().register(wanted, password).status == status
        assert facts(server, wanted.call_id, 0) == []


@pytest.mark.parametrize("kind", ["register", "notify"])
def test_the_fixtures_have_the_keys_that_the_server_writes(server: Kamailio, kind: str) -> None:
    """Recorded lines must not grow apart from the configuration."""
    wanted = replace(tagged(), to=TO_BOB if kind == "notify" else "")
    assert server.phone().register(wanted, PASSWORD).status == 200
    keys = set(event(server.events(wanted.call_id)))
    recorded = sorted(FIXTURES.glob(f"{kind}_*.jsonl"))
    assert recorded
    assert {path.name: set(event(path.read_bytes())) for path in recorded} == {path.name: keys for path in recorded}


def event(line: bytes) -> dict[str, object]:
    """The object of the only event line."""
    (found,) = line.splitlines()
    read: dict[str, object] = json.loads(found[found.index(b"{") :])
    return read
