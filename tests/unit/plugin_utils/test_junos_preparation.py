# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an SRX is prepared and given back, with the stand-in of tests/standins/junos in this process."""

from __future__ import annotations

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Change
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.junos.standing import Interfaces
from ansible_collections.sipmobility.handover.plugins.plugin_utils.junos.preparation import JunosPreparation
from ansible_collections.sipmobility.handover.plugins.plugin_utils.junos.router_device import JunosDevice
from tests.standins.junos.router import Router

from ..mobility.worlds import NOW
from ..platforms.junos_world import (
    BETWEEN,
    ENCODER,
    FROZEN,
    INSIDE,
    OUTSIDE,
    PLATFORM,
    PREPARED,
    RENDERER,
    ROUTE,
    Session,
    managed,
)

_UNITS = "".join(
    f"<interface><name>{name[:-2]}</name><unit><name>0</name><family><inet/></family></unit></interface>"
    for name in (INSIDE, OUTSIDE)
)
BARE = f"<configuration><interfaces>{_UNITS}</interfaces></configuration>"
SHOW = "<get-config><source><running/></source></get-config>"


def preparation(router: Router, between: Interfaces = BETWEEN) -> JunosPreparation:
    device = JunosDevice("rb", PLATFORM, RENDERER, Session(router), between)
    return JunosPreparation("rb", PLATFORM, device, RENDERER, between)


def made(router: Router, *, present: bool = True, firewall: str = "insert", drop: bool = False) -> bool:
    told = preparation(router).converge(present=present, checking=False, firewall=firewall, drop=drop)
    return bool(told["changed"])


def refusal(router: Router, **how: object) -> HandoverError:
    with pytest.raises(HandoverError) as told:
        made(router, **how)  # type: ignore[arg-type]
    return told.value


def test_a_router_is_made_ready_once_and_takes_a_handover() -> None:
    router = Router(BARE)
    assert made(router)
    assert not made(router)
    assert managed(router).apply(Change(put=(FROZEN, ENCODER)), RouterState(), NOW) == RouterState([FROZEN, ENCODER])


def test_it_is_given_back_as_it_was() -> None:
    router, untouched = Router(BARE), Router(BARE)
    assert made(router)
    assert made(router, present=False)
    assert not made(router, present=False)
    leftovers = ("sipmobility", "no-syn-check", "no-sequence-check")
    shown = router.answer(1, SHOW)
    assert not any(word in shown for word in leftovers)
    assert preparation(untouched).gathered()["gathered"] == preparation(router).gathered()["gathered"]


def test_checking_says_the_very_lines_and_changes_nothing() -> None:
    router = Router(BARE)
    told = refusal(router, firewall="check")
    assert told.code == "router_not_prepared"
    for line in (
        "set firewall family inet filter sipmobility-freeze term ready then next term",
        "set interfaces ge-0/0/1 unit 0 family inet filter input-list [ sipmobility-freeze sipmobility-pass ]",
        "set security flow tcp-session no-syn-check",
        "set security flow tcp-session no-sequence-check",
    ):
        assert line in told.advice
    assert set(router.asked) == {"get-config"}
    assert not made(router, firewall="ignore")
    assert preparation(Router(PREPARED)).gathered()["gathered"]["ready"]


def test_what_the_operator_set_himself_stays() -> None:
    flow = "<security><flow><tcp-session><no-syn-check/></tcp-session></flow></security>"
    router = Router(BARE.replace("</configuration>", flow + "</configuration>"))
    made(router)
    made(router, present=False)
    shown = router.answer(1, SHOW)
    assert "no-syn-check" in shown
    assert "no-sequence-check" not in shown


def test_a_filter_of_the_operators_is_his_to_arrange() -> None:
    own = "<filter><name>edge</name><term><name>a</name><then><accept/></then></term></filter>"
    firewall = f"<firewall><family><inet>{own}</inet></family></firewall>"
    start = BARE.replace("<inet/>", "<inet><filter><input-list>edge</input-list></filter></inet>", 1)
    told = refusal(Router(start.replace("<configuration>", f"<configuration>{firewall}")))
    assert (told.code, "ge-0/0/1.0 inet: edge" in told.subject) == ("filter_taken", True)


def test_handovers_stand_until_they_may_go() -> None:
    router = Router(PREPARED)
    managed(router).apply(Change(put=(ENCODER, ROUTE)), RouterState(), NOW)
    assert refusal(router, present=False).code == "handovers_stand"
    assert made(router, present=False, drop=True)
    assert managed(router).gather() == RouterState()


@pytest.mark.parametrize("name", ["", "lan", "ge-0/0/1"])
def test_an_interface_has_a_unit(name: str) -> None:
    with pytest.raises(HandoverError, match="bad_interface"):
        preparation(Router(BARE), Interfaces(name, OUTSIDE))


def test_an_interface_that_is_not_there() -> None:
    router = Router(BARE.replace("ge-0/0/1", "ge-0/0/7"))
    assert refusal(router).code == "no_such_interface"


def test_check_mode_changes_nothing() -> None:
    router = Router(BARE)
    assert preparation(router).converge(present=True, checking=True, firewall="insert", drop=False)["changed"]
    assert set(router.asked) == {"get-config"}
