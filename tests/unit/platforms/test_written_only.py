# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Platforms that are only written: what they refuse, what stands in the text, and what can be read back of it.

None of the text was tried on a router of its vendor; these tests say that it is what the documentation shows.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import assume, given

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Directions,
    Entry,
    Freeze,
    Mark,
    Neighbour,
    Rewrite,
    Route,
    Scope,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.placing import entries_for
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.registry import platform_named
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.written_only.lines import rule_number
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.written_only.platform import WrittenOnly
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter
from ansible_collections.sipmobility.handover.plugins.plugin_utils.written_only_device import WrittenOnlyDevice

from ..mobility.entries import entries, states
from ..mobility.worlds import NEW, NOW, OLD, PEER, TOPOLOGY, patent_handover

NAMES = ("eos", "iosxr", "nxos", "routeros", "vyos")
READ = ("routeros", "vyos")
RENDERER = Renderer()
STAMP = Stamp("8d7ac21f98194017", 3, NOW + 100_000)
WIDE = patent_handover(scope=Scope.ADDRESS, sessions=(), correspondents=(PEER,))
SESSION = patent_handover()


def platform(name: str) -> WrittenOnly:
    found = platform_named(name)
    assert isinstance(found, WrittenOnly)
    return found


def router(name: str) -> ManagedRouter:
    one = platform(name)
    return ManagedRouter("rb", one, WrittenOnlyDevice(one, RENDERER, "lan", "wan"))


def text(name: str, change: Change) -> list[str]:
    return router(name).text(change, NOW).splitlines()


def placed(name: str, handover_router: str) -> tuple[Entry, ...]:
    """What a router holds for the patent's call, as wide as the platform needs it."""
    handover = WIDE if platform(name).lines else SESSION
    return tuple(entries_for(handover, TOPOLOGY)[handover_router])


@pytest.mark.parametrize("name", NAMES)
def test_no_router_is_ever_reached(name: str) -> None:
    one = router(name)
    route = Route(OLD, NEW, "lan", STAMP)
    for act in (one.gather, lambda: one.apply(Change(put=(route,)), RouterState(), NOW)):
        with pytest.raises(HandoverError, match=rf"render_only: text for {name} is written to files and never sent"):
            act()
    assert platform(name).capabilities.written_only


@pytest.mark.parametrize("name", NAMES)
def test_every_text_says_first_that_it_was_not_tried(name: str) -> None:
    told = text(name, Change(put=(Route(OLD, NEW, "lan", STAMP),)))
    assert "not tried on it" in told[0]
    one = platform(name)
    if name != "iosxr":
        assert "not tried on it" in WrittenOnlyDevice(one, RENDERER, "lan", "wan").prerequisites()


@pytest.mark.parametrize(
    ("name", "where", "lines"),
    [
        (
            "nxos",
            "rb",
            [
                "ip route 1.1.1.1/32 lan 2.2.2.2 name sipmobility tag 7082",
                "ip nat inside source static 1.1.1.1 2.2.2.2",
            ],
        ),
        ("nxos", "rc", ["ip nat outside source static 2.2.2.2 1.1.1.1 add-route"]),
        ("eos", "rb", ["interface wan", " ip nat source static 1.1.1.1 2.2.2.2"]),
        ("eos", "rc", ["interface lan", " ip nat destination static 1.1.1.1 2.2.2.2"]),
    ],
)
def test_a_line_is_for_both_halves(name: str, where: str, lines: list[str]) -> None:
    """facts: one line of static NAT works both ways."""
    entries_there = placed(name, where)
    told = text(name, Change(put=entries_there))
    at = [told.index(line) for line in lines]
    assert at == sorted(at)
    back = text(name, Change(remove=entries_there))
    assert [line for line in back if line.startswith((" no ", "no "))] != []
    assert not any("put" in line for line in told)


@pytest.mark.parametrize("name", ["nxos", "eos"])
def test_a_half_alone_is_refused(name: str) -> None:
    half = next(entry for entry in placed(name, "rb") if isinstance(entry, Rewrite))
    with pytest.raises(HandoverError, match=r"unsupported_entry: a line of static NAT translates both ways"):
        text(name, Change(put=(half,)))


@pytest.mark.parametrize("name", ["nxos", "eos"])
def test_what_only_lives_longer_writes_no_line(name: str) -> None:
    held = placed(name, "rb")
    longer = tuple(replace(entry, stamp=replace(entry.stamp, epoch=9)) for entry in held)
    assert [line for line in text(name, Change(held, longer)) if "1.1.1.1" in line] == []


def test_ios_xr_holds_a_route_and_says_why_nothing_else() -> None:
    route = Route(OLD, NEW, "Gi0/0/0/1", STAMP)
    told = text("iosxr", Change(put=(route,)))
    line = "router static address-family ipv4 unicast 1.1.1.1/32 Gi0/0/0/1 2.2.2.2"
    assert f"{line} tag 7082 description sipmobility" in told
    assert f"no {line}" in text("iosxr", Change(remove=(route,)))
    with pytest.raises(HandoverError, match=r"unsupported_scope: iosxr: IOS XR has no NAT but that of carrier-grade"):
        text("iosxr", Change(put=placed("vyos", "rb")))
    topology = Topology(
        replace(one, platform="iosxr") if one.name == "rb" else one for one in TOPOLOGY.routers.values()
    )
    (refused,) = make_plan([SESSION], topology, {}).refused
    assert (refused.code, "carrier-grade" in refused.reason) == ("unsupported_scope", True)


def test_vyos_names_both_interfaces_and_forgets_connections_after_the_commit() -> None:
    told = text("vyos", Change(put=placed("vyos", "rc")))
    number = rule_number(next(entry for entry in placed("vyos", "rc") if isinstance(entry, Rewrite)))
    for line in (
        f"set nat destination rule {number} inbound-interface name 'lan'",
        f"set nat destination rule {number} source port '7000'",
        f"set nat destination rule {number} translation address '2.2.2.2'",
    ):
        assert line in told
    assert told.index("commit") < told.index(
        "sudo conntrack --delete --orig-src 3.3.3.3 --orig-dst 1.1.1.1 --proto tcp --sport 7000 --dport 40000 || true"
    )


def test_routeros_forgets_connections_by_both_ends() -> None:
    told = text("routeros", Change(put=placed("routeros", "rc")))
    source, destination = r"^3\\.3\\.3\\.3:7000\$", r"^1\\.1\\.1\\.1:40000\$"
    wanted = f'/ip firewall connection remove [find src-address~"{source}" dst-address~"{destination}"]'
    assert wanted in told


def parsed(name: str, lines: list[str]) -> RouterState:
    return router(name).parse("\n".join(lines))


def shown(lines: list[str]) -> list[str]:
    """What a router shows of what it was given: not what was taken away, nor what was asked beside it."""
    return [line for line in lines if line.startswith("set ") or " add " in line]


@pytest.mark.parametrize("name", READ)
@given(states(entries(), 6))
def test_what_is_rendered_is_what_is_parsed(name: str, state: RouterState) -> None:
    """Marks are not written: on these routers nothing asks for them."""
    wanted = RouterState(
        entry
        for entry in state
        if not platform(name).objections(RouterState([entry]))
        and not isinstance(entry, Mark)
        and not (isinstance(entry, Route) and "/" in str(entry.interface))
    )
    numbers = [rule_number(entry) for entry in wanted if isinstance(entry, (Rewrite, Freeze))]
    assume(len(set(numbers)) == len(numbers))
    assert parsed(name, shown(text(name, Change(put=tuple(wanted))))) == wanted


@pytest.mark.parametrize("name", READ)
def test_what_is_not_ours_is_left_and_what_looks_like_it_is_refused(name: str) -> None:
    lines = shown(text(name, Change(put=placed(name, "rc"))))
    theirs = {
        "vyos": "set nat source rule 900001 description 'masquerade'",
        "routeros": '/ip firewall nat add chain=srcnat action=masquerade comment="out"',
    }[name]
    assert parsed(name, [*lines, theirs]) == parsed(name, lines)
    with pytest.raises(HandoverError) as told:
        parsed(name, [line.replace("3.3.3.3", "3.3.3.9") for line in lines])
    assert told.value.code == "foreign_entry"
    with pytest.raises(HandoverError) as told:
        parsed(name, [line.replace("3.3.3.3", "3.3.3") for line in lines])
    assert told.value.code == "unreadable_answer"


@pytest.mark.parametrize("name", ["eos", "nxos", "iosxr"])
def test_no_parser_pretends_more(name: str) -> None:
    with pytest.raises(HandoverError, match="render_only"):
        parsed(name, ["ip nat inside source static 1.1.1.1 2.2.2.2"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (Neighbour(OLD, "lan", STAMP), "unsupported_neighbour"),
        (Route(OLD, None, "lan", STAMP), "unsupported_entry"),
        (Rewrite(next(iter(entries_for(SESSION, TOPOLOGY)["rb"])).kind, Selector(source=PEER), OLD, STAMP), ""),  # type: ignore[union-attr]
    ],
)
def test_what_none_of_them_can_hold(name: str, entry: Entry, code: str) -> None:
    with pytest.raises(HandoverError) as told:
        text(name, Change(put=(entry,)))
    assert told.value.code == (code or told.value.code)


@pytest.mark.parametrize("name", ["eos", "nxos", "routeros", "vyos"])
def test_ipv6_is_not_written(name: str) -> None:
    old, via = ip_address("2001:db8:a::5"), ip_address("2001:db8:b::5")
    with pytest.raises(HandoverError, match="unsupported_family"):
        text(name, Change(put=(Route(old, via, "lan", STAMP),)))


def with_platforms(**names: str) -> Topology:
    return Topology(
        replace(one, platform=names[one.name], inside="ge-0/0/1.0") if one.name in names else one
        for one in TOPOLOGY.routers.values()
    )


@pytest.mark.parametrize("name", ["eos", "nxos"])
def test_one_such_router_needs_no_freeze_and_two_are_refused(name: str) -> None:
    """Design rule 3; and a freeze would need an access list, of which an interface has one."""
    planned = make_plan([WIDE], with_platforms(rb=name), {})
    assert planned.refused == ()
    assert Phase.FREEZE not in {stage.phase for stage in planned.stages}
    for other in (name, "ios"):
        (refused,) = make_plan([WIDE], with_platforms(rb=name, rc=other), {}).refused
        assert refused.code == "needs_freeze"


@pytest.mark.parametrize("name", [*READ, "junos"])
def test_a_router_that_tracks_connections_freezes(name: str) -> None:
    planned = make_plan([SESSION], with_platforms(rb=name), {})
    phases = [stage.phase for stage in planned.stages]
    assert phases.index(Phase.FREEZE) < phases.index(Phase.JOINT) < phases.index(Phase.THAW)
    forward = replace(SESSION, directions=Directions.FORWARD)
    (refused,) = make_plan([forward], with_platforms(rb=name), {}).refused
    assert refused.code == "unsupported_directions"
