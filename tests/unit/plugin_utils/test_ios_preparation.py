# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which interface is inside for NAT, and which outside: checked, set where missing, taken back where it was ours."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.nat_marks import LineMarks
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.preparation import IosPreparation
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from tests.unit.platforms.ios_device import INTERFACES, Terminal
from tests.unit.platforms.ios_router import NOW, router
from tests.unit.platforms.test_ios_router import AT_C

BARE = [line for line in INTERFACES if not line.startswith("ip nat")]
SIDES = {"inside": "GigabitEthernet1", "outside": "GigabitEthernet2"}


def converged(
    terminal: Terminal, present: bool = True, setting: bool = True, dropping: bool = False, **sides: str
) -> dict[str, Any]:
    preparation = IosPreparation("rb", {**SIDES, **sides}, Renderer(), LineMarks(Renderer(), lambda: terminal))
    return preparation.converge(present=present, checking=False, setting=setting, dropping=dropping)


def refused(terminal: Terminal, **options: Any) -> HandoverError:
    before = terminal.config.lines()
    with pytest.raises(HandoverError) as error:
        converged(terminal, **options)
    assert terminal.config.lines() == before
    return error.value


def test_what_is_missing_is_set_once_and_taken_back() -> None:
    terminal = Terminal(interfaces=BARE)
    before = terminal.config.lines()
    first = converged(terminal)
    assert (first["changed"], first["after"]["nat"]) == (True, {value: key for key, value in SIDES.items()})
    assert [line for line in terminal.config.lines() if "ip nat" in line] == [" ip nat inside", " ip nat outside"]
    assert not converged(terminal)["changed"]
    assert converged(terminal, present=False)["changed"]
    assert terminal.config.lines() == before


def test_what_the_operator_marked_stays() -> None:
    terminal = Terminal()
    before = terminal.config.lines()
    assert not converged(terminal, setting=False)["changed"]
    assert not converged(terminal, present=False)["changed"]
    assert terminal.config.lines() == before


def test_a_mark_that_is_missing_is_told_with_the_lines_to_configure() -> None:
    error = refused(Terminal(interfaces=BARE), setting=False)
    assert error.code == "nat_not_marked"
    assert "interface GigabitEthernet1; ip nat inside; interface GigabitEthernet2; ip nat outside." in error.advice


@pytest.mark.parametrize(
    ("sides", "code"),
    [
        ({"inside": "GigabitEthernet9"}, "no_such_interface"),
        ({"inside": "GigabitEthernet2", "outside": "GigabitEthernet1"}, "nat_marked_otherwise"),
    ],
)
def test_an_interface_that_cannot_be_it_is_refused(sides: dict[str, str], code: str) -> None:
    assert refused(Terminal(), **sides).code == code


def test_a_router_with_handovers_is_not_taken_out_of_service_unless_told_to() -> None:
    terminal = Terminal(interfaces=BARE)
    converged(terminal)
    router(terminal).apply(difference(RouterState(), AT_C), RouterState(), NOW)
    assert refused(terminal, present=False).code == "handovers_live"
    assert converged(terminal, present=False, dropping=True)["changed"]


def test_what_may_be_in_the_way_is_told() -> None:
    terminal = Terminal(lines=["interface GigabitEthernet2", "ip access-group EDGE in"])
    advice = " ".join(converged(terminal)["advice"])
    assert "GigabitEthernet2 has ip access-group EDGE in" in advice
    assert "no ip nat service sip udp port 5060" in advice


def test_rendering_reaches_no_router() -> None:
    def unreachable() -> Terminal:
        raise AssertionError

    text = IosPreparation("rb", SIDES, Renderer(), LineMarks(Renderer(), unreachable)).rendered()["prerequisites.cfg"]
    assert text.splitlines()[1:3] == ["interface GigabitEthernet1", " ip nat inside"]
