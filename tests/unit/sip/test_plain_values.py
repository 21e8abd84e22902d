# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that are read in a short way where they are written as usual: with the short way and without, all is the same.

Without it means: its pattern takes nothing, so that the full grammar reads, or refuses, every value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from unittest.mock import patch

from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.intake import Intake
from ansible_collections.sipmobility.handover.plugins.module_utils.sip import grammar, header, reported, uri
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.contact import read_contacts
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.plain_uri import MAX_PLAIN
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Registration
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import kamailio
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.json_values import parse_object

from ..growth import LINEAR, TIMES, growth
from .messages import TAG, event
from .plainly import outcome

NOTHING = re.compile(r"(?!)")

_GROUPS = st.sampled_from(["0", "00", "1", "01", "a", "A", "db8", "2001", "ffff", "10000", "g", "1.2.3.4"])
_IPV6 = st.lists(st.lists(_GROUPS, max_size=8).map(":".join), min_size=1, max_size=3).map("::".join)
_WRITTEN_IPV6 = st.lists(st.sampled_from([0, 0, 1, 0xDB8, 0xFFFF]), min_size=8, max_size=8).map(
    lambda groups: str(IPv6Address(b"".join(group.to_bytes(2, "big") for group in groups)))
)
_OCTET = st.sampled_from(["0", "1", "9", "10", "99", "255", "256", "01", "1000", "", "a", "+1"])
_IPV4 = st.lists(_OCTET, min_size=3, max_size=5).map(".".join)
_NAMES = st.sampled_from(["example.com", "Example.COM.", "-a", "a-", "a..b", "1.example", "h" * 140, "a_b"])
HOSTS = st.one_of(_IPV4, _IPV6, _NAMES, *[made.map(lambda text: f"[{text}]") for made in (_IPV4, _IPV6, _WRITTEN_IPV6)])
USERS = st.text("aZ9.%@:;?/&=+$,-_!~*'() \u00e9", max_size=6) | st.sampled_from(
    ["alice", "a%40b", "a%61", "sip", "+49"]
)


def host(text: str) -> tuple[object, str]:
    """What is said of a host that nobody has remembered."""
    with (
        patch.object(grammar, "_ip_literal", grammar._ip_literal.__wrapped__),
        patch.object(grammar, "_remembered_host", grammar._host_address),
    ):
        return outcome(lambda: uri._host_of(text))


def with_and_without(module: object, name: str, read: Callable[[], object]) -> None:
    """The short way says what the full grammar says."""
    short = outcome(read)
    with patch.object(module, name, NOTHING):
        assert outcome(read) == short


@given(HOSTS)
@example("[2001:db8::1]")
@example("[1:2:3:4:5:6:7::]")
@example("[1:2:3:4:5::6:7]")
@example("[1::2:3:4:5:6]")
@example("[1.1.1.1]")
def test_hosts(text: str) -> None:
    short = host(text)
    with patch.object(grammar, "_CANONICAL_IPV6", NOTHING):
        assert host(text) == short


@given(st.one_of(_IPV4, _IPV6, _WRITTEN_IPV6))
def test_addresses_are_those_of_the_address_objects(text: str) -> None:
    expected: object = None
    with suppress(ValueError):
        expected = IPv6Address(text) if ":" in text else IPv4Address(text)
    if "%" not in text:
        assert grammar._ip_literal.__wrapped__(text) == expected
    if ":" in text:
        assert grammar._ip_literal.__wrapped__(f"[{text}]") == expected


def test_an_address_as_it_is_mostly_written_takes_the_short_way() -> None:
    """Else the full way would be all that is tested."""
    assert grammar.canonical_ipv6("[2001:db8::1:2]") == IPv6Address("2001:db8::1:2")
    assert grammar.canonical_ipv6("[2001:db8::]") == IPv6Address("2001:db8::")
    assert grammar.canonical_ipv6("[1:2:3:4:5::6:7]") is None


@given(st.sampled_from(["", "sip:", "SIP:", "sips:", "tel:"]), USERS, st.sampled_from(["@", ""]), HOSTS, st.booleans())
@example("sip:", "alice", "@", "Example.COM", True)
@example("", "alice", "@", "[2001:db8::1]", True)
@example("sips:", "alice", "@", "example.com", True)
def test_addresses_of_record(scheme: str, user: str, at: str, domain: str, needs_domain: bool) -> None:
    text = scheme + user + at + domain
    with_and_without(uri, "_PLAIN_AOR", lambda: uri.reported_aor(text, needs_domain))


@given(USERS, HOSTS, st.sampled_from(["", ":5060", ":0", ":65535", ":65536", ";ob", ":5060;ob", ";a;a", "?b=c"]))
@example("alice", "198.51.100.7", ":5060;ob")
def test_hosts_of_reported_contacts(user: str, domain: str, end: str) -> None:
    with_and_without(reported, "_PLAIN", lambda: reported.contact_host(f"sip:{user}@{domain}{end}"))


_DIGEST = st.lists(
    st.sampled_from(
        'username="a" username=a realm="r, s" realm="\\"" nonce=1 uri="sip:a" qop=auth nc=1 nc=2 x=y username="a\\\\" '
        'realm="a b" username=" opaque="" username="\u00e9" a = =b username="a"b'.split(" ")
    ),
    max_size=4,
)


@given(st.sampled_from(["Digest ", "digest\t ", "Digest", "Basic "]), _DIGEST, st.sampled_from([", ", ",", " ,", ",,"]))
@example("Digest ", ['username="a"', 'realm="b"'], ", ")
@example("Digest ", ['username="a"', ""], ",")
def test_credentials(scheme: str, params: list[str], comma: str) -> None:
    text = scheme + comma.join(params)
    with_and_without(header, "_PLAIN_DIGEST", lambda: header.parse_credentials(text))


_OBJECTS = st.text('{}[]":,ab1\\ -', max_size=12) | st.recursive(
    st.sampled_from([None, True, 1, -0.5, "a", '"', "\u00e9"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
).map(json.dumps)


@given(_OBJECTS, st.sampled_from(["", "}", " x}", "\n}", '{"a":1}']))
@example('{"a":1,"a":2}', "")
@example('{"a":NaN}', "")
@example('{"a":', "}")
def test_objects(text: str, more: str) -> None:
    """White space before an object leaves it to the way that allows for it."""
    assert _told(text + more) == _told(" " + text + more)


def _told(text: str) -> tuple[object, str]:
    found, error = outcome(lambda: parse_object(text.encode()))
    return found, error.partition(":")[0]


_CONTACTS = "sip:alice@2.2.2.20:5060;ob sip:alice@2.2.2.20 sip:a@[2001:db8::2] sip:a@Example.COM:5061 tel:1".split()


@given(
    st.lists(st.sampled_from(_CONTACTS), max_size=2),
    st.sampled_from([*_CONTACTS, "sip:", "x"]),
    st.sampled_from([0, 60]),
    st.sampled_from([[], ["<sip:alice@1.1.1.20>"]]),
    st.sampled_from([[], [TAG]]),
    st.integers(-1, 1),
)
def test_events(contacts: list[str], before: str, expires: int, old: list[str], require: list[str], rc: int) -> None:
    """What a binding before says does not hang on what the Contact says; and without a policy nothing is passed over
    from which something would follow."""
    binding = {"contact": before, "expires": 5, "call_id": "c", "cseq": 1, "instance": None, "received": None}
    said = event(
        contact=[f"<{one}>" for one in contacts], before=[binding], expires=expires, tag=old, require=require, rc=rc
    )
    item = kamailio.event_in(json.dumps(said).encode(), "k:1")
    if not isinstance(item, Registration):
        return
    assert [(one.host, one.port) for one in item.bindings_before] == [reported.contact_host(before)]
    passing, thorough = Intake(None), Intake(None)
    assert list(passing.take(item, 1.0)) == list(thorough._registration(item, 1.0))


def test_a_contact_with_long_parameters_takes_linear_time() -> None:
    """Behind them stands a string that the short way does not take, so that it has tried all it can."""

    def work(size: int) -> None:
        begin, end = "<sip:a@1.1.1.10>;", r';x="a\"b"'
        (found,) = read_contacts([begin + "a" * (size - len(begin) - len(end)) + end], None)[0]
        assert found.host_text == "1.1.1.10"

    assert growth(lambda: work(MAX_PLAIN // TIMES), lambda: work(MAX_PLAIN)) < LINEAR
