# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover pairs``: what it prints, and its exit status."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.agent.cli import main

from ..sip.messages import NOW, line, register

POLICY = """\
# whom to believe
managed_networks:
  location-101: [1.1.1.0/24]
  location-102: [2.2.2.0/24]
infrastructure: [2.2.2.1]
"""


class Shell:
    """A directory, and the command run in it."""

    def __init__(self, path: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capture = capture
        self.errors = ""
        self.file("policy.yml", POLICY)

    def file(self, name: str, content: str | bytes) -> str:
        """Write a file and return its path."""
        path = self.path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def run(self, *args: str, policy: str = "") -> tuple[int, str]:
        """Exit status and standard output of ``sip-handover pairs --policy ... --now ...``."""
        policy = policy or str(self.path / "policy.yml")
        status = main(["pairs", "--now", str(NOW), "--policy", policy, *args])
        out, self.errors = self._capture.readouterr()
        return status, out

    def json(self, *args: str, policy: str = "") -> tuple[int, dict[str, Any]]:
        """Exit status and the object that ``--json`` prints."""
        status, out = self.run("--json", *args, policy=policy)
        return status, json.loads(out)


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, capsys)


def test_json_is_one_object_with_these_keys(shell: Shell) -> None:
    log = shell.file("log", line() + line(rc=-1))
    status, found = shell.json("--format", "kamailio", log)
    assert status == 0
    assert set(found) == {"address_pairs", "changes", "refused", "cursor"}
    (pair,) = found["address_pairs"]
    assert {key: pair[key] for key in ("aor", "old", "new", "expires", "admitted", "source")} == {
        "aor": "sip:alice@example.com",
        "old": "1.1.1.20",
        "new": "2.2.2.20",
        "expires": "2026-11-24T05:00:00Z",
        "admitted": True,
        "source": f"{log}:1",
    }
    assert {"correspondents", "sessions"} <= set(pair)
    assert [(item["code"], item["where"]) for item in found["refused"]] == [("not_accepted", f"{log}:2")]
    assert found["cursor"][log]["offset"] == len(line() + line(rc=-1))


def test_json_has_a_line_for_each_finding(shell: Shell) -> None:
    """A long output can be searched by line, and is printed fast."""
    log = shell.file("log", line() + line(rc=-1) + line(rc=-1))
    _status, out = shell.run("--json", "--format", "kamailio", log)
    lines = out.splitlines()
    assert json.loads(out)["refused"] == [json.loads(text.rstrip(",")) for text in lines if '"not_accepted"' in text]
    assert len([text for text in lines if '"not_accepted"' in text]) == 2
    assert json.loads(shell.run("--json", "--format", "kamailio", shell.file("none", ""))[1])["refused"] == []


def test_text_is_for_people(shell: Shell) -> None:
    log = shell.file("log", line() + line(rc=-1))
    status, out = shell.run(log)
    assert status == 0
    assert out.splitlines()[0] == (
        f"moved     sip:alice@example.com 1.1.1.20 -> 2.2.2.20 until 2026-11-24T05:00:00Z ({log}:1)"
    )
    assert out.splitlines()[1].startswith("refused   not_accepted: ")
    assert shell.errors == "1 address pairs, 1 changes, 1 refused\n"


def test_policy_none_parses_only(shell: Shell) -> None:
    status, found = shell.json("--format", "sip", shell.file("log", register()), policy="none")
    assert (status, [pair["admitted"] for pair in found["address_pairs"]]) == (0, [False])


def test_standard_input(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(line())))
    status, found = shell.json("-")
    assert (status, found["address_pairs"][0]["source"], found["cursor"]) == (0, "standard input:1", {})


def test_several_files_are_one_run(shell: Shell) -> None:
    first, second = shell.file("1", line()), shell.file("2", line())
    _status, found = shell.json(first, second)
    assert [item["code"] for item in found["refused"]] == ["replayed"]
    assert set(found["cursor"]) == {first, second}


def test_a_file_that_cannot_be_read_does_not_hide_the_others(shell: Shell) -> None:
    status, found = shell.json(str(shell.path / "none"), shell.file("log", line()), str(shell.path))
    assert status == 1
    assert len(found["address_pairs"]) == 1
    assert [item["code"] for item in found["refused"]] == ["unreadable_input"] * 2


def test_fail_on_refused(shell: Shell) -> None:
    good, bad = shell.file("good", line()), shell.file("bad", line(cseq=7, src_ip="9.9.9.9"))
    assert shell.run("--fail-on-refused", good)[0] == 0
    assert shell.run("--fail-on-refused", good, bad)[0] == 3
    assert shell.run(good, bad)[0] == 0


def test_a_cursor_goes_on(shell: Shell) -> None:
    log = shell.file("log", line(cseq=1) + line(cseq=2)[:50])
    _status, found = shell.json(log)
    assert [item["code"] for item in found["refused"]] == ["truncated_line"]
    cursor = shell.file("cursor", json.dumps(found["cursor"]))
    shell.file("log", line(cseq=1) + line(cseq=2))
    _status, found = shell.json("--cursor", cursor, log)
    assert [pair["source"] for pair in found["address_pairs"]] == [f"{log}:2"]
    assert found["refused"] == []
    shell.file("cursor", json.dumps(found["cursor"]))
    assert shell.json("--cursor", cursor, log)[1]["address_pairs"] == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (POLICY + "require_tls: true\n", "policy.yml:6: require_tls"),
        (POLICY.replace("2.2.2.0/24", "2.2.2.2/24"), "policy.yml:4: managed_networks.location-102"),
        (POLICY + "infrastructure: []\n", "policy.yml:6: infrastructure"),
        (POLICY + "infer:\n  instance: true\n  guess: true\n", "policy.yml:8: infer.guess"),
        (POLICY + "infer:\n  instance: 1\n", "policy.yml:7: infer.instance"),
        (POLICY + "grace_seconds: soon\n", "policy.yml:6: grace_seconds"),
        (POLICY + "realms: [x\n", "policy.yml:"),
        ("", "policy.yml"),
        ("\t", "policy.yml:1"),
        ("- x\n", "policy.yml"),
        ("!!python/object:os.system {}\n", "policy.yml"),
        ("a: &a [*a]\n", "policy.yml:1: a"),
    ],
)
def test_a_bad_policy_is_told_with_its_line(shell: Shell, text: str, told: str) -> None:
    policy = shell.file("policy.yml", text)
    status, out = shell.run(shell.file("log", line()), policy=policy)
    assert (status, out) == (2, "")
    assert str(shell.path / told) in shell.errors
    assert "Traceback" not in shell.errors


def test_a_policy_that_is_not_there(shell: Shell) -> None:
    assert shell.run("-", policy=str(shell.path / "no"))[0] == 2
    assert "No such file" in shell.errors


@pytest.mark.parametrize("text", ["", "[]", '{"log": 7}', "{"])
def test_a_bad_cursor(shell: Shell, text: str) -> None:
    assert shell.run("--cursor", shell.file("cursor", text), "-")[0] == 2
    assert "bad_cursor" in shell.errors


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["pairs"],
        ["pairs", "log"],
        ["pairs", "--policy", "none"],
        ["pairs", "--policy", "none", "--format", "pdf", "log"],
        ["pairs", "--policy", "none", "--now", "nan", "log"],
        ["pairs", "--policy", "none", "--now", "soon", "log"],
        ["fly"],
    ],
)
def test_bad_usage(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(args) == 2
    assert "usage: sip-handover" in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pairs", "--help"]) == 0
    assert "--fail-on-refused" in capsys.readouterr().out
