# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""router_state and router_prerequisites over SSH and network_cli against the stand-in of IOS."""

from __future__ import annotations

from typing import Any

from .conftest import Router

_MODULES = "sipmobility.handover"
OLD, NEW, PEER = "198.51.100.10", "203.0.113.20", "198.18.3.30"
STAMP = {"handover": "8d7ac21f98194017", "epoch": 1, "expires": "2036-01-01T00:00:00Z"}
CONFIG: list[dict[str, Any]] = [
    {"type": "rewrite", "kind": "inbound_dst", "match": {"source": PEER, "destination": NEW}, "to": OLD, **STAMP},
    {"type": "rewrite", "kind": "outbound_src", "match": {"source": OLD, "destination": PEER}, "to": NEW, **STAMP},
    {"type": "route", "destination": OLD, "via": NEW, "interface": "GigabitEthernet1", **STAMP},
]
NAME = f"SIPMOBILITY-{OLD}-{NEW}"
LINE = f"ip nat inside source static {OLD} {NEW} route-map {NAME} reversible extendable no-alias no-payload"
LATER = [{**entry, "expires": "2037-01-01T00:00:00Z", "epoch": 2} for entry in CONFIG]


def state(name: str, **options: Any) -> dict[str, Any]:
    return {f"{_MODULES}.router_state": options, "register": name, "ignore_errors": True}


def shown(name: str) -> dict[str, Any]:
    return {"cisco.ios.ios_command": {"commands": ["show running-config", "show ip aliases"]}, "register": name}


def test_a_state_is_converged_refreshed_and_taken_away(router: Router) -> None:
    found = router.play(
        [
            shown("untouched"),
            {**state("checked", config=CONFIG), "check_mode": True},
            state("first", config=CONFIG),
            state("second", config=CONFIG),
            shown("standing"),
            state("later", config=LATER),
            state("gathered", state="gathered"),
            state("rendered", state="rendered", config=CONFIG),
            state("deleted", state="deleted"),
            shown("left"),
        ]
    )
    assert found["checked"]["commands"] == found["first"]["commands"]
    assert LINE in found["first"]["commands"]
    assert [found[name]["changed"] for name in ("checked", "first", "second", "deleted")] == [True, True, False, True]
    configuration, aliases = found["standing"]["stdout"]
    assert LINE in configuration
    assert f"ip route {OLD} 255.255.255.255 GigabitEthernet1 {NEW} name sipmobility tag 7082" in configuration
    assert NEW not in aliases, "the router does not answer ARP for the phone's own address"
    assert {line.split()[0] for line in found["later"]["commands"]} == {"event"}, "a refresh touches no NAT"
    assert {entry["epoch"] for entry in found["gathered"]["gathered"]} == {2}
    assert LINE in found["rendered"]["rendered"]
    assert found["left"]["stdout"] == found["untouched"]["stdout"]


def test_a_refused_line_fails_and_the_router_is_put_back(router: Router) -> None:
    clash = [
        {"cisco.ios.ios_config": {"lines": [f"ip nat inside source static 10.1.1.99 {NEW}"]}, "register": "theirs"}
    ]
    found = router.play([*clash, shown("before"), state("ours", config=CONFIG), shown("after")])
    assert (found["ours"]["failed"], found["ours"]["code"]) == (True, "similar_entry")
    assert f"rb: {LINE}" in found["ours"]["msg"]
    assert f"%NAT: similar static entry (10.1.1.99 -> {NEW}) already exists" in found["ours"]["rule"]
    assert "The router was put back." in found["ours"]["advice"]
    assert found["after"]["stdout"] == found["before"]["stdout"]


def test_marks_of_nat_are_set_where_missing_and_taken_back(router: Router) -> None:
    sides = {"inside_interface": "GigabitEthernet1", "outside_interface": "GigabitEthernet2"}

    def prepared(name: str, **options: Any) -> dict[str, Any]:
        task = {f"{_MODULES}.router_prerequisites": {**sides, **options}, "register": name}
        return {**task, "ignore_errors": True}

    bare = {"lines": ["no ip nat inside"], "parents": ["interface GigabitEthernet1"]}
    found = router.play(
        [
            prepared("whole"),
            {"cisco.ios.ios_config": bare, "register": "unmarked"},
            state("unprepared", config=CONFIG),
            prepared("told"),
            prepared("set", nat_interfaces="set"),
            prepared("again"),
            prepared("absent", state="absent"),
            prepared("bare"),
        ]
    )
    assert not found["whole"]["changed"]
    assert found["unprepared"]["code"] == "router_not_prepared"
    assert (found["told"]["code"], found["bare"]["code"]) == ("nat_not_marked", "nat_not_marked")
    assert "interface GigabitEthernet1; ip nat inside." in found["told"]["advice"]
    assert [found[name]["changed"] for name in ("set", "again", "absent")] == [True, False, True]
