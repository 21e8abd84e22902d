# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A REGISTER as a fact: RFC 3261 section 10.2, RFC 5626 section 4, and the patent's tag."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.message import parse_message
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import DEFAULT_EXPIRES, Registration
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.request import registration_of

from .messages import REGISTER, TAG, changed, message, register


def fact(**headers: str | None) -> Registration:
    """The registration that the patent's REGISTER states, with some headers replaced."""
    return stated(register(**headers))


def stated(data: bytes) -> Registration:
    """The registration that a message states."""
    found = registration_of(parse_message(data), "f:1")
    assert found is not None
    return found


def test_the_patents_register() -> None:
    found = fact()
    assert found.aor == "sip:alice@example.com"
    assert found.old_addresses == (ip_address("1.1.1.20"),)
    assert [contact.host for contact in found.contacts] == [ip_address("2.2.2.20")]
    assert (found.tagged, found.half_tagged, found.removes) == (True, False, False)
    assert (found.call_id, found.cseq, found.expires) == ("843817637684230@998sdasdh09", 1826, 3600)
    assert (found.transport, found.source_address, found.received_at) == ("tls", None, None)
    assert found.where == "f:1"


@pytest.mark.parametrize(
    ("header", "parameter", "expires", "stated"),
    [
        ("600", ";expires=60", 60, True),
        ("600", "", 600, True),
        (None, ";expires=60", 60, True),
        (None, "", DEFAULT_EXPIRES, False),
        ("0", ";expires=60", 60, True),
        ("600", ";expires=0", 0, True),
        ("0", "", 0, True),
    ],
)
def test_10_2_1_1_the_parameter_goes_before_the_header(
    header: str | None, parameter: str, expires: int, stated: bool
) -> None:
    found = fact(expires=header, contact=f"<sip:alice@2.2.2.20>{parameter}")
    assert (found.expires, found.expires_stated, found.removes) == (expires, stated, expires == 0)


def test_several_contacts_last_as_long_as_the_longest() -> None:
    found = fact(contact="<sip:a@2.2.2.20>;expires=60, <sip:b@2.2.2.20>;expires=90, <sip:c@2.2.2.20>;expires=0")
    assert found.expires == 90
    assert [contact.expires for contact in found.live_contacts] == [60, 90]


def test_10_2_2_the_asterisk_removes_all() -> None:
    found = fact(contact="*", expires="0")
    assert (found.removes_all, found.removes, found.expires, found.contacts) == (True, True, 0, ())
    for expires in ("1", None):
        with pytest.raises(HandoverError) as caught:
            fact(contact="*", expires=expires)
        assert caught.value.code == "bad_contact"


def test_10_2_3_no_contact_is_a_query() -> None:
    found = fact(contact=None, tag=None, require=None)
    assert (found.contacts, found.removes, found.tagged) == ((), False, False)


@pytest.mark.parametrize(
    ("text", "instance"),
    [
        ('"<urn:uuid:F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6>"', "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        ('"urn:uuid:x"', "urn:uuid:x"),
        ('""', None),
    ],
)
def test_5626_instance_and_reg_id(text: str, instance: str | None) -> None:
    found = fact(contact=f"<sip:alice@2.2.2.20>;+sip.instance={text};reg-id=1")
    assert (found.instance, found.contacts[0].instance, found.contacts[0].reg_id) == (instance, instance, 1)


def test_the_instance_is_that_of_the_contact_that_stays() -> None:
    gone, stays = '<sip:a@1.1.1.20>;expires=0;+sip.instance="<urn:x>"', '<sip:a@2.2.2.20>;+sip.instance="<urn:y>"'
    assert fact(contact=f"{gone},{stays}").instance == "urn:y"


@pytest.mark.parametrize(("tag", "require", "tagged", "half"), [
    ("1.1.1.20", TAG.upper(), True, False),
    ("1.1.1.20", f"path, {TAG}", True, False),
    ("1.1.1.20", None, False, True),
    ("1.1.1.20", "path", False, True),
    (None, TAG, False, True),
    (None, None, False, False),
])  # fmt: skip
def test_the_tag_has_two_halves(tag: str | None, require: str | None, tagged: bool, half: bool) -> None:
    found = fact(tag=tag, require=require)
    assert (found.tagged, found.half_tagged) == (tagged, half)


def test_old_addresses_are_all_kept_and_hostnames_too() -> None:
    found = stated(message([*REGISTER, (TAG.lower(), "host.example.com, 3.3.3.3")]))
    assert found.old_hosts == ("1.1.1.20", "host.example.com", "3.3.3.3")
    assert found.old_addresses == (ip_address("1.1.1.20"), ip_address("3.3.3.3"))


def test_authorization_is_a_claim_and_no_authentication() -> None:
    headers = [*changed(REGISTER), ("Authorization", 'Digest username="alice", realm="example.com", nonce="x"')]
    found = stated(message(headers))
    assert (found.claimed_user, found.authenticated_user, found.authenticated_realm) == ("alice", None, None)
