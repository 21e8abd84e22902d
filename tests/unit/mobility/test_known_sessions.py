# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sessions of an old address, from all who know some: who is believed, and what nobody can take."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.connection import Connection, Standing
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.known_sessions import CODES
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Scope
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import (
    handover_from_record,
    handover_to_record,
    session_to_record,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.registration_policy import Policy
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.session_search import (
    Evidence,
    Found,
    find_sessions,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Router, Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.agreed import AgreedFlow

from .worlds import NETWORKS, NEW, NOW, OLD, PEER, SESSION, patent_handover

INSIDE, OUTSIDE = ip_address("10.0.0.5"), ip_address("3.3.3.1")
#: The patent's routers; C has a masqueraded network, too.
TOPOLOGY = Topology(
    Router(
        name,
        tuple(map(ip_network, (*networks, *(("10.0.0.0/24",) if name == "rc" else ())))),
        "nftables",
        "lan",
        "wan",
    )
    for name, networks in NETWORKS.items()
)
AOR = "sip:phone@example.com"


def record(*sessions: Session, **more: Any) -> dict[str, Any]:
    """The patent's move, with what the phone listed."""
    listed = [session_to_record(session) for session in sessions]
    return {"aor": AOR, "old": str(OLD), "new": str(NEW), "expires": NOW + 600, "sessions": listed, **more}


def connection(session: Session, standing: Standing = Standing.LIVE, **more: Any) -> Connection:
    """A row in which the phone, at its old address, sent the first packet."""
    row = Connection(
        session.protocol,
        OLD,
        session.port,
        *session.seen,
        session.correspondent,
        session.correspondent_port,
        OLD,
        session.port,
        standing,
    )
    return replace(row, **more)


def from_outside(session: Session, standing: Standing = Standing.LIVE) -> Connection:
    """A row in which the correspondent sent the first packet."""
    inside = (session.correspondent, session.correspondent_port)
    return Connection(session.protocol, *inside, OLD, session.port, OLD, session.port, *session.seen, standing)


def found(asked: dict[str, Any], policy: dict[str, Any] | None = None, **known: Any) -> Found:
    rules = None if policy is None else Policy.from_dict({"managed_networks": {"x": ["1.1.1.0/24"]}, **policy})
    return find_sessions(asked, TOPOLOGY, Evidence(**known), rules)


def sources(result: Found) -> dict[tuple[str, int], tuple[str, ...]]:
    """Protocol, port and who knows."""
    assert result.handover is not None, result.error
    return {(one.protocol, one.port): one.sources for one in result.handover.sessions}


def codes(result: Found) -> list[str]:
    return [item.code for item in result.left_out]


def flow(port: int = 4000, peer: Any = PEER, peer_port: int = 5000, party: str = AOR, address: Any = OLD) -> AgreedFlow:
    return AgreedFlow("udp", "rtp", "sip:cn@example.com", peer, peer_port, party, address, port)


def test_every_source_is_named_and_mirrored_rows_are_one_session() -> None:
    audio = Session("udp", 4000, PEER, 5000)
    tables = {"ra": [connection(SESSION)], "rc": [connection(SESSION), from_outside(SESSION), from_outside(audio)]}
    standing = {patent_handover().id: patent_handover()}
    result = found(record(SESSION), tables=tables, flows=[flow()], standing=standing)
    assert sources(result) == {
        ("tcp", 40000): ("mn", "standing", "connections@ra", "connections@rc"),
        ("udp", 4000): ("sip", "connections@rc"),
    }
    assert result.handover is not None
    assert handover_from_record(handover_to_record(result.handover)) == result.handover
    told = handover_to_record(result.handover)["sessions"][0]
    assert told["sources"] == ["mn", "standing", "connections@ra", "connections@rc"]


def test_a_masquerade_gives_both_endpoints_whoever_tells_of_it() -> None:
    """The phone sees the outside, SDP may name the inside; the correspondent's own router knows both."""
    whole = Session("udp", 4000, INSIDE, 5000, outside=OUTSIDE, outside_port=61000)
    tables = {"ra": [connection(Session("udp", 4000, OUTSIDE, 61000))], "rc": [from_outside(whole)]}
    for result in (
        found(record(Session("udp", 4000, OUTSIDE, 61000)), tables=tables),
        found(record(), tables=tables, flows=[flow(peer=INSIDE)]),
        found(record(), tables=tables),
    ):
        assert result.handover is not None
        assert result.handover.sessions == (whole,)
        assert codes(result) == []
        planned = make_plan([result.handover], TOPOLOGY, {})
        assert (len(planned.handovers), planned.refused) == (1, ())


def test_what_is_over_is_over() -> None:
    result = found(record(SESSION), tables={"rc": [connection(SESSION, Standing.OVER)]})
    assert result.error is not None
    assert result.error.code == "no_sessions"
    assert "1 session_over" in result.error.rule
    alive = found(record(SESSION), tables={"ra": [connection(SESSION, Standing.OVER)], "rc": [connection(SESSION)]})
    assert alive.handover is not None, "one router may have missed what another still sees"


def test_an_outside_endpoint_of_another_host_is_not_the_phones_to_name() -> None:
    theirs = Session("udp", 4000, INSIDE, 5000, outside=OUTSIDE, outside_port=61000)
    forged = Session("udp", 4002, OUTSIDE, 61000)
    result = found(record(forged), tables={"rc": [from_outside(theirs)]})
    assert codes(result) == ["session_contradicted"]
    assert sources(result) == {("udp", 4000): ("connections@rc",)}


def test_a_forged_inside_is_corrected() -> None:
    real = Session("udp", 4000, INSIDE, 5000, outside=OUTSIDE, outside_port=61000)
    forged = replace(real, correspondent=ip_address("10.0.0.99"))
    result = found(record(forged), tables={"rc": [from_outside(real)]})
    assert result.handover is not None
    assert [one.correspondent for one in result.handover.sessions] == [INSIDE]


def test_an_outside_endpoint_that_is_no_longer_the_same_is_corrected() -> None:
    real = Session("udp", 4000, INSIDE, 5000, outside=OUTSIDE, outside_port=61000)
    before = replace(real, outside_port=50000)
    result = found(record(before), tables={"rc": [from_outside(real)]})
    assert result.handover is not None
    assert result.handover.sessions == (real,)


def test_anybody_may_send_a_datagram() -> None:
    """What the phone never answered counts only where somebody else knows of it."""
    one_way = Session("udp", 4000, PEER, 5000)
    row = from_outside(one_way, Standing.ONE_WAY)
    alone = found(record(SESSION), tables={"rc": [row]})
    assert codes(alone) == ["session_unanswered"]
    known = found(record(), tables={"rc": [row]}, flows=[flow()])
    assert sources(known) == {("udp", 4000): ("sip", "connections@rc")}
    sent = found(record(), tables={"rc": [connection(one_way, Standing.ONE_WAY)]})
    assert sources(sent) == {("udp", 4000): ("connections@rc",)}


def test_a_handshake_is_no_session_yet() -> None:
    assert found(record(), tables={"rc": [from_outside(SESSION, Standing.OPENING)]}).error is not None


def test_an_old_address_that_was_given_away() -> None:
    """Routers cannot tell whose a connection is then; the phone's own list still counts."""
    new_holders = Session("tcp", 50000, PEER, 7000)
    result = found(record(SESSION, reassigned=True), tables={"rc": [connection(SESSION), connection(new_holders)]})
    assert codes(result) == ["session_not_datable"]
    assert sources(result) == {("tcp", 40000): ("mn", "connections@rc")}


@pytest.mark.parametrize(
    ("since", "held_to", "counts"),
    [(NOW - 10, NOW - 10, True), (NOW - 9, NOW - 10, False), (None, NOW - 10, False), (NOW - 99, None, False)],
)
def test_what_dialogs_agreed_on_at_an_address_that_was_given_away(
    since: float | None, held_to: int | None, counts: bool
) -> None:
    """A party may describe any address as its own: what was agreed on when the phone had left is not its own."""
    agreed = replace(flow(), since=since)
    asked = record(SESSION, reassigned=True, held_to=held_to)
    result = found(asked, flows=[agreed])
    assert (("udp", 4000) in sources(result), codes(result)) == (counts, [] if counts else ["session_not_datable"])
    again = found(asked, flows=[agreed], tables={"rc": [connection(Session("udp", 4000, PEER, 5000))]})
    assert ("udp", 4000) in sources(again) or not counts
    listed = found(record(SESSION, Session("udp", 4000, PEER, 5000), reassigned=True, held_to=held_to), flows=[agreed])
    assert (("udp", 4000) in sources(listed), codes(listed)) == (True, [])


def test_a_time_that_is_none() -> None:
    with pytest.raises(HandoverError, match="held_to"):
        found(record(SESSION, held_to="yesterday"))


@pytest.mark.parametrize(
    ("session", "policy", "code"),
    [
        (Session("tcp", 40000, ip_address("9.9.9.9"), 7000), {}, "correspondent_unmanaged"),
        (SESSION, {"correspondent_networks": ["4.4.4.0/24"]}, "correspondent_not_allowed"),
        (SESSION, {"infrastructure": [str(PEER)]}, "correspondent_is_infrastructure"),
        (Session("udp", 5060, PEER, 5060), {}, "signalling_over_udp"),
    ],
)
def test_correspondents_that_do_not_count(session: Session, policy: dict[str, Any], code: str) -> None:
    other = Session("tcp", 41000, ip_address("4.4.4.4"), 7000)
    result = found(record(), policy, tables={"rc": [connection(session), connection(other)]})
    assert codes(result) == [code]
    assert sources(result) == {("tcp", 41000): ("connections@rc",)}


def test_a_server_that_the_phone_names_counts() -> None:
    result = found(record(SESSION), {"infrastructure": [str(PEER)]})
    assert sources(result) == {("tcp", 40000): ("mn",)}


def test_a_flood_does_not_push_out_what_two_sources_know() -> None:
    flood = [connection(Session("udp", 1000 + n, PEER, 9000)) for n in range(300)]
    tables = {"rc": [*flood, connection(SESSION)]}
    result = found(record(SESSION), {"max_sessions_per_handover": 10}, tables=tables)
    assert result.handover is not None
    assert len(result.handover.sessions) == 10
    assert ("tcp", 40000) in sources(result)
    assert codes(result) == ["too_many_sessions"] * 291


def test_what_two_sources_know_stays_before_what_one_lists() -> None:
    listed = [Session("tcp", 1000 + n, PEER, 9000) for n in range(10)]
    tables = {"rc": [from_outside(Session("udp", 4000, PEER, 5000))]}
    result = found(record(*listed), {"max_sessions_per_handover": 3}, tables=tables, flows=[flow()])
    assert sources(result)["udp", 4000] == ("sip", "connections@rc")


def test_dialogs_of_other_people_and_other_addresses() -> None:
    flows = [flow(party="sip:other@example.com"), flow(address=ip_address("1.1.1.2")), flow(port=4010)]
    assert sources(found(record(), flows=flows)) == {("udp", 4010): ("sip",)}


def test_nobody_knows_and_the_policy_decides() -> None:
    refused = found(record(correspondents=[str(PEER)]), silent={"rc": "timed out"})
    assert refused.error is not None
    assert refused.error.code == "no_sessions"
    assert "rc: its connections are not known (timed out)" in refused.notes
    assert any("widen_unknown_sessions" in note for note in refused.notes)
    wide = found(record(correspondents=[str(PEER)]), {"widen_unknown_sessions": True})
    assert wide.handover is not None
    assert (wide.handover.scope, wide.handover.correspondents) == (Scope.CORRESPONDENT, (PEER,))
    assert any("break" in note for note in wide.notes), "the cost is told"


def test_the_scope_is_not_widened_for_what_is_known_or_given_away() -> None:
    allowed, other = {"widen_unknown_sessions": True}, ip_address("4.4.4.4")
    known = found(record(SESSION, correspondents=[str(PEER)]), allowed)
    assert known.handover is not None
    assert (known.handover.scope, known.notes) == (Scope.SESSION, ())
    both = found(record(SESSION, correspondents=[str(other)]), allowed)
    assert both.handover is not None
    assert both.handover.correspondents == (other, PEER)
    late = found(record(SESSION, correspondents=[str(other)], reassigned=True), allowed)
    assert late.handover is not None
    assert late.handover.scope is Scope.SESSION


def test_what_is_over_or_wider_is_left_as_it_is() -> None:
    ended = found(record(ended=True))
    assert ended.handover is not None
    assert ended.handover.ended
    wide = found(record(scope="correspondent", correspondents=[str(PEER)]), tables={"rc": [connection(SESSION)]})
    assert wide.handover is not None
    assert wide.handover.sessions == ()
    with pytest.raises(HandoverError):
        find_sessions({**record(), "color": 1}, TOPOLOGY, Evidence())


HOSTS = st.sampled_from([OLD, NEW, PEER, INSIDE, OUTSIDE, ip_address("4.4.4.4"), ip_address("9.9.9.9")])
PORTS = st.integers(4000, 4003)
ROWS = st.builds(
    Connection,
    st.sampled_from(["tcp", "udp"]),
    HOSTS,
    PORTS,
    HOSTS,
    PORTS,
    HOSTS,
    PORTS,
    HOSTS,
    PORTS,
    st.sampled_from(Standing),
)
LISTED = st.builds(Session, st.sampled_from(["tcp", "udp"]), PORTS, HOSTS, PORTS, st.none() | HOSTS, st.none() | PORTS)
FLOWS = st.builds(
    AgreedFlow,
    st.just("udp"),
    st.just("rtp"),
    st.sampled_from([AOR, "sip:x@y.z"]),
    HOSTS,
    PORTS,
    st.sampled_from([AOR, ""]),
    HOSTS,
    PORTS,
    st.none(),
)


@given(
    st.lists(LISTED, max_size=6),
    st.dictionaries(st.sampled_from(["ra", "rb", "rc"]), st.lists(ROWS, max_size=8)),
    st.lists(FLOWS, max_size=6),
    st.booleans(),
    st.booleans(),
)
def test_whatever_anybody_claims(
    listed: list[Session], tables: dict[str, list[Connection]], flows: list[AgreedFlow], reassigned: bool, widen: bool
) -> None:
    """No session but the old address's own, none twice, none that the planner refuses, never more than the limit."""
    policy = {"max_sessions_per_handover": 5, "widen_unknown_sessions": widen, "correspondents": [str(PEER)]}
    result = found(record(*listed, reassigned=reassigned), policy, tables=tables, flows=flows)
    handover = result.handover
    if handover is None:
        assert result.error is not None
        return
    assert (handover.old, handover.new) == (OLD, NEW)
    assert widen or handover.scope is Scope.SESSION
    ends = [(one.protocol, one.port, *one.seen) for one in handover.sessions]
    assert len(ends) == len(set(ends)) <= 5
    for session in handover.sessions:
        assert session.sources
        assert TOPOLOGY.find(session.correspondent) is not None
        claimed = {(one.protocol, one.port) for one in listed} | {("udp", f.port) for f in flows}
        claimed |= {("udp", f.peer_port) for f in flows}
        seen = {(r.protocol, r.source_port) for t in tables.values() for r in t if r.source == OLD}
        seen |= {(r.protocol, r.destination_port) for t in tables.values() for r in t if r.destination == OLD}
        assert (session.protocol, session.port) in claimed | seen


def test_every_code_is_explained() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "sessions.md").read_text(encoding="utf-8")
    assert [code for code in CODES if f"| `{code}` |" not in text] == []
