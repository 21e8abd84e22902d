# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role says of a NETCONF server, with servers that answer on cue. The molecule scenario has a real one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.plugin_utils.netconf_device import NetconfDevice
from ansible_collections.sipmobility.handover.plugins.plugin_utils.netconf_preparation import NetconfPreparation

from ..platforms.test_ietf_netconf import ENCODER, NAMESPACE, PLATFORM, RENDERER
from .test_netconf_device import ALL, NOTHING, Scripted, holding

MODULES = (
    "ietf-interfaces",
    "ietf-nat",
    "ietf-routing",
    "ietf-ipv4-unicast-routing",
    "ietf-ipv6-unicast-routing",
    "sipmobility-nat",
)


def data(inside: str) -> str:
    return f'<rpc-reply xmlns="{NAMESPACE}"><data>{inside}</data></rpc-reply>'


def library(*names: str) -> str:
    """A YANG library as RFC 7895 has it."""
    modules = "".join(f"<module><name>{name}</name></module>" for name in names)
    return data(f'<modules-state xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-library">{modules}</modules-state>')


LAN = data(
    '<interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces">'
    "<interface><name>lan</name></interface></interfaces>"
)
EMPTY = data(
    '<nat xmlns="urn:ietf:params:xml:ns:yang:ietf-nat"><instances><instance><id>7082</id><name>sipmobility</name>'
    '</instance></instances></nat><routing xmlns="urn:ietf:params:xml:ns:yang:ietf-routing"><control-plane-protocols>'
    "<control-plane-protocol><name>sipmobility</name></control-plane-protocol></control-plane-protocols></routing>"
)


def converged(server: Scripted, **options: bool) -> dict[str, Any]:
    given = {"present": True, "checking": False, "drop": False, **options}
    return NetconfPreparation("rb", PLATFORM, NetconfDevice("rb", PLATFORM, RENDERER, server), "lan").converge(**given)


def test_the_places_are_made_once() -> None:
    server = Scripted(ALL, [LAN, NOTHING, EMPTY], get=library(*MODULES))
    told = converged(server)
    assert (told["changed"], told["after"]) == (True, {"places": ["instance", "protocol"], "handovers": 0})
    assert server.asked == [
        "get", "get_config", "get_config", "lock", "edit_config", "commit", "unlock", "get_config", "get",
    ]  # fmt: skip
    again = Scripted(ALL, [LAN, EMPTY], get=library(*MODULES))
    assert converged(again)["changed"] is False
    assert "lock" not in again.asked


def test_check_mode_edits_nothing() -> None:
    server = Scripted(ALL, [LAN, NOTHING], get=library(*MODULES))
    assert converged(server, checking=True)["changed"] is True
    assert "lock" not in server.asked


def test_modules_that_are_missing_are_named() -> None:
    with pytest.raises(HandoverError, match=r"module_missing: .*rb: ietf-nat, ietf-routing"):
        converged(Scripted(ALL, get=library(*(set(MODULES) - {"ietf-nat", "ietf-routing"}))))


def test_an_inside_interface_that_is_not_configured() -> None:
    with pytest.raises(HandoverError, match=r"no_such_interface: .*rb: lan"):
        converged(Scripted(ALL, [NOTHING], get=library(*MODULES)))


def test_a_server_that_says_ok_and_does_nothing() -> None:
    with pytest.raises(HandoverError, match="not_read_back"):
        converged(Scripted(ALL, [LAN, NOTHING, NOTHING, NOTHING], get=library(*MODULES)))


def test_what_should_be_switched_on() -> None:
    server = Scripted(("writable-running:1.0", "rollback-on-error:1.0"), [LAN, EMPTY], get=data(""))
    advice = converged(server)["advice"]
    assert [next(word for word in ("confirmed-commit", "candidate", "library") if word in line) for line in advice] == [
        "confirmed-commit",
        "candidate",
        "library",
    ]


def test_handovers_that_stand_stay() -> None:
    with pytest.raises(HandoverError, match=r"handovers_stand: .*rb: 1 entries"):
        converged(Scripted(ALL, [holding(ENCODER)]), present=False)
    server = Scripted(ALL, [holding(ENCODER), NOTHING])
    assert converged(server, present=False, drop=True)["changed"] is True
