# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RFC 5118, torture messages for IPv6: what an address may look like, and what it may not."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.message import parse_message

from .messages import register
from .torture import IPV6_INVALID, IPV6_VALID


def to(host: str) -> bytes:
    """The patent's REGISTER with this in its Request-URI."""
    return register().replace(b"sip:example.com SIP", f"sip:{host} SIP".encode())


@pytest.mark.parametrize(
    ("section", "host", "address", "port"),
    [
        ("4.1", "[2001:db8::10]", "2001:db8::10", None),
        ("4.3, ambiguous: the last group is no port", "[2001:db8::10:5070]", "2001:db8::10:5070", None),
        ("4.4, unambiguous", "[2001:db8::10]:5070", "2001:db8::10", 5070),
        ("4.9", "user@[::ffff:198.51.100.10]", "::ffff:198.51.100.10", None),
    ],
)
def test_a_reference_has_brackets(section: str, host: str, address: str, port: int | None) -> None:
    uri = parse_message(to(host)).uri
    assert uri is not None
    assert (uri.address, uri.port) == (ip_address(address), port), section


@pytest.mark.parametrize(
    ("section", "host"),
    [
        ("4.2, no brackets", "2001:db8::10"),
        ("4.10, the three colons that RFC 3261's own grammar allows", "user@[2001:db8:::198.51.100.1]"),
        ("too many groups", "[1:2:3:4:5:6:7:8:9]"),
        ("two gaps", "[2001::db8::1]"),
        ("an empty reference", "[]"),
    ],
)
def test_what_is_no_reference(section: str, host: str) -> None:
    with pytest.raises(HandoverError) as caught:
        parse_message(to(host))
    assert caught.value.code in ("bad_uri", "bad_number"), section


@pytest.mark.parametrize("received", ["[2001:db8::9:255]", "2001:db8::9:255"])
def test_4_5_received_comes_with_and_without_brackets(received: str) -> None:
    via = f"SIP/2.0/UDP [2001:db8::9:1];received={received};branch=z9hG4bKas3-111"
    assert dict(parse_message(register(via=via)).vias[0].params)["received"] == received


def test_4_7_several_addresses_in_one_via() -> None:
    via = "SIP/2.0/UDP [2001:db8::9:1]:6050;branch=a, SIP/2.0/UDP 198.51.100.1;branch=b, SIP/2.0/TCP [::1];branch=c"
    assert [hop.host for hop in parse_message(register(via=via)).vias] == ["[2001:db8::9:1]", "198.51.100.1", "[::1]"]


def test_4_6_and_4_8_addresses_in_a_body_are_not_read() -> None:
    body = b"v=0\r\nc=IN IP6 2001:db8::1\r\n"
    data = register(content_length=str(len(body))) + body
    assert parse_message(data).contacts == parse_message(register()).contacts
    assert parse_message(data).body == body


@pytest.mark.parametrize("name", IPV6_VALID)
def test_valid(name: str) -> None:
    assert parse_message(IPV6_VALID[name]).call_id


@pytest.mark.parametrize("name", IPV6_INVALID)
def test_invalid(name: str) -> None:
    with pytest.raises(HandoverError, match="bad_uri"):
        parse_message(IPV6_INVALID[name])
