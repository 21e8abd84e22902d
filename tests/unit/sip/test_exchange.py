# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A REGISTER is believed with the server's 2xx to it, and with nothing less (RFC 3261 sections 10.3, 17.1 and 22)."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from ipaddress import ip_address

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.dialog_message import DialogMessage
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Registration
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import exchange, raw
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.exchange import (
    MAX_AGE,
    Exchanges,
    Item,
    Recorded,
)

from .messages import NOW, REGISTER, changed, message
from .packets import PHONE, SERVER, numbered, reply

DIGEST = 'Digest username="alice", realm="example.com", nonce="n", uri="sip:example.com", response="r"'
CHALLENGE = ("WWW-Authenticate", 'Digest realm="example.com", nonce="n", qop="auth"')


def sent(data: bytes, time: float | None = NOW, source: str = PHONE, destination: str = SERVER) -> Recorded:
    """A message from the phone to the server, over UDP."""
    return Recorded(data, ip_address(source), 5061, ip_address(destination), 5060, "udp", time, f"f:{time}")


def answered(data: bytes, time: float | None = NOW, source: str = SERVER, destination: str = PHONE) -> Recorded:
    """A message from the server to the phone."""
    return Recorded(data, ip_address(source), 5060, ip_address(destination), 5061, "udp", time, f"f:{time}")


def after(*recorded: Recorded) -> list[Registration | Refusal]:
    """What all of them amount to for registrations, the recording having ended."""
    exchanges = Exchanges()
    found = [*(item for one in recorded for item in exchanges.take(one)), *exchanges.finish()]
    return [item for item in found if not isinstance(item, DialogMessage)]


def told(*recorded: Recorded) -> list[int | str | None]:
    """CSeq or code."""
    return [item.code if isinstance(item, Refusal) else item.cseq for item in after(*recorded)]


def with_credentials(*values: str, number: int = 2) -> bytes:
    extra = [("Authorization", value) for value in values]
    return message([*changed(REGISTER, cseq=f"{number} REGISTER"), *extra])


def test_a_2xx_makes_the_registration_with_what_the_packet_says() -> None:
    request = numbered(1)
    (found,) = after(sent(request, NOW), answered(reply(request, "202 Accepted"), NOW + 1))
    (text,) = raw.parse([request], "f")
    assert isinstance(text, Registration)
    # All that a raw message has, and: who sent it, to whom, how and when. TLS is only what the Via claims.
    assert text.transport == "tls"
    assert found == replace(
        text,
        source_address=ip_address(PHONE),
        source_port=5061,
        server_address=ip_address(SERVER),
        transport="udp",
        received_at=NOW,
        where=f"f:{NOW}",
    )


@pytest.mark.parametrize("status", ["302 Moved", "400 Bad", "403 No", "420 Bad Extension", "503 Busy", "603 Decline"])
def test_another_final_answer_refuses_it(status: str) -> None:
    request = numbered(1)
    (found,) = after(sent(request, NOW), answered(reply(request, status), NOW + 1))
    assert isinstance(found, Refusal)
    assert (found.code, found.where) == ("not_accepted", f"f:{NOW}")
    assert status[:3] in found.reason


@pytest.mark.parametrize("status", ["401 Unauthorized", "407 Proxy"])
def test_a_challenge_is_no_finding(status: str) -> None:
    request = numbered(1)
    assert told(sent(request), answered(reply(request, status))) == []


def test_a_provisional_answer_changes_nothing() -> None:
    request = numbered(1)
    assert told(sent(request), answered(reply(request, "100 Trying"))) == ["unanswered"]
    assert told(sent(request), answered(reply(request, "100 Trying")), answered(reply(request))) == [1]


def test_a_request_without_answer() -> None:
    assert told(sent(numbered(1))) == ["unanswered"]


def test_an_answer_is_waited_for_as_long_as_the_phone_waits() -> None:
    """Timer F, RFC 3261 section 17.1.2.2."""
    request = numbered(1)
    assert told(sent(request, NOW), answered(reply(request), NOW + MAX_AGE)) == [1]
    assert told(sent(request, NOW), answered(reply(request), NOW + MAX_AGE + 1)) == ["unanswered"]


REQUEST = numbered(1)


@pytest.mark.parametrize(
    "answer",
    [
        answered(reply(numbered(2))),
        answered(reply(numbered(1, call_id="other@host"))),
        answered(reply(numbered(1, via="SIP/2.0/TLS 2.2.2.20:5061;branch=z9hG4bKother"))),
        answered(reply(REQUEST).replace(b"1 REGISTER", b"1 INVITE")),
        answered(reply(REQUEST), source="2.2.2.11"),
        answered(reply(REQUEST), destination="2.2.2.21"),
        sent(reply(REQUEST)),
    ],
    ids=["CSeq", "Call-ID", "branch", "method", "another server", "another phone", "from the phone itself"],
)
def test_the_answer_to_something_else_accepts_nothing(answer: Recorded) -> None:
    assert told(sent(REQUEST), answer) == ["unanswered"]
    assert told(sent(REQUEST), answer, answered(reply(REQUEST))) == [1]


def test_an_answer_before_its_request_accepts_nothing() -> None:
    assert told(answered(reply(REQUEST)), sent(REQUEST)) == ["unanswered"]


def test_a_retransmission_is_the_same_request() -> None:
    """Before the answer, and after it, when that was lost."""
    copies = [sent(REQUEST, NOW + n) for n in range(3)]
    answers = [answered(reply(REQUEST), NOW + 3 + n) for n in range(2)]
    assert told(*copies, answers[0], sent(REQUEST, NOW + 4), answers[1]) == [1]
    refused = [answered(reply(REQUEST, "403 No"), NOW + n) for n in range(2)]
    assert told(sent(REQUEST), *refused) == ["not_accepted"]


def test_a_request_sent_again_with_other_bytes_is_not_believed() -> None:
    """Somebody else's REGISTER in the phone's transaction: the server answers one of them, nobody can tell which."""
    other = numbered(1, tag="<sip:alice@1.1.1.99>")
    for first, second in ((REQUEST, other), (other, REQUEST)):
        assert told(sent(first), sent(second), answered(reply(REQUEST))) == ["conflicting_packets"]


@pytest.mark.parametrize(
    ("challenge", "credentials", "user"),
    [
        ([CHALLENGE], [DIGEST], "alice"),
        ([CHALLENGE], [], None),
        # The server does not ask for credentials: it may not have looked at these, whoever wrote them.
        ([], [DIGEST], None),
        ([("WWW-Authenticate", 'Digest realm="elsewhere.example", nonce="n"')], [DIGEST], None),
        ([CHALLENGE], ['Digest realm="example.com", response="r"'], None),
        ([CHALLENGE], ["Bearer abc"], None),
        # Which of the two did it check?
        ([CHALLENGE], [DIGEST, DIGEST.replace("alice", "bob")], None),
        ([CHALLENGE], [DIGEST, DIGEST], "alice"),
    ],
)
def test_whom_the_server_authenticated(
    challenge: list[tuple[str, str]], credentials: list[str], user: str | None
) -> None:
    """RFC 3261 section 22: asked with a realm, answered with credentials of it, accepted."""
    first, second = numbered(1), with_credentials(*credentials)
    (found,) = after(
        sent(first), answered(reply(first, "401 Unauthorized", challenge)), sent(second), answered(reply(second))
    )
    assert isinstance(found, Registration)
    assert found.authenticated_user == user
    assert found.authenticated_realm == ("example.com" if user else None)


def test_a_challenge_counts_for_its_server_and_for_later_requests() -> None:
    first, second = numbered(1), with_credentials(DIGEST)
    asked = [sent(first), answered(reply(first, "401 Unauthorized", [CHALLENGE]))]
    (found,) = after(*asked, sent(second, NOW + 9999), answered(reply(second), NOW + 9999))
    assert isinstance(found, Registration)
    assert found.authenticated_user == "alice"
    (other,) = after(*asked, sent(second, destination="2.2.2.11"), answered(reply(second), source="2.2.2.11"))
    assert isinstance(other, Registration)
    assert (other.authenticated_user, other.claimed_user) == (None, "alice")


def test_a_challenge_to_a_request_that_nobody_sent_counts_for_nothing() -> None:
    second = with_credentials(DIGEST)
    stray = answered(reply(numbered(1), "401 Unauthorized", [CHALLENGE]))
    (found,) = after(stray, sent(second), answered(reply(second)))
    assert isinstance(found, Registration)
    assert found.authenticated_user is None


def test_a_request_that_cannot_be_read_is_refused_at_once() -> None:
    bad = numbered(1, contact="<<>>")
    assert told(sent(bad), answered(reply(bad))) == ["bad_address"]
    assert told(sent(numbered(1)[:-2])) == ["truncated_message"]


def test_other_messages_are_passed() -> None:
    invite = message(changed(REGISTER, cseq="1 INVITE"), "INVITE sip:b@h SIP/2.0")
    assert told(sent(invite), answered(reply(invite)), sent(b"\r\n\r\n"), sent(b"\x80\x00junk")) == []


def test_without_times_an_answer_is_waited_for_to_the_end() -> None:
    """Simple packets of pcapng have none."""
    found = after(sent(REQUEST, None), sent(numbered(2), NOW), answered(reply(REQUEST), None))
    assert [item.code if isinstance(item, Refusal) else item.received_at for item in found] == [None, "unanswered"]


def test_a_flood_of_requests_is_bounded_and_the_oldest_is_given_up() -> None:
    size = 20000

    def flood() -> list[Item]:
        exchanges = Exchanges()
        count = 2 * exchange.MAX_HELD // size
        return [item for n in range(count) for item in exchanges.take(sent(numbered(n, size), NOW))]

    tracemalloc.start()
    try:
        found = flood()
        assert tracemalloc.get_traced_memory()[1] < 2 * exchange.MAX_HELD
    finally:
        tracemalloc.stop()
    assert {item.code for item in found if isinstance(item, Refusal)} == {"unanswered"}
    assert len(found) >= exchange.MAX_HELD // size
