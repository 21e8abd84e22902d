# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each state makes of a router, what a refusal leaves behind, and that the documentation's examples are true.

The router is the stand-in of tests/standins/ios, in this process.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.modules import ios_static_nat as documentation

from .ios_device import Terminal

A = "ip nat inside source static 10.1.1.10 203.0.113.10"
B = "ip nat inside source static 10.1.1.20 203.0.113.20 no-alias"
WEB = "ip nat inside source static tcp 10.1.1.30 80 203.0.113.30 8080 extendable"
OUT = "ip nat outside source static 198.51.100.7 10.9.9.7 add-route"
EVERYTHING = {"network": "0.0.0.0/0"}


def inside(local: str, outer: str, **more: Any) -> dict[str, Any]:
    return {"side": "inside", "local_address": local, "global_address": outer, **more}


def web(**more: Any) -> dict[str, Any]:
    return inside("10.1.1.30", "203.0.113.30", protocol="tcp", local_port=80, global_port=8080, **more)


def refusal(router: Terminal, options: dict[str, Any]) -> HandoverError:
    with pytest.raises(HandoverError) as error:
        router.run(options)
    return error.value


CASES: dict[str, tuple[list[str], dict[str, Any], list[str]]] = {
    "merged adds": ([A], {"config": [inside("10.1.1.20", "203.0.113.20", no_alias=True)]}, [A, B]),
    "merged keeps what is not said": (
        [B],
        {"config": [inside("10.1.1.20", "203.0.113.20", no_payload=True)]},
        [f"{B} no-payload"],
    ),
    "merged takes an option away": (
        [B],
        {"config": [inside("10.1.1.20", "203.0.113.20", no_alias=False)]},
        ["ip nat inside source static 10.1.1.20 203.0.113.20"],
    ),
    "replaced moves": (
        [A, B],
        {"state": "replaced", "config": [inside("10.1.1.10", "203.0.113.11")]},
        [B, "ip nat inside source static 10.1.1.10 203.0.113.11"],
    ),
    "replaced takes options away": (
        [B, OUT],
        {"state": "replaced", "config": [inside("10.1.1.20", "203.0.113.20")]},
        [OUT, "ip nat inside source static 10.1.1.20 203.0.113.20"],
    ),
    "replaced concerns one port": (
        [WEB, "ip nat inside source static tcp 10.1.1.30 22 203.0.113.30 22 extendable"],
        {"state": "replaced", "config": [{**web(), "global_port": 443}]},
        [
            "ip nat inside source static tcp 10.1.1.30 22 203.0.113.30 22 extendable",
            "ip nat inside source static tcp 10.1.1.30 80 203.0.113.30 443 extendable",
        ],
    ),
    "replaced concerns an outside address": (
        [OUT, A],
        {
            "state": "replaced",
            "config": [{"side": "outside", "local_address": "10.9.9.8", "global_address": "198.51.100.7"}],
        },
        [A, "ip nat outside source static 198.51.100.7 10.9.9.8"],
    ),
    "two hosts swap their addresses": (
        [A, "ip nat inside source static 10.1.1.20 203.0.113.20"],
        {
            "state": "replaced",
            "config": [inside("10.1.1.10", "203.0.113.20"), inside("10.1.1.20", "203.0.113.10")],
        },
        [
            "ip nat inside source static 10.1.1.10 203.0.113.20",
            "ip nat inside source static 10.1.1.20 203.0.113.10",
        ],
    ),
    "overridden removes what is owned": (
        [A, B, OUT],
        {
            "state": "overridden",
            "config": [inside("10.1.1.10", "203.0.113.10")],
            "owned": [{"network": "10.1.0.0/16"}],
        },
        [A, OUT],
    ),
    "deleted removes whatever the options": (
        [A, B],
        {"state": "deleted", "config": [inside("10.1.1.20", "203.0.113.20", no_payload=True)]},
        [A],
    ),
    "deleted removes what is owned": (
        [A, B, OUT],
        {"state": "deleted", "owned": [{"network": "10.1.1.20/32"}]},
        [A, OUT],
    ),
    "deleted of what is not there": ([A], {"state": "deleted", "config": [inside("10.1.1.99", "203.0.113.99")]}, [A]),
}


@pytest.mark.parametrize(("before", "options", "after"), CASES.values(), ids=CASES)
def test_state(before: list[str], options: dict[str, Any], after: list[str]) -> None:
    router = Terminal(before)
    checked = router.run(options, check=True)
    assert router.statics() == before
    assert router.sent == []
    done = router.run(options)
    assert sorted(router.statics()) == sorted(after)
    assert done["changed"] is checked["changed"] is (sorted(before) != sorted(after))
    assert done["commands"] == checked["commands"] == router.sent
    assert done["diff"]["before"] == "".join(f"{line}\n" for line in before)
    again = router.run(options)
    assert (again["changed"], again["commands"]) == (False, [])


def test_ios_adds_extendable_to_ports_and_that_is_no_difference() -> None:
    router = Terminal()
    for state in ("merged", "replaced"):
        router.run({"config": [web()], "state": state})
        assert router.statics() == [WEB]
        assert router.run({"config": [web()], "state": state}, check=True)["after"] == [web(extendable=True)]
    assert len(router.sent) == 1
    assert not router.run({"config": [web()], "owned": [EVERYTHING], "state": "overridden"})["changed"]


def test_what_was_gathered_can_be_given_again() -> None:
    router = Terminal([A, B, WEB, OUT])
    gathered = router.run({"state": "gathered"})["gathered"]
    told = {"config": gathered, "owned": [EVERYTHING], "state": "overridden"}
    assert not router.run(told)["changed"]
    other = Terminal()
    other.run(told)
    assert other.statics() == [A, B, WEB, OUT]


def test_overridden_takes_only_what_is_owned() -> None:
    options = {
        "state": "overridden",
        "config": [inside("10.1.1.10", "203.0.113.10")],
        "owned": [{"network": "10.2.0.0/16"}],
    }
    router = Terminal([B])
    assert refusal(router, options).code == "not_owned"
    assert router.statics() == [B]


def test_an_entry_is_given_once() -> None:
    entry = inside("10.1.1.10", "203.0.113.10")
    assert refusal(Terminal(), {"config": [entry, {**entry, "no_alias": True}]}).code == "given_twice"


def test_lines_of_another_form_stay_and_are_told() -> None:
    router = Terminal([A])
    shown, odd = router.running, "ip nat inside source static esp 10.1.1.1 interface GigabitEthernet1"
    router.running = lambda pipe: shown(pipe) + odd + "\n"  # type: ignore[method-assign]
    result = router.run({"state": "deleted", "owned": [EVERYTHING]})
    assert result["unread"] == [odd]
    assert odd in result["warnings"][0]
    assert result["commands"] == [f"no {A}"]


# Refusals


def test_a_refused_line_fails_and_names_the_line_and_what_ios_said() -> None:
    router = Terminal([A])
    error = refusal(router, {"config": [inside("10.1.1.11", "203.0.113.10")]})
    assert error.code == "similar_entry"
    assert "rb: ip nat inside source static 10.1.1.11 203.0.113.10" in str(error)
    assert "%NAT: similar static entry (10.1.1.10 -> 203.0.113.10) already exists" in str(error)
    assert "The device is unchanged." in error.advice


def test_one_refused_line_takes_the_others_back() -> None:
    router = Terminal([A, B])
    config = [inside("10.1.1.20", "203.0.113.20", no_alias=False), inside("10.1.1.40", "203.0.113.40")]
    error = refusal(router, {"config": [*config, inside("10.1.1.10", "203.0.113.50")]})
    assert error.code == "already_mapped"
    assert "% 10.1.1.10 already mapped (10.1.1.10 -> 203.0.113.10)" in str(error)
    assert sorted(router.statics()) == [A, B]
    assert "The device was put back as it was." in error.advice


def test_a_line_that_ends_the_dialogue_is_named() -> None:
    """cisco.ios takes "Invalid input" for an error and sends nothing more; here `mapping-id` stands for such a word."""
    router = Terminal([A], stops_at="already exists")
    config = [
        inside("10.1.1.20", "203.0.113.20"),
        inside("10.1.1.11", "203.0.113.10"),
        inside("10.1.1.40", "203.0.113.40"),
    ]
    error = refusal(router, {"config": config})
    assert (error.code, error.subject) == ("similar_entry", "rb: ip nat inside source static 10.1.1.11 203.0.113.10")
    assert router.statics() == [A]


def test_a_line_that_vanishes_without_a_word_fails() -> None:
    router = Terminal()
    router.config.nat.add = lambda entry: ""  # type: ignore[method-assign]
    error = refusal(router, {"config": [inside("10.1.1.11", "203.0.113.10")]})
    assert error.code == "not_read_back"
    assert "10.1.1.11" in error.subject


def test_a_device_that_cannot_be_put_back_says_so() -> None:
    router = Terminal([A])
    router.config.nat.add = lambda entry: "% no room"  # type: ignore[method-assign]
    error = refusal(router, {"state": "replaced", "config": [inside("10.1.1.10", "203.0.113.11")]})
    assert (error.code, "% no room" in error.rule) == ("line_refused", True)
    assert f"The device is NOT as before: {A}" in error.advice


def test_what_somebody_else_changes_meanwhile_is_not_put_back() -> None:
    router = Terminal([A, OUT])
    configure = router.configure

    def meanwhile(lines: Any, forced: bool) -> Any:
        router.configure = configure  # type: ignore[method-assign]
        router.told(B, f"no {OUT}")
        return configure(lines, forced)

    router.configure = meanwhile  # type: ignore[method-assign]
    error = refusal(router, {"config": [inside("10.1.1.40", "203.0.113.40"), inside("10.1.1.11", "203.0.113.10")]})
    assert "The device was put back as it was." in error.advice
    assert router.statics() == [A, B]


def test_a_vrf_that_is_not_there() -> None:
    error = refusal(Terminal(), {"config": [inside("10.1.1.10", "203.0.113.10", vrf="BLUE")]})
    assert error.code == "no_such_vrf"


@pytest.mark.parametrize("options", [{"state": "deleted"}, {"no_alias": True}], ids=["deleted", "changed"])
def test_an_entry_in_use_goes_by_force_only(options: dict[str, Any]) -> None:
    state = {"state": options.pop("state", "merged")}
    told = {**state, "config": [inside("10.1.1.10", "203.0.113.10", **options)]}
    router = Terminal([A])
    router.session("10.1.1.10")
    error = refusal(router, told)
    assert error.code == "entry_in_use"
    assert "static entry in use, cannot remove" in error.rule
    assert router.statics() == [A]
    assert router.config.nat.children
    router.run({**told, "forced": True})
    assert router.statics() == [f"{A} no-alias"] * bool(options)
    assert not router.config.nat.children


def test_an_outside_entry_in_use_goes_although_its_line_has_no_word_for_force() -> None:
    router = Terminal([OUT])
    router.session("198.51.100.7")
    told = {"state": "deleted", "owned": [EVERYTHING]}
    assert refusal(router, told).code == "entry_in_use"
    assert router.run({**told, "forced": True})["commands"] == [f"no {OUT}"]
    assert router.statics() == []


# Any state of any router

HOSTS = st.sampled_from(("10.1.1.10", "10.1.1.20", "10.2.1.30"))
OUTERS = st.sampled_from(("203.0.113.10", "203.0.113.20", "203.0.113.30"))
OPTIONS = st.fixed_dictionaries({}, optional={"no_alias": st.booleans(), "no_payload": st.booleans()})
CONFIGS = st.lists(
    st.builds(lambda local, outer, more: inside(local, outer, **more), HOSTS, OUTERS, OPTIONS),
    unique_by=(lambda entry: entry["local_address"], lambda entry: entry["global_address"]),
    max_size=3,
)
STATES = st.sampled_from(("merged", "replaced", "overridden", "deleted"))


@given(CONFIGS, CONFIGS, STATES)
def test_every_change_is_done_or_undone(first: list[Any], second: list[Any], state: str) -> None:
    router = Terminal()
    router.run({"config": first})
    before = sorted(router.statics())
    options = {"config": second, "owned": [{"network": "10.1.0.0/16"}], "state": state}
    try:
        router.run(options)
    except HandoverError:
        assert sorted(router.statics()) == before
        return
    assert not router.run(options)["changed"]
    if state in ("replaced", "overridden"):
        stands = router.run({"state": "gathered"})["gathered"]
        assert all({key: value for key, value in entry.items() if value} in stands for entry in second)
    others = [line for line in before if " 10.2." in line]
    if state == "overridden" and not any(entry["local_address"].startswith("10.2.") for entry in second):
        assert set(others) <= set(router.statics())


# The examples of the documentation

EXAMPLES = re.split(r"(?m)^# Using ", documentation.EXAMPLES)[1:]


def part(example: str, title: str) -> list[str]:
    """The lines of a comment under a title that is underlined."""
    found = re.search(rf"(?m)^# {title}.*\n# -+\n#\n((?:#.*\n)+)", example + "\n")
    return [line[2:] for line in found.group(1).splitlines()] if found else []


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.splitlines()[0] for example in EXAMPLES])
def test_an_example_does_what_it_shows(example: str) -> None:
    (task,) = yaml.safe_load(example.partition("\n")[2])
    options = task["sipmobility.handover.ios_static_nat"]
    if "running_config" in options:
        options["running_config"] = "\n".join(part(example, "File"))
    router = Terminal(part(example, "Before state")[1:])
    result = router.run(options)
    output = yaml.safe_load("\n".join(part(example, "Task output")))
    assert output.items() <= result.items()
    assert {"before", "commands", "after"} <= set(output) or {"gathered", "rendered", "parsed"} & set(output)
    if result["changed"]:
        assert router.statics() == part(example, "After state")[1:]


def test_every_state_has_an_example() -> None:
    choices = yaml.safe_load(documentation.DOCUMENTATION)["options"]["state"]["choices"]
    assert {example.split(",")[0].split()[0] for example in EXAMPLES} == set(choices)
