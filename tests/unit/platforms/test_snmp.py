# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SNMP platform without a router: what is rendered is what is parsed; foreign rows; what an agent's words mean.

Most answers are made from our own step, as an agent that takes it would show it; tests/kernel/snmp has real ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Directions,
    Entry,
    Freeze,
    Mark,
    Neighbour,
    Rewrite,
    RewriteKind,
    Route,
    Scope,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import Output, require
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.registry import platform_named
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.snmp import IF_NAME, NAT, SERIAL, Snmp
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.snmp import ROUTE as ROUTES
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.snmp_name import Sort, decode, encode
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.varbinds import (
    Varbind,
    blocks_of,
    packed,
    resolved,
    varbinds_of,
)
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer

from ..mobility.entries import addresses, entries, stamp
from ..mobility.worlds import NEW, NOW, OLD, PEER

PLATFORM = Snmp()
RENDERER = Renderer()
STAMP = Stamp("8d7ac21f98194017", 3, NOW + 100_000_000)
ENCODER = Rewrite(RewriteKind.OUTBOUND_DST, Selector(destination=OLD), NEW, STAMP)
DECODER = Rewrite(RewriteKind.INBOUND_DST, Selector(destination=NEW), OLD, STAMP)
MARK = Mark(Selector(OLD, PEER), STAMP)
ROUTE = Route(OLD, NEW, "lan", STAMP)
LINKS = {"lan": 3, "eth0.100": 4, "wan": 77}


@st.composite
def short(draw: st.DrawFn) -> Stamp:
    """A stamp that a row's name has room for."""
    return replace(
        draw(stamp()),
        handover=draw(st.from_regex("[0-9a-f]{16}", fullmatch=True)),
        epoch=draw(st.integers(0, 2**32 - 1)),
        flows=draw(st.integers(1, 65535)),
    )


@st.composite
def holdable(draw: st.DrawFn) -> Entry:
    """An entry as a plan for an SNMP router makes it."""
    version, kind = draw(st.sampled_from((4, 6))), draw(st.integers(0, 3))
    one, other = draw(addresses(version)), draw(addresses(version))
    if kind == 0:
        return Mark(Selector(one, other), draw(short()))
    if kind == 1:
        return Route(one, other, draw(st.sampled_from(("lan", "eth0.100"))), draw(short()))
    rewrite = draw(st.sampled_from(RewriteKind))
    return Rewrite(rewrite, Selector(None, one) if rewrite.changes_destination else Selector(one), other, draw(short()))


def states() -> st.SearchStrategy[RouterState]:
    return st.lists(holdable(), max_size=8, unique_by=lambda entry: entry.key).map(RouterState)


def rendered(change: Change) -> str:
    return RENDERER.render(
        PLATFORM.step_template, {**PLATFORM.settings, **PLATFORM.context(change, NOW), "outside": "wan"}
    )


def agent(step: str, held: Iterable[str] = ()) -> list[str]:
    """What an agent that takes a step shows after it: its rows, line by line."""
    rows = dict(line.split(" ", 1) for line in held)
    for item in (resolved(one, LINKS.__getitem__) for one in varbinds_of(step)):
        status = item.oid.startswith((f"{NAT}.21.", f"{ROUTES}.17."))
        if status and item.value == "6":
            table, instance = (NAT, item.oid[len(NAT) + 4 :]) if item.oid.startswith(NAT) else (ROUTES, item.oid[24:])
            gone = [oid for oid in rows if oid.startswith(table) and oid.endswith(f".{instance}")]
            assert gone, f"{item}: no such row"
            for oid in gone:
                del rows[oid]
        elif status:
            assert item.oid not in rows, f"{item}: there is one"
            rows[item.oid] = "i 1"
        else:
            rows[item.oid] = f"x {item.octets.hex()}" if item.kind == "s" else f"{item.kind} {item.value}"
    return [f"{oid} {value}" for oid, value in rows.items()]


def parsed(rows: Iterable[str]) -> RouterState:
    names = [f"{IF_NAME}.{index} x {name.encode().hex()}" for name, index in LINKS.items()]
    return PLATFORM.parse(Output({"data": "\n".join([*names, *rows]), "outside": "wan"}, {}))


def refusal(rows: Iterable[str]) -> HandoverError:
    with pytest.raises(HandoverError) as told:
        parsed(rows)
    return told.value


@given(states())
def test_what_is_rendered_is_what_is_parsed(state: RouterState) -> None:
    assert parsed(agent(rendered(Change(put=tuple(state))))) == state


@given(holdable(), short())
def test_a_new_stamp_is_a_new_row(entry: Entry, later: Stamp) -> None:
    """An active row may not be modified (RFC 4008); and the route in the routing table is left as it is."""
    restamped = replace(entry, stamp=later)
    step = rendered(Change((entry,), (restamped,)))
    assert parsed(agent(step, agent(rendered(Change(put=(entry,)))))) == RouterState([restamped])
    assert ROUTES not in step


@given(holdable())
def test_what_goes_leaves_nothing(entry: Entry) -> None:
    assert agent(rendered(Change((entry,))), agent(rendered(Change(put=(entry,))))) == []


@given(entries())
def test_any_entry_is_rendered_as_it_is_or_refused(entry: Entry) -> None:
    with suppress(HandoverError):
        assert parsed(agent(rendered(Change(put=(entry,))))) == RouterState([entry])
    if isinstance(entry, (Freeze, Neighbour)):
        with pytest.raises(HandoverError, match="unsupported_entry"):
            rendered(Change(put=(entry,)))


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (replace(ENCODER, match=Selector(PEER, OLD)), "unsupported_entry"),
        (replace(ENCODER, match=Selector(PEER, OLD, "tcp", 7000, 40000)), "unsupported_entry"),
        (replace(ENCODER, match=Selector(OLD)), "unsupported_entry"),
        (replace(MARK, match=Selector(OLD)), "unsupported_entry"),
        (replace(ROUTE, via=None), "unsupported_entry"),
        (replace(ROUTE, interface=None), "unsupported_entry"),
        (replace(ENCODER, stamp=replace(STAMP, handover="phone1")), "bad_stamp"),
        (replace(ENCODER, stamp=replace(STAMP, epoch=2**32)), "bad_stamp"),
        (replace(ENCODER, stamp=replace(STAMP, flows=65536)), "bad_stamp"),
        (replace(ENCODER, stamp=replace(STAMP, expires=NOW)), "expired"),
    ],
)
def test_what_no_row_can_say(entry: Entry, code: str) -> None:
    with pytest.raises(HandoverError, match=code):
        rendered(Change(put=(entry,)))


def test_what_has_expired_can_still_be_taken_away() -> None:
    """Nothing goes by itself: it is announced to end, then it goes."""
    past = replace(DECODER, stamp=replace(STAMP, expires=NOW - 3600))
    ending = replace(past, stamp=replace(past.stamp, ended=True))
    rows = agent(rendered(Change((DECODER,), (ending,))), agent(rendered(Change(put=(DECODER,)))))
    assert parsed(rows) == RouterState([ending])
    assert agent(rendered(Change((ending,))), rows) == []


def test_the_bits_of_the_four_rewrites() -> None:
    """NatTranslationEntity (RFC 4008): the first bit is the highest. Old is local, new is global, whatever the way."""
    found = {}
    for kind in RewriteKind:
        seen, to = (NEW, OLD) if kind.is_decoder else (OLD, NEW)
        match = Selector(None, seen) if kind.changes_destination else Selector(seen)
        step = rendered(Change(put=(Rewrite(kind, match, to, STAMP),)))
        columns = {item.oid[len(NAT) + 1 :].partition(".")[0]: item for item in varbinds_of(step)}
        assert (columns["6"].octets, columns["11"].octets) == (OLD.packed, NEW.packed)
        found[kind.value] = columns["4"].value
    assert found == {"inbound_src": "80", "outbound_dst": "40", "inbound_dst": "20", "outbound_src": "10"}


def test_a_route_as_rfc_4292_has_it() -> None:
    lines = [str(item) for item in varbinds_of(rendered(Change(put=(ROUTE,)))) if not item.oid.startswith(NAT)]
    instance = "1.4.1.1.1.1.32.2.0.0.1.4.2.2.2.2"
    assert lines == [
        f"{ROUTES}.{rest}" for rest in (f"7.{instance} i [lan]", f"8.{instance} i 4", f"17.{instance} i 4")
    ]


def test_a_route_that_the_router_lost_shows_no_interface_and_can_be_repaired() -> None:
    rows = [line for line in agent(rendered(Change(put=(ROUTE,)))) if line.startswith(NAT)]
    lost = replace(ROUTE, interface=None)
    assert parsed(rows) == RouterState([lost])
    repair = rendered(Change((lost,), (ROUTE,)))
    assert parsed(agent(repair, rows)) == RouterState([ROUTE])
    assert agent(rendered(Change((lost,))), rows) == []


def test_a_route_with_another_next_hop_and_one_with_another_interface() -> None:
    held = agent(rendered(Change(put=(ROUTE,))))
    other = replace(ROUTE, via=PEER)
    assert parsed(agent(rendered(Change((ROUTE,), (other,))), held)) == RouterState([other])
    with pytest.raises(HandoverError, match="keeps its interface"):
        rendered(Change((ROUTE,), (replace(ROUTE, interface="eth0.100"),)))


def test_routes_are_asked_for_one_by_one() -> None:
    """A routing table may have a million rows: it is not walked."""
    rows = agent(rendered(Change(put=(ROUTE, ENCODER, MARK))))
    instance = "1.4.1.1.1.1.32.2.0.0.1.4.2.2.2.2"
    assert PLATFORM.route_objects("\n".join(rows)) == [f"{ROUTES}.{column}.{instance}" for column in (7, 17)]


def test_rows_and_routes_of_others_are_not_ours() -> None:
    theirs = [
        line.replace(f"x {encode(STAMP, Sort.REWRITE).encode().hex()}", f"x {b'static-nat'.hex()}")
        for line in agent(rendered(Change(put=(ENCODER,))))
    ]
    route = [line for line in agent(rendered(Change(put=(ROUTE,)))) if not line.startswith(NAT)]
    assert parsed([*theirs, *route]) == RouterState()


@pytest.mark.parametrize(
    "column",
    [
        ("2", f"x {encode(replace(STAMP, epoch=9), Sort.REWRITE).encode().hex()}"),
        ("3", "i 2"),
        ("4", "x 50"),
        ("5", "i 2"),
        ("7", "x 01010102"),
        ("11", "x 02020203"),
        ("15", "x 10"),
        ("21", "i 2"),
        ("11", None),
    ],
    ids=lambda column: f"{column[0]} {'gone' if column[1] is None else column[1][:4]}",
)
def test_a_row_with_our_name_that_we_would_write_otherwise(column: tuple[str, str | None]) -> None:
    number, value = column
    rows = []
    for line in agent(rendered(Change(put=(ENCODER,)))):
        oid = line.split(" ", 1)[0]
        if not oid.startswith(f"{NAT}.{number}."):
            rows.append(line)
        elif value is not None:
            rows.append(f"{oid} {value}")
    assert refusal(rows).code == "foreign_entry"


def test_our_rows_on_another_interface() -> None:
    rows = [line.replace(".77.", ".3.") for line in agent(rendered(Change(put=(ENCODER,))))]
    told = refusal(rows)
    assert (told.code, "lan" in told.subject, "wan" in told.rule) == ("foreign_entry", True, True)


@given(short(), st.sampled_from(Sort))
def test_a_name_has_32_octets_and_is_read_as_it_was_written(one: Stamp, sort: Sort) -> None:
    name = encode(one, sort)
    assert len(name) == 32
    assert name.isascii()
    assert decode(name.encode()) == (one, sort)


@given(st.binary(max_size=40) | st.binary(min_size=28, max_size=28).map(lambda rest: b"mob1" + rest))
def test_names_of_others(name: bytes) -> None:
    found = decode(name)
    assert found is None or encode(*found).encode() == name


@pytest.mark.parametrize("scope", Scope)
@pytest.mark.parametrize("directions", Directions)
def test_what_is_promised(scope: Scope, directions: Directions) -> None:
    handover = Handover("8d7ac21f98194017", OLD, NEW, NOW + 60, scope=Scope.ADDRESS, correspondents=(PEER,))
    handover = replace(handover, directions=directions)
    if scope is not Scope.ADDRESS:
        object.__setattr__(handover, "scope", scope)
        with pytest.raises(HandoverError, match="unsupported_scope"):
            require(platform_named("snmp"), handover, "rb")
    else:
        require(platform_named("snmp"), handover, "rb", (ENCODER, MARK, ROUTE))


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (f"inconsistentValue at {SERIAL} i 7", "router_changed"),
        (f"inconsistentValue at {NAT}.21.7.99 i 4", "step_refused"),
        (f"notWritable at {NAT}.2.7.99 s x", "not_writable"),
        (f"noAccess at {NAT}.2.7.99 s x", "no_privilege"),
        ("authorizationError", "no_privilege"),
        ("genErr", "step_refused"),
        ("tooBig", "table_full"),
        ("no answer", "no_answer"),
    ],
)
def test_what_an_agent_says(said: str, code: str) -> None:
    told = PLATFORM.diagnose("rb", said)
    assert (told.code, told.subject) == (code, f"rb: {said}")


def test_a_step_goes_into_as_few_pdus_as_hold_it_and_no_entry_is_torn() -> None:
    blocks = blocks_of(rendered(Change((MARK,), (DECODER, ENCODER, ROUTE))))
    assert [len(block) for block in blocks] == [12, 12, 15, 1]
    assert [[len(block) for block in pdu] for pdu in packed(blocks, 120)] == [[12, 12, 15, 1]]
    assert [[len(block) for block in pdu] for pdu in packed(blocks, 24)] == [[12, 12], [15, 1]]
    assert [[len(block) for block in pdu] for pdu in packed(blocks, 1)] == [[12], [12], [15], [1]]


@pytest.mark.parametrize(
    "line", ["1.3.6 i", "1.3.6 i x", "1.3.6 z 1", "ifName.1 s x", "1.3.6 i 12345678901", ".1.3 i 1"]
)
def test_a_line_that_is_no_variable_binding(line: str) -> None:
    with pytest.raises(HandoverError, match="bad_varbind"):
        varbinds_of(line)


def test_remarks_are_passed_over_and_names_become_numbers() -> None:
    assert varbinds_of("# a remark\n\n1.3.[wan].5 x \n") == [Varbind("1.3.[wan].5", "x", "")]
    assert resolved(Varbind("1.[eth0.100].5", "i", "[lan]"), LINKS.__getitem__) == Varbind("1.4.5", "i", "3")
    assert resolved(Varbind("1.5", "s", "[lan]"), LINKS.__getitem__) == Varbind("1.5", "s", "[lan]")
