# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The iptables platform with the real iptables, ip6tables, conntrack and ip, both variants, in private namespaces."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference, pending
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Freeze,
    Rewrite,
    RewriteKind,
    Scope,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState, same_state
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.iptables import Iptables
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.iptables import IptablesBackend
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.preparation import Preparation
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.settings import Options
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter
from ansible_collections.sipmobility.handover.plugins.plugin_utils.shell_device import shell_router

from ..unit.mobility.entries import holdable, selectors, stamp, states
from ..unit.mobility.worlds import NOW, patent_handover
from ..unit.mobility.worlds import TOPOLOGY as WORLD
from .conftest import LAN, refusal
from .namespaces import Namespace

FEW = settings(
    max_examples=max(15, settings().max_examples // 20),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
OPTIONS = Options(inside_interface="lan", persistence="none", firewall="insert")
OLD, NEW, PEER = (ip_address(text) for text in ("198.18.0.10", "198.51.100.9", "203.0.113.7"))
STAMP = Stamp("8d7ac21f98194017", 1, NOW + 600)
SESSION = ("tcp", 7000, 40000)
TOPOLOGY = Topology(replace(one, platform="iptables") for one in WORLD.routers.values())


def decoder(epoch: int = 1) -> Rewrite:
    return Rewrite(RewriteKind.INBOUND_DST, Selector(PEER, NEW, *SESSION), OLD, replace(STAMP, epoch=epoch))


@st.composite
def freezes(draw: st.DrawFn) -> Freeze:
    version = draw(st.sampled_from((4, 6)))
    return Freeze(draw(selectors(version, draw(st.sampled_from(Scope)))), draw(stamp()))


@pytest.fixture(scope="module", params=["nft", "legacy"])
def prepared(request: pytest.FixtureRequest) -> Iterator[Namespace]:
    """A router that the role has prepared, with the variant of iptables that its alternatives name."""
    with Namespace() as namespace:
        namespace.shell(LAN)
        for tool in ("iptables", "ip6tables"):
            namespace.shell(f"update-alternatives --set {tool} /usr/sbin/{tool}-{request.param}")
        Preparation("rb", IptablesBackend(), OPTIONS, Renderer()).converge(namespace, present=True, checking=False)
        assert request.param in namespace.shell("iptables -V").stdout.replace("nf_tables", "nft")
        yield namespace


@pytest.fixture
def router(prepared: Namespace) -> Iterator[ManagedRouter]:
    """The router, empty before and after."""
    it = shell_router("rb", Iptables(), Renderer(), prepared)
    yield it
    for table in ("raw", "nat"):
        for tool in ("iptables", "ip6tables"):
            prepared.shell(
                f"{tool}-save -t {table} | sed -n 's/^-A \\(sipmobility[^ ]*\\).*/\\1/p' | sort -u |"
                f" while read -r chain; do {tool} -w -t {table} -F $chain; done"
            )
    prepared.shell("for v in 4 6; do ip -$v route flush table 7082 2>/dev/null; done; true")


@FEW
@given(st.data())
def test_what_is_put_is_what_is_read(router: ManagedRouter, data: st.DataObject) -> None:
    """From whatever the example before left on the router: entries come, change and go in one step."""
    wanted = data.draw(states(holdable() | freezes(), most=8))
    held = router.gather()
    assert same_state(router.apply(difference(held, wanted), held, NOW), wanted)
    assert same_state(router.gather(), wanted)


def test_preparing_again_changes_nothing_and_giving_back_leaves_nothing(prepared: Namespace) -> None:
    preparation = Preparation("rb", IptablesBackend(), OPTIONS, Renderer())
    assert not preparation.converge(prepared, present=True, checking=False)["changed"]
    try:
        assert preparation.converge(prepared, present=False, checking=False)["changed"]
        left = prepared.shell("iptables-save; ip6tables-save; ip rule; ls /usr/local/lib /var/lib").stdout
        assert "sipmobility" not in left
        assert "7082" not in left
    finally:
        preparation.converge(prepared, present=True, checking=False)


def test_a_chain_that_somebody_removed_is_made_again(prepared: Namespace, router: ManagedRouter) -> None:
    router.apply(Change(put=(decoder(),)), RouterState(), NOW)
    prepared.shell("iptables -t nat -D POSTROUTING -j sipmobility-src-pair && iptables -t nat -X sipmobility-src-pair")
    preparation = Preparation("rb", IptablesBackend(), OPTIONS, Renderer())
    assert preparation.converge(prepared, present=True, checking=False)["changed"]
    assert not preparation.converge(prepared, present=True, checking=False)["changed"]
    assert same_state(router.gather(), RouterState([decoder()]))


def test_a_rule_of_somebody_else_in_our_chain_is_refused(prepared: Namespace, router: ManagedRouter) -> None:
    prepared.shell("iptables -t nat -A sipmobility-dst-pair -s 203.0.113.9 -j DNAT --to-destination 203.0.113.8")
    assert refusal(router.gather).code == "foreign_entry"
    told = refusal(
        lambda: Preparation("rb", IptablesBackend(), OPTIONS, Renderer()).converge(
            prepared, present=True, checking=False
        )
    )
    assert told.code == "table_foreign"


def test_a_router_that_is_not_prepared(prepared: Namespace) -> None:
    with Namespace() as bare:
        bare.shell(LAN)
        told = refusal(shell_router("rb", Iptables(), Renderer(), bare).gather)
    assert told.code == "router_not_prepared"


def test_a_step_from_another_state_is_refused_and_changes_nothing(router: ManagedRouter) -> None:
    """The rule that it removes stands no longer as it was read."""
    held = router.apply(Change(put=(decoder(),)), RouterState(), NOW)
    other = Change((decoder(epoch=7),), (Freeze(Selector(PEER, OLD), STAMP),))
    told = refusal(lambda: router.apply(other, held, NOW))
    assert told.code == "router_changed"
    assert same_state(router.gather(), held)


def test_rewrites_are_marked_and_what_comes_decoded_already_passes_untracked(
    prepared: Namespace, router: ManagedRouter
) -> None:
    """A node that is home again sends under the address that the rewritten connection has as well."""
    source = Rewrite(RewriteKind.INBOUND_SRC, Selector(NEW, PEER, "udp", 40000, 7000), OLD, STAMP)
    router.apply(Change(put=(decoder(), source)), RouterState(), NOW)
    rules = prepared.shell("iptables-save -t raw").stdout
    ours = [line for line in rules.splitlines() if line.startswith("-A sipmobility-mark ")]
    assert [line.rpartition(" -j ")[2].split()[0] for line in ours] == ["MARK", "MARK", "MARK", "MARK", "CT"]
    assert [line for line in ours if f"-d {NEW}/32 -p icmp -m icmp --icmp-type 3/4" in line] == ours[1:2]
    assert [line for line in ours if f"-s {OLD}/32 -d {PEER}/32" in line] == ours[3:]
    router.apply(Change(remove=(decoder(), source)), RouterState([decoder(), source]), NOW)
    assert "-A sipmobility-mark " not in prepared.shell("iptables-save -t raw").stdout


def test_exactly_the_flows_own_connections_are_forgotten(prepared: Namespace, router: ManagedRouter) -> None:
    """conntrack asks the rules once for a connection: one that is tracked already would never see a new rule."""
    prepared.shell(
        "for port in 40000 40001; do conntrack -I -p tcp -s 203.0.113.7 -d 198.51.100.9 --sport 7000"
        " --dport $port --state ESTABLISHED -t 60; done"
    )
    router.apply(Change(put=(decoder(),)), RouterState(), NOW)
    left = prepared.shell("conntrack -L -p tcp -d 198.51.100.9").stdout
    assert "dport=40000" not in left
    assert "dport=40001" in left
    restamped = decoder(epoch=2)
    prepared.shell(
        "conntrack -I -p tcp -s 203.0.113.7 -d 198.51.100.9 --sport 7000 --dport 40000 --state ESTABLISHED -t 60"
    )
    router.apply(Change((decoder(),), (restamped,)), RouterState([decoder()]), NOW)
    assert "dport=40000" in prepared.shell("conntrack -L -p tcp -d 198.51.100.9").stdout, "a refresh forgets nothing"


def test_what_has_expired_is_swept_with_the_connections_that_it_made(
    prepared: Namespace, router: ManagedRouter
) -> None:
    """Rules have no lifetime of their own. Here, all of them have expired long ago."""
    router.apply(Change(put=(decoder(), Freeze(Selector(PEER, OLD), STAMP))), RouterState(), NOW)
    prepared.shell("conntrack -F")  # other tests' connections
    for port in (40000, 40001):
        prepared.shell(
            f"conntrack -I -p tcp -s 203.0.113.7 -d 198.51.100.9 --sport 7000 --dport {port} --state ESTABLISHED -t 60"
        )
    prepared.shell("/usr/local/lib/sipmobility/sweep")
    assert router.gather() == RouterState()
    left = prepared.shell("conntrack -L -p tcp -d 198.51.100.9").stdout
    assert ("dport=40000" in left, "dport=40001" in left) == (False, True)


def test_what_has_expired_and_was_not_swept_is_withdrawn(router: ManagedRouter) -> None:
    """As the correspondent's router of the patent's call: two rules, a freeze, no route."""
    handover, late = patent_handover(), NOW + 100_000
    held = RouterState()
    for wanted, now in ((handover, NOW), (replace(handover, ended=True), late)):
        for stage in make_plan([wanted], TOPOLOGY, {"rc": held}).stages:
            for step in stage.steps:
                if step.router == "rc":
                    held = router.apply(pending(step, held), held, now)
        assert bool(held.entries) == (now is NOW)


@pytest.mark.parametrize("frozen", [True, False], ids=["frozen", "not frozen"])
def test_a_freeze_drops_the_flow_and_nothing_beside_it(
    prepared: Namespace, router: ManagedRouter, frozen: bool
) -> None:
    freeze = Freeze(Selector(ip_address("203.0.113.2"), ip_address("203.0.113.1")), STAMP)
    router.apply(Change(put=(freeze,) if frozen else ()), RouterState(), NOW)
    heard: set[str] = set()
    with Namespace() as peer:
        prepared.shell(f"ip link add side type veth peer name far && ip link set far netns {peer.pid}")
        prepared.shell("ip address add 203.0.113.1/24 dev side && ip link set side up")
        try:
            peer.shell("for host in 2 3; do ip address add 203.0.113.$host/24 dev far; done; ip link set far up")
            here = prepared.udp("203.0.113.1", 7000)
            with here as listener, peer.udp("203.0.113.2") as one, peer.udp("203.0.113.3") as other:
                for _ in range(40):
                    for source in (one, other):
                        source.sendto(b"x", ("203.0.113.1", 7000))
                    heard |= sources(listener)
                    if heard >= ({"203.0.113.3"} if frozen else {"203.0.113.2", "203.0.113.3"}):
                        break
        finally:
            prepared.shell("ip link del side")
    assert heard == ({"203.0.113.3"} if frozen else {"203.0.113.2", "203.0.113.3"})


def sources(by: socket.socket) -> set[str]:
    """Who sent what has come."""
    found = set()
    try:
        while True:
            found.add(by.recvfrom(16)[1][0])
    except TimeoutError:
        return found
