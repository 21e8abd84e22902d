# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nftables platform without a router: damaged answers. tests/kernel has the real ones."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Directions,
    Freeze,
    Mark,
    Neighbour,
    Rewrite,
    RewriteKind,
    Route,
    Scope,
    Selector,
    same,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import (
    Capabilities,
    Output,
    require,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.nftables import Nftables
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.path_mtu import ERROR_MAPS
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.registry import PLATFORMS, platform_named

from ..mobility.test_records import mutated, paths
from ..mobility.worlds import NEW, NOW, OLD, PEER, patent_handover
from .test_stamp import GOOD

COMMENT = f"sipmobility:1 id=a e=1 x={NOW} n=1 d=both"
NEIGHBOURS = [{"dst": "1.1.1.1", "dev": "lan", "proxy": None, "protocol": "182"}, {"dst": "9.9.9.9", "dev": "lan"}]
ROUTES = [{"dst": "1.1.1.1", "gateway": "2.2.2.2", "dev": "lan", "flags": []}]


def listing(family: str) -> dict[str, Any]:
    """An answer with one element in each kind of set. Written as nft 1.0.6 lists them, not recorded."""
    kind = "ipv4_addr" if family == "ip" else "ipv6_addr"
    host = "1.1.1.1" if family == "ip" else "2001:db8::1"
    session = [kind, kind, "inet_proto", "inet_service", "inet_service"]
    keys = {"session": session, "correspondent": [kind, kind], "address": kind}
    values = {
        "session": {"concat": [host, host, "tcp", 1, 2]},
        "correspondent": {"concat": [host, host]},
        "address": host,
    }
    objects: list[dict[str, Any]] = [{"metainfo": {"json_schema_version": 1}}]
    if family in ("arp", "ip6"):
        answered = {"elem": {"val": "1.1.1.1" if family == "arp" else host, "timeout": 60, "comment": COMMENT}}
        kind_of = "ipv4_addr" if family == "arp" else kind
        objects.append({"set": {"name": "neighbour", "type": kind_of, "elem": [answered]}})
    if family == "arp":
        return {"nftables": objects}
    for rewrite in ("inbound_dst", "inbound_src", "outbound_dst", "outbound_src", "mark"):
        for scope, key in keys.items():
            if (scope, rewrite) == ("address", "mark"):
                continue
            element: Any = {"elem": {"val": values[scope], "timeout": 60, "expires": 50, "comment": COMMENT}}
            if rewrite == "mark":
                body: dict[str, Any] = {"name": f"{scope}_{rewrite}", "type": key, "elem": [element]}
                objects.append({"set": body})
            else:
                body = {"name": f"{scope}_{rewrite}", "type": key, "map": kind, "elem": [[element, host]]}
                objects.append({"map": body})
    for name, quoted in ERROR_MAPS.items():
        value: Any = {"concat": [-3818928192923499769, 6, 458792000]} if isinstance(quoted, list) else 3405803786
        element = {"elem": {"val": value, "timeout": 60, "expires": 50, "comment": COMMENT}}
        objects.append({"map": {"name": name, "type": quoted, "map": kind, "elem": [[element, host]]}})
    route = {"elem": {"val": host, "timeout": 60, "comment": COMMENT}}
    objects.append({"set": {"name": "route", "type": kind, "elem": [route]}})
    for gate in ("in_use", "wide_in_use"):
        objects.append({"set": {"name": gate, "type": "ether_type", "elem": [family]}})
    return {"nftables": objects}


def output(ip: Any = None, routes: Any = ROUTES) -> Output:
    answers = {"ip": listing("ip") if ip is None else ip, "ip6": listing("ip6"), "arp": listing("arp")}
    answers |= {"routes": routes, "routes6": [], "neighbours": NEIGHBOURS}
    return Output({name: json.dumps(answer) for name, answer in answers.items()}, {})


def test_a_whole_answer() -> None:
    state = Nftables().parse(output())
    assert len(state) == 2 * (3 * 4 + 2 + 1 + 1)
    assert {(entry.stamp.handover, entry.stamp.expires) for entry in state} == {("a", NOW)}
    assert {(str(entry.address), entry.interface) for entry in state if isinstance(entry, Neighbour)} == {
        ("1.1.1.1", "lan"),
        ("2001:db8::1", ""),
    }


@given(st.data())
def test_a_damaged_answer_is_refused_or_read(data: st.DataObject) -> None:
    """Whatever stands in the place of any value."""
    good = data.draw(st.sampled_from((listing("ip"), ROUTES)))
    path = data.draw(st.sampled_from(paths(good)))
    odd: Any = data.draw(
        st.sampled_from((None, [], {}, "", "x", 7, -1, True, "1.1.1.1", "::", [[]], {"concat": []}, {"elem": 7}, 2.5))
    )
    damaged = mutated(good, path, lambda old: odd)
    with suppress(HandoverError):
        Nftables().parse(output(damaged) if isinstance(good, dict) else output(routes=damaged))


@given(st.text() | st.binary().map(repr), st.sampled_from(("ip", "ip6", "arp", "routes", "routes6", "neighbours")))
def test_a_cut_answer_is_refused(text: str, section: str) -> None:
    whole = output()
    cut = replace(whole, sections={**whole.sections, section: text})
    with suppress(HandoverError):
        Nftables().parse(cut)
    for length in (1, len(whole.sections[section]) // 2, len(whole.sections[section]) - 1):
        short = {**whole.sections, section: whole.sections[section][:length]}
        if short[section].strip() in ("", "[]"):
            continue
        with pytest.raises(HandoverError, match="unreadable_answer"):
            Nftables().parse(Output(short, {}))


@pytest.mark.parametrize("entry", [Freeze(Selector(OLD, PEER), GOOD), Neighbour(OLD, "", GOOD)])
def test_what_it_cannot_hold_it_refuses(entry: Freeze | Neighbour) -> None:
    with pytest.raises(HandoverError, match="unsupported_entry"):
        Nftables().context(Change(put=(entry,)), NOW - 100)


def test_a_platform_refuses_a_handover_and_never_widens_it() -> None:
    """Design rule 1."""

    class Narrow(Nftables):
        name = "narrow"
        capabilities = Capabilities(frozenset({Scope.CORRESPONDENT}), frozenset({Directions.BOTH}), joint=True)

    wide: Handover = patent_handover(scope=Scope.CORRESPONDENT, correspondents=(PEER,))
    require(Narrow(), wide, "rb")
    with pytest.raises(
        HandoverError, match=r"unsupported_scope.*narrow can hold the scopes correspondent: session on rb"
    ):
        require(Narrow(), patent_handover(), "rb")
    with pytest.raises(HandoverError, match=r"unsupported_directions.*forward on rb"):
        require(Narrow(), replace(wide, directions=Directions.FORWARD), "rb")


def test_platforms_by_name() -> None:
    for name, platform in PLATFORMS.items():
        assert platform_named(name) is platform
        assert platform.name == name
    with pytest.raises(HandoverError, match=r"unknown_platform.*one of .*nftables.*: nowhere"):
        platform_named("nowhere")


def test_an_empty_answer_of_ip_is_no_route() -> None:
    """No route was ever put into our table: ip says that it does not exist."""
    sections = {**output().sections, "routes": "Error: ipv4: FIB table does not exist.\nDump terminated"}
    state = Nftables().parse(Output(sections, {"routes": 2}))
    assert isinstance(state, RouterState)


@pytest.mark.parametrize(("gate", "scopes"), [("in_use", set(Scope)), ("wide_in_use", set(Scope) - {Scope.SESSION})])
def test_what_packets_are_not_looked_up_in_is_put_anew(gate: str, scopes: set[Scope]) -> None:
    """Somebody emptied a set that our chains ask first: nothing is rewritten, though all entries stand."""
    emptied = listing("ip")
    next(item["set"] for item in emptied["nftables"] if item.get("set", {}).get("name") == gate)["elem"] = []
    whole, lame = list(Nftables().parse(output())), list(Nftables().parse(output(emptied)))
    short = {entry.key for entry, other in zip(whole, lame, strict=True) if not same(entry, other)}
    looked = [entry for entry in whole if isinstance(entry, (Rewrite, Mark)) and entry.match.version == 4]
    assert short == {entry.key for entry in looked if entry.match.scope in scopes}


def test_a_step_opens_what_it_needs_and_asks_for_the_rest_to_be_closed() -> None:
    session = Rewrite(RewriteKind.INBOUND_DST, Selector(PEER, NEW, "udp", 5000, 4000), OLD, GOOD)
    pair, route = Mark(Selector(OLD, PEER), GOOD), Route(OLD, NEW, "lan", GOOD)
    for put, remove, opened, idle in (
        ((session,), (), [("ip", "in_use")], []),
        ((pair,), (), [("ip", "in_use"), ("ip", "wide_in_use")], []),
        ((route,), (), [], []),
        ((), (session,), [], ["ip"]),
        ((), (route,), [], ["ip"]),
        ((session,), (pair,), [("ip", "in_use")], []),
        ((route,), (pair,), [], ["ip"]),
    ):
        context = Nftables().context(Change(remove, put), NOW - 100)
        gates = [(group["family"], group["set"]) for group in context["elements"]["put"] if "in_use" in group["set"]]
        assert (gates, context["idle"]) == (opened, idle)
