# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IOS as a router of handovers: its lines, what it holds, and what it refuses, against the stand-in in this process."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Entry,
    Freeze,
    Mark,
    Rewrite,
    RewriteKind,
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
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.router import Ios
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.static_nat import Side
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.router_device import ios_router
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer

from .ios_device import Terminal
from .ios_router import ABROAD, NOW, PEERS, PHONES, router, states

OLD, NEW, PEER = PHONES[0][0], PHONES[1][0], PEERS[0]
STAMP = Stamp("8d7ac21f98194017", 1, NOW + 3600)
SCOPED = both_halves(Flow(Line(Side.INSIDE, OLD, NEW, True), PEER), STAMP)
AT_B = RouterState((*SCOPED, Route(OLD, NEW, "GigabitEthernet1", STAMP)))
AT_C = RouterState(both_halves(Flow(Line(Side.OUTSIDE, ABROAD[0][0], ABROAD[1][0], False), None), STAMP))
MAPPING = int(ABROAD[0][0]) % 2147483647 + 1
FROZEN = RouterState((Freeze(Selector(None, NEW), STAMP), Freeze(Selector(OLD, PEER), STAMP)))


def refused(state: RouterState, terminal: Terminal | None = None) -> HandoverError:
    with pytest.raises(HandoverError) as error:
        router(terminal or Terminal()).apply(difference(RouterState(), state), RouterState(), NOW)
    return error.value


@given(states())
def test_what_is_rendered_is_parsed_back(state: RouterState) -> None:
    text = router(Terminal()).text(difference(RouterState(), state), NOW)
    assert router(Terminal()).parse(text) == state


@given(states(), states())
def test_the_standin_goes_from_any_state_to_any_other_and_back_to_nothing(one: RouterState, other: RouterState) -> None:
    others = ("ip nat inside source static 10.1.1.10 203.0.113.10", "ip route 10.9.0.0 255.255.0.0 10.1.1.9")
    terminal = Terminal(others)
    before = terminal.config.lines()
    rb = router(terminal)
    held = rb.gather()
    assert held == RouterState()
    for goal in (one, other, RouterState()):
        held = rb.apply(difference(held, goal), held, NOW)
        assert held == goal == rb.gather()
    assert terminal.config.lines() == before, "nothing of ours stays, and nothing of others went"


def test_the_visited_routers_lines_are_kept_to_the_correspondent() -> None:
    terminal = Terminal()
    router(terminal).apply(difference(RouterState(), AT_B), RouterState(), NOW)
    name = f"SIPMOBILITY-{OLD}-{NEW}"
    assert terminal.statics() == [
        f"ip nat inside source static {OLD} {NEW} route-map {name} reversible extendable no-alias no-payload"
    ]
    lines = terminal.config.lines()
    assert f" permit ip host {OLD} host {PEER}" in lines
    assert f"ip route {OLD} 255.255.255.255 GigabitEthernet1 {NEW} name sipmobility tag 7082" in lines


def test_the_correspondents_router_leads_the_old_address_out() -> None:
    terminal = Terminal()
    router(terminal).apply(difference(RouterState(), AT_C), RouterState(), NOW)
    assert terminal.statics() == [f"ip nat outside source static {ABROAD[1][0]} {ABROAD[0][0]} no-payload add-route"]


def test_a_refresh_touches_no_line_of_nat() -> None:
    terminal = Terminal()
    rb = router(terminal)
    rb.apply(difference(RouterState(), AT_B), RouterState(), NOW)
    terminal.sent.clear()
    later = RouterState(replace(entry, stamp=replace(STAMP, expires=NOW + 7200, epoch=2)) for entry in AT_B)
    assert rb.apply(difference(AT_B, later), AT_B, NOW) == later
    assert {line.split()[0] for line in terminal.sent} == {"event"}


def test_a_second_correspondent_is_one_line_more_in_the_access_list() -> None:
    terminal = Terminal()
    rb = router(terminal)
    rb.apply(difference(RouterState(), AT_B), RouterState(), NOW)
    terminal.sent.clear()
    more = RouterState((*AT_B, *both_halves(Flow(Line(Side.INSIDE, OLD, NEW, True), PEERS[1]), STAMP)))
    assert rb.apply(difference(AT_B, more), AT_B, NOW) == more
    assert [line for line in terminal.sent if line.startswith((" ", "ip", "no", "route"))] == [
        f"ip access-list extended SIPMOBILITY-{OLD}-{NEW}",
        f" permit ip host {OLD} host {PEERS[1]}",
    ]
    assert rb.apply(difference(more, AT_B), more, NOW) == AT_B
    assert len(terminal.statics()) == 1


def test_the_phones_next_line_beside_an_unscoped_one_is_extendable() -> None:
    terminal = Terminal(lines=[f"ip nat inside source static 10.1.1.5 {NEW} extendable"])
    whole = RouterState(both_halves(Flow(Line(Side.INSIDE, OLD, NEW, False), None), STAMP))
    router(terminal).apply(difference(RouterState(), whole), RouterState(), NOW)
    assert f"ip nat inside source static {OLD} {NEW} extendable no-alias no-payload" in terminal.statics()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (NatSettings("BLUE"), "vrf BLUE match-in-vrf no-payload"),
        (NatSettings(redundancy="HSRP-LAN"), "redundancy HSRP-LAN no-payload add-route"),
        (
            NatSettings(redundancy="1"),
            f"redundancy 1 mapping-id {int(ABROAD[0][0]) % 2147483647 + 1} no-payload add-route",
        ),
    ],
    ids=["vrf", "hsrp", "redundancy group"],
)
def test_vrf_and_redundancy_stand_on_every_line(settings: NatSettings, words: str) -> None:
    terminal = Terminal(lines=["vrf definition BLUE", "rd 65000:1"])
    before = terminal.config.lines()
    rc = ios_router("rc", Ios(), Renderer(), lambda: terminal, settings)
    rc.apply(difference(RouterState(), AT_C), RouterState(), NOW)
    old, new = ABROAD[0][0], ABROAD[1][0]
    assert terminal.statics() == [f"ip nat outside source static {new} {old} {words}"]
    explicit = f"ip route vrf BLUE {old} 255.255.255.255 {new} name sipmobility-outside tag 7082"
    assert (explicit in terminal.config.lines()) == (settings.vrf is not None)
    rc.apply(difference(AT_C, RouterState()), AT_C, NOW)
    assert terminal.config.lines() == before


def test_a_freeze_is_an_access_list_of_ours_and_leaves_nothing() -> None:
    terminal = Terminal()
    before = terminal.config.lines()
    rb = router(terminal)
    rb.apply(difference(RouterState(), FROZEN), RouterState(), NOW)
    first = terminal.config.lines()
    assert first.count(" ip access-group SIPMOBILITY-FREEZE-1 in") == 2
    more = RouterState((*FROZEN, Freeze(Selector(None, OLD), STAMP)))
    rb.apply(difference(FROZEN, more), FROZEN, NOW)
    second = terminal.config.lines()
    assert second.count(" ip access-group SIPMOBILITY-FREEZE-2 in") == 2
    assert "ip access-list extended SIPMOBILITY-FREEZE-1" not in second
    rb.apply(difference(more, RouterState()), more, NOW)
    assert terminal.config.lines() == before


def test_an_access_list_of_somebody_else_is_not_taken_away() -> None:
    terminal = Terminal(lines=["interface GigabitEthernet2", "ip access-group EDGE in"])
    before = terminal.config.lines()
    error = refused(FROZEN, terminal)
    assert (error.code, error.subject) == ("access_list_taken", "GigabitEthernet2: ip access-group EDGE in")
    assert terminal.config.lines() == before


def test_a_refused_line_fails_with_line_and_cause_and_all_is_put_back() -> None:
    terminal = Terminal(lines=[f"ip nat inside source static 10.1.1.10 {NEW}"])
    before = terminal.config.lines()
    error = refused(AT_B, terminal)
    assert error.code == "similar_entry"
    assert f"rb: ip nat inside source static {OLD} {NEW} route-map" in str(error)
    assert f"%NAT: similar static entry (10.1.1.10 -> {NEW}) already exists" in error.rule
    assert "put back" in error.advice
    assert terminal.config.lines() == before


def test_a_step_of_nothing_but_a_refused_line_leaves_no_trace() -> None:
    terminal = Terminal(lines=[f"ip nat outside source static 203.0.113.99 {ABROAD[0][0]}"])
    before = terminal.config.lines()
    assert refused(AT_C, terminal).code == "similar_entry"
    assert terminal.config.lines() == before


def test_live_sessions_of_a_line_end_with_it() -> None:
    terminal = Terminal()
    rb = router(terminal)
    rb.apply(difference(RouterState(), AT_B), RouterState(), NOW)
    terminal.session(str(OLD))
    rb.apply(difference(AT_B, RouterState()), AT_B, NOW)
    assert (terminal.statics(), terminal.config.nat.children) == ([], [])


@pytest.mark.parametrize("line", ["ip nat inside source", "ip route", "event manager environment"])
def test_a_line_that_somebody_took_away_is_missed(line: str) -> None:
    terminal = Terminal()
    rb = router(terminal)
    rb.apply(difference(RouterState(), AT_B), RouterState(), NOW)
    gone = next(one for one in terminal.config.lines() if one.startswith(line))
    terminal.told(f"no {gone}")
    held = rb.gather()
    assert held != AT_B
    assert rb.apply(difference(held, AT_B), held, NOW) == AT_B


def test_what_bears_our_name_and_is_not_of_ours_is_told() -> None:
    by_hand = (
        "event manager environment sipmobility_x by hand",
        "ip route 10.0.0.0 255.0.0.0 10.1.1.9 name sipmobility",
    )
    for line in by_hand:
        with pytest.raises(HandoverError) as error:
            router(Terminal(lines=[line])).gather()
        assert error.value.code == "foreign_entry"


def test_no_interface_of_nat_is_told_with_its_remedy() -> None:
    error = refused(AT_B, Terminal(interfaces=["interface GigabitEthernet1", "ip address 10.1.1.1 255.255.255.0"]))
    assert (error.code, "first_hop_router" in error.advice) == ("router_not_prepared", True)


C_SCOPED = both_halves(Flow(Line(Side.OUTSIDE, OLD, NEW, True), PEER), STAMP)
BOTH_SIDES = (*SCOPED, *both_halves(Flow(Line(Side.OUTSIDE, PHONES[0][1], NEW, False), None), STAMP))
SESSION = Mark(Selector(OLD, PEER, "tcp", 5060, 5060), STAMP)


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        (C_SCOPED, "unsupported_scope"),
        ((SESSION,), "unsupported_scope"),
        (SCOPED[:1], "unsupported_entry"),
        (BOTH_SIDES, "address_on_both_sides"),
    ],
    ids=["correspondent at C", "session", "one half", "both sides"],
)
def test_what_ios_cannot_hold_is_refused_before_anything_is_sent(entries: tuple[Entry, ...], code: str) -> None:
    terminal = Terminal()
    assert refused(RouterState(entries), terminal).code == code
    assert not terminal.sent
    assert code in {error.code for error in Ios().objections(RouterState(entries)).values()}


def test_a_half_without_its_record_is_a_remnant_that_goes() -> None:
    terminal = Terminal()
    rb = router(terminal)
    rb.apply(difference(RouterState(), AT_B), RouterState(), NOW)
    for name in [name for name in terminal.config.environment if "_os_" in name]:
        terminal.told(f"no event manager environment {name}")
    held = rb.gather()
    (remnant,) = held.of("")
    assert isinstance(remnant, Rewrite)
    assert remnant.kind is RewriteKind.OUTBOUND_SRC
    rb.apply(difference(held, RouterState()), held, NOW)
    assert not terminal.statics()


def test_expired_entries_are_not_put_but_ending_ones_are() -> None:
    past = replace(STAMP, expires=NOW - 1)
    mark = Mark(Selector(OLD, PEER), past)
    assert refused(RouterState([mark])).code == "expired"
    ending = replace(mark, stamp=replace(past, ended=True))
    assert router(Terminal()).apply(Change((), (ending,)), RouterState(), NOW) == RouterState([ending])
