# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of support says what passed, and what did not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import support_matrix
from tools.support_matrix import PAGE, ROWS, STAGES, about, main, page

CASE = '<testcase classname="{file}" name="{name}">{inside}</testcase>'


@pytest.mark.parametrize(
    ("case", "platform"),
    [
        ("tests.unit.platforms.test_iosxe_router.test_x", "iosxe_netconf"),
        ("tests.unit.platforms.test_ios_router.test_x[nat]", "ios"),
        ("tests.kernel.netconf.test_plain_playbooks.test_x", "ietf_netconf_plain"),
        ("tests.kernel.netconf.test_router.test_x", "ietf_netconf"),
        ("tests.unit.test_pages.test_x[videos]", "all of them, or none"),
        ("tests.kernel.test_kept.test_x", "nftables"),
        ("tests.integration.test_iptables.test_x", "iptables"),
        ("tests.unit.action.test_written_only.test_x", "nxos, eos, vyos, routeros, iosxr"),
    ],
)
def test_a_test_is_about_the_platform_that_it_names(case: str, platform: str) -> None:
    assert about(case) == platform
    assert platform in ROWS


def results(place: Path, **cases: tuple[str, str, str]) -> None:
    for stage in STAGES:
        file, name, inside = cases.get(stage, ("tests.unit.test_x", "test_x", ""))
        text = CASE.format(file=file, name=name, inside=inside)
        head = '<testsuite name="pytest" timestamp="2026-11-26T14:00:00.1+00:00">'
        suite = f"<testsuites>{head}{text}</testsuite></testsuites>"
        (place / f"{stage}.xml").write_text(suite, encoding="utf-8")


def test_what_failed_and_what_was_left_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support_matrix, "PAGE", tmp_path / "support.md")
    results(
        tmp_path,
        kernel=("tests.kernel.test_kept", "test_x", "<failure/>"),
        integration=("tests.integration.test_iptables", "test_x", "<skipped/>"),
    )
    suite = '<testsuite name="2.21.5 with Python 3.13.0"><testcase classname="a" name="b"/></testsuite>'
    (tmp_path / "core-2.21.xml").write_text(f"<testsuites>{suite}</testsuites>")
    (tmp_path / "core-2.21.sanity").write_text("failed\n")
    assert main([str(tmp_path)]) == 0
    lines = (tmp_path / "support.md").read_text(encoding="utf-8").splitlines()
    assert "of 2026-11-26" in lines[2], "of which run"
    assert "| nftables | - | -, 1 failed | - | - |" in lines
    assert "| iptables | - | - | - | -, 1 skipped |" in lines
    other = "2.21.5 with Python 3.13.0: 1 unit tests of what uses Ansible passed, sanity failed"
    assert any(other in line for line in lines)


def test_a_run_that_is_not_whole_makes_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support_matrix, "PAGE", tmp_path / "support.md")
    results(tmp_path)
    (tmp_path / "kernel.xml").unlink()
    assert main([str(tmp_path)]) == 1
    assert not (tmp_path / "support.md").exists()


def test_the_page_has_the_form_that_the_program_gives_it() -> None:
    """Its numbers are of a run; its lines are ours."""
    ours = [line.split("|")[1] for line in page({name: [] for name in STAGES}).splitlines() if line.startswith("| ")]
    theirs = [line.split("|")[1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert ours == theirs
