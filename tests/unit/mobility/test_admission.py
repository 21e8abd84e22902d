# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Admission: facts on SIP, section 6. Each rule is broken alone, by a message that keeps all others."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.admission import (
    CODES,
    GROUPS,
    RULES,
    is_one_hosts,
    verdicts,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.claim import claim_of, context_of
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.intake import Report, read_registrations
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.memory import RunMemory
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.registration_policy import Policy
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.seen import Seen, of_aor
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Registration
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import open_source

from ..sip.messages import NOW, TAG, binding, event, line, register, request_line

POLICY = Policy(
    managed_networks={
        "location-101": (ip_network("1.1.1.0/24"), ip_network("2001:db8:1::/64")),
        "location-102": (ip_network("2.2.2.0/24"), ip_network("2001:db8:2::/64"), ip_network("2.2.9.0/31")),
    },
    infrastructure=(ip_network("2.2.2.1/32"), ip_network("1.1.1.240/28")),
)


def judged(data: bytes | Iterable[bytes], policy: Policy | None = POLICY, format_name: str = "kamailio") -> Report:
    """What a log yields under a policy at the moment its events were written."""
    chunks = [data] if isinstance(data, bytes) else data
    return read_registrations(open_source(format_name, chunks, "log")[1], policy, NOW)


def code(data: bytes, policy: Policy = POLICY) -> str:
    """The code of the only refusal; nothing else comes of the message."""
    report = judged(data, policy)
    assert report.address_pairs == ()
    assert report.changes == ()
    (refused,) = report.refused
    assert refused.reason
    assert refused.where == "log:1"
    return refused.code


def pair(old: str, new: str, **values: object) -> bytes:
    """A line that moves from ``old`` to ``new`` (as hosts in URIs), the packet coming from there."""
    given = {"before": [binding(old)], **values}
    return line(tag=[f"<sip:alice@{old}>"], contact=[f"<sip:alice@{new}>"], src_ip=new.strip("[]"), **given)


def test_the_patents_register_is_admitted() -> None:
    report = judged(line())
    (found,) = report.address_pairs
    assert (found.aor, found.old, found.new) == (
        "sip:alice@example.com",
        ip_address("1.1.1.20"),
        ip_address("2.2.2.20"),
    )
    assert (found.expires, found.admitted, found.current) == (int(NOW) + 3600, True, True)
    assert (found.correspondents, found.sessions, found.source) == ((), (), "log:1")
    assert report.refused == ()


def test_ipv6_is_admitted() -> None:
    (found,) = judged(pair("[2001:db8:1::20]", "[2001:db8:2::20]", local_ip="2001:db8:2::10")).address_pairs
    assert (found.old, found.new) == (ip_address("2001:db8:1::20"), ip_address("2001:db8:2::20"))


def test_a_registration_without_the_tag_is_neither_pair_nor_refusal() -> None:
    report = judged(line(tag=[], require=[], auth_user=None, contact=["<sip:alice@host.example.com>"]))
    assert len(report.registrations) == 1
    assert (report.address_pairs, report.changes, report.refused) == ((), (), ())


BROKEN = [
    ("tag_without_require", line(require=[])),
    ("tag_without_require", line(require=["path"])),
    ("require_without_tag", line(tag=[])),
    ("several_old_addresses", line(tag=["1.1.1.20", "1.1.1.20"])),
    ("several_old_addresses", line(tag=["<sip:a@1.1.1.20>, <sip:a@1.1.1.21>"])),
    ("several_old_addresses", line(tag=["1.1.1.20", "host.example.com"])),
    ("old_not_ip_literal", line(tag=["<sip:alice@home.example.com>"])),
    ("no_contact", line(contact=[])),
    ("new_not_ip_literal", line(contact=["<sip:alice@phone.example.com>"])),
    ("new_not_ip_literal", line(contact=["<tel:+1>"])),
    ("contacts_differ", line(contact=["<sip:alice@2.2.2.20>, <sip:alice@2.2.2.21>"])),
    ("families_differ", pair("[2001:db8:1::20]", "2.2.2.20")),
    ("not_authenticated", line(auth_user=None)),
    ("not_owner", line(auth_user="bob")),
    ("not_owner", line(auth_user="ALICE")),
    ("not_owner", line(auth_realm="other.example")),
    ("not_owner", line(auth_realm=None)),
    ("not_owner", line(aor="sip:alice@10.9.9.1")),
    ("not_owner", line(auth_user="alice@other.example")),
    ("transport_not_secure", line(transport="udp")),
    ("transport_not_secure", line(transport="ws")),
    ("no_history", request_line()),
    ("no_history", request_line(method="NOTIFY")),
    ("too_old", line(time=NOW - 301)),
    ("from_the_future", line(time=NOW + 6)),
    ("binding_expired", line(time=NOW - 60, expires=60)),
    ("new_not_source", line(src_ip="2.2.2.21")),
    ("special_address", pair("127.0.0.1", "2.2.2.20")),
    ("special_address", pair("0.0.0.0", "2.2.2.20")),
    ("special_address", pair("0.1.2.3", "2.2.2.20")),
    ("special_address", pair("224.0.0.1", "2.2.2.20")),
    ("special_address", pair("169.254.1.1", "2.2.2.20")),
    ("special_address", pair("255.255.255.255", "2.2.2.20")),
    ("special_address", pair("1.1.1.20", "240.0.0.1")),
    ("special_address", pair("[::1]", "[2001:db8:2::20]")),
    ("special_address", pair("[::]", "[2001:db8:2::20]")),
    ("special_address", pair("[fe80::1]", "[2001:db8:2::20]")),
    ("special_address", pair("[ff02::1]", "[2001:db8:2::20]")),
    ("special_address", pair("[::ffff:1.1.1.20]", "[2001:db8:2::20]")),
    ("network_address", pair("1.1.1.0", "2.2.2.20")),
    ("network_address", pair("1.1.1.255", "2.2.2.20")),
    ("network_address", pair("1.1.1.20", "2.2.2.255")),
    ("network_address", pair("[2001:db8:1::]", "[2001:db8:2::20]")),
    ("infrastructure_address", pair("1.1.1.250", "2.2.2.20")),
    ("infrastructure_address", pair("1.1.1.20", "2.2.2.1")),
    ("infrastructure_address", pair("1.1.1.20", "2.2.2.10")),
    ("new_not_managed", pair("1.1.1.20", "3.3.3.20")),
    ("old_not_managed", pair("3.3.3.20", "2.2.2.20")),
    ("no_history", line(before=[])),
    ("no_history", line(before=[binding("1.1.1.20", instance="<urn:x>")])),
    ("not_held", line(before=[binding("1.1.1.21")])),
]


@pytest.mark.parametrize(("expected", "data"), BROKEN)
def test_a_broken_rule(expected: str, data: bytes) -> None:
    assert code(data) == expected


@pytest.mark.parametrize(("expected", "data"), BROKEN)
def test_the_good_lines_around_a_refused_one_are_still_used(expected: str, data: bytes) -> None:
    other = {"aor": "sip:bob@example.com", "auth_user": "bob", "tag": ["1.1.1.30"], "before": [binding("1.1.1.30")]}
    report = judged(line(cseq=1, **other) + data.replace(b'"cseq": 1826', b'"cseq": 2') + line(cseq=3, **other))
    assert [found.source for found in report.address_pairs] == ["log:1", "log:3"]
    assert [(refused.code, refused.where) for refused in report.refused] == [(expected, "log:2")]


def test_every_rule_is_broken_by_a_test() -> None:
    later = {"no_time", "source_unknown", "replayed", "cseq_not_rising", "too_many"}
    later |= {"old_claimed", "held_by_another", "address_too_often", "too_many_in_all"}  # test_ownership.py
    assert {expected for expected, _data in BROKEN} | later == set(CODES)


@pytest.mark.parametrize(
    ("aor", "user", "realm"),
    [
        ("sip:alice@example.com", "alice", "example.com"),
        ("sip:%61lice@EXAMPLE.com", "alice", "Example.COM"),
        ("sips:alice@example.com", "alice@example.com", "example.com"),
        ("sip:alice@sales.example", "alice", "asterisk"),
    ],
)
def test_the_owner_is_known_in_every_spelling(aor: str, user: str, realm: str) -> None:
    policy = replace(POLICY, realms={"asterisk": ("sales.example",)})
    assert judged(line(aor=aor, auth_user=user, auth_realm=realm), policy).refused == ()


def test_a_mapped_realm_vouches_for_nothing_else() -> None:
    policy = replace(POLICY, realms={"example.com": ("sales.example",)})
    assert code(line(), policy) == "not_owner"


def test_a_contact_that_is_removed_in_the_same_breath_does_not_count() -> None:
    report = judged(line(contact=["<sip:alice@1.1.1.20>;expires=0, <sip:alice@2.2.2.20>"]))
    assert [found.new for found in report.address_pairs] == [ip_address("2.2.2.20")]


def test_both_addresses_of_a_point_to_point_link_are_hosts() -> None:
    assert judged(pair("2.2.9.0", "2.2.9.1", local_ip=None)).refused == ()


class TestRun:
    """What only a second message can break."""

    def test_a_replay(self) -> None:
        report = judged(line() + line())
        assert [refused.code for refused in report.refused] == ["replayed"]
        assert len(report.address_pairs) == 1

    def test_a_lower_cseq(self) -> None:
        assert [item.code for item in judged(line(cseq=9) + line(cseq=8)).refused] == ["cseq_not_rising"]

    def test_another_call_id_or_another_user_has_a_cseq_of_its_own(self) -> None:
        bob = {"aor": "sip:bob@example.com", "auth_user": "bob", "tag": ["1.1.1.30"], "before": [binding("1.1.1.30")]}
        assert judged(line(cseq=2**31 - 1, **bob) + line() + line(cseq=1, call_id="other")).refused == ()

    def test_nobody_spends_anothers_cseq(self) -> None:
        forged = line(cseq=2**31 - 1, auth_user="mallory")
        report = judged(forged + line())
        assert [item.code for item in report.refused] == ["not_owner"]
        assert len(report.address_pairs) == 1

    def test_an_untagged_registration_spends_its_cseq(self) -> None:
        assert [item.code for item in judged(line(cseq=9, tag=[], require=[]) + line(cseq=8)).refused] == [
            "cseq_not_rising"
        ]

    def test_a_flood(self) -> None:
        policy = replace(POLICY, max_registrations_per_aor=3, rate_window_seconds=60)
        flood = b"".join(line(cseq=n, time=NOW - 100 + n) for n in range(5))
        bob = {"aor": "sip:bob@example.com", "auth_user": "bob", "tag": ["1.1.1.30"], "before": [binding("1.1.1.30")]}
        later = line(cseq=9, time=NOW) + line(cseq=1, **bob)
        report = judged(flood + later, policy)
        assert [item.code for item in report.refused] == ["too_many", "too_many"]
        assert [found.source for found in report.address_pairs] == ["log:1", "log:2", "log:3", "log:6", "log:7"]

    def test_an_untagged_registration_is_no_flood(self) -> None:
        policy = replace(POLICY, max_registrations_per_aor=1)
        quiet = b"".join(line(cseq=n, tag=[], require=[]) for n in range(5))
        assert judged(quiet + line(cseq=9), policy).refused == ()

    def test_memory_is_bounded(self) -> None:
        (found,) = judged(line()).registrations
        memory = RunMemory()
        seen = Seen(memory)
        for number in range(40000):
            seen.record(replace(found, call_id=str(number), aor=str(number)), NOW)
            seen.happened(of_aor(str(number)), NOW, NOW - 60)
        assert seen.cseq(replace(found, call_id="0", aor="0")) is None
        assert seen.cseq(replace(found, call_id="39999", aor="39999")) == found.cseq
        assert (seen.count(of_aor("0"), 0), seen.count(of_aor("39999"), 0)) == (0, 1)
        assert max(len(memory.items(shelf)) for shelf in ("cseq", "rates")) == 32768


class TestRawSip:
    """A file of messages knows neither packet source nor time nor user: each must be waived by name."""

    WAIVED = replace(
        POLICY, require_authentication=False, require_packet_source=False, require_ownership=False, max_age_seconds=0
    )

    @pytest.mark.parametrize(
        ("waived", "expected"),
        [
            ({"require_authentication": True}, "not_authenticated"),
            ({"max_age_seconds": 300}, "no_time"),
            ({"require_packet_source": True}, "source_unknown"),
            ({"require_ownership": True}, "no_history"),
        ],
    )
    def test_one_that_is_not_waived(self, waived: dict[str, bool], expected: str) -> None:
        report = judged(register(), replace(self.WAIVED, **waived), "sip")  # type: ignore[arg-type]
        assert [item.code for item in report.refused] == [expected]

    def test_all_waived(self) -> None:
        (found,) = judged(register(), self.WAIVED, "sip").address_pairs
        assert (found.admitted, found.expires) == (True, int(NOW) + 3600)

    def test_claimed_credentials_are_no_authentication(self) -> None:
        claim = register().replace(
            b"Expires:", b'Authorization: Digest username="alice", realm="example.com"\r\nExpires:'
        )
        report = judged(claim, replace(self.WAIVED, require_authentication=True), "sip")
        assert [item.code for item in report.refused] == ["not_authenticated"]


class TestWithoutPolicy:
    def test_pairs_are_parsed_and_not_admitted(self) -> None:
        report = judged(line(auth_user=None, src_ip="9.9.9.9", transport="udp", time=1) + line(), None)
        assert [found.admitted for found in report.address_pairs] == [False, False]
        assert report.refused == ()

    @pytest.mark.parametrize(
        "expected", ["several_old_addresses", "old_not_ip_literal", "tag_without_require", "families_differ"]
    )
    def test_what_is_no_pair_is_refused_all_the_same(self, expected: str) -> None:
        data = next(data for code_, data in BROKEN if code_ == expected)
        assert [item.code for item in judged(data, None).refused] == [expected]


def test_verdicts_tell_every_rule() -> None:
    (found,) = judged(line(src_ip="9.9.9.9", transport="udp")).registrations
    assert isinstance(found, Registration)
    told = list(verdicts(claim_of(found), context_of(POLICY, NOW), GROUPS))
    assert tuple(rule for rule, _why in told) == RULES
    assert [rule.code for rule, why in told if why] == ["transport_not_secure", "new_not_source", "no_history"]


def test_correspondents_come_from_the_policy() -> None:
    peers = tuple(map(ip_address, ("10.0.0.7", "2001:db8:9::7", "1.1.1.20")))
    (found,) = judged(line(), replace(POLICY, correspondents=peers)).address_pairs
    assert found.correspondents == (ip_address("10.0.0.7"),)


@pytest.mark.parametrize(
    ("expires", "policy", "seconds"),
    [
        (None, POLICY, 3600),
        (None, replace(POLICY, default_lifetime_seconds=600), 600),
        (7200, replace(POLICY, default_lifetime_seconds=600), 7200),
        (2**32 - 1, POLICY, 86400),
        (7200, replace(POLICY, max_lifetime_seconds=100), 100),
    ],
)
def test_lifetime(expires: int | None, policy: Policy, seconds: int) -> None:
    assert [found.expires for found in judged(line(expires=expires), policy).address_pairs] == [int(NOW) + seconds]


def test_the_tests_own_lines_say_what_they_mean() -> None:
    assert json.loads(line()) == event()
    assert bytes.fromhex(str(event()["require_hex"][0])) == TAG.encode()  # type: ignore[index]


def test_what_no_host_has_is_what_the_standard_library_says() -> None:
    edges = [one for bits in range(128) for one in (1 << bits, (1 << bits) - 1, (1 << 128) - (1 << bits))]
    blocks = [number << 120 for number in range(256)] + [0xFE00 + number << 112 for number in range(256)]
    addresses: list[Address] = [IPv6Address(number % (1 << 128)) for number in (*edges, *blocks)]
    addresses += [IPv4Address(number << 24 | low) for number in range(256) for low in (0, 1, 0xFFFFFF)]
    addresses += [IPv4Address(0xA9FE0000 + number) for number in (-1, 0, 0xFFFF, 0x10000)]
    for address in addresses:
        special = (
            address.is_loopback
            or address.is_multicast
            or address.is_link_local
            or address.is_unspecified
            or address.is_reserved
            or (address.version == 4 and address.packed[0] == 0)
        )
        assert is_one_hosts(address) != special, address
