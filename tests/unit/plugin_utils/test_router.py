# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a script prints, in sections, and what a router does that loses us in the middle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Change, Mark, Selector, Stamp
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import Output
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.nftables import Nftables
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.sections import sections
from ansible_collections.sipmobility.handover.plugins.plugin_utils.shell_device import shell_router

from ..mobility.worlds import NOW, OLD, PEER
from ..platforms.test_nftables import output

MARK = Mark(Selector(OLD, PEER), Stamp("abc", 1, NOW + 60))


def test_sections_and_their_status() -> None:
    printed = "noise\n@@ ip\n{}\n\n@@ status 1\n@@ routes\n[]\n@@ end\nmore noise\n"
    found = sections(printed)
    assert (found.sections["ip"].strip(), found.sections["routes"], found.status) == ("{}", "[]", {"ip": 1})


def test_a_terminal_in_between_adds_carriage_returns() -> None:
    assert sections("@@ ip\r\n{}\r\n@@ end\r\n").sections["ip"] == "{}"


@pytest.mark.parametrize("printed", ["", "@@ ip\n{}\n", "@@ end of it\n", "sudo: a password is required\n"])
def test_a_script_that_did_not_come_to_its_end(printed: str) -> None:
    """Exit status 0 proves nothing: some transports drop the script and report success."""
    with pytest.raises(HandoverError, match="script_cut"):
        sections(printed)


@given(st.lists(st.sampled_from(("@@ a", "@@ status 1", "@@ status x", "@@ status", "@@ end", "x", "@@", ""))))
def test_any_lines_are_sections_or_refused(lines: list[str]) -> None:
    printed = "\n".join(lines)
    if "@@ end" in lines and "@@ status x" not in lines[: lines.index("@@ end")]:
        assert isinstance(sections(printed), Output)
    else:
        with pytest.raises(HandoverError, match="script_cut"):
            sections(printed)


class Scripted:
    """A router that answers what it is told to, one answer a script. A stand-in: real ones do not fail on cue."""

    def __init__(self, *answers: Output | HandoverError) -> None:
        self._answers = list(answers)

    def run(self, script: str) -> Output:
        answer = self._answers.pop(0)
        if isinstance(answer, HandoverError):
            raise answer
        return answer


def refused(*answers: Output | HandoverError) -> HandoverError:
    router = shell_router("rb", Nftables(), Renderer(), Scripted(*answers))
    with pytest.raises(HandoverError) as error:
        router.apply(Change(put=(MARK,)), RouterState(Nftables().parse(output())), NOW - 600)
    return error.value


def step(said: str, answer: Output) -> Output:
    return Output({**answer.sections, "step": said}, {**answer.status, "step": 1})


def test_the_first_cause_is_told_when_the_router_cannot_be_read_afterwards() -> None:
    error = refused(step("Error: syntax error", Output({"ip": "{"}, {})))
    assert (error.code, error.subject) == ("syntax_refused", "rb: Error: syntax error")
    assert "How the router stands is not known: run reconcile" in error.advice


def test_what_is_not_read_back_did_not_happen() -> None:
    error = refused(output())
    assert (error.code, "The router is unchanged." in error.advice) == ("not_read_back", True)


def test_the_first_cause_is_told_when_the_way_back_fails() -> None:
    lost = HandoverError("script_cut", "rb", "a router runs the whole script")
    changed = Nftables().parse(output())
    first = next(iter(changed))
    router = shell_router("rb", Nftables(), Renderer(), Scripted(step("No space left", output()), lost))
    before = changed.changed([first.key], [])
    with pytest.raises(HandoverError, match=r"table_full.*NOT as before: run reconcile .script_cut"):
        router.apply(Change(put=(MARK,)), before, NOW - 600)
