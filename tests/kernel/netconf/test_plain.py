# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real server with ietf-nat as RFC 8512 has it, and the kernel behind it: mappings, and the records beside them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Change, Route
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState, same_state
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ietf_netconf import IetfNetconf
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ietf_netconf_plain import IetfNetconfPlain
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ncclient_session import NcclientSession
from ansible_collections.sipmobility.handover.plugins.plugin_utils.netconf_device import NetconfDevice, netconf_router
from ansible_collections.sipmobility.handover.plugins.plugin_utils.netconf_preparation import NetconfPreparation
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter

from ...standins.netconf_router import crashes
from ...standins.netconf_router.server import NetconfServer, PlainServer
from ...unit.mobility.worlds import NOW, OLD
from ...unit.platforms.test_ietf_netconf_plain import HERE, LATER, MARK, THERE, holdings
from ..conftest import LAN, refusal
from ..namespaces import Namespace
from .test_router import BASE, FEW, Meddling, apply, eventually, kernel, put

pytestmark = crashes.once_more

#: Somebody else's static protocol, with a description.
THEIRS = (
    "<control-plane-protocol><type>static</type><name>uplinks</name><description>sipmobility?</description>"
    "<static-routes/></control-plane-protocol>"
)


@pytest.fixture(scope="module", params=["candidate", "running"])
def plain_server(
    request: pytest.FixtureRequest, netconf_built: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NetconfServer]:
    home = tmp_path_factory.mktemp("plain")
    with Namespace() as namespace:
        namespace.shell(LAN)
        server = PlainServer(namespace, netconf_built, home, request.param)
        with server.serving():
            beside_others(server)
            yield server


def beside_others(server: NetconfServer) -> None:
    """Somebody else has configured something, too."""
    with server.session() as session:
        answer = session.request(
            f"<edit-config {BASE}><target><{server.target}/></target><config>"
            '<routing xmlns="urn:ietf:params:xml:ns:yang:ietf-routing"><control-plane-protocols>'
            f"{THEIRS}</control-plane-protocols></routing></config></edit-config>"
        )
        assert "<ok/>" in answer
        session.request(f"<commit {BASE}/>")  # an error where running was edited


@pytest.fixture(autouse=True)
def revived(plain_server: NetconfServer) -> None:
    if plain_server.revive():
        beside_others(plain_server)


@pytest.fixture
def plain(plain_server: NetconfServer) -> Iterator[ManagedRouter]:
    with plain_server.session() as session:
        router = netconf_router("rb", IetfNetconfPlain(), Renderer(), session)
        apply(router, RouterState())
        yield router


only_candidate = pytest.mark.parametrize("plain_server", ["candidate"], indirect=True)


def test_the_server_does_not_have_our_augmentation(plain_server: NetconfServer) -> None:
    with plain_server.session() as session:
        told = refusal(lambda: netconf_router("rb", IetfNetconf(), Renderer(), session))
    assert (told.code, "ietf_netconf_plain" in told.advice) == ("module_missing", True)


@FEW
@given(holdings())
def test_what_is_put_is_what_is_read(plain: ManagedRouter, wanted: RouterState) -> None:
    """From whatever the example before left: entries come, change and go in one transaction."""
    held = plain.gather()
    assert same_state(plain.apply(difference(held, wanted), held, NOW), wanted)
    assert same_state(plain.gather(), wanted)


@only_candidate
def test_one_mapping_translates_both_ways(plain_server: NetconfServer, plain: ManagedRouter) -> None:
    put(plain, *HERE)
    rules = kernel(plain_server)
    assert "ip saddr 1.1.1.1 ip daddr 3.3.3.3" in rules
    assert "ip saddr set 2.2.2.2" in rules
    assert "ip saddr 3.3.3.3 ip daddr 2.2.2.2" in rules
    assert "ip daddr set 1.1.1.1" in rules
    apply(plain, RouterState(THERE))
    rules = kernel(plain_server)
    assert "ip daddr set 2.2.2.2" in rules
    assert "ip saddr set 1.1.1.1" in rules
    apply(plain, RouterState())
    assert "saddr" not in kernel(plain_server)


@only_candidate
def test_a_mapping_that_the_kernel_refuses_leaves_no_record(plain_server: NetconfServer, plain: ManagedRouter) -> None:
    before = kernel(plain_server)
    off_link = Route(OLD, OLD + 1, "lan", LATER)
    told = refusal(lambda: put(plain, *HERE, MARK, off_link))
    assert (told.code, "The router is unchanged." in told.advice) == ("step_refused", True)
    assert plain.gather() == RouterState()
    assert kernel(plain_server) == before


@only_candidate
def test_a_mapping_whose_session_is_lost_goes_with_its_records(
    plain_server: NetconfServer, plain: ManagedRouter
) -> None:
    """Decoder and encoder in one, unconfirmed for as long as it is read back: no other router relies on it yet."""
    before = kernel(plain_server)

    def cut(session: NcclientSession, operation: str) -> None:
        if "get-config" in operation and kernel(plain_server) != before:
            session.close()

    with plain_server.session() as session:
        lost = netconf_router("rb", IetfNetconfPlain(), Renderer(), Meddling(session, cut))
        assert refusal(lambda: put(lost, *HERE)).code == "session_lost"
    eventually(lambda: kernel(plain_server) == before)
    assert plain.gather() == RouterState()


def test_a_mapping_that_somebody_takes_away_is_told(plain_server: NetconfServer, plain: ManagedRouter) -> None:
    put(plain, *HERE)
    gone = plain.text(Change(remove=HERE), NOW)
    mapping = gone[: gone.index("<routing")] + gone[gone.index("</routing>") + len("</routing>") :]
    record = gone[: gone.index("<nat ")] + gone[gone.index("</nat>") + len("</nat>") :]
    with plain_server.session() as other:
        for edit in (mapping, record):
            assert "<ok/>" in other.request(edit)
            other.request(f"<commit {BASE}/>")  # an error where running was edited
            if edit is mapping:
                assert refusal(plain.gather).code == "foreign_entry"
    assert plain.gather() == RouterState()


@only_candidate
def test_the_places_are_made_and_given_back_with_what_stands_in_them(
    plain_server: NetconfServer, plain: ManagedRouter
) -> None:
    with plain_server.session() as session:
        device = NetconfDevice("rb", IetfNetconfPlain(), Renderer(), session)
        preparation = NetconfPreparation("rb", IetfNetconfPlain(), device, "lan")
        preparation.converge(present=True, checking=False, drop=False)
        assert not preparation.converge(present=True, checking=False, drop=False)["changed"]
        put(plain, *HERE, MARK)
        told = refusal(lambda: preparation.converge(present=False, checking=False, drop=False))
        assert told.code == "handovers_stand"
        preparation.converge(present=False, checking=False, drop=True)
        left = session.request(f"<get-config {BASE}><source><running/></source></get-config>")
    assert "<name>uplinks</name>" in left
    assert "sipmobility:" not in left
    assert "mapping-entry" not in left
