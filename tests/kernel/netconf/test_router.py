# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A step over NETCONF against a real server and kernel: what is put is read back, and every fault ends somewhere."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import ExitStack

import pytest
from hypothesis import HealthCheck, given, settings

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Entry,
    Rewrite,
    RewriteKind,
    Route,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState, same_state
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ietf_netconf import IetfNetconf
from ansible_collections.sipmobility.handover.plugins.plugin_utils import netconf_device
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ncclient_session import NcclientSession
from ansible_collections.sipmobility.handover.plugins.plugin_utils.netconf_device import netconf_router
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter

from ...standins.netconf_router import crashes
from ...standins.netconf_router.server import NetconfServer
from ...unit.mobility.entries import holdable, states
from ...unit.mobility.worlds import NEW, NOW, OLD, PEER
from ..conftest import refusal

pytestmark = crashes.once_more

STAMP = Stamp("8d7ac21f98194017", 1, NOW + 100_000_000)
ENCODER = Rewrite(RewriteKind.OUTBOUND_DST, Selector(PEER, OLD, "tcp", 7000, 40000), NEW, STAMP)
DECODER = Rewrite(RewriteKind.INBOUND_SRC, Selector(NEW, PEER, "tcp", 40000, 7000), OLD, STAMP)
OFF_LINK = Route(OLD, NEW, "lan", STAMP)
BASE = 'xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"'
FEW = settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

only_candidate = pytest.mark.parametrize("server", ["candidate"], indirect=True)


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


def eventually(condition: Callable[[], bool], seconds: float = 15) -> None:
    """Wait for what netconfd does when its own clock, of whole seconds, comes to it."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def kernel(server: NetconfServer) -> str:
    """What the kernel has of ours."""
    return server.namespace.shell("nft list table inet nat; ip route show proto 183").stdout


class Meddling:
    """A real session with somebody in between, who may change, add or cut what is sent."""

    def __init__(self, session: NcclientSession, meddle: Callable[[NcclientSession, str], str | None]) -> None:
        self._session = session
        self._meddle = meddle

    @property
    def number(self) -> str:
        return self._session.number

    @property
    def capabilities(self) -> Set[str]:
        return self._session.capabilities

    def requests(self, *operations: str) -> Sequence[str]:
        return [self._request(operation) for operation in operations]

    def tell(self, operation: str) -> None:
        self._request(operation)

    def _request(self, operation: str) -> str:
        changed = self._meddle(self._session, operation)
        return self._session.request(operation) if changed is None else changed


Meddled = Callable[[Callable[[NcclientSession, str], "str | None"]], ManagedRouter]


@pytest.fixture
def meddled(server: NetconfServer, clean: None) -> Iterator[Meddled]:
    """Makes the router with somebody in between."""
    with ExitStack() as stack:

        def make(meddle: Callable[[NcclientSession, str], str | None]) -> ManagedRouter:
            session = Meddling(stack.enter_context(server.session()), meddle)
            return netconf_router("rb", IetfNetconf(), Renderer(), session)

        yield make


@FEW
@given(states(holdable(), most=6))
def test_what_is_put_is_what_is_read(router: ManagedRouter, wanted: RouterState) -> None:
    """From whatever the example before left: entries come, change and go in one transaction."""
    held = router.gather()
    assert same_state(router.apply(difference(held, wanted), held, NOW), wanted)
    assert same_state(router.gather(), wanted)


@only_candidate
def test_the_kernel_has_it_when_the_step_is_done(server: NetconfServer, router: ManagedRouter) -> None:
    put(router, ENCODER)
    assert 'ip daddr 1.1.1.1 tcp sport 7000 tcp dport 40000 meta time < "2029-' in kernel(server)
    apply(router, RouterState())
    assert "saddr" not in kernel(server)


@only_candidate
def test_a_step_that_the_kernel_refuses(server: NetconfServer, router: ManagedRouter) -> None:
    """Design rule 4: the decoder of the same step is not there either, in the datastore or in the kernel."""
    put(router, ENCODER)
    before = kernel(server)
    told = refusal(lambda: router.apply(Change(put=(DECODER, OFF_LINK)), RouterState([ENCODER]), NOW))
    assert told.code == "step_refused"
    assert "rb: operation-failed" in told.subject
    assert "The router is unchanged." in told.advice
    assert router.gather() == RouterState([ENCODER])
    eventually(lambda: kernel(server) == before)


def test_an_interface_that_the_router_does_not_have(router: ManagedRouter) -> None:
    told = refusal(lambda: put(router, Route(OLD, None, "lan7", STAMP)))
    assert told.code == "no_such_interface"
    assert "The router is unchanged." in told.advice
    assert router.gather() == RouterState()


def test_a_router_that_changed_since_it_was_read(router: ManagedRouter) -> None:
    put(router, ENCODER)
    told = refusal(lambda: router.apply(Change(put=(DECODER, ENCODER)), RouterState([ENCODER]), NOW))
    assert (told.code, "data-exists" in told.subject, "mapping-entry" in told.subject) == ("router_changed", True, True)
    told = refusal(lambda: router.apply(Change(remove=(DECODER,)), RouterState([ENCODER]), NOW))
    assert (told.code, "data-missing" in told.subject) == ("router_changed", True)
    assert router.gather() == RouterState([ENCODER])


def test_a_lock_that_somebody_holds(server: NetconfServer, router: ManagedRouter) -> None:
    with server.session() as other:
        server.lock(other)
        told = refusal(lambda: put(router, DECODER))
    assert told.code == "lock_held"
    assert "The router is unchanged." in told.advice
    put(router, DECODER)


@pytest.mark.parametrize("server", ["running"], indirect=True)
def test_a_datastore_without_candidate(server: NetconfServer, router: ManagedRouter) -> None:
    """All of an edit or nothing (rollback-on-error); the kernel of the test router follows a second later."""
    put(router, ENCODER)
    eventually(lambda: "tcp sport 7000 tcp dport 40000" in kernel(server))
    told = refusal(lambda: router.apply(Change((), (DECODER, ENCODER)), RouterState([ENCODER]), NOW))
    assert "The router is unchanged." in told.advice
    assert router.gather() == RouterState([ENCODER])


@only_candidate
def test_changes_that_somebody_has_not_committed_are_not_committed_by_us(
    server: NetconfServer, router: ManagedRouter
) -> None:
    with server.session() as other:
        other.request(
            f'<edit-config {BASE}><target><candidate/></target><config><nacm xmlns="urn:ietf:params:xml:ns:yang:'
            'ietf-netconf-acm"><enable-nacm>false</enable-nacm></nacm></config></edit-config>'
        )
        assert refusal(lambda: put(router, DECODER)).code == "lock_held"
        other.request(f"<discard-changes {BASE}/>")


@only_candidate
@pytest.mark.parametrize("killed", [False, True], ids=["lost", "killed by another"])
def test_encoders_of_a_session_that_ends_are_taken_back(
    server: NetconfServer, router: ManagedRouter, meddled: Meddled, killed: bool
) -> None:
    """Committed, not confirmed, and then the session is gone: the decoder that came before stays, alone."""
    put(router, DECODER)
    before = kernel(server)

    def cut(session: NcclientSession, operation: str) -> None:
        if "get-config" not in operation or kernel(server) == before:
            return
        if not killed:
            session.close()
            return
        with server.session() as other:
            kill = f"<kill-session {BASE}><session-id>{session.number}</session-id></kill-session>"
            assert "<ok/>" in other.request(kill)

    told = refusal(lambda: meddled(cut).apply(Change(put=(ENCODER,)), RouterState([DECODER]), NOW))
    assert told.code == "session_lost"
    assert told.subject.startswith("rb: ")
    eventually(lambda: kernel(server) == before)
    assert router.gather() == RouterState([DECODER])


@only_candidate
def test_encoders_that_nobody_confirms_are_taken_back(
    server: NetconfServer, router: ManagedRouter, meddled: Meddled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(netconf_device, "CONFIRM_SECONDS", 1)
    before = kernel(server)

    def forget(_session: NcclientSession, operation: str) -> str | None:
        confirming = "<commit" in operation and "<confirmed/>" not in operation
        return f"<rpc-reply {BASE}><ok/></rpc-reply>" if confirming else None

    assert meddled(forget).apply(Change(put=(ENCODER,)), RouterState(), NOW) == RouterState([ENCODER])
    eventually(
        lambda: kernel(server) == before
    )  # asked over NETCONF all the time, netconfd would not look at its clock
    assert router.gather() == RouterState()


@only_candidate
def test_a_commit_that_commits_nothing_is_noticed(router: ManagedRouter, meddled: Meddled) -> None:
    """netconfd 2.13 says ok to a commit after an explicit validate, and commits nothing."""

    def validate(session: NcclientSession, operation: str) -> None:
        if "<commit" in operation:
            assert "<ok/>" in session.request(f"<validate {BASE}><source><candidate/></source></validate>")

    deaf = meddled(validate)
    for change in (Change(put=(ENCODER,)), Change(put=(DECODER,))):
        with pytest.raises(HandoverError, match="not_read_back"):
            deaf.apply(change, RouterState(), NOW)
        assert router.gather() == RouterState()


def test_a_mapping_of_somebody_else_in_our_instance(server: NetconfServer, router: ManagedRouter) -> None:
    theirs = re.sub(r"<stamp.*?</stamp>", "", router.text(Change(put=(ENCODER,)), NOW))
    with server.session() as other:
        other.request(theirs)
        other.request(f"<commit {BASE}/>")  # an error where running was edited
        try:
            assert refusal(router.gather).code == "foreign_entry"
        finally:
            other.request(router.text(Change(remove=(ENCODER,)), NOW))
            other.request(f"<commit {BASE}/>")


def test_who_does_not_get_in(server: NetconfServer) -> None:
    assert refusal(lambda: server.session(server.login(key="stranger"))).code == "login_refused"
    assert refusal(lambda: server.session(server.login(host_key="stranger"))).code == "unknown_host_key"


def test_a_session_that_is_over_says_so(server: NetconfServer) -> None:
    session = server.session()
    router = netconf_router("rb", IetfNetconf(), Renderer(), session)
    session.close()
    with pytest.raises(HandoverError, match=r"session_lost: .*: rb: "):
        router.gather()
