# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IOS-XE by NETCONF: what is written for which release, what is read, and what is refused. No server is needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Freeze,
    Route,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.flow_lines import (
    Flow,
    Line,
    NatSettings,
    both_halves,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.static_nat import Side
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.iosxe.release import (
    NEWEST,
    Release,
    announced_release,
)
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.native_device import native_router

from .ios_router import ABROAD, NOW, PEERS, PHONES, states
from .iosxe_router import NETCONF, OLD_RELEASE, PLATFORM, RELEASES, RENDERER, answered, edited, held, put, text

OLD, NEW, PEER = PHONES[0][0], PHONES[1][0], PEERS[0]
STAMP = Stamp("8d7ac21f98194017", 1, NOW + 3600)
SCOPED = both_halves(Flow(Line(Side.INSIDE, OLD, NEW, True), PEER), STAMP)
WHOLE = both_halves(Flow(Line(Side.INSIDE, OLD, NEW, False), None), STAMP)
AT_B = RouterState((*SCOPED, Route(OLD, NEW, "GigabitEthernet1", STAMP)))
AT_C = RouterState(both_halves(Flow(Line(Side.OUTSIDE, ABROAD[0][0], ABROAD[1][0], False), None), STAMP))
FROZEN = RouterState((Freeze(Selector(None, NEW), STAMP), Freeze(Selector(OLD, PEER), STAMP)))
NOTHING = f'<rpc-reply xmlns="{NETCONF}"><data/></rpc-reply>'
OK = f'<rpc-reply xmlns="{NETCONF}"><ok/></rpc-reply>'
HELLO = (
    "http://cisco.com/ns/yang/Cisco-IOS-XE-nat?module=Cisco-IOS-XE-nat&revision={}",
    "http://cisco.com/ns/yang/Cisco-IOS-XE-acl?module=Cisco-IOS-XE-acl&amp;revision={}&features=x",
)
LIBRARY = "urn:ietf:params:netconf:capability:yang-library:1.0?revision=2016-06-21&module-set-id=1"
INTERFACES = """
<interface><GigabitEthernet><name>1</name><ip><nat xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-nat"><inside/></nat></ip>
</GigabitEthernet><Port-channel-subinterface><Port-channel><name>2.20</name><ip>
<nat xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-nat"><outside/></nat>{}</ip></Port-channel></Port-channel-subinterface>
</interface>"""


def native(*parts: str) -> str:
    """An answer with these parts of a configuration."""
    body = "".join(parts)
    return (
        f'<rpc-reply xmlns="{NETCONF}"><data><native xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-native">{body}'
        "</native></data></rpc-reply>"
    )


class Server:
    """A server that shows what it is told to, and takes every edit. A stand-in."""

    def __init__(self, *shows: str, announces: Iterable[str] = (), library: str = "") -> None:
        self.asked: list[str] = []
        self.edits: list[str] = []
        self._shows = list(shows)
        self._library = library
        self._can = frozenset(
            (*announces, *(f"urn:ietf:params:netconf:capability:{name}" for name in ("candidate:1.0",)))
        )

    @property
    def number(self) -> str:
        return "1"

    @property
    def capabilities(self) -> Set[str]:
        return self._can

    def request(self, operation: str) -> str:
        name = ElementTree.fromstring(operation).tag.partition("}")[2]
        self.asked.append(name)
        if name == "edit-config":
            self.edits.append(operation)
        if name == "get":
            return self._library
        return self._shows.pop(0) if name == "get-config" else OK

    def requests(self, *operations: str) -> list[str]:
        return [self.request(operation) for operation in operations]

    def tell(self, operation: str) -> None:
        self.request(operation)


def hello(revision: str) -> list[str]:
    return [uri.format(revision) for uri in HELLO]


@pytest.mark.parametrize("release", RELEASES.values(), ids=RELEASES)
@given(states())
def test_what_is_rendered_is_parsed_back(release: Release, state: RouterState) -> None:
    assert held(answered(put(state, release))) == state


@given(states(), st.sampled_from(list(RELEASES.values())))
def test_nothing_is_named_twice(state: RouterState, release: Release) -> None:
    """An entry of a list stands in an edit once (RFC 6241 section 7.2)."""
    for change in (difference(RouterState(), state), difference(state, RouterState())):
        names = []
        for item in edited(text(change, release)).iter():
            keys = [leaf.text for leaf in item if leaf.tag.endswith(("-ip", "}name", "}sequence", "}prefix", "}fwd"))]
            if keys and item.tag.endswith(
                ("-transport-list", "list-no-vrf", "forwarding-list", "environment", "extended", "route-map")
            ):
                names.append((item.tag, *keys[:2]))
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("release", "words"),
    [("16.9", "nat-static-transport-list"), ("17.4", "nat-static-transport-list-no-vrf")],
)
def test_the_list_of_outside_entries_is_that_of_the_release(release: str, words: str) -> None:
    written = put(AT_C, RELEASES[release])
    assert f"<{words} " in written
    assert f"<fwd>{ABROAD[1][0]}</fwd>" in written, "there is no leaf add-route"


@pytest.mark.parametrize(("release", "leaf"), [("16.9", "host"), ("17.4", "host"), ("17.12", "host-address")])
def test_a_host_of_an_access_list_is_written_as_the_release_has_it(release: str, leaf: str) -> None:
    assert f"<{leaf}>{OLD}</{leaf}>" in put(AT_B, RELEASES[release])


@pytest.mark.parametrize(
    ("announced", "expected"),
    [
        (hello("2020-07-01"), False),
        (hello("2020-11-01"), True),
        (hello("2023-07-01"), True),
        (hello("2023-07-01")[:1], None),
        ([LIBRARY], None),
    ],
)
def test_the_release_is_told_by_the_hello(announced: list[str], expected: bool | None) -> None:
    release = announced_release(announced)
    assert (None if release is None else release.split) == expected


def test_a_release_that_the_hello_does_not_tell_is_asked_for() -> None:
    """Modules of YANG 1.1 need not stand in a hello (RFC 7950 section 5.6.4)."""
    modules = "".join(
        f"<module><name>Cisco-IOS-XE-{name}</name><revision>2018-12-18</revision></module>" for name in ("nat", "acl")
    )
    library = (
        f'<rpc-reply xmlns="{NETCONF}"><data><modules-state xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-library">'
        f"{modules}</modules-state></data></rpc-reply>"
    )
    shown = native(INTERFACES.format(""))
    server = Server(shown, shown, announces=[LIBRARY], library=library)
    with pytest.raises(HandoverError, match="not_read_back"):  # it forgets what it is told
        native_router("rc", PLATFORM, RENDERER, server).apply(Change(put=tuple(AT_C)), RouterState(), NOW)
    assert server.asked == ["lock", "get-config", "get", "edit-config", "commit", "get-config", "unlock"]
    assert "no-vrf" not in server.edits[0]


@pytest.mark.parametrize("library", [NOTHING, ""], ids=["none of Cisco's", "no library"])
def test_a_server_without_cisco_s_modules_is_refused(library: str) -> None:
    server = Server(native(INTERFACES.format("")), announces=[LIBRARY] if library else [], library=library)
    with pytest.raises(HandoverError, match="module_missing"):
        native_router("rc", PLATFORM, RENDERER, server).apply(Change(put=tuple(AT_C)), RouterState(), NOW)
    assert not server.edits


@pytest.mark.parametrize(
    ("release", "settings", "said"),
    [
        ("16.9", NatSettings("BLUE"), "since 17.4"),
        ("16.9", NatSettings(redundancy="HSRP-LAN"), "since IOS-XE 17.9"),
        ("17.4", NatSettings(redundancy="HSRP-LAN"), "since IOS-XE 17.9"),
        ("17.12", NatSettings(redundancy="1"), "no leaf for"),
    ],
)
def test_what_a_release_has_no_leaf_for_is_refused(release: str, settings: NatSettings, said: str) -> None:
    with pytest.raises(HandoverError, match=f"unsupported_entry.*{said}"):
        put(AT_C, RELEASES[release], settings)
    put(AT_B, RELEASES[release], settings)


def test_vrf_and_redundancy_stand_on_every_entry() -> None:
    settings = NatSettings("BLUE", "HSRP-LAN")
    written = put(AT_C, NEWEST, settings)
    assert "nat-static-transport-list-with-vrf" in written
    for part in ("<match-in-vrf/>", "<redundancy>HSRP-LAN</redundancy>", "<vrf>\n            <name>BLUE</name>"):
        assert part in written
    assert held(answered(written)) == AT_C
    gone = text(difference(AT_C, RouterState()), NEWEST, settings)
    assert re.search(r'<vrf nc:operation="remove">\s*<name>BLUE</name>\s*</vrf>', gone), "a VRF has one route at least"


def test_a_line_that_changes_its_scope_is_replaced() -> None:
    whole = RouterState(WHOLE)
    written = text(difference(RouterState(SCOPED), whole))
    assert 'nat-static-transport-list nc:operation="replace"' in written
    assert written.count(f"<local-ip>{OLD}</local-ip>") == 1


def test_a_refresh_touches_no_line_of_nat() -> None:
    later = RouterState(replace(entry, stamp=replace(STAMP, expires=NOW + 7200, epoch=2)) for entry in AT_B)
    (root,) = edited(text(difference(AT_B, later)))
    assert [part.tag.partition("}")[2] for part in root] == ["event"]


def test_interfaces_of_nat_get_the_list_of_frozen_flows_and_lose_it() -> None:
    shown = native(INTERFACES.format(""))
    server = Server(shown, shown, announces=hello("2023-07-01"))
    with pytest.raises(HandoverError, match="not_read_back"):
        native_router("rb", PLATFORM, RENDERER, server).apply(Change(put=tuple(FROZEN)), RouterState(), NOW)
    assert server.edits[0].count("<acl><acl-name>SIPMOBILITY-FREEZE-1</acl-name><in/></acl>") == 2
    assert "<Port-channel-subinterface>" in server.edits[0]


def test_an_access_list_of_somebody_else_is_not_taken_away() -> None:
    access = "<access-group><in><acl><acl-name>EDGE</acl-name><in/></acl></in></access-group>"
    server = Server(native(INTERFACES.format(access)), announces=hello("2023-07-01"))
    with pytest.raises(HandoverError, match="access_list_taken"):
        native_router("rb", PLATFORM, RENDERER, server).apply(Change(put=tuple(FROZEN)), RouterState(), NOW)
    assert server.asked == ["lock", "get-config", "discard-changes", "unlock"]


def test_an_entry_of_somebody_else_for_the_same_addresses_is_not_overwritten() -> None:
    static = (
        '<ip><nat xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-nat"><inside><source><static><nat-static-transport-list>'
        f"<local-ip>{OLD}</local-ip><global-ip>{NEW}</global-ip><route-map>THEIRS</route-map>"
        "</nat-static-transport-list></static></source></inside></nat></ip>"
    )
    server = Server(native(static, INTERFACES.format("")), announces=hello("2023-07-01"))
    with pytest.raises(HandoverError, match="already_mapped"):
        native_router("rb", PLATFORM, RENDERER, server).apply(Change(put=tuple(AT_B)), RouterState(), NOW)
    assert not server.edits


ROUTE = """<ip><route><ip-route-interface-forwarding-list><prefix>{prefix}</prefix><mask>{mask}</mask>{forwards}
</ip-route-interface-forwarding-list></route></ip>"""
OURS = "<interface-next-hop><ip-address>{}</ip-address><name>sipmobility</name><tag>7082</tag></interface-next-hop>"
THEIRS = "<interface-next-hop><ip-address>192.0.2.9</ip-address></interface-next-hop>"


@pytest.mark.parametrize(
    ("beside", "removed"),
    [
        ("", "ip-route-interface-forwarding-list"),
        ("<fwd-list><fwd>192.0.2.1</fwd></fwd-list>", "fwd-list"),
        (THEIRS, "interface-next-hop"),
    ],
    ids=["alone", "beside another way", "beside another next hop"],
)
def test_a_route_goes_with_no_rest_and_with_nobody_elses(beside: str, removed: str) -> None:
    """A rest without its next hop would be a route over the interface alone."""
    hops = OURS.format(NEW) + (beside if beside == THEIRS else "")
    forwards = f"<fwd-list><fwd>GigabitEthernet1</fwd>{hops}</fwd-list>" + ("" if beside == THEIRS else beside)
    answer = native(ROUTE.format(prefix=OLD, mask="255.255.255.255", forwards=forwards), INTERFACES.format(""))
    server = Server(answer, answer, NOTHING, announces=hello("2023-07-01"))
    router = native_router("rb", PLATFORM, RENDERER, server)
    state = router.gather()
    (remnant,) = state
    assert (remnant.stamp.handover, isinstance(remnant, Route)) == ("", True)
    router.apply(difference(state, RouterState()), state, NOW)
    found = re.findall(r'<(\S+) nc:operation="remove">', server.edits[0])
    assert found == [removed]


@pytest.mark.parametrize(
    "answer",
    [
        native(
            '<event><manager xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-eem"><environment><name>sipmobility_x</name>'
            "<value>by hand</value></environment></manager></event>"
        ),
        native(
            ROUTE.format(
                prefix="10.0.0.0",
                mask="255.0.0.0",
                forwards="<fwd-list><fwd>192.0.2.1</fwd><name>sipmobility</name></fwd-list>",
            )
        ),
    ],
    ids=["record", "route"],
)
def test_what_bears_our_name_and_is_not_of_ours_is_told(answer: str) -> None:
    with pytest.raises(HandoverError, match="foreign_entry"):
        held(answer)


@pytest.mark.parametrize("text", [OK, "<data/>", "<rpc-reply"])
def test_an_answer_that_is_none_is_told(text: str) -> None:
    with pytest.raises(HandoverError, match="unreadable_answer"):
        held(text)


def test_others_configuration_is_passed_over() -> None:
    others = (
        "<ip><nat xmlns='http://cisco.com/ns/yang/Cisco-IOS-XE-nat'><inside><source><static>"
        "<nat-static-transport-interface-list><local-ip>10.1.1.1</local-ip><interface><Loopback>1</Loopback></interface>"
        "</nat-static-transport-interface-list><nat-static-transport-list><local-ip>10.1.1.2</local-ip>"
        "<global-ip>192.0.2.2</global-ip><forced/></nat-static-transport-list></static></source></inside></nat>"
        "<access-list><extended xmlns='http://cisco.com/ns/yang/Cisco-IOS-XE-acl'><name>SIPMOBILITY-FREEZE-1</name>"
        "<access-list-seq-rule><sequence>10</sequence><ace-rule><action>deny</action><protocol>tcp</protocol><any/>"
        "<dst-any/></ace-rule></access-list-seq-rule><access-list-seq-rule><sequence>20</sequence><ace-rule>"
        "<action>deny</action><protocol>ip</protocol><ipv4-address>10.0.0.0</ipv4-address><mask>0.0.0.255</mask><dst-any/>"
        "</ace-rule></access-list-seq-rule></extended></access-list></ip>"
    )
    assert held(native(others)) == RouterState()


DEVICE = """<rpc-error><error-type>application</error-type><error-tag>operation-failed</error-tag>
<error-severity>error</error-severity>
<error-message>inconsistent value: Device refused one or more commands</error-message><error-info>
<severity xmlns="http://cisco.com/yang/cisco-ia">error_cli</severity><detail xmlns="http://cisco.com/yang/cisco-ia">
<bad-cli><bad-command>{}</bad-command><error-location>1</error-location></bad-cli></detail></error-info></rpc-error>"""
TAG = """<rpc-error><error-type>protocol</error-type><error-tag>{}</error-tag><error-severity>error</error-severity>
<error-message>{}</error-message></rpc-error>"""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DEVICE.format("ip nat inside source static 1.1.1.1 2.2.2.2"), "step_refused"),
        (DEVICE.format("%NAT: similar static entry (1.1.1.1 -> 2.2.2.2) already exists"), "similar_entry"),
        (TAG.format("in-use", "locked by 7"), "lock_held"),
        (TAG.format("operation-failed", "Please create ipv4 vrf first, and delete the last"), "no_such_vrf"),
    ],
)
def test_what_a_server_refuses_is_told_with_its_words(error: str, code: str) -> None:
    told = PLATFORM.diagnose("rb", f'<rpc-reply xmlns="{NETCONF}">{error}</rpc-reply>')
    assert told.code == code
    assert re.search(r"1\.1\.1\.1|Device refused|locked by 7|vrf first", told.subject)


def test_a_revision_that_is_no_date_is_told() -> None:
    with pytest.raises(HandoverError, match="bad_revision"):
        Release("17.12", "17.12")
    assert OLD_RELEASE.split is False
