# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies of tagged requests, and the tag in re-INVITE and NOTIFY (US 7,082,118): from raw SIP and from event lines."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import (
    DEFAULT_EXPIRES,
    Correspondent,
    Expired,
    Registration,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sessions_body import parse_sessions
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import kamailio, raw

from .messages import REGISTER, SESSIONS_TYPE, TAG, changed, line, message, request_line, sessions, with_body
from .reading import of_registrations

LISTED = parse_sessions(sessions())
SDP = b"v=0\r\no=alice 1 2 IN IP4 2.2.2.20\r\ns=-\r\nc=IN IP4 1.1.1.20\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
MIXED = "multipart/mixed;boundary=b"
#: The re-INVITE of a phone that moved, to bob's phone, by way of bob's server.
INVITE = changed(REGISTER, to="<sip:Bob@Example.org>;tag=7", cseq="2 INVITE", expires=None)
START = "INVITE sip:bob@3.3.3.20:5060 SIP/2.0"
NOTIFY = changed(INVITE, cseq="3 NOTIFY")
NOTIFY_START = "NOTIFY sip:bob@bob.example.org SIP/2.0"
BOB = ("sip:bob@3.3.3.20:5060", ip_address("3.3.3.20"), 5060)


def mixed(*parts: tuple[str, bytes]) -> bytes:
    """A multipart/mixed with these parts."""
    return b"".join(b"--b\r\nContent-Type: %b\r\n\r\n%b\r\n" % (kind.encode(), data) for kind, data in parts) + b"--b--"


Item = Registration | Refusal | Expired


def told(data: bytes) -> list[Item]:
    """What a file of messages holds of registrations."""
    return of_registrations(raw.parse([data], "f"))


def logged(data: bytes) -> list[Item]:
    """What a log of events holds of registrations."""
    return of_registrations(kamailio.parse([data], "f"))


def fact(found: list[Item]) -> Registration:
    """The only item, a registration."""
    (item,) = found
    assert isinstance(item, Registration)
    return item


def codes(found: list[Item]) -> list[str]:
    """The codes of the refusals."""
    return [item.code for item in found if isinstance(item, Refusal)]


def lists(found: list[Item]) -> list[object]:
    """The list of sessions of each registration."""
    return [item.listed for item in found if isinstance(item, Registration)]


def dropped(found: list[Item]) -> list[str]:
    """The codes of what was dropped from the only registration, which stands without sessions."""
    item = fact(found)
    assert (item.tagged, item.listed, item.contacts[0].host) == (True, None, ip_address("2.2.2.20"))
    assert all(refused.where == item.where for refused in item.body_refused)
    return [refused.code for refused in item.body_refused]


class TestBody:
    """The list of sessions in a tagged REGISTER."""

    def test_in_a_message(self) -> None:
        found = fact(told(with_body(REGISTER, SESSIONS_TYPE, sessions())))
        assert (found.listed, found.body_refused, found.method) == (LISTED, (), "REGISTER")
        # What a message says of its own protection is not what a server verified.
        assert found.authenticated_qop is None

    def test_in_an_event(self) -> None:
        found = fact(logged(line(content_type=SESSIONS_TYPE, body=sessions(), qop="auth-int")))
        assert (found.listed, found.body_refused, found.authenticated_qop) == (LISTED, (), "auth-int")

    @pytest.mark.parametrize("absent", [{}, dict.fromkeys(("content_type_hex", "body_hex", "qop"))])
    def test_the_keys_of_a_body_may_be_missing(self, absent: dict[str, None]) -> None:
        found = fact(logged(line(**absent)))
        assert (found.listed, found.media, found.body_refused, found.authenticated_qop) == (None, (), (), None)

    @pytest.mark.parametrize("around", [[], [("a/b", b"x")]])
    def test_beside_other_parts(self, around: list[tuple[str, bytes]]) -> None:
        body = mixed(*around, (SESSIONS_TYPE, sessions()), *around)
        assert fact(told(with_body(REGISTER, MIXED, body))).listed == LISTED
        assert fact(logged(line(content_type=MIXED, body=body))).listed == LISTED

    @pytest.mark.parametrize("kind", ["application/sdp", "text/plain", SESSIONS_TYPE.partition("+")[0]])
    def test_other_types_are_nobodys_business(self, kind: str) -> None:
        assert dropped(told(with_body(REGISTER, kind, b"\0{"))) == []

    def test_in_a_text_file_with_the_line_ends_of_one(self) -> None:
        data = with_body(REGISTER, MIXED, mixed((SESSIONS_TYPE, sessions()))) + b"\n\n" + message(REGISTER)
        assert lists(told(data.replace(b"\r\n", b"\n"))) == [LISTED, None]

    def test_without_content_length_it_reaches_to_the_next_message(self) -> None:
        headers = [*changed(REGISTER, content_length=None), ("Content-Type", SESSIONS_TYPE)]
        assert lists(told(message(headers, body=sessions() + b"\r\n\r\n") + message(REGISTER))) == [LISTED, None]

    @pytest.mark.parametrize("missing", [{"tag": None}, {"require": None}, {"tag": None, "require": None}])
    def test_without_the_tag_nobody_looks_at_it(self, missing: dict[str, None]) -> None:
        found = fact(told(with_body(changed(REGISTER, **missing), SESSIONS_TYPE, b"\0")))
        assert (found.listed, found.body_refused) == (None, ())
        absent: dict[str, object] = {f"{key}_hex": [] for key in missing}
        assert fact(logged(line(**absent, content_type=SESSIONS_TYPE, body=b"\0"))).body_refused == ()


SPOILT = {
    "no type": (None, sessions(), ["bad_body"]),
    "bad type": ("nonsense", sessions(), ["bad_body"]),
    "bad list": (SESSIONS_TYPE, b"{}", ["bad_sessions"]),
    "key twice": (SESSIONS_TYPE, sessions().replace(b"{", b'{"old": "9.9.9.9", ', 1), ["bad_sessions"]),
    "two lists": (MIXED, mixed((SESSIONS_TYPE, sessions()), (SESSIONS_TYPE, sessions())), ["bad_body"]),
    "nesting bomb": (SESSIONS_TYPE, b"[" * 24000, ["bad_sessions"]),
    "multipart bomb": (MIXED, b"--b\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n" * 500, ["bad_body"]),
    "no last delimiter": (MIXED, mixed((SESSIONS_TYPE, sessions()))[:-2], ["bad_body"]),
    "hidden epilogue": (MIXED, mixed(("a/b", b"")) + b"\r\n" + mixed((SESSIONS_TYPE, sessions())), ["bad_body"]),
    "encoded": (MIXED, mixed((f"{SESSIONS_TYPE}\r\nContent-Transfer-Encoding: base64", sessions())), ["bad_body"]),
}


@pytest.mark.parametrize(("content_type", "body", "expected"), SPOILT.values(), ids=SPOILT)
def test_a_spoilt_body_takes_nothing_from_the_registration(
    content_type: str | None, body: bytes, expected: list[str]
) -> None:
    kept = [item for item in REGISTER if item[0] != "Content-Length"]
    headers = [*kept, *([("c", content_type)] if content_type else []), ("l", str(len(body)))]
    assert dropped(told(message(headers, body=body))) == expected
    event: dict[str, object] = {} if content_type is None else {"content_type": content_type}
    assert dropped(logged(line(**event, body=body))) == expected


def test_rfc_3261_20_12_an_encoded_body_is_not_read() -> None:
    assert dropped(told(with_body([*REGISTER, ("Content-Encoding", "gzip")], SESSIONS_TYPE, sessions()))) == [
        "bad_body"
    ]
    assert fact(told(with_body([*REGISTER, ("e", "identity")], SESSIONS_TYPE, sessions()))).listed == LISTED


def test_a_server_that_left_a_body_out_is_told() -> None:
    assert dropped(logged(line(content_type=SESSIONS_TYPE, body_hex=None))) == ["bad_body"]


def test_no_header_is_smuggled_in_by_the_body() -> None:
    """What stands behind the empty line is the body's, whatever it looks like; Content-Length says to where."""
    smuggled = f"{TAG}: <sip:alice@9.9.9.9>\r\nContact: <sip:alice@9.9.9.9>\r\n\r\n".encode()
    found = fact(told(with_body(REGISTER, "text/plain", smuggled)))
    assert (found.old_hosts, len(found.contacts)) == (("1.1.1.20",), 1)
    assert fact(told(with_body(changed(REGISTER, tag=None), "text/plain", smuggled))).old_hosts == ()
    part = ("text/plain\r\n" + smuggled.decode().strip(), b"x")
    assert fact(told(with_body(REGISTER, MIXED, mixed(part)))).old_hosts == ("1.1.1.20",)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (-1, ["misframed_message"]),
        (1, ["truncated_message"]),
        (-len(sessions()), ["truncated_message"]),
        (70000, ["bad_number"]),
    ],
)
def test_a_content_length_that_lies(change: int, expected: list[str]) -> None:
    headers = changed(REGISTER, content_length=str(len(sessions()) + change))
    found = told(message([*headers, ("Content-Type", SESSIONS_TYPE)], body=sessions()))
    assert (codes(found), set(lists(found)) - {None}) == (expected, set())


@pytest.mark.parametrize("name", ["Content-Length", "l", "Content-Type", "c"])
def test_two_content_lengths_or_content_types(name: str) -> None:
    framed = changed(REGISTER, content_length=str(len(sessions())))
    found = told(message([*framed, ("Content-Type", SESSIONS_TYPE), (name, "0")], body=sessions()))
    assert (codes(found), lists(found)) == (["duplicate_header"], [])


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"qop": "auth-conf"}, "bad_value"),
        ({"qop": 1}, "bad_value"),
        ({"body_hex": "0g"}, "bad_value"),
        ({"body_hex": ["00"]}, "bad_value"),
        ({"content_type": "a/b\0", "body": b"x"}, "control_character"),
    ],
)
def test_a_server_that_writes_another_schema(values: dict[str, Any], code: str) -> None:
    assert codes(logged(line(**values))) == [code]


class TestInDialog:
    """A tagged re-INVITE or NOTIFY is a fact about the dialog's two parties."""

    BODY = mixed(("application/sdp", SDP), (SESSIONS_TYPE, sessions()))

    def test_a_re_invite(self) -> None:
        found = fact(told(with_body(INVITE, MIXED, self.BODY, start=START)))
        assert (found.method, found.aor, found.cseq) == ("INVITE", "sip:alice@example.com", 2)
        assert found.correspondent == Correspondent("sip:Bob@example.org", *BOB)
        assert (found.old_addresses, found.contacts[0].host) == ((ip_address("1.1.1.20"),), ip_address("2.2.2.20"))
        assert [(point.use, str(point.address), point.port) for point in found.media] == [
            ("rtp", "1.1.1.20", 4000),
            ("rtcp", "1.1.1.20", 4001),
        ]
        assert (found.listed, found.body_refused, found.bindings_before) == (LISTED, (), ())

    def test_the_same_from_an_event(self) -> None:
        found = fact(logged(request_line(content_type=MIXED, body=self.BODY, qop="auth-int")))
        assert (found.method, found.aor, found.cseq) == ("INVITE", "sip:alice@example.com", 1826)
        assert (len(found.media), found.listed) == (2, LISTED)
        assert found.correspondent == Correspondent("sip:bob@example.org", *BOB)
        assert (found.authenticated_user, found.authenticated_qop) == ("alice", "auth-int")
        assert found.source_address == ip_address("2.2.2.20")

    def test_a_notify(self) -> None:
        found = fact(told(with_body(NOTIFY, SESSIONS_TYPE, sessions(), start=NOTIFY_START)))
        assert (found.method, found.aor, found.listed) == ("NOTIFY", "sip:alice@example.com", LISTED)
        assert found.correspondent == Correspondent("sip:Bob@example.org", "sip:bob@bob.example.org", None, None)
        assert fact(logged(request_line(method="NOTIFY"))).method == "NOTIFY"

    def test_the_description_in_a_notify_is_no_offer(self) -> None:
        found = fact(logged(request_line(method="NOTIFY", content_type="application/sdp", body=b"nonsense")))
        assert (found.media, found.body_refused) == ((), ())

    def test_rfc_3959_another_disposition_is_no_offer(self) -> None:
        early = ("application/sdp\r\nContent-Disposition: early-session", SDP)
        found = fact(told(with_body(INVITE, MIXED, mixed(early, ("application/sdp", SDP)), start=START)))
        assert (len(found.media), found.body_refused) == (2, ())

    def test_a_bad_offer_and_a_bad_list_are_two_findings(self) -> None:
        body = mixed(("application/sdp", b"v=7"), (SESSIONS_TYPE, b"{}"))
        assert dropped(told(with_body(INVITE, MIXED, body, start=START))) == ["bad_sessions", "bad_sdp"]
        body = mixed(("application/sdp", b"v=7"), (SESSIONS_TYPE, sessions()))
        assert fact(told(with_body(INVITE, MIXED, body, start=START))).listed == LISTED

    def test_rfc_3261_20_29_a_server_on_the_way_is_meant_by_proxy_require(self) -> None:
        headers = [*changed(INVITE, require=None), ("Proxy-Require", f"foo, {TAG.lower()}")]
        assert fact(told(message(headers, START))).tagged

    def test_it_binds_nothing_and_so_states_no_lifetime(self) -> None:
        headers = [*changed(INVITE, contact="<sip:alice@2.2.2.20>;expires=0"), ("Expires", "0")]
        found = fact(told(message(headers, START)))
        assert (found.expires, found.expires_stated, found.removes) == (DEFAULT_EXPIRES, False, False)

    def test_who_the_message_says_it_is(self) -> None:
        headers = [*INVITE, ("Proxy-Authorization", 'Digest username="alice", realm="example.org"')]
        found = fact(told(message(headers, START)))
        assert (found.claimed_user, found.authenticated_user) == ("alice", None)

    @pytest.mark.parametrize("outside", [{"to": "<sip:bob@example.org>"}, {"from_": "<sip:alice@example.com>"}])
    def test_outside_a_dialog_nothing_has_moved(self, outside: dict[str, str]) -> None:
        assert codes(told(message(changed(INVITE, **outside), START))) == ["not_in_dialog"]
        assert codes(logged(request_line(**outside))) == ["not_in_dialog"]

    @pytest.mark.parametrize("to", ["<sip:bob@example.org>", "<sip:bob@example.org>;tag=7"])
    def test_without_the_tag_it_is_ignored(self, to: str) -> None:
        headers = [*changed(INVITE, tag=None, require="100rel", to=to), ("Proxy-Require", ", broken")]
        assert told(with_body(headers, "nonsense", b"\0", start=START)) == []
        assert logged(request_line(tag=[], require=["100rel"], to=to)) == []

    @pytest.mark.parametrize("missing", [{"tag": None}, {"require": None}])
    def test_half_a_tag_is_a_fact_that_admission_refuses(self, missing: dict[str, None]) -> None:
        assert fact(told(message(changed(INVITE, **missing), START))).half_tagged

    @pytest.mark.parametrize("method", ["MESSAGE", "OPTIONS", "SUBSCRIBE", "UPDATE", "invite"])
    def test_other_methods_are_ignored(self, method: str) -> None:
        assert told(message(changed(INVITE, cseq=f"2 {method}"), START.replace("INVITE", method))) == []
        assert codes(logged(request_line(method=method))) == ["bad_value"]

    def test_a_response_is_ignored(self) -> None:
        assert told(message(INVITE, "SIP/2.0 200 OK")) == []

    @pytest.mark.parametrize("status", [100, 183, 302, 401, 407, 487, 603])
    def test_a_request_that_was_not_accepted(self, status: int) -> None:
        assert codes(logged(request_line(status=status))) == ["not_accepted"]

    @pytest.mark.parametrize(
        "key", ["method", "status", "from_hex", "to_hex", "ruri", "tag_hex", "cseq", "src_ip", "time", "call_id_hex"]
    )
    def test_a_missing_key(self, key: str) -> None:
        assert codes(logged(request_line(**{key: ...}))) == ["missing_key"]
