# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover explain``, and the store of ``sip-handover pairs``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.agent.cli import main
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.admission import CODES

from ..sip.messages import NOW, binding, line
from .test_pairs import POLICY, Shell

VICTIM = {"aor": "sip:bob@example.com", "auth_user": "bob", "before": []}


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, capsys)


def explain(shell: Shell, capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    """Exit status and standard output."""
    status = main(["explain", "--now", str(NOW), *args])
    out, shell.errors = capsys.readouterr()
    return status, out


def test_every_rule_is_told_also_behind_the_first_broken_one(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    log = shell.file("log", line(transport="udp", src_ip="9.9.9.9", before=[]))
    status, out = explain(shell, capsys, "--policy", str(shell.path / "policy.yml"), "--json", log)
    (told,) = map(json.loads, out.splitlines())
    assert status == 0
    assert [verdict["code"] for verdict in told["verdicts"]] == list(CODES)
    assert {verdict["code"] for verdict in told["verdicts"] if verdict["holds"] is False} == {
        "transport_not_secure",
        "new_not_source",
        "no_history",
    }
    assert (told["old"], told["new"], told["by"]) == ("1.1.1.20", "2.2.2.20", "tag")
    assert [item["code"] for item in told["refused"]] == ["transport_not_secure"]


def test_text(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    home = line(**VICTIM, tag=[], require=[], contact=["<sip:bob@1.1.1.20>"], src_ip="1.1.1.20")
    log = shell.file("log", home + line(before=[binding("2.2.2.20")]))
    _status, out = explain(shell, capsys, "--policy", str(shell.path / "policy.yml"), log)
    first, second = out.split(f"{log}:2: ")
    assert first.startswith(
        f"{log}:1: sip:bob@example.com ? -> 1.1.1.20, no old address\n  ok      not_authenticated\n"
    )
    assert "  -       no_history              cannot be judged\n  -       address_too_often" in first
    assert first.endswith("  => nothing follows\n")
    assert second.startswith("sip:alice@example.com 1.1.1.20 -> 2.2.2.20, by tag\n  ok      tag_without_require\n")
    assert "  BROKEN  held_by_another         1.1.1.20 was, or is, sip:bob@example.com's\n" in second
    assert second.endswith("  => refused: held_by_another\n")


def test_an_inferred_move(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    shell.file("policy.yml", POLICY + "infer: {call_id: true}\n")
    log = shell.file("log", line(tag=[], require=[]))
    _status, out = explain(shell, capsys, "--policy", str(shell.path / "policy.yml"), log)
    assert "1.1.1.20 -> 2.2.2.20, by call_id\n" in out
    assert "BROKEN" not in out
    assert out.endswith("  => moved 1.1.1.20 -> 2.2.2.20\n")


def test_one_address_of_record(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    log = shell.file("log", line(rc=-1) + line() + line(**VICTIM))
    policy = str(shell.path / "policy.yml")
    _status, out = explain(shell, capsys, "--policy", policy, "--json", "--aor", "sip:bob@example.com", log)
    assert [json.loads(text)["aor"] for text in out.splitlines()] == ["sip:bob@example.com"]
    _status, out = explain(shell, capsys, "--policy", policy, log)
    assert out.startswith(f"{log}:1: refused: not_accepted: ")


def test_without_a_policy_only_the_rules_of_form(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    _status, out = explain(shell, capsys, "--policy", "none", "--json", shell.file("log", line()))
    told = json.loads(out)
    assert {verdict["group"] for verdict in told["verdicts"]} == {"form"}
    assert [pair["admitted"] for pair in told["address_pairs"]] == [False]


def test_a_file_that_is_not_there(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    status, out = explain(shell, capsys, "--policy", "none", str(shell.path / "no"))
    assert (status, "unreadable_input" in out) == (1, True)


def test_runs_share_a_store(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    home = line(tag=[], require=[], contact=["<sip:alice@1.1.1.20>"], src_ip="1.1.1.20", before=[], cseq=1)
    first, second, store = shell.file("1", home), shell.file("2", line(before=[], cseq=2)), str(shell.path / "db")
    _status, found = shell.json("--store", store, first)
    draft = found["draft"]
    assert [item["code"] for item in shell.json("--store", store, second)[1]["refused"]] == ["no_history"]
    _status, found = shell.json("--store", store, "--commit", draft, second)
    assert [pair["old"] for pair in found["address_pairs"]] == ["1.1.1.20"]
    # explain looks, and leaves no trace.
    for _again in range(2):
        _status, out = explain(shell, capsys, "--policy", str(shell.path / "policy.yml"), "--store", store, second)
        assert out.endswith("  => moved 1.1.1.20 -> 2.2.2.20\n")


def test_a_commit_needs_its_store(shell: Shell) -> None:
    assert shell.run("--commit", "x", "-")[0] == 2
    assert shell.run("--commit", "x", "--store", str(shell.path / "db"), "/dev/null")[0] == 1
    assert "unknown_draft" in shell.errors


def test_what_stands_already(shell: Shell) -> None:
    live = shell.file("live.yml", f"- {{old: 1.1.1.20, new: 2.2.2.20, aor: 'sip:alice@example.com', expires: {NOW}}}")
    _status, found = shell.json("--live", live, shell.file("log", line(tag=[], require=[])))
    assert [change["kind"] for change in found["changes"]] == ["refreshed"]
    assert shell.run("--live", shell.file("bad", "7"), "-")[0] == 2
