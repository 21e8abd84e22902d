"""What `make test` adds up: nothing that failed is lost, nothing that did not run counts as passed."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tools.run_tests import run
from tools.stages import Stage, stages

SUITE = """
import unittest
def test_good(): pass
def test_bad(): assert False
def test_left_out(): raise unittest.SkipTest("not counted as passed")
"""


def gate(name: str, code: str, lane: str = "tree", limit_s: int = 20) -> Stage:
    return Stage(name, "gates", (sys.executable, "-c", code), lane, limit_s=limit_s)


def suite(tmp_path: Path, text: str) -> Stage:
    (tmp_path / "test_it.py").write_text(text, encoding="utf-8")
    junit = tmp_path / "it.xml"
    options = ("-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(tmp_path), f"--junitxml={junit}")
    return Stage("suite", "suite", (sys.executable, "-m", "pytest", *options, str(tmp_path)), "tree", junit)


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def test_each_gate_is_one_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([gate("good", ""), gate("good too", "", "lab")], tmp_path) == 0
    assert last_line(capsys) == "2 passed, 0 failed"


def test_a_failing_stage_hides_no_later_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = [gate("bad", "print('what went wrong'); raise SystemExit(3)"), gate("good", "print('still run')")]
    assert run(row, tmp_path) == 1
    shown = capsys.readouterr().out
    assert "what went wrong" in shown
    assert "still run" in shown
    assert shown.splitlines()[-1] == "1 passed, 1 failed"


def test_pytest_counts_by_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([suite(tmp_path, SUITE)], tmp_path) == 1
    shown = capsys.readouterr().out
    assert "(1 skipped)" in shown
    assert shown.splitlines()[-1] == "1 passed, 1 failed"


@pytest.mark.parametrize("text", ["import nothing_of_that_name", "", "import os; os._exit(5)"])
def test_a_suite_that_cannot_run_has_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert run([suite(tmp_path, text)], tmp_path) == 1
    assert last_line(capsys) == "0 passed, 1 failed"


def test_a_stage_that_hangs_is_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    child = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
    assert run([gate("slow", child, limit_s=1)], tmp_path) == 1
    assert last_line(capsys) == "0 passed, 1 failed"


def test_a_command_that_does_not_exist_has_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([Stage("none", "gates", ("no-such-command",))], tmp_path) == 1
    assert last_line(capsys) == "0 passed, 1 failed"


def test_the_lanes_keep_their_output_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slow = "import time\nfor n in range(5):\n    print('tree', n)\n    time.sleep(0.1)\nraise SystemExit(1)"
    assert run([gate("tree", slow), gate("lab", slow.replace("tree", "lab"), "lab")], tmp_path) == 1
    shown = capsys.readouterr().out
    assert "tree 0\ntree 1\ntree 2\ntree 3\ntree 4\n" in shown
    assert "lab 4" in shown


UNSTEADY = """
import pathlib
import pytest
tried = pathlib.Path(__file__).with_name("tried")
def test_good(): pass
def test_passes_the_second_time():
    first = not tried.exists()
    tried.touch()
    assert not first
"""


def with_servers(tmp_path: Path, text: str) -> Stage:
    """As `make test` runs what talks to real servers."""
    (tmp_path / "test_it.py").write_text(text, encoding="utf-8")
    plain = ("-c", "/dev/null", "--rootdir", str(tmp_path), "-o", f"cache_dir={tmp_path / 'cache'}", str(tmp_path))
    first, second = (
        Stage(name, "servers", (sys.executable, "-m", "pytest", f"--junitxml={junit}", *options, *plain), junit=junit)
        for name, junit, options in (
            ("servers", tmp_path / "first.xml", ()),
            ("servers again", tmp_path / "second.xml", ("--last-failed",)),
        )
    )
    return replace(first, again=second)


def test_what_a_busy_machine_failed_is_run_once_more_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([with_servers(tmp_path, UNSTEADY)], tmp_path) == 0
    shown = capsys.readouterr().out
    assert "assert not first" in shown
    assert "passed only when run once more: test_it::test_passes_the_second_time (servers.log)" in shown
    assert shown.splitlines()[-1] == "2 passed, 0 failed"


def test_what_fails_twice_has_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([with_servers(tmp_path, UNSTEADY + "def test_bad(): assert False\n")], tmp_path) == 1
    assert last_line(capsys) == "1 passed, 2 failed"


@pytest.mark.parametrize(
    "text", [UNSTEADY + "@pytest.mark.parametrize('n', range(3))\ndef test_bad(n): assert tried.exists() is None", ""]
)
def test_no_second_run_of_many_failures_or_of_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    assert run([with_servers(tmp_path, text)], tmp_path) == 1
    assert "servers again" not in capsys.readouterr().out


def test_a_gate_is_run_once_more_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = f"import pathlib; p = pathlib.Path({str(tmp_path / 'tried')!r}); old = p.exists(); p.touch(); exit(not old)"
    first = gate("molecule", code)
    assert run([replace(first, again=replace(first, name="molecule again"))], tmp_path) == 0
    assert last_line(capsys) == "1 passed, 0 failed"


def test_unit_tests_and_lint_have_one_try() -> None:
    allowed = {stage.name for stage in stages() if stage.again}
    assert allowed == {"kernel", "standins", "pages", "moves", "integration", "molecule"}


def test_stage_names_are_unique() -> None:
    names = [stage.name for stage in stages()]
    names += [stage.again.name for stage in stages() if stage.again]
    assert len(names) == len(set(names))
