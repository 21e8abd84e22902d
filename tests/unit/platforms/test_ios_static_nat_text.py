# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Static NAT entries and their lines. What is written is read back as it was; what IOS has no line for is refused."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.static_nat import (
    Owned,
    Protocol,
    Side,
    StaticNat,
    entry_from_record,
    entry_to_record,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.static_nat_text import (
    Configuration,
    line_context,
    parse_configuration,
)
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from tests.standins.ios.nat import read_static

RENDERER = Renderer()
ADDRESSES = st.integers(0, 2**32 - 1).map(IPv4Address)
PORTS = st.integers(1, 65535)
# Words of IOS are names as well, and a name may have any sign that a command line passes on.
NAMES = st.sampled_from(("vrf", "extendable", "mapping-id", "interface")) | st.from_regex(
    r"[A-Za-z_][A-Za-z0-9_.:|/-]{0,20}", fullmatch=True
)
INTERFACES = st.builds(
    "{}{}".format, st.sampled_from(("GigabitEthernet", "Port-channel", "BDI")), st.sampled_from(("0", "0/0/1", "1.20"))
)


@st.composite
def entries(draw: st.DrawFn) -> StaticNat:
    side = draw(st.sampled_from(Side))
    inside, form = side is Side.INSIDE, draw(st.sampled_from(("address", "ports", "network")))
    values: dict[str, Any] = {"local_address": draw(ADDRESSES), "global_address": draw(ADDRESSES)}
    if form == "network":
        values["prefix_length"] = length = draw(st.integers(1, 32))
        for name in ("local_address", "global_address"):
            values[name] = IPv4Address(int(values[name]) >> (32 - length) << (32 - length))
    elif inside and draw(st.booleans()):
        values.update(global_address=None, interface=draw(INTERFACES))
    if form == "ports":
        values.update(protocol=draw(st.sampled_from(Protocol)), local_port=draw(PORTS), global_port=draw(PORTS))
    values.update({name: draw(st.booleans()) for name in ("extendable", "no_alias", "no_payload")})
    if draw(st.booleans()):
        values.update(vrf=draw(NAMES), match_in_vrf=draw(st.booleans()))
    if inside and draw(st.booleans()):
        values.update(route_map=draw(NAMES), reversible=draw(st.booleans()))
    if draw(st.booleans()):
        values.update(redundancy=draw(NAMES), mapping_id=draw(st.none() | st.integers(1, 2**31)))
    return StaticNat(side, add_route=not inside and draw(st.booleans()), **values)


def line(entry: StaticNat, **more: bool) -> str:
    context = {"remove": False, "forced": False, **line_context(entry), **more}
    return RENDERER.render("ios/static_nat.j2", context).strip()


@given(st.lists(entries(), unique_by=lambda entry: entry.key, max_size=5))
def test_parsed_rendered_is_the_same(given_entries: list[StaticNat]) -> None:
    text = "\n".join(line(entry) for entry in given_entries)
    read = parse_configuration(text)
    assert read.entries == tuple(given_entries)
    assert read.unread == ()


@given(entries())
def test_the_stand_in_knows_every_line(entry: StaticNat) -> None:
    """A second reader, written without the first: same words, same order as it prints them itself."""
    words = line(entry).split()
    again = read_static(words, 2).shown().split()
    if entry.interface is not None:
        assert set(again) == set(words)
    else:
        assert again == words


@given(entries())
def test_a_record_is_the_entry(entry: StaticNat) -> None:
    assert entry_from_record(entry_to_record(entry)) == entry


@given(st.text(alphabet=st.sampled_from("ip nat outside source static tcp network vrf 10.1.1.1 /24 \n\t"), max_size=80))
def test_any_text_is_read(text: str) -> None:
    found = parse_configuration("ip nat inside source static " + text)
    assert len(found.entries) + len(found.unread) <= text.count("\n") + 1


@pytest.mark.parametrize(
    ("text", "record"),
    [
        # The order of options, the mask and blanks differ between releases.
        (
            " ip nat inside source static 10.1.1.1 192.0.2.1 extendable no-alias vrf A  match-in-vrf ",
            {"vrf": "A", "match_in_vrf": True, "extendable": True, "no_alias": True, "local_address": "10.1.1.1"},
        ),
        (
            "ip nat outside source static network 198.51.100.0 10.9.0.0 255.255.255.0",
            {"side": "outside", "prefix_length": 24, "local_address": "10.9.0.0", "global_address": "198.51.100.0"},
        ),
        (
            "ip nat outside source static tcp 198.51.100.7 80 10.9.9.7 8080 vrf A extendable add-route",
            {"local_port": 8080, "global_port": 80, "local_address": "10.9.9.7", "add_route": True},
        ),
        (
            "ip nat inside source static 10.1.1.1 192.0.2.1 redundancy HSRP1",
            {"redundancy": "HSRP1", "side": "inside"},
        ),
        (
            "ip nat inside source static udp 10.1.1.1 5060 interface Dialer1 5060",
            {"interface": "Dialer1", "local_port": 5060, "global_port": 5060},
        ),
    ],
)
def test_forms_that_running_configurations_have(text: str, record: dict[str, Any]) -> None:
    (entry,) = parse_configuration(text).entries
    assert record.items() <= entry_to_record(entry).items()


@pytest.mark.parametrize(
    "text",
    [
        "ip nat inside source static esp 10.1.1.1 interface GigabitEthernet1",
        "ip nat inside source static 10.1.1.1 192.0.2.1 pool P",
        "ip nat inside source static 10.1.1.1",
        "ip nat inside source static network 10.1.1.1 192.0.2.1 /24",
        "ip nat outside source static 10.1.1.1 192.0.2.1 route-map M",
    ],
)
def test_a_line_of_another_form_is_told_and_not_guessed(text: str) -> None:
    read = parse_configuration(text)
    assert (read.entries, read.unread) == ((), (text,))


def test_other_nat_is_passed_over() -> None:
    text = (
        "interface Gi1\n ip nat inside\nip nat pool P 192.0.2.1 192.0.2.9 prefix-length 24\nip nat inside source list 1"
    )
    assert parse_configuration(text) == Configuration()


PLAIN = {"side": "inside", "local_address": "10.1.1.1", "global_address": "192.0.2.1"}
PORTED = {**PLAIN, "protocol": "tcp", "local_port": 80, "global_port": 80}


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({**PLAIN, "interface": "GigabitEthernet1"}, "either a global address or an interface"),
        ({**PLAIN, "global_address": None}, "either a global address or an interface"),
        ({"side": "outside", "local_address": "10.1.1.1", "interface": "Gi1"}, "only an inside entry"),
        ({**PLAIN, "protocol": "tcp", "local_port": 80}, "stand together"),
        ({**PLAIN, "global_port": 80}, "stand together"),
        ({**PORTED, "local_port": 0}, "between 1 and 65535"),
        ({**PORTED, "prefix_length": 24}, "without ports"),
        ({**PLAIN, "prefix_length": 24}, "first of a network"),
        ({**PLAIN, "prefix_length": 33}, "first of a network"),
        ({**PLAIN, "side": "outside", "route_map": "M"}, "no route-map on a static entry of the outside"),
        ({**PLAIN, "reversible": True}, "stands with a route-map"),
        ({**PLAIN, "add_route": True}, "outside entries only"),
        ({**PLAIN, "match_in_vrf": True}, "stands with a vrf"),
        ({**PLAIN, "mapping_id": 1}, "stands with a redundancy group"),
        ({**PLAIN, "redundancy": "1"}, "has a mapping_id"),
        ({**PLAIN, "vrf": "A B"}, "without blanks"),
        ({**PLAIN, "vrf": "A\nreload"}, "without blanks"),
        ({**PLAIN, "route_map": "?"}, "question marks"),
        ({**PLAIN, "interface": "Gi1 reload"}, "a type and a number"),
        ({**PLAIN, "local_address": "2001:db8::1"}, "local_address"),
        ({**PLAIN, "side": "both"}, "side"),
        ({**PLAIN, "overload": True}, "no such key"),
    ],
)
def test_what_ios_has_no_line_for_is_refused(record: dict[str, Any], told: str) -> None:
    with pytest.raises(HandoverError, match=told):
        entry_from_record(record)


@pytest.mark.parametrize(
    ("given_name", "name"), [("Gi0/0/1", "GigabitEthernet0/0/1"), ("dialer 1", "dialer1"), ("vl20", "Vlan20")]
)
def test_interface_names_are_completed(given_name: str, name: str) -> None:
    record = {"side": "inside", "local_address": "10.1.1.1", "interface": given_name}
    assert entry_from_record(record).interface == name


def test_a_removal_has_the_whole_line() -> None:
    inside, outside = entry_from_record(PORTED), entry_from_record({**PLAIN, "side": "outside", "add_route": True})
    told = "no ip nat inside source static tcp 10.1.1.1 80 192.0.2.1 80"
    assert line(inside, remove=True) == told
    assert line(inside, remove=True, forced=True) == f"{told} forced"
    told = "no ip nat outside source static 192.0.2.1 10.1.1.1 add-route"
    assert line(outside, remove=True, forced=True) == told


@pytest.mark.parametrize(
    ("part", "covers"),
    [
        ({"network": "10.1.0.0/16"}, True),
        ({"network": "10.1.1.1/32", "side": "inside"}, True),
        ({"network": "10.1.1.1/32", "side": "outside"}, False),
        ({"network": "0.0.0.0/0", "vrf": "A"}, False),
        ({"network": "192.0.2.0/24"}, False),
    ],
)
def test_an_entry_is_owned_by_its_local_address(part: dict[str, str], covers: bool) -> None:
    assert Owned.from_record(part).covers(entry_from_record(PLAIN)) is covers


def test_a_network_is_owned_as_a_whole() -> None:
    entry = entry_from_record(
        {**PLAIN, "local_address": "10.1.0.0", "global_address": "192.0.2.0", "prefix_length": 24}
    )
    assert Owned.from_record({"network": "10.1.0.0/23"}).covers(entry)
    assert not Owned.from_record({"network": "10.1.0.0/25"}).covers(entry)
