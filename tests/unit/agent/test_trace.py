# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover trace``: the walk of a packet, and its exit status."""

from __future__ import annotations

import json

import pytest

from .patent import FIXTURES, CommandLine


def walk(shell: CommandLine, case: str, source: str, destination: str, *more: str) -> tuple[int, list[str]]:
    files = ("--topology", str(FIXTURES / "topology.yml"), "--states", shell.states(case))
    status, out = shell.run("trace", *files, "--from", source, "--to", destination, *more)
    return status, out.splitlines()


def test_to_the_phone(shell: CommandLine) -> None:
    """US 7,082,118, figure 2, steps 230 and 240."""
    assert walk(shell, "forward", "3.3.3.3:7000", "1.1.1.1:40000", "--proto", "tcp") == (
        0,
        [
            "rc: tcp 3.3.3.3:7000 > 1.1.1.1:40000",
            "rc: outbound_dst to 2.2.2.2: tcp 3.3.3.3:7000 > 2.2.2.2:40000",
            "rc: to rb: tcp 3.3.3.3:7000 > 2.2.2.2:40000",
            "rb: inbound_dst to 1.1.1.1: tcp 3.3.3.3:7000 > 1.1.1.1:40000",
            "rb: route 1.1.1.1 via 2.2.2.2 dev lan: tcp 3.3.3.3:7000 > 1.1.1.1:40000",
            "delivered to 2.2.2.2",
        ],
    )


def test_from_the_phone_where_sources_are_checked(shell: CommandLine) -> None:
    """BCP 38: with ``forward`` the old address leaves a foreign network; with ``both`` it does not."""
    packet = ("1.1.1.1:40000", "3.3.3.3:7000", "--proto", "tcp")
    status, lines = walk(shell, "forward", *packet)
    assert (status, lines[-1]) == (
        1,
        "not delivered: source 1.1.1.1 does not belong to rb: ingress filtering",
    )
    assert walk(shell, "forward", *packet, "--no-ingress-filtering")[1][-1] == "delivered to 3.3.3.3"
    assert walk(shell, "both", *packet) == (
        0,
        [
            "rb: tcp 1.1.1.1:40000 > 3.3.3.3:7000",
            "rb: outbound_src to 2.2.2.2: tcp 2.2.2.2:40000 > 3.3.3.3:7000",
            "rb: to rc: tcp 2.2.2.2:40000 > 3.3.3.3:7000",
            "rc: inbound_src to 1.1.1.1: tcp 1.1.1.1:40000 > 3.3.3.3:7000",
            "rc: on link: tcp 1.1.1.1:40000 > 3.3.3.3:7000",
            "delivered to 3.3.3.3",
        ],
    )


def test_a_sender_that_moved_sends_from_where_it_is(shell: CommandLine) -> None:
    packet = ("1.1.1.1:40000", "3.3.3.3:7000", "--proto", "tcp")
    assert walk(shell, "both", *packet)[1][0].startswith("rb: ")
    assert walk(shell, "both", *packet, "--at", "ra")[1][0].startswith("ra: ")
    assert walk(shell, "both", *packet, "--at", "rx")[0] == 1
    assert "unknown_router" in shell.errors


def test_json_tells_each_hop(shell: CommandLine) -> None:
    status, lines = walk(shell, "both", "3.3.3.3:7000", "1.1.1.1:40000", "--proto", "tcp", "--json")
    told = json.loads("\n".join(lines))
    assert (status, told["delivered"], told["host"], told["router"]) == (0, True, "2.2.2.2", "rc")
    assert told["arrives_as"] == told["packet"]
    assert [hop["router"] for hop in told["hops"]] == ["rc", "rc", "rb", "rb"]


@pytest.mark.parametrize(
    ("source", "destination", "more", "told"),
    [
        ("3.3.3.3", "2001:db8::1", ("--proto", "tcp"), "one family"),
        ("3.3.3.3:1", "1.1.1.1", ("--proto", "icmp"), "icmp has no ports"),
        ("3.3.3.3:0", "1.1.1.1:1", ("--proto", "tcp"), "1 to 65535"),
        ("3.3.3.3:99999", "1.1.1.1:1", ("--proto", "tcp"), "1 to 65535"),
        ("3.3.3.3:²", "1.1.1.1:1", ("--proto", "tcp"), "1 to 65535"),
        ("[2001:db8::1", "2001:db8::2", ("--proto", "tcp"), "[ADDRESS]:PORT"),
        ("host", "1.1.1.1", ("--proto", "tcp"), "ADDRESS[:PORT]"),
        ("3.3.3.3", "1.1.1.1", ("--proto", "ospf"), "invalid choice"),
    ],
)
def test_bad_usage(shell: CommandLine, source: str, destination: str, more: tuple[str, ...], told: str) -> None:
    assert walk(shell, "both", source, destination, *more) == (2, [])
    assert told in shell.errors


def test_an_address_that_nobody_serves(shell: CommandLine) -> None:
    status, lines = walk(shell, "both", "9.9.9.9", "1.1.1.1", "--proto", "icmp")
    assert (status, lines[:2]) == (0, ["outside: icmp 9.9.9.9 > 1.1.1.1", "outside: to ra: icmp 9.9.9.9 > 1.1.1.1"])
    status, lines = walk(shell, "both", "3.3.3.3", "9.9.9.9", "--proto", "icmp")
    assert (status, lines[-1]) == (1, "not delivered: 9.9.9.9 lies outside the managed networks")
