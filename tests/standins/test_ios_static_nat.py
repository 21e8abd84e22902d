# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module, and the modules of cisco.ios beside it, over SSH and network_cli against the stand-in of IOS.

What is shown: the dialogue works, and what IOS is documented to answer is understood. Not shown: that Cisco's software
answers so.
"""

from __future__ import annotations

from typing import Any

from .conftest import Router

MODULE = "sipmobility.handover.ios_static_nat"
HELD = "ip nat inside source static 10.1.1.10 203.0.113.10"
CONFIG = [
    {"side": "inside", "local_address": "10.1.1.20", "global_address": "203.0.113.20", "no_alias": True},
    {
        "side": "inside",
        "local_address": "10.1.1.30",
        "protocol": "tcp",
        "local_port": 80,
        "interface": "Gi2",
        "global_port": 8080,
    },
    {"side": "outside", "local_address": "10.9.9.7", "global_address": "198.51.100.7", "add_route": True},
]
LINES = [
    "ip nat inside source static 10.1.1.20 203.0.113.20 no-alias",
    "ip nat inside source static tcp 10.1.1.30 80 interface GigabitEthernet2 8080",
    "ip nat outside source static 198.51.100.7 10.9.9.7 add-route",
]
SHOW = "show running-config | include ^ip nat (inside|outside) source"


def ours(name: str, **options: Any) -> dict[str, Any]:
    return {MODULE: options, "register": name, "ignore_errors": True}


def commands(name: str, *lines: str) -> dict[str, Any]:
    return {"cisco.ios.ios_command": {"commands": list(lines)}, "register": name}


def config(name: str, *lines: str) -> dict[str, Any]:
    return {"cisco.ios.ios_config": {"lines": list(lines)}, "register": name, "ignore_errors": True}


def test_ours_converges_and_what_stands_is_what_cisco_ios_reads(router: Router) -> None:
    found = router.play(
        [
            {**ours("checked", config=CONFIG), "check_mode": True},
            commands("untouched", SHOW),
            ours("first", config=CONFIG),
            ours("second", config=CONFIG),
            config("theirs", *LINES),
            commands("shown", SHOW, "show ip aliases", "show ip nat translations"),
            {"cisco.ios.ios_facts": {"gather_subset": ["min", "config"]}, "register": "facts"},
            ours("removed", config=CONFIG, state="deleted"),
            commands("left", SHOW),
        ]
    )
    assert found["checked"]["changed"]
    assert found["untouched"]["stdout"] == [HELD]
    assert found["first"]["commands"] == found["checked"]["commands"] == LINES
    assert (found["second"]["changed"], found["second"]["commands"]) == (False, [])
    assert not found["theirs"]["changed"], "cisco.ios finds every line as we wrote it"
    static, aliases, translations = found["shown"]["stdout"]
    assert static.splitlines() == [HELD, *LINES]
    assert "203.0.113.10" in aliases
    assert "203.0.113.20" not in aliases, "no-alias: the router leaves that address to its host"
    assert "198.51.100.7" in translations
    assert all(line in found["facts"]["ansible_facts"]["ansible_net_config"] for line in LINES)
    assert found["removed"]["changed"]
    assert found["left"]["stdout"] == [HELD]


def test_cisco_ios_converges_and_ours_reads_it(router: Router) -> None:
    found = router.play(
        [
            config("first", *LINES),
            config("second", *LINES),
            ours("merged", config=CONFIG),
            ours("gathered", state="gathered"),
            ours("replaced", config=[{**CONFIG[0], "global_address": "203.0.113.21"}], state="replaced"),
            ours("overridden", config=CONFIG[:1], owned=[{"network": "10.1.0.0/16"}], state="overridden"),
            commands("shown", SHOW),
        ]
    )
    assert (found["first"]["changed"], found["second"]["changed"]) == (True, False)
    assert not found["merged"]["changed"]
    assert len(found["gathered"]["gathered"]) == 4
    assert found["replaced"]["commands"] == [f"no {LINES[0]}", LINES[0].replace(".20 no-alias", ".21 no-alias")]
    assert found["shown"]["stdout"][0].splitlines() == [LINES[2], LINES[0]]


def test_a_refused_line_fails_ours_and_passes_for_changed_in_ios_config(router: Router) -> None:
    clash = {"side": "inside", "local_address": "10.1.1.11", "global_address": "203.0.113.10"}
    line = "ip nat inside source static 10.1.1.11 203.0.113.10"
    found = router.play(
        [
            config("theirs", line),
            ours("ours", config=[CONFIG[0], clash]),
            commands("shown", SHOW),
        ]
    )
    assert (found["theirs"]["changed"], found["theirs"]["failed"]) == (True, False)
    assert (found["ours"]["failed"], found["ours"]["code"]) == (True, "similar_entry")
    assert line in found["ours"]["msg"]
    assert "%NAT: similar static entry (10.1.1.10 -> 203.0.113.10) already exists" in found["ours"]["msg"]
    assert "The device was put back as it was." in found["ours"]["advice"]
    assert found["shown"]["stdout"] == [HELD]


def test_what_the_terminal_takes_for_an_error_leaves_a_device_that_goes_on(router: Router) -> None:
    """A VRF that is missing is told by a message that cisco.ios passes on, an unknown word by one that it stops at."""
    (router.place / "ios").mkdir()
    template = "{% if remove %}no {% endif %}ip nat {{ side }} source static nonsense {{ local_address }}\n"
    (router.place / "ios" / "static_nat.j2").write_text(template, encoding="utf-8")
    found = router.play(
        [
            ours("vrf", config=[{**CONFIG[0], "vrf": "BLUE"}]),
            ours("word", config=CONFIG[:1], template_dir=str(router.place)),
            ours("after", config=CONFIG),
        ]
    )
    assert (found["vrf"]["failed"], found["vrf"]["code"]) == (True, "no_such_vrf")
    assert (found["word"]["failed"], found["word"]["code"]) == (True, "unknown_word")
    assert found["word"]["subject"] == "rb: ip nat inside source static nonsense 10.1.1.20"
    assert found["after"]["changed"]


def test_a_live_session_is_ended_only_by_force(router: Router) -> None:
    options = {"config": [{"side": "inside", "local_address": "10.1.1.10", "global_address": "203.0.113.10"}]}
    found = router.play(
        [
            commands("session", "standin session 10.1.1.10 198.51.100.99:5060"),
            ours("spared", state="deleted", **options),
            commands("still", SHOW),
            ours("forced", state="deleted", forced=True, **options),
            commands("shown", SHOW, "show ip nat translations"),
        ]
    )
    assert (found["spared"]["failed"], found["spared"]["code"]) == (True, "entry_in_use")
    assert "static entry in use, cannot remove" in found["spared"]["rule"]
    assert found["still"]["stdout"] == [HELD]
    assert found["forced"]["commands"] == [f"no {HELD} forced"]
    assert found["shown"]["stdout"][0] == ""
    assert "10.1.1.10" not in found["shown"]["stdout"][1]


def test_another_connection_and_too_little_privilege_are_refused(router: Router) -> None:
    assert router.play([ours("ours", state="gathered")], ansible_connection="local", ansible_become=False)["ours"][
        "code"
    ] == ("wrong_connection")
    found = router.play([ours("ours", state="gathered")], ansible_become=False)
    assert (found["ours"]["failed"], found["ours"]["code"]) == (True, "device_unreachable")
    assert "privilege" in found["ours"]["msg"]


def test_rendering_and_parsing_reach_no_router(router: Router) -> None:
    found = router.play(
        [
            ours("rendered", state="rendered", config=CONFIG),
            ours("parsed", state="parsed", running_config="\n".join(LINES)),
        ],
        ansible_port=1,
    )
    assert found["rendered"]["rendered"] == LINES
    assert [entry["local_address"] for entry in found["parsed"]["parsed"]] == ["10.1.1.20", "10.1.1.30", "10.9.9.7"]
