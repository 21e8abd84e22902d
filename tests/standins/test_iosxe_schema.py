# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What we send to IOS-XE by NETCONF, validated with yanglint against the schema of the router.

The schema of 16.9 is Cisco's own. That of 17.12 is ours in the parts that differ: see ``iosxe/schema.py``.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.flow_lines import NatSettings

from ..unit.platforms.ios_router import states
from ..unit.platforms.iosxe_router import RELEASES, edited, put, text
from ..unit.platforms.test_iosxe_router import AT_B, AT_C, FROZEN
from .iosxe.schema import lint_modules, make_schema

FEW = settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
ALL = RouterState((*AT_B, *AT_C, *FROZEN))
VRF = NatSettings("BLUE")


class Lint:
    """yanglint with the schema of a release."""

    def __init__(self, directory: Path, release: str) -> None:
        self.release = RELEASES[release]
        self._directory = make_schema(directory, release)

    def says(self, *edits: str) -> str:
        """What it says of edits; empty where all are valid."""
        payloads = [self._directory / f"payload-{number}.xml" for number in range(len(edits))]
        for edit, payload in zip(edits, payloads, strict=True):
            (native,) = edited(edit)
            payload.write_text(ElementTree.tostring(native, encoding="unicode"), encoding="utf-8")
        words = ["yanglint", "-p", self._directory, "-t", "edit", *lint_modules(self._directory), *payloads]
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode == 0) == (done.stderr == "")
        return done.stderr


@pytest.fixture(scope="module", params=["16.9", "17.12"])
def lint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Lint:
    return Lint(tmp_path_factory.mktemp("yang"), request.param)


@FEW
@given(st.lists(st.tuples(states(), states()).filter(lambda pair: pair[0] != pair[1]), min_size=5, max_size=20))
def test_every_step_is_valid(lint: Lint, changes: list[tuple[RouterState, RouterState]]) -> None:
    assert lint.says(*(text(difference(*change), lint.release) for change in changes)) == ""


def test_one_invalid_step_among_valid_ones_is_found(lint: Lint) -> None:
    valid = put(AT_B, lint.release)
    assert lint.says(valid, valid.replace("<no-alias/>", "<no-alias>1</no-alias>"), valid) != ""


@pytest.mark.parametrize("nat", [VRF, NatSettings(redundancy="HSRP-LAN")], ids=["vrf", "redundancy"])
def test_vrf_and_redundancy_are_valid(lint: Lint, nat: NatSettings) -> None:
    state = ALL if lint.release.split else AT_B
    assert lint.says(put(state, lint.release, nat)) == ""
    assert lint.says(text(difference(state, RouterState()), lint.release, nat)) == ""


def test_a_numbered_group_is_valid_at_the_visited_router(lint: Lint) -> None:
    assert lint.says(put(AT_B, lint.release, NatSettings(redundancy="1"))) == ""


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("<no-payload/>", "<no-payload/><add-route/>"),
        ("<reversible/>", "<reversible>yes</reversible>"),
        ("<tag>7082</tag>", "<tag>seven</tag>"),
        ("<action>permit</action>", "<action>pass</action>"),
        ("<seq_no>10</seq_no>", "<seq_no>70000</seq_no>"),
        ("<environment>", "<environment><owner/>"),
    ],
    ids=["add-route", "leaf without value", "tag", "action", "sequence", "record"],
)
def test_a_wrong_leaf_is_refused(lint: Lint, right: str, wrong: str) -> None:
    written = put(RouterState((*AT_B, *AT_C)), lint.release)
    assert lint.says(written) == ""
    assert right in written
    assert "libyang err" in lint.says(written.replace(right, wrong))


def test_the_lists_of_the_newer_release_are_refused_by_the_older(tmp_path: Path) -> None:
    older = Lint(tmp_path, "16.9")
    assert "nat-static-transport-list-no-vrf" in older.says(put(AT_C, RELEASES["17.12"]))
    assert "host-address" in older.says(put(AT_B, RELEASES["17.12"]))
