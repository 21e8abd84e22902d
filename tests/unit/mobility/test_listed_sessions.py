# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which lists of sessions are believed (facts on SIP, section 6), and what becomes of the pair where one is not."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import ip_address

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.intake import Report
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_from_record
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.registration_policy import Policy
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.report import report_to_record

from ..sip.messages import REGISTER, SESSIONS_TYPE, line, message, request_line, sessions, with_body
from .test_admission import POLICY, judged

#: A policy under which the pair itself may come over UDP.
UDP = replace(POLICY, require_secure_transport=False)
PEER = ip_address("3.3.3.20")
SESSIONS = (Session("tcp", 40001, PEER, 7100), Session("udp", 4000, PEER, 5004))


def listing(body: bytes | None = None, **values: object) -> bytes:
    """The event of the patent's REGISTER with a list of sessions."""
    return line(**{"content_type": SESSIONS_TYPE, "body": sessions() if body is None else body, **values})


def with_peer(address: str) -> bytes:
    """A list of one session with this correspondent."""
    item = {"protocol": "udp", "port": 4000, "correspondent": address, "correspondent_port": 5004}
    return sessions(sessions=[item])


def outcome(data: bytes, policy: Policy | None = UDP, format_name: str = "kamailio") -> tuple[int, list[str]]:
    """How many sessions the pair has, which is always there, and the codes of what was refused."""
    report = judged(data, policy, format_name)
    (pair,) = report.address_pairs
    assert (str(pair.old), str(pair.new), pair.admitted) == ("1.1.1.20", "2.2.2.20", policy is not None)
    assert [change.kind for change in report.changes] == ["moved"]
    return len(pair.sessions), [item.code for item in report.refused]


@pytest.mark.parametrize(
    ("transport", "qop", "user", "expected"),
    [
        ("tls", None, "alice", (2, [])),
        ("wss", "auth", "alice", (2, [])),
        ("udp", "auth-int", "alice", (2, [])),
        ("udp", "auth", "alice", (0, ["sessions_not_protected"])),
        ("udp", None, "alice", (0, ["sessions_not_protected"])),
        ("tcp", "auth", "alice", (0, ["sessions_not_protected"])),
        # Nobody was authenticated, so that no digest was verified, whatever the line says.
        ("udp", "auth-int", None, (0, ["sessions_not_protected"])),
    ],
)
def test_rfc_7616_3_4_3_auth_int_or_tls_protects_the_body(
    transport: str, qop: str | None, user: str | None, expected: tuple[int, list[str]]
) -> None:
    policy = replace(UDP, require_authentication=user is not None)
    assert outcome(listing(transport=transport, qop=qop, auth_user=user), policy) == expected
    waived = replace(policy, require_protected_sessions=False)
    assert outcome(listing(transport=transport, qop=qop, auth_user=user), waived) == (2, [])


def test_what_a_message_says_of_its_own_protection_is_not_believed() -> None:
    claims = ("Authorization", 'Digest username="alice", realm="example.com", qop=auth-int')
    data = with_body([*REGISTER, claims], SESSIONS_TYPE, sessions()).replace(b"SIP/2.0/TLS", b"SIP/2.0/UDP")
    policy = replace(UDP, require_authentication=False, require_packet_source=False, max_age_seconds=0)
    policy = replace(policy, require_ownership=False)
    assert outcome(data, policy, "sip") == (0, ["sessions_not_protected"])


def test_the_sessions_of_a_pair_are_those_that_the_phone_sees() -> None:
    (pair,) = judged(listing(), POLICY).address_pairs
    assert pair.sessions == SESSIONS
    assert [session.seen for session in pair.sessions] == [(PEER, 7100), (PEER, 5004)]


def test_without_a_policy_they_come_out_as_read_but_not_as_nonsense() -> None:
    assert outcome(listing(transport="udp"), None) == (2, [])
    assert outcome(listing(with_peer("127.0.0.1")), None) == (0, ["sessions_with_no_host"])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (sessions(old="1.1.1.21"), "sessions_of_other_address"),
        (sessions(old="2.2.2.20"), "sessions_of_other_address"),
        (with_peer("1.1.1.20"), "sessions_with_no_host"),
        (with_peer("2.2.2.20"), "sessions_with_no_host"),
        (with_peer("127.0.0.1"), "sessions_with_no_host"),
        (with_peer("0.0.0.0"), "sessions_with_no_host"),
        (with_peer("224.0.0.1"), "sessions_with_no_host"),
        (with_peer("169.254.0.1"), "sessions_with_no_host"),
        (with_peer("255.255.255.255"), "sessions_with_no_host"),
        (b"{}", "bad_sessions"),
    ],
)
def test_a_list_that_is_not_believed_takes_nothing_from_its_pair(body: bytes, code: str) -> None:
    assert outcome(listing(body), POLICY) == (0, [code])
    report = judged(listing(body, cseq=1) + listing(cseq=2), POLICY)
    assert [pair.sessions for pair in report.address_pairs] == [(), SESSIONS]
    assert [item.where for item in report.refused] == ["log:1"]


def test_a_refused_registration_is_one_finding_whatever_its_body() -> None:
    assert [item.code for item in judged(listing(b"{}", auth_user="mallory")).refused] == ["not_owner"]


def test_an_altered_header_under_a_valid_auth_int_digest_gets_no_sessions() -> None:
    """Facts on SIP, section 6, attack 2: the digest never covers headers. The old address in the body is covered."""
    assert outcome(listing(tag=["<sip:alice@1.1.1.20>"], qop="auth-int", transport="udp")) == (2, [])
    altered = listing(tag=["<sip:alice@1.1.1.66>"], qop="auth-int", transport="udp")
    assert [item.code for item in judged(altered, UDP).refused] == ["not_held"]
    believed = judged(altered, replace(UDP, require_ownership=False))
    assert [pair.sessions for pair in believed.address_pairs] == [()]
    assert [item.code for item in believed.refused] == ["sessions_of_other_address"]


def test_a_pair_with_sessions_as_plain_data_is_a_handover() -> None:
    record = report_to_record(judged(listing(qop="auth-int"), POLICY))
    assert json.loads(json.dumps(record)) == record
    (pair,) = record["address_pairs"]
    keys = ("aor", "instance", "old", "new", "expires", "sessions")
    assert handover_from_record({key: pair[key] for key in keys}).sessions == SESSIONS
    (registration,) = record["registrations"]
    assert registration["listed"]["old"] == "1.1.1.20"
    assert registration["listed"]["sessions"] == pair["sessions"]
    assert (registration["method"], registration["authenticated_qop"]) == ("REGISTER", "auth-int")


class TestInDialog:
    """What an INVITE or NOTIFY says, as far as it goes without the home server's word."""

    def told(self, *lines: bytes) -> Report:
        return judged(b"".join(lines), None)

    def test_its_pair_is_for_the_other_party(self) -> None:
        (pair,) = self.told(request_line(content_type=SESSIONS_TYPE, body=sessions())).address_pairs
        assert (pair.correspondent, pair.correspondents) == ("sip:bob@example.org", (PEER,))
        assert (pair.sessions, pair.admitted) == (SESSIONS, False)

    @pytest.mark.parametrize("host", ["bob.example.org", "1.1.1.20", "127.0.0.1", "[2001:db8::1]"])
    def test_a_target_that_is_no_correspondent(self, host: str) -> None:
        (pair,) = self.told(request_line(ruri=f"sip:bob@{host}")).address_pairs
        assert pair.correspondents == ()

    def test_pairs_for_several_correspondents_stand_beside_each_other(self) -> None:
        carol = {"to": "<sip:carol@example.org>;tag=8", "ruri": "sip:carol@3.3.3.30", "call_id": "c"}
        report = self.told(line(), request_line(cseq=1), request_line(cseq=1, **carol), request_line(cseq=2))
        assert [(pair.correspondent, pair.current) for pair in report.address_pairs] == [
            (None, True),
            ("sip:bob@example.org", False),
            ("sip:carol@example.org", True),
            ("sip:bob@example.org", True),
        ]
        assert [change.kind for change in report.changes] == ["moved", "moved", "moved", "refreshed"]

    def test_a_new_address_holds_for_all_of_them(self) -> None:
        moved = line(cseq=2000, contact=["<sip:alice@2.2.2.40>"], src_ip="2.2.2.40")
        report = self.told(request_line(cseq=1), moved)
        assert [(str(pair.new), pair.current) for pair in report.address_pairs] == [
            ("2.2.2.20", False),
            ("2.2.2.40", True),
            ("2.2.2.40", True),
        ]
        assert [pair.correspondent for pair in report.address_pairs[1:]] == [None, "sip:bob@example.org"]

    def test_a_server_that_knows_the_phone_admits_one_and_learns_nothing_from_it(self) -> None:
        """The bindings that a REGISTER told of are history; a request within a dialog binds nothing."""
        report = judged(line(cseq=1) + request_line(cseq=2), POLICY)
        assert [(pair.correspondent, pair.admitted) for pair in report.address_pairs] == [
            (None, True),
            ("sip:bob@example.org", True),
        ]

    def test_nothing_is_admitted_from_one(self) -> None:
        for method in ("INVITE", "NOTIFY"):
            report = judged(request_line(method=method, content_type=SESSIONS_TYPE, body=sessions()), POLICY)
            assert (report.address_pairs, report.changes) == ((), ())
            assert [item.code for item in report.refused] == ["no_history"]

    def test_a_raw_message_without_the_tag_is_neither_pair_nor_refusal(self) -> None:
        headers = [item for item in REGISTER if item[0] not in ("Require", "CSeq") and "Mobility" not in item[0]]
        report = judged(message([*headers, ("CSeq", "1 INVITE")], "INVITE sip:bob@h SIP/2.0"), POLICY, "sip")
        assert (report.address_pairs, report.refused, report.registrations) == ((), (), ())
