# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy: careful by default, and refused where it is not understood."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.registration_policy import Policy

NETWORKS = {"managed_networks": {"a": ["1.1.1.0/24", "2001:db8::/64"], "b": ["1.1.1.128/25"]}}


def test_every_default_is_the_careful_one() -> None:
    policy = Policy.from_dict(NETWORKS)
    assert policy.require_authentication
    assert policy.require_secure_transport
    assert policy.require_packet_source
    assert policy.require_protected_sessions
    assert policy.require_ownership
    assert policy.max_age_seconds == 300
    assert not any(vars(policy.infer).values())
    assert policy.homes_of("sip:alice@example.com") == ()


def test_each_way_of_inference_is_named() -> None:
    policy = Policy.from_dict({**NETWORKS, "infer": {"instance": True, "call_id": False}})
    assert [way for way, on in vars(policy.infer).items() if on] == ["instance"]


def test_home_servers_are_those_of_the_users_domain() -> None:
    policy = Policy.from_dict({**NETWORKS, "home_servers": {"Example.com": ["Home.example.com"]}})
    assert policy.homes_of("sip:alice@example.com") == ("home.example.com",)
    assert policy.homes_of("sip:alice@example.net") == ()


def test_the_longest_prefix_holds_an_address() -> None:
    policy = Policy.from_dict(NETWORKS)
    assert policy.prefix_of(ip_address("1.1.1.20")) == ip_network("1.1.1.0/24")
    assert policy.prefix_of(ip_address("1.1.1.200")) == ip_network("1.1.1.128/25")
    assert policy.prefix_of(ip_address("2001:db8::1")) == ip_network("2001:db8::/64")
    assert policy.prefix_of(ip_address("9.9.9.9")) is None


def test_infrastructure_is_addresses_and_prefixes() -> None:
    policy = Policy.from_dict({**NETWORKS, "infrastructure": ["1.1.1.1", "2001:db8::/126"]})
    assert policy.is_infrastructure(ip_address("1.1.1.1"))
    assert policy.is_infrastructure(ip_address("2001:db8::3"))
    assert not policy.is_infrastructure(ip_address("1.1.1.2"))


def test_realms_compare_without_case() -> None:
    policy = Policy.from_dict({**NETWORKS, "realms": {"Asterisk": ["Example.COM"]}})
    assert policy.domains_of("ASTERISK") == ("example.com",)
    assert policy.domains_of("Other") == ("other",)


@pytest.mark.parametrize(
    ("data", "code", "subject"),
    [
        ({**NETWORKS, "require_tls": True}, "unknown_policy_key", "require_tls"),
        ({"managed_networks": NETWORKS["managed_networks"], 7: True}, "unknown_policy_key", "7"),
        ({}, "bad_policy", "managed_networks"),
        (None, "bad_policy", "None"),
        ([], "bad_policy", "[]"),
        ({"managed_networks": {}}, "bad_policy", "managed_networks"),
        ({"managed_networks": ["1.1.1.0/24"]}, "bad_policy", "managed_networks"),
        ({"managed_networks": {"a": "1.1.1.0/24"}}, "bad_policy", "managed_networks.a"),
        ({"managed_networks": {"a": [7]}}, "bad_policy", "managed_networks.a"),
        ({"managed_networks": {"a": ["1.1.1.1/24"]}}, "bad_policy", "managed_networks.a"),
        ({"managed_networks": {"a": ["1.1.1.0/24"], "b": ["1.1.1.0/24"]}}, "bad_policy", "managed_networks.b"),
        ({**NETWORKS, "infrastructure": ["router.example.com"]}, "bad_policy", "infrastructure"),
        ({**NETWORKS, "correspondents": ["10.0.0.0/8"]}, "bad_policy", "correspondents"),
        ({**NETWORKS, "realms": []}, "bad_policy", "realms"),
        ({**NETWORKS, "realms": {"x": "y"}}, "bad_policy", "realms.x"),
        ({**NETWORKS, "infer": {"guess": True}}, "unknown_policy_key", "infer.guess"),
        ({**NETWORKS, "infer": {"instance": "yes"}}, "bad_policy", "infer.instance"),
        ({**NETWORKS, "infer": True}, "bad_policy", "infer"),
        ({**NETWORKS, "home_servers": {"example.com": "home"}}, "bad_policy", "home_servers.example.com"),
        ({**NETWORKS, "require_ownership": None}, "bad_policy", "require_ownership"),
        ({**NETWORKS, "require_authentication": "no"}, "bad_policy", "require_authentication"),
        ({**NETWORKS, "require_secure_transport": 0}, "bad_policy", "require_secure_transport"),
        ({**NETWORKS, "max_age_seconds": -1}, "bad_policy", "max_age_seconds"),
        ({**NETWORKS, "max_age_seconds": None}, "bad_policy", "max_age_seconds"),
        ({**NETWORKS, "max_lifetime_seconds": True}, "bad_policy", "max_lifetime_seconds"),
        ({**NETWORKS, "rate_window_seconds": 2**31}, "bad_policy", "rate_window_seconds"),
    ],
)
def test_what_is_not_understood_is_refused(data: Any, code: str, subject: str) -> None:
    with pytest.raises(HandoverError) as caught:
        Policy.from_dict(data)
    assert caught.value.code == code
    assert caught.value.subject.partition(":")[0] == subject
