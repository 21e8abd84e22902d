# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover render``: the text for each router, word for word."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.agent.data_file import load

from .patent import EXPECTED, FIXTURES, NOW, CommandLine, steps_in

CLI = "ansible_collections.sipmobility.handover.agent.cli"


@pytest.mark.parametrize("router", ["rb", "rc"])
@pytest.mark.parametrize("case", ["forward", "both"])
def test_the_patents_example(shell: CommandLine, case: str, router: str) -> None:
    """US 7,082,118, figure 2: 1.1.1.1 moved to 2.2.2.2 in a session with 3.3.3.3; and the same both ways."""
    status, out = shell.render("--to", str(FIXTURES / f"{case}.yml"), "--router", router)
    assert (status, shell.errors) == (0, "")
    assert out == (EXPECTED / f"{case}-{router}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("router", ["rb", "rc"])
def test_the_call_is_over(shell: CommandLine, router: str) -> None:
    """Encoders first, decoders and route a wait later; five minutes on, by the same clock."""
    held = shell.states("both")
    args = ("--from", held, "--to", str(FIXTURES / "withdrawn.yml"), "--router", router)
    status, out = shell.render(*args, now=NOW + 300)
    assert (status, shell.errors) == (0, "")
    assert out == (EXPECTED / f"withdrawn-{router}.txt").read_text(encoding="utf-8")


def test_routers_over_snmp(shell: CommandLine) -> None:
    """One address for another, which is all that they can; what they cannot is refused, not widened."""
    topology = shell.file("topology.yml", (FIXTURES / "topology.yml").read_text().replace("nftables", "snmp"))
    record = {"aor": "sip:phone@example.com", "old": "1.1.1.1", "new": "2.2.2.2", "expires": "2026-11-24T05:00:00Z"}
    record.update(scope="address", directions="forward")
    to = shell.file("to.json", [{**record, "correspondents": ["3.3.3.3"]}])
    args = ("render", "--topology", topology, "--now", str(NOW), "--router", "rc", "--to")
    status, out = shell.run(*args, to)
    assert (status, shell.errors) == (0, "")
    assert list(steps_in(out)) == ["02-encode-rc"]
    outside = load(topology)["rc"]["outside"]
    assert f"1.3.6.1.2.1.123.1.4.1.4.[{outside}]." in out
    assert " x 40\n" in out
    assert shell.run(*args, str(FIXTURES / "both.yml"), "--fail-on-refused")[0] == 3
    assert "snmp can hold the scopes address" in shell.errors


def test_a_router_without_work_has_no_text(shell: CommandLine) -> None:
    assert shell.render("--to", str(FIXTURES / "both.yml"), "--router", "ra") == (0, "")


def test_one_step_is_its_text_alone(shell: CommandLine) -> None:
    to = ("--to", str(FIXTURES / "both.yml"), "--router", "rb")
    whole = steps_in(shell.render(*to)[1])
    assert list(whole) == ["01-decode-rb", "02-encode-rb"]
    for step, text in whole.items():
        assert shell.render(*to, "--step", step) == (0, text)
    assert shell.render(*to, "--step", "02-encode-rc")[0] == 1
    assert "unknown_step" in shell.errors


def test_json_is_the_same_text(shell: CommandLine) -> None:
    to = ("--to", str(FIXTURES / "both.yml"), "--router", "rb")
    told = json.loads(shell.render(*to, "--json")[1])
    assert (told["router"], told["refused"]) == ("rb", [])
    assert {item["step"]: item["text"] for item in told["steps"]} == steps_in(shell.render(*to)[1])
    assert [(item["phase"], item["wait"]) for item in told["steps"]] == [("decode", 0), ("encode", 0)]


def test_a_clock_may_be_given_as_text(shell: CommandLine) -> None:
    args = (
        "render",
        "--topology",
        str(FIXTURES / "topology.yml"),
        "--to",
        str(FIXTURES / "both.yml"),
        "--router",
        "rc",
    )
    assert shell.run(*args, "--now", "2026-11-24T04:50:00Z") == shell.run(*args, "--now", str(NOW))


def test_what_has_expired_is_not_written(shell: CommandLine) -> None:
    status, out = shell.render("--to", str(FIXTURES / "both.yml"), "--router", "rb", now=NOW + 3600)
    assert (status, out) == (1, "")
    assert "expired" in shell.errors


def test_templates_of_an_operator_replace_ours_file_by_file(shell: CommandLine) -> None:
    (shell.path / "nftables").mkdir()
    shell.file("nftables/step.sh.j2", "{{ elements.put | length }} sets in {{ table }}\n")
    to = ("--to", str(FIXTURES / "both.yml"), "--router", "rc")
    text = "==> 01-decode-rc <==\n2 sets in sipmobility\n==> 02-encode-rc <==\n4 sets in sipmobility\n"
    assert shell.render(*to, "--template-dir", str(shell.path)) == (0, text)


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ elephants }}", "'elephants' is undefined"),
        ("{% if %}", "Expected an expression"),
        ("{% include 'nftables/nowhere.j2' %}", "nftables/nowhere.j2"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ table.x.y }}", "has no attribute"),
        ("{{ elements.put[0] + 1 }}", "unsupported operand"),
    ],
)
def test_a_template_with_a_fault(shell: CommandLine, template: str, told: str) -> None:
    (shell.path / "nftables").mkdir()
    shell.file("nftables/step.sh.j2", template)
    to = ("--to", str(FIXTURES / "both.yml"), "--router", "rc", "--template-dir", str(shell.path))
    assert shell.render(*to) == (1, "")
    assert "bad_template: " in shell.errors
    assert told in shell.errors


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("--router", "rx"), "unknown_router"),
        (("--router", "rb", "--template-dir", "/nowhere"), "bad_template_dir"),
    ],
)
def test_what_does_not_exist(shell: CommandLine, args: tuple[str, ...], told: str) -> None:
    assert shell.render("--to", str(FIXTURES / "both.yml"), *args)[0] == 1
    assert told in shell.errors


@pytest.mark.parametrize("now", ["soon", "nan", "-1", "2026-11-24", "1e300"])
def test_a_moment_that_is_none(shell: CommandLine, now: str) -> None:
    args = ("render", "--topology", "t", "--to", "h", "--router", "rb", "--now", now)
    assert shell.run(*args)[0] == 2
    assert "neither a Unix time" in shell.errors


def test_a_refused_handover_does_not_hide_the_others(shell: CommandLine) -> None:
    good = json.loads(Path(shell.states("both")).read_text(encoding="utf-8"))["handovers"][0]
    lost = {**good, "aor": "sip:other@example.com", "id": "lost", "new": "9.9.9.9"}
    args = ("--to", shell.file("to", [lost, good]), "--router", "rc")
    status, out = shell.render(*args)
    assert status == 0
    assert list(steps_in(out)) == ["01-decode-rc", "02-encode-rc"]
    assert "refused lost: unmanaged_address" in shell.errors
    assert shell.render(*args, "--fail-on-refused")[0] == 3


def test_as_a_program() -> None:
    """The module is what the console script runs; nothing is printed but the text."""
    files = ("--topology", str(FIXTURES / "topology.yml"), "--to", str(FIXTURES / "forward.yml"))
    command = [sys.executable, "-m", CLI, "render", *files, "--router", "rb", "--now", str(NOW)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == ((EXPECTED / "forward-rb.txt").read_text(encoding="utf-8"), "")
