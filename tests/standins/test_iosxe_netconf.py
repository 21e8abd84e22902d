# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps by NETCONF against a real server with the schema of IOS-XE. What is shown is our dialogue, and that the server
takes our edits and shows what we meant; not what Cisco's software does with them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Change
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.flow_lines import NatSettings
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.iosxe.router import IosxeNetconf
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.nat_marks import DatastoreMarks
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.native_device import (
    NativeDevice,
    native_router,
)
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.preparation import IosPreparation
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ncclient_session import NcclientSession
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter

from ..kernel.conftest import LAN
from ..kernel.namespaces import Namespace
from ..unit.platforms.ios_router import NOW, states
from ..unit.platforms.iosxe_router import PLATFORM, RENDERER
from ..unit.platforms.test_iosxe_router import AT_B, AT_C, FROZEN, NEW, OLD, STAMP
from .iosxe.datastore import said
from .iosxe.router import IosxeServer, build
from .netconf_router import crashes
from .netconf_router.server import NetconfServer

pytestmark = crashes.once_more

BASE = 'xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"'
WHOLE = f"<get-config {BASE}><source><running/></source></get-config>"
FEW = settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
ALL = RouterState((*AT_B, *AT_C, *FROZEN))
CASES = [("16.9", "candidate"), ("17.12", "candidate"), ("16.9", "running")]


@pytest.fixture(scope="module", params=CASES, ids=[" ".join(case) for case in CASES])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NetconfServer]:
    """A router of a release, which serves one of the datastores for editing."""
    release, target = request.param
    built, home = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("home")
    build(built, release)
    with Namespace() as namespace:
        namespace.shell(LAN)
        with IosxeServer(namespace, built, home, target).serving() as serving:
            yield serving


@pytest.fixture
def session(server: NetconfServer) -> Iterator[NcclientSession]:
    crashes.forget()
    server.revive()
    with server.session() as opened:
        yield opened


@pytest.fixture
def router(session: NcclientSession) -> Iterator[ManagedRouter]:
    """It, through a session of this test's own; it holds nothing, and what others have is as it was."""
    made = native_router("rb", PLATFORM, RENDERER, session)
    before = stands(session)
    yield made
    go(made, RouterState())
    assert stands(session) == before


def stands(session: NcclientSession) -> str:
    """The running datastore, asked outside our code."""
    return said(session.request(WHOLE))


def go(router: ManagedRouter, wanted: RouterState) -> RouterState:
    held = router.gather()
    change = difference(held, wanted)
    return router.apply(change, held, NOW) if change else held


@FEW
@given(states(), states())
def test_from_any_state_to_any_other(router: ManagedRouter, one: RouterState, other: RouterState) -> None:
    for goal in (one, other):
        assert go(router, goal) == goal == router.gather()


def test_a_step_again_changes_nothing(router: ManagedRouter, session: NcclientSession) -> None:
    go(router, ALL)
    first = stands(session)
    assert not difference(router.gather(), ALL)
    later = RouterState(replace(entry, stamp=replace(STAMP, expires=NOW + 7200, epoch=2)) for entry in ALL)
    go(router, later)
    assert re.sub(r"e=\d x=\d+", "", stands(session)) == re.sub(r"e=\d x=\d+", "", first)


def test_in_a_vrf(server: NetconfServer, router: ManagedRouter, session: NcclientSession) -> None:
    blue = native_router("rb", IosxeNetconf(NatSettings("BLUE")), RENDERER, session)
    go(blue, AT_B)
    assert "nat-static-transport-list-with-vrf" in stands(session)
    assert blue.gather() == AT_B
    go(blue, RouterState())


def test_marks_of_nat_are_set_once_and_taken_back(session: NcclientSession, router: ManagedRouter) -> None:
    def prepared(**asked: bool) -> dict[str, Any]:
        device = NativeDevice("rb", PLATFORM, RENDERER, session)
        marks = DatastoreMarks(RENDERER, lambda: device)
        wanted = {"inside": "GigabitEthernet3", "outside": "GigabitEthernet2"}
        options = {"present": True, "checking": False, "setting": True, "dropping": False, **asked}
        return IosPreparation("rb", wanted, RENDERER, marks).converge(**options)

    before = stands(session)
    with pytest.raises(HandoverError, match=r"nat_not_marked.*interface GigabitEthernet3; ip nat inside"):
        prepared(setting=False)
    first = prepared()
    assert first["after"]["marked_by_us"] == {"inside": "GigabitEthernet3"}
    assert not prepared()["changed"]
    go(router, AT_C)
    with pytest.raises(HandoverError, match="handovers_live"):
        prepared(present=False)
    go(router, RouterState())
    assert prepared(present=False)["changed"]
    assert stands(session) == before


def test_a_refused_edit_leaves_the_router_as_it_was(router: ManagedRouter, session: NcclientSession) -> None:
    """Its schema refuses a VRF that is not there, in the same words as Cisco's."""
    before = stands(session)
    red = native_router("rb", IosxeNetconf(NatSettings("RED")), RENDERER, session)
    with pytest.raises(HandoverError) as told:
        red.apply(Change(put=tuple(AT_B)), RouterState(), NOW)
    assert (told.value.code, "vrf first" in told.value.subject) == ("no_such_vrf", True)
    assert "unchanged" in told.value.advice
    assert stands(session) == before


def test_a_lock_of_somebody_else(server: NetconfServer, router: ManagedRouter) -> None:
    with server.session() as other:
        server.lock(other)
        with pytest.raises(HandoverError, match="lock_held"):
            go(router, AT_B)
        other.request(f"<unlock {BASE}><target><{server.target}/></target></unlock>")
    assert go(router, AT_B) == AT_B


def test_what_somebody_took_away_is_missed_and_put_again(router: ManagedRouter, server: NetconfServer) -> None:
    go(router, AT_B)
    gone = f"""<edit-config {BASE}><target><{server.target}/></target><config>
        <native xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-native"><ip>
        <nat xmlns="http://cisco.com/ns/yang/Cisco-IOS-XE-nat"><inside><source><static><nat-static-transport-list
        xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="delete"><local-ip>{OLD}</local-ip>
        <global-ip>{NEW}</global-ip></nat-static-transport-list></static></source></inside></nat></ip></native>
        </config></edit-config>"""
    with server.session() as other:
        other.request(gone)
        if server.target == "candidate":
            other.request(f"<commit {BASE}/>")
    held = router.gather()
    assert held != AT_B
    assert go(router, AT_B) == AT_B
