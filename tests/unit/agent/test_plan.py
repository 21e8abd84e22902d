# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover plan``: the ordered steps and the end states."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import (
    stages_from_records,
    state_from_records,
)

from .patent import EXPECTED, FIXTURES, NOW, CommandLine

_HEAD = (
    "Via: SIP/2.0/UDP 1.1.1.1;branch=z9hG4bK1\r\nFrom: <sip:phone@example.com>;tag=a\r\n"
    "To: <sip:cn@example.com>{to}\r\nCall-ID: call\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n"
    "Content-Length: {size}\r\n\r\n{body}"
)
_SDP = "v=0\r\no=x 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio {1} RTP/AVP 0\r\n"
#: An INVITE and its 200, as raw SIP.
CALL = [
    start + "\r\n" + _HEAD.format(to=to, size=len(body), body=body)
    for start, to, body in (
        ("INVITE sip:cn@example.com SIP/2.0", "", _SDP.format("1.1.1.1", 4000)),
        ("SIP/2.0 200 OK", ";tag=b", _SDP.format("3.3.3.3", 5000)),
    )
]


def expected(case: str) -> str:
    return (EXPECTED / f"{case}-plan.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("case", ["forward", "both"])
def test_the_patents_example(shell: CommandLine, case: str) -> None:
    assert shell.plan("--to", str(FIXTURES / f"{case}.yml")) == (0, expected(case))


def test_the_call_is_over(shell: CommandLine) -> None:
    args = ("--from", shell.states("both"), "--to", str(FIXTURES / "withdrawn.yml"))
    assert shell.plan(*args) == (0, expected("withdrawn"))


def test_what_stands_needs_no_step(shell: CommandLine) -> None:
    held = shell.states("both")
    status, out = shell.plan("--from", held, "--to", str(FIXTURES / "both.yml"), "--json")
    told = json.loads(out)
    assert (status, told["stages"]) == (0, [])
    assert told["states"] == json.loads(Path(held).read_text(encoding="utf-8"))["states"]


def test_json_is_what_the_core_reads(shell: CommandLine) -> None:
    told = json.loads(shell.plan("--to", str(FIXTURES / "both.yml"), "--json")[1])
    stages = stages_from_records(told["stages"])
    states = {name: state_from_records(records) for name, records in told["states"].items()}
    assert [step.id for stage in stages for step in stage.steps] == [
        "01-decode-rb",
        "01-decode-rc",
        "02-encode-rb",
        "02-encode-rc",
    ]
    held = {name: state_from_records([]) for name in states}
    for stage in stages:
        for step in stage.steps:
            held[step.router] = step.applied(held[step.router])
    assert held == states


@pytest.mark.parametrize("what", ["states alone", "a whole plan"])
def test_states_are_read_as_they_are_written(shell: CommandLine, what: str) -> None:
    whole = json.loads(Path(shell.states("both")).read_text(encoding="utf-8"))
    held = shell.file("held.json", whole["states"] if what == "states alone" else whole)
    assert shell.plan("--from", held, "--to", str(FIXTURES / "withdrawn.yml")) == (0, expected("withdrawn"))


def test_standard_input_is_one_of_the_files(shell: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((FIXTURES / "both.yml").read_bytes())))
    assert shell.plan("--to", "-") == (0, expected("both"))
    assert shell.plan("--to", "-", "--from", "-")[0] == 2
    assert "standard input can be only one of the files" in shell.errors


def test_refused_handovers_are_results(shell: CommandLine) -> None:
    lost: list[dict[str, Any]] = [
        {"id": "lost", "old": "1.1.1.1", "new": "9.9.9.9", "expires": "2026-11-24T05:00:00Z", "sessions": [
            {"protocol": "tcp", "port": 1, "correspondent": "3.3.3.3", "correspondent_port": 2}]}
    ]  # fmt: skip
    to = ("--to", shell.file("to.json", lost))
    status, out = shell.plan(*to)
    assert (status, out.splitlines()[0][:32]) == (0, "refused  lost: unmanaged_address")
    (refused,) = json.loads(shell.plan(*to, "--json")[1])["refused"]
    assert (refused["code"], refused["handover"]["id"]) == ("unmanaged_address", "lost")
    assert shell.plan(*to, "--fail-on-refused")[0] == 3
    assert shell.plan("--to", str(FIXTURES / "both.yml"), "--fail-on-refused")[0] == 0


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("--topology", "[]", "bad_topology"),
        ("--topology", "{ra: {networks: []}}", "ra: networks"),
        ("--topology", "{ra: {networks: [1.1.1.1/24], platform: nftables, inside: a, outside: b}}", "host bits"),
        ("--topology", "{ra: {networks: [1.1.1.0/24], platform: nftables, inside: a, outside: b, vrf: x}}", "vrf"),
        ("--from", "[]", "states are a mapping"),
        ("--from", "{rx: []}", "unknown_router"),
        ("--from", "{rb: [{}]}", "handover"),
        ("--to", "{}", "handovers are a list"),
        ("--to", "text", "handovers are a list"),
        ("--to", "[1]", "a handover is a mapping"),
        ("--to", "[{old: 1.1.1.1, new: 2.2.2.2, expires: 5, colour: red}]", "colour"),
        ("--to", "[{old: 1.1.1.1, new: 2.2.2.2, expires: 5}]", "no_sessions"),
    ],
)
def test_bad_files_are_told_with_what_is_wrong(shell: CommandLine, name: str, text: str, told: str) -> None:
    files = {"--topology": str(FIXTURES / "topology.yml"), "--to": str(FIXTURES / "both.yml")}
    files[name] = shell.file("bad.yml", text)
    status, out = shell.run("plan", *(word for pair in files.items() for word in pair))
    assert (status, out) == (1, "")
    assert told in shell.errors


def test_sessions_that_a_table_and_a_dialog_know(shell: CommandLine) -> None:
    """``--sessions auto``: the plan names the sources, what was left out and what is not covered."""
    rows = (
        "ipv4 2 tcp 6 99 ESTABLISHED src=1.1.1.1 dst=3.3.3.3 sport=40000 dport=7000 "
        "src=3.3.3.3 dst=1.1.1.1 sport=7000 dport=40000 [ASSURED] mark=0\n"
        "ipv4 2 udp 17 29 src=3.3.3.3 dst=1.1.1.1 sport=9 dport=99 [UNREPLIED] "
        "src=1.1.1.1 dst=3.3.3.3 sport=99 dport=9 mark=0\n"
    )
    moved = {"aor": "sip:phone@example.com", "old": "1.1.1.1", "new": "2.2.2.2", "expires": NOW + 600}
    args = ("--to", shell.file("to.json", [moved]), "--sessions", "auto")
    status, out = shell.plan(*args, "--connections", "rc=" + shell.file("rc.txt", rows))
    assert status == 0, shell.errors
    assert "  session tcp 40000 to 3.3.3.3 port 7000, known to connections@rc\n" in out
    assert "left out 1.1.1.1: udp 99 to 3.3.3.3 port 9: Only a router knows of it" in out
    assert "rb: its connections are not known (no --connections)" in out
    log = shell.file("call.sip", "".join(CALL))
    told = json.loads(shell.plan(*args, "--sip-log", log, "--json")[1])
    assert [(one["port"], one["sources"]) for one in told["handovers"][0]["sessions"]] == [
        (4000, ["sip"]),
        (4001, ["sip"]),
    ]
    assert told["sessions"][0]["sources"] == {"sip": 2}


def test_sessions_that_nobody_knows(shell: CommandLine) -> None:
    moved = {"old": "1.1.1.1", "new": "2.2.2.2", "expires": NOW + 600}
    args = ("--to", shell.file("to.json", [moved]), "--sessions", "auto", "--fail-on-refused")
    status, out = shell.plan(*args)
    assert status == 3
    assert "refused  1.1.1.1: no_sessions" in out
    assert json.loads(shell.plan(*args, "--json")[1])["refused"][0]["code"] == "no_sessions"
    assert shell.render(*args, "--router", "rb", "--json")[0] == 3


@pytest.mark.parametrize("argument", ["nobody=x", "rc", "rc=/nowhere/at/all"])
def test_connections_that_cannot_be_read(shell: CommandLine, argument: str) -> None:
    moved = {"old": "1.1.1.1", "new": "2.2.2.2", "expires": NOW + 600}
    args = ("--to", shell.file("to.json", [moved]), "--sessions", "auto")
    assert shell.plan(*args, "--connections", argument)[0] == 1
    assert argument.rpartition("=")[2] in shell.errors
