# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The platform junos without a router: what is rendered is what is parsed, by way of the stand-in's own edits.

The statements that the stand-in takes were written by hand while reading Juniper's YANG. That is no validation.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Directions,
    Entry,
    Mark,
    Neighbour,
    Rewrite,
    RewriteKind,
    Route,
    Scope,
    Selector,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import Output
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.junos import own_names
from ansible_collections.sipmobility.handover.plugins.plugin_utils.step_text import step_text
from tests.standins.junos.router import Router
from tests.standins.junos.statements import Refusal, edit, plain

from ..mobility.entries import entries
from ..mobility.worlds import NEW, NOW, OLD, PEER
from .junos_world import (
    DECODER,
    ENCODER,
    FROZEN,
    INSIDE,
    OUTSIDE,
    PLATFORM,
    PREPARED,
    RENDERER,
    ROUTE,
    STAMP,
    junos_states,
)


def rendered(change: Change) -> str:
    return step_text(PLATFORM, RENDERER, change, NOW, inside=INSIDE, outside=OUTSIDE)


def edited(change: Change, start: str = PREPARED) -> str:
    """What a router shows that took a change; its answer."""
    router = Router(start)
    first = ElementTree.fromstring(rendered(change).partition("]]>]]>")[0])
    wanted = plain(first).find("config/configuration")
    assert wanted is not None
    router.running, warnings = edit(router.running, wanted)
    assert warnings == []
    return router.answer(1, "<get-config><source><running/></source></get-config>")


def parsed(text: str, inside: str = INSIDE, outside: str = OUTSIDE) -> RouterState:
    return PLATFORM.parse(Output({"data": text, "inside": inside, "outside": outside}, {}))


WHOLE = edited(Change(put=(ENCODER, DECODER, FROZEN, ROUTE, Mark(Selector(OLD, PEER), STAMP))))


@given(junos_states())
def test_what_is_rendered_is_what_is_parsed(state: RouterState) -> None:
    assert parsed(edited(Change(put=tuple(state)))) == state


@given(entries())
def test_any_entry_is_rendered_as_it_is_or_refused(entry: Entry) -> None:
    if PLATFORM.objections(RouterState([entry])):
        with pytest.raises(HandoverError, match="unsupported_"):
            rendered(Change(put=(entry,)))
    else:
        assert parsed(edited(Change(put=(entry,)))) == RouterState([entry])


@given(junos_states(6), junos_states(6))
def test_any_change_leads_where_it_should_and_leaves_nothing(before: RouterState, after: RouterState) -> None:
    """Whatever is taken away goes with all that was only for it."""
    router = Router(PREPARED)
    for held, wanted in ((RouterState(), before), (before, after), (after, RouterState())):
        change = Change(tuple(held), tuple(wanted))
        text = rendered(change).partition("]]>]]>")[0]
        found = plain(ElementTree.fromstring(text)).find("config/configuration")
        assert found is not None
        router.running, warnings = edit(router.running, found)
        assert warnings == []
        assert parsed(router.answer(1, "<get-config><source><running/></source></get-config>")) == wanted
    for path in ("applications/application", "security/nat/*/pool", "security/nat/*/rule-set", ".//apply-macro"):
        assert router.running.findall(path) == []


def test_a_session_is_told_by_both_ports() -> None:
    """Destination NAT has no source port of its own (YANG: dest-nat-rule-match): an application has."""
    root = plain(ElementTree.fromstring(WHOLE))
    rule = root.find(".//rule-set[name='sipmobility-outbound-dst']/rule/dest-nat-rule-match")
    assert rule is not None
    assert [child.tag for child in rule] == ["source-address", "destination-address", "application"]
    application = root.find(".//applications/application")
    assert application is not None
    assert [child.text for child in application] == ["sipmobility-tcp-7000-40000", "tcp", "7000", "40000"]
    source = root.find(".//rule-set[name='sipmobility-inbound-src']/rule/src-nat-rule-match")
    assert source is not None
    assert [child.findtext("name") or child.text for child in source] == [
        "2.2.2.2/32",
        "3.3.3.3/32",
        "40000",
        "7000",
        "tcp",
    ]


def test_names_fit() -> None:
    """31 characters for rules, sets and pools; 63 for applications (junos-es-conf-security)."""
    long = Selector(PEER, OLD, "udplite", 65535, 65535)
    encoder = replace(ENCODER, match=long)
    names = [*own_names.RULE_SETS.values(), own_names.rule_name(encoder), own_names.pool_name(NEW)]
    assert max(map(len, names)) <= 31
    assert len(own_names.application_name(long)) <= 63


def test_a_rule_lies_between_our_interfaces_in_its_direction() -> None:
    root = plain(ElementTree.fromstring(WHOLE))
    for name, ends in (
        ("sipmobility-outbound-dst", [INSIDE]),
        ("sipmobility-inbound-src", [OUTSIDE, INSIDE]),
    ):
        rules = root.find(f".//rule-set[name='{name}']")
        assert rules is not None
        assert [leaf.text for end in ("from", "to") for leaf in rules.iterfind(f"{end}/interface")] == ends


def test_sessions_are_cleared_each_way_by_what_they_were_and_what_they_become() -> None:
    messages = rendered(Change(put=(ENCODER,))).split("]]>]]>")[1:]
    told = [[child.text for child in ElementTree.fromstring(message)] for message in messages]
    assert told == [
        ["3.3.3.3/32", "1.1.1.1/32", "7000", "40000", "tcp"],
        ["1.1.1.1/32", "3.3.3.3/32", "40000", "7000", "tcp"],
        ["3.3.3.3/32", "2.2.2.2/32", "7000", "40000", "tcp"],
        ["2.2.2.2/32", "3.3.3.3/32", "40000", "7000", "tcp"],
    ]


@pytest.mark.parametrize("entry", [ENCODER, DECODER, ROUTE, FROZEN, Mark(Selector(OLD, PEER), STAMP)])
def test_what_only_lives_longer_keeps_its_sessions_and_its_rule(entry: Entry) -> None:
    longer = replace(entry, stamp=replace(STAMP, epoch=4, expires=STAMP.expires + 60))
    text = rendered(Change((entry,), (longer,)))
    assert "clear-flow-session" not in text
    assert 'operation="delete"' not in text
    assert "-rule-match" not in text
    held = edited(Change(put=(entry,)))
    configuration = plain(ElementTree.fromstring(held)).find("data/configuration")
    assert configuration is not None
    assert parsed(edited(Change((entry,), (longer,)), ElementTree.tostring(configuration, encoding="unicode"))) == (
        RouterState([longer])
    )


def test_what_another_rule_uses_stays() -> None:
    other = replace(ENCODER, match=replace(ENCODER.match, source=ip_address("3.3.3.4")))
    context = PLATFORM.context_on(
        PLATFORM.standing(Output({"data": edited(Change(put=(ENCODER, other)))}, {})), Change(remove=(other,)), NOW
    )
    nat = context["nat"][0]
    assert (nat["pools"]["remove"], nat["rule_sets"]["remove"]) == ([], [])
    assert context["applications"]["remove"] == []
    assert nat["rule_sets"]["put"][0]["remove"] == [own_names.rule_name(other)]


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (Neighbour(OLD, INSIDE, STAMP), "unsupported_neighbour"),
        (Route(OLD, None, INSIDE, STAMP), "unsupported_entry"),
        (Route(OLD, NEW, "lan", STAMP), "unsupported_entry"),
        (Rewrite(RewriteKind.OUTBOUND_DST, Selector(source=PEER), NEW, STAMP), "unsupported_entry"),
        (Rewrite(RewriteKind.INBOUND_SRC, Selector(destination=PEER), OLD, STAMP), "unsupported_entry"),
    ],
)
def test_what_it_cannot_hold_it_refuses(entry: Entry, code: str) -> None:
    with pytest.raises(HandoverError, match=code):
        rendered(Change(put=(entry,)))
    assert PLATFORM.objections(RouterState([entry]))[entry].code == code


def test_two_rules_for_one_packet_agree() -> None:
    wide = Rewrite(RewriteKind.OUTBOUND_DST, Selector(PEER, OLD), ip_address("4.4.4.4"), STAMP)
    assert PLATFORM.objections(RouterState([ENCODER, wide]))[ENCODER].code == "selector_in_use"
    assert PLATFORM.objections(RouterState([ENCODER, replace(wide, to=NEW)])) == {}
    with pytest.raises(HandoverError, match="selector_in_use"):
        rendered(Change(put=(ENCODER, wide)))


def test_what_is_put_has_not_expired_but_may_be_told_that_it_ends() -> None:
    with pytest.raises(HandoverError, match="expired"):
        PLATFORM.context(Change(put=(ENCODER,)), STAMP.expires)
    ending = replace(ENCODER, stamp=replace(STAMP, ended=True))
    PLATFORM.context(Change((ENCODER,), (ending,)), STAMP.expires + 1)


def test_it_says_what_it_can() -> None:
    able = PLATFORM.capabilities
    assert able.scopes == frozenset(Scope)
    assert able.directions == frozenset({Directions.BOTH})
    assert (able.joint, able.atomic, able.expires, able.neighbours) == (True, False, False, False)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<source-address>3.3.3.3/32", "<source-address>3.3.3.0/24"),
        ("<dst-addr>1.1.1.1/32", "<dst-addr>1.1.1.2/32"),
        ("<pool-name>sipmobility-", "<pool-name>other-"),
        (">sipmobility:1 id=", ">theirs id="),
        ("<source-port>7000", "<source-port>7001"),
        ("<rule><name>sipmobility-", "<rule inactive='inactive'><name>sipmobility-"),
        ("<rule><name>sipmobility-", "<rule><name>allow-"),
        ("<apply-macro><name>sipmobility</name>", "<apply-macro><name>note</name>"),
        ("<no-translation />", "<range />"),
        ("<interface>ge-0/0/1.0</interface></from>", "<interface>ge-0/0/9.0</interface></from>"),
        ("<discard />", "<accept />"),
        ("<name>tcp_", "<name>icmp_"),
        ("<interface>ge-0/0/1.0</interface></qualified-next-hop>", "</qualified-next-hop><tag>7</tag>"),
    ],
)
def test_what_stands_under_our_names_and_is_not_ours(old: str, new: str) -> None:
    whole = edited(Change(put=(ENCODER, DECODER, FROZEN, ROUTE, Mark(SESSION_BACK, STAMP))))
    assert old in whole
    with pytest.raises(HandoverError) as told:
        parsed(whole.replace(old, new, 1))
    assert told.value.code in ("foreign_entry", "unreadable_answer")


SESSION_BACK = Selector(OLD, PEER, "tcp", 40000, 7000)


def test_what_others_have_is_theirs() -> None:
    theirs = (
        "<configuration><applications><application><name>web</name><protocol>tcp</protocol></application></applications>"
        "<routing-options><static><route><name>0.0.0.0/0</name><next-hop>198.51.100.1</next-hop></route></static>"
        "</routing-options><security><nat><destination><pool><name>web</name><address><ipaddr>10.0.0.0/24</ipaddr>"
        "</address></pool></destination><source><rule-set><name>out</name><rule><name>a</name></rule></rule-set>"
        "</source></nat></security></configuration>"
    )
    shown = Router(theirs).answer(1, "<get-config><source><running/></source></get-config>")
    assert parsed(shown) == RouterState()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        WHOLE[:-30],
        WHOLE.replace("<data>", "<other>").replace("</data>", "</other>"),
        WHOLE.replace("<protocol>tcp</protocol>", "<protocol>icmp</protocol>"),
        WHOLE.replace("1.1.1.1/32", "1.1.1.1.1/32"),
    ],
)
def test_an_answer_that_is_none(text: str) -> None:
    with pytest.raises(HandoverError) as told:
        parsed(text)
    assert told.value.code in ("unreadable_answer", "foreign_entry")


@given(st.data())
def test_a_damaged_answer_is_read_or_refused(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(WHOLE)))
    end = data.draw(st.integers(start, min(len(WHOLE), start + 60)))
    with suppress(HandoverError):
        parsed(WHOLE[:start] + data.draw(st.text(max_size=6)) + WHOLE[end:])


def test_the_stand_in_refuses_what_is_not_in_its_list() -> None:
    """Else the tests above could not fail for a wrong statement."""
    for text in (
        "<security><nat><destination><rule-set><name>a</name><rule><name>b</name><dest-nat-rule-match>"
        "<source-port><name>7</name></source-port></dest-nat-rule-match></rule></rule-set></destination></nat></security>",
        "<routing-options><static><route><name>1.1.1.1/32</name><description>x</description></route></static>"
        "</routing-options>",
        "<applications><application><protocol>tcp</protocol></application></applications>",
    ):
        change = plain(ElementTree.fromstring(f"<configuration>{text}</configuration>"))
        with pytest.raises(Refusal):
            edit(plain(ElementTree.fromstring("<configuration/>")), change)
