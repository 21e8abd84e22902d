# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The longest prefix that holds an address, beside what the networks themselves say."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.memory import Parsed
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.prefixes import Prefixes

#: Few bits, so that prefixes hold addresses, and each other.
_FOUR = st.integers(0, 255).map(lambda low: IPv4Address(0xC6336400 + low))
_SIX = st.integers(0, 255).map(lambda low: IPv6Address((0x20010DB8 << 96) + low))
_ADDRESSES = st.one_of(_FOUR, _SIX)
_NETWORKS = st.one_of(
    st.builds(lambda address, length: IPv4Network((address, length), strict=False), _FOUR, st.integers(20, 32)),
    st.builds(lambda address, length: IPv6Network((address, length), strict=False), _SIX, st.integers(116, 128)),
)


@given(st.lists(_NETWORKS, max_size=8), _ADDRESSES)
def test_it_is_the_longest(networks: list[IPv4Network | IPv6Network], address: IPv4Address | IPv6Address) -> None:
    holding = [one for one in networks if one.version == address.version and address in one]
    wanted = max(holding, key=lambda one: one.prefixlen, default=None)
    assert Prefixes({one: one for one in networks}).longest(address) == wanted


def test_every_address_and_a_single_one() -> None:
    prefixes = Prefixes({ip_network("::/0"): "all", ip_network("2001:db8::1/128"): "one"})
    assert prefixes.longest(ip_address("2001:db8::1")) == "one"
    assert prefixes.longest(ip_address("2001:db8::2")) == "all"
    assert prefixes.longest(ip_address("198.51.100.1")) is None


def test_a_value_is_read_once() -> None:
    read: list[object] = []

    def reading(value: object) -> int:
        read.append(value)
        return len(read)

    parsed = Parsed(reading)
    value, same = ["a"], ["a"]
    assert [parsed.of(value), parsed.of(value), parsed.of(same)] == [1, 1, 2]
    for number in range(5000):
        parsed.of([number])
    assert parsed.of(value) > 2
    known = ["b"]
    parsed.keep(known, 0)
    assert parsed.of(known) == 0
