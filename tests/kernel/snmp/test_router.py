# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A step over SNMP against a real snmpd and kernel: what is put is read back, and every fault ends somewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Entry,
    Mark,
    Rewrite,
    RewriteKind,
    Route,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState, same_state
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.snmp import IF_NAME, NAT, SERIAL, Snmp
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.snmp_name import Sort, encode
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.varbinds import (
    Varbind,
    resolved,
    varbinds_of,
)
from ansible_collections.sipmobility.handover.plugins.plugin_utils.pysnmp_session import PysnmpSession
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter
from ansible_collections.sipmobility.handover.plugins.plugin_utils.snmp_device import Refusal, snmp_router
from ansible_collections.sipmobility.handover.plugins.plugin_utils.snmp_login import SnmpLogin

from ...standins.snmp_router.server import KEYS, READER, WRITER, Relay, SnmpServer
from ...unit.mobility.entries import LINKS, MOBILE, states
from ...unit.mobility.worlds import NEW, NOW, OLD, PEER
from ...unit.platforms.test_snmp import holdable
from ..conftest import LAN, refusal
from ..namespaces import Namespace
from .conftest import WAN

STAMP = Stamp("8d7ac21f98194017", 1, NOW + 100_000_000)
ENCODER = Rewrite(RewriteKind.OUTBOUND_DST, Selector(destination=OLD), NEW, STAMP)
DECODER = Rewrite(RewriteKind.INBOUND_DST, Selector(destination=NEW), OLD, STAMP)
MARK = Mark(Selector(OLD, PEER), STAMP)
ROUTE = Route(OLD, NEW, "lan", STAMP)
ALL = RouterState([ENCODER, DECODER, MARK, ROUTE])
FEW = settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
OFF_LINK = Route(OLD, PEER, "lan", STAMP)


@pytest.fixture(autouse=True)
def clean(router: ManagedRouter) -> None:
    """Every test begins with a router that holds nothing."""
    apply(router, RouterState())


def apply(router: ManagedRouter, wanted: RouterState) -> RouterState:
    held = router.gather()
    change = difference(held, wanted)
    return router.apply(change, held, NOW) if change else held


def put(router: ManagedRouter, *entries: Entry) -> RouterState:
    return router.apply(Change(put=entries), RouterState(), NOW)


def kernel(server: SnmpServer) -> str:
    """What the kernel has of it."""
    return server.namespace.shell("nft list ruleset; ip route show; ip -6 route show").stdout


class Meddling:
    """A real session with somebody in between at each SET of a step."""

    def __init__(self, session: PysnmpSession, around: Callable[[], AbstractContextManager[object]]) -> None:
        self._session = session
        self._around = around

    def get(self, oids: Sequence[str]) -> list[Varbind]:
        return self._session.get(oids)

    def walk(self, below: str) -> list[Varbind]:
        return self._session.walk(below)

    def close(self) -> None:
        self._session.close()

    def set(self, varbinds: Sequence[Varbind]) -> Refusal | None:
        if not any(item.oid.startswith(NAT) for item in varbinds):
            return self._session.set(varbinds)
        with self._around():
            return self._session.set(varbinds)


Meddled = Callable[[Callable[[], AbstractContextManager[object]]], ManagedRouter]


@pytest.fixture
def meddled(server: SnmpServer, clean: None) -> Iterator[Meddled]:
    """Makes the router with somebody in between."""
    with ExitStack() as stack:

        def make(around: Callable[[], AbstractContextManager[object]]) -> ManagedRouter:
            session = stack.enter_context(server.session(server.login(timeout=2)))
            return snmp_router("rb", Snmp(), Renderer(), Meddling(session, around), "wan")

        yield make


@contextmanager
def lost(relay: Relay, asks: bool = True) -> Iterator[None]:
    """What is answered does not come back; or what is asked does not arrive."""
    relay.answers, relay.asks = False, asks
    try:
        yield
    finally:
        relay.answers = relay.asks = True


@st.composite
def placeable(draw: st.DrawFn) -> Entry:
    """An entry that this router takes: routes of IPv4, which is all that net-snmp sets, and next hops on its link."""
    entry = draw(holdable())
    if not isinstance(entry, Route):
        return entry
    hop = ip_address(LINKS[4]) + draw(st.integers(2, 254))
    return replace(entry, destination=ip_address(MOBILE[4]) + draw(st.integers(1, 65000)), via=hop, interface="lan")


@FEW
@given(states(placeable(), most=6))
def test_what_is_put_is_what_is_read(router: ManagedRouter, wanted: RouterState) -> None:
    """From whatever the example before left: entries come, change and go in one step."""
    held = router.gather()
    assert same_state(router.apply(difference(held, wanted), held, NOW), wanted)
    assert same_state(router.gather(), wanted)


def test_the_kernel_has_it_when_the_step_is_done(server: SnmpServer, router: ManagedRouter) -> None:
    before = kernel(server)
    assert put(router, ENCODER, DECODER, MARK, ROUTE) == ALL
    assert "1.1.1.1 via 2.2.2.2 dev lan" in kernel(server)
    assert 'iifname != "wan" ip daddr 1.1.1.1 notrack ip daddr set 2.2.2.2 accept' in kernel(server)
    assert 'iifname "wan" ip daddr 2.2.2.2 notrack ip daddr set 1.1.1.1 accept' in kernel(server)
    apply(router, RouterState())
    assert kernel(server) == before


def test_routes_come_and_go_again_and_again(server: SnmpServer, router: ManagedRouter) -> None:
    """net-snmp 5.9 would make a route again that it should destroy, and then crash."""
    before = kernel(server)
    for _ in range(6):
        put(router, ROUTE)
        apply(router, RouterState())
    assert kernel(server) == before
    assert server.alive


def test_a_route_gets_another_next_hop(server: SnmpServer, router: ManagedRouter) -> None:
    put(router, ROUTE, DECODER)
    other = replace(ROUTE, via=ip_address("2.2.2.9"))
    assert router.apply(Change((ROUTE,), (other,)), RouterState([ROUTE, DECODER]), NOW) == RouterState([other, DECODER])
    assert "1.1.1.1 via 2.2.2.9 dev lan" in kernel(server)


def test_a_route_that_the_kernel_lost_is_repaired(server: SnmpServer, router: ManagedRouter) -> None:
    put(router, ROUTE, DECODER)
    server.namespace.shell("ip route del 1.1.1.1")
    server.restart()  # it would believe its own copy of the table for a minute
    held = router.gather()
    assert held == RouterState([replace(ROUTE, interface=None), DECODER])
    assert router.apply(difference(held, RouterState([ROUTE, DECODER])), held, NOW) == RouterState([ROUTE, DECODER])
    assert "1.1.1.1 via 2.2.2.2 dev lan" in kernel(server)


def test_a_step_that_the_kernel_refuses(server: SnmpServer, router: ManagedRouter) -> None:
    """Design rule 4: the decoder of the same step is not there either, in the table or in the kernel."""
    put(router, ENCODER)
    before = kernel(server)
    told = refusal(lambda: router.apply(Change(put=(DECODER, OFF_LINK)), RouterState([ENCODER]), NOW))
    assert told.code == "step_refused"
    assert told.subject.startswith("rb: ")
    assert "The router " in told.advice
    assert router.gather() == RouterState([ENCODER])
    assert kernel(server) == before


def test_an_interface_that_the_router_does_not_have(router: ManagedRouter) -> None:
    told = refusal(lambda: put(router, replace(ROUTE, interface="lan7")))
    assert (told.code, told.subject) == ("no_such_interface", "rb: lan7")
    assert router.gather() == RouterState()


def test_a_router_that_changed_since_it_was_read(router: ManagedRouter) -> None:
    put(router, ENCODER)
    told = refusal(lambda: router.apply(Change(put=(DECODER, ENCODER)), RouterState([ENCODER]), NOW))
    assert (told.code, NAT in told.subject) == ("step_refused", True), told
    assert "The router is unchanged." in told.advice
    assert router.gather() == RouterState([ENCODER])


def test_somebody_else_sets_something_between(server: SnmpServer, router: ManagedRouter) -> None:
    """The stand-in has a snmpSetSerialNo that can be set; net-snmp's own cannot."""

    @contextmanager
    def another() -> Iterator[None]:
        with server.stand_in() as other:
            assert other.set(other.get([SERIAL])) is None
        yield

    with server.stand_in() as session:
        put(snmp_router("rb", Snmp(), Renderer(), session, "wan"), DECODER)
        meddled = snmp_router("rb", Snmp(), Renderer(), Meddling(session, another), "wan")
        told = refusal(lambda: meddled.apply(Change(put=(ENCODER,)), RouterState([DECODER]), NOW))
    assert (told.code, SERIAL in told.subject) == ("router_changed", True)
    assert "The router is unchanged." in told.advice
    assert router.gather() == RouterState([DECODER])


def test_a_lost_answer_to_a_set_that_was_done(server: SnmpServer, meddled: Meddled, router: ManagedRouter) -> None:
    ways = iter((nullcontext(), lost(server.relay)))  # net-snmp refuses the first SET for its serial number
    assert meddled(lambda: next(ways)).apply(Change(put=tuple(ALL)), RouterState(), NOW) == ALL
    assert next(ways, None) is None
    assert router.gather() == ALL


def test_a_set_that_does_not_arrive(server: SnmpServer, meddled: Meddled, router: ManagedRouter) -> None:
    put(router, ENCODER)
    silent = meddled(lambda: lost(server.relay, asks=False))
    told = refusal(lambda: silent.apply(Change(put=(DECODER, ROUTE)), RouterState([ENCODER]), NOW))
    assert (told.code, told.subject) == ("no_answer", "rb: no answer")
    assert told.advice.endswith("The router is unchanged.")
    assert router.gather() == RouterState([ENCODER])


def test_an_agent_that_does_not_answer(server: SnmpServer) -> None:
    with server.session(server.login(timeout=0.3, retries=1)) as session, lost(server.relay):
        told = refusal(snmp_router("rb", Snmp(), Renderer(), session, "wan").gather)
    assert (told.code, told.subject.startswith("rb: ")) == ("router_unreachable", True)


def test_an_agent_that_begins_anew(server: SnmpServer, router: ManagedRouter) -> None:
    """Its boots count on, its time begins again; the session goes on."""
    put(router, ENCODER)
    server.restart()
    assert router.apply(Change(put=(DECODER, ROUTE)), RouterState([ENCODER]), NOW) == RouterState(
        [ENCODER, DECODER, ROUTE]
    )
    server.restart()
    assert router.gather() == RouterState([ENCODER, DECODER, ROUTE])


def test_a_nat_that_is_down_and_comes_back(server: SnmpServer, router: ManagedRouter) -> None:
    put(router, ENCODER, ROUTE)
    server.without_nat()
    try:
        told = refusal(router.gather)
    finally:
        server.with_nat()
    assert told.code in ("router_unreachable", "read_refused")
    assert router.gather() == RouterState([ENCODER, ROUTE])


@pytest.mark.parametrize(
    ("user", "keys", "code"),
    [
        ("stranger", KEYS, "login_refused"),
        (WRITER, ("not-the-passphrase", KEYS[1]), "login_refused"),
        (WRITER, (KEYS[0], "not-the-passphrase"), "router_unreachable"),
    ],
    ids=["user", "authentication", "privacy"],
)
def test_who_does_not_get_in(server: SnmpServer, user: str, keys: tuple[str, str], code: str) -> None:
    with server.session(server.login(user, keys, retries=1)) as session:
        told = refusal(snmp_router("rb", Snmp(), Renderer(), session, "wan").gather)
    assert told.code == code
    assert told.subject.startswith("rb: ")
    assert not set(keys) & set(f"{told}{server.login(user, keys)}".split("'"))


def test_who_may_only_read(server: SnmpServer, router: ManagedRouter) -> None:
    with server.session(server.login(READER)) as session:
        reader = snmp_router("rb", Snmp(), Renderer(), session, "wan")
        told = refusal(lambda: put(reader, ENCODER, ROUTE))
    assert (told.code, "The router is unchanged." in told.advice) == ("no_privilege", True)
    assert router.gather() == RouterState()


def test_a_community_is_refused_unless_it_is_allowed(server: SnmpServer) -> None:
    plain = {"host": "127.0.0.1", "community": "public", "port": server.relay.port}
    assert refusal(lambda: SnmpLogin(**plain)).code == "plain_snmp"  # type: ignore[arg-type]
    with server.session(SnmpLogin(**plain, allow_v2c=True)) as session:  # type: ignore[arg-type]
        router = snmp_router("rb", Snmp(), Renderer(), session, "wan")
        assert put(router, ENCODER, ROUTE) == RouterState([ENCODER, ROUTE])


def test_another_client_reads_the_step_as_we_do(server: SnmpServer, router: ManagedRouter) -> None:
    """The text of a step, set by net-snmp's own snmpset: the agent, the text and our reading of it agree."""
    shown = server.namespace.shell("ip -j link").stdout
    number = {link["ifname"]: int(link["ifindex"]) for link in json.loads(shown)}
    lines = [resolved(item, number.__getitem__) for item in varbinds_of(router.text(Change(put=tuple(ALL)), NOW))]
    done = server.command("snmpset", *(word for item in lines for word in item))
    assert done.returncode == 0, done.stderr
    assert router.gather() == ALL
    shown = server.command("snmpwalk", NAT).stdout
    assert shown.count(f".{NAT}.2.") == 4


def test_rows_of_others_stay(server: SnmpServer, router: ManagedRouter) -> None:
    name = encode(STAMP, Sort.REWRITE)
    theirs = router.text(Change(put=(replace(DECODER, match=Selector(destination=PEER)),)), NOW).replace(
        name, "static-nat"
    )
    with server.session() as session:
        wan = next(item.oid.rpartition(".")[2] for item in session.walk(IF_NAME) if item.octets == b"wan")
        rows = [resolved(item, lambda _name: int(wan)) for item in varbinds_of(theirs)]
        assert session.set(rows) is None
        try:
            put(router, DECODER)
            assert router.gather() == RouterState([DECODER])
            apply(router, RouterState())
            assert "3.3.3.3" in kernel(server)
        finally:
            session.set([Varbind(rows[-1].oid, "i", "6")])


@contextmanager
def another(home: Path, **kind: Any) -> Iterator[tuple[SnmpServer, ManagedRouter]]:
    """A router of another kind, for one test."""
    with Namespace() as namespace:
        namespace.shell(f"{LAN}\n{WAN}\nip address add 2.2.2.1/24 dev lan")
        with SnmpServer(namespace, home, **kind).serving() as server, server.session() as session:
            yield server, snmp_router("rb", Snmp(), Renderer(), session, "wan")


def test_an_agent_that_wants_one_name_for_all_rows(tmp_path: Path) -> None:
    """RFC 4008 to the letter: all rows of an interface MUST have the same name. Ours have their stamps there."""
    with another(tmp_path, one_name=True) as (_server, router):
        put(router, ENCODER)
        told = refusal(lambda: router.apply(Change(put=(ROUTE,)), RouterState([ENCODER]), NOW))
        assert (told.code, NAT in told.subject) == ("step_refused", True), told
        assert "The router is unchanged." in told.advice


def test_an_agent_without_nat_mib(tmp_path: Path) -> None:
    with another(tmp_path, behind="nothing") as (server, router):
        before = kernel(server)
        assert router.gather() == RouterState()
        told = refusal(lambda: put(router, ROUTE))
        assert (told.code, "The router is unchanged." in told.advice) == ("not_writable", True)
        assert kernel(server) == before
