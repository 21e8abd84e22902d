# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every block of commands in the pages is run by a test, or says why not; and every command that is named exists.

A new block of commands stands in BLOCKS with the test that runs it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from ansible_collections.sipmobility.handover.agent.cli import COMMANDS, main
from ansible_collections.sipmobility.handover.node.cli import main as node_main

from .test_pages import PAGES, ROOT

#: For each page, what runs each of its blocks of commands: tests, and in brackets what of it no test runs and why.
BLOCKS = {
    "CONTRIBUTING.md": ("[make itself, which runs the tests]",),
    "README.md": ("[make itself, which runs the tests]", "tests/unit/test_packaging.py"),
    "docs/agent.md": (
        "tests/pages/test_command_lines.py tests/kernel/agent/test_service.py [pip from a registry: test_packaging]",
        "tests/pages/test_command_lines.py",
    ),
    "docs/awx.md": (
        "tests/standins/test_awx.py",
        "tests/unit/test_packaging.py [an image needs a registry; make release runs ansible-builder create]",
    ),
    "docs/event-driven.md": ("tests/integration/test_rulebook.py",),
    "docs/mobile-node.md": ("tests/pages/test_command_lines.py tests/kernel/node/test_walk.py [pip: test_packaging]",),
    "docs/netbox.md": ("tests/standins/test_netbox.py [site: the same playbook as on start.md, by test_start]",),
    "docs/operations.md": ("tests/pages/test_start.py",),
    "docs/pipeline.md": ("tests/pages/test_pipeline.py",) * 3,
    "docs/release.md": (
        "[makes a release: antsibull-changelog, a commit and a tag; ansible-sign was tried by hand]",
        "tests/pages/test_release.py",
        "tests/pages/test_release.py",
        "tests/pages/test_release.py",
    ),
    "docs/sources.md": ("tests/pages/test_command_lines.py",),
    "docs/start.md": ("tests/unit/test_packaging.py", *("tests/pages/test_start.py",) * 3),
}
_BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```$", re.M | re.S)
_INLINE = re.compile(r"`([^`\n]+)`")
#: Words by which a command of ours, or one that is given names of ours, begins.
_STARTS = re.compile(
    r"(sip-handover(?:-node)?|make|ansible-playbook|ansible-rulebook|ansible-doc|python -m|python3? -m|tools/\S+\.sh)\b"
)
TARGETS = set(re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
TARGETS = {name for names in TARGETS for name in names.split()}
SPECS = yaml.safe_load((ROOT / "playbooks/vars/argument_specs.yml").read_text(encoding="utf-8"))["argument_specs"]
VARIABLES = {name for spec in SPECS.values() for name in spec["options"]}


def commands(name: str) -> Iterator[str]:
    """Each command that a page shows in a block or names in a line."""
    text = (ROOT / name).read_text(encoding="utf-8")
    for block in _BLOCK.findall(text):
        for one in re.sub(r"\\\n\s*", "", block).splitlines():
            yield re.sub(r"^[$#] ", "", one).strip()
    plain = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    yield from _INLINE.findall(plain)


def ours(page: str) -> list[list[str]]:
    """Of those the ones that can be looked up, as words."""
    found = []
    for one in commands(page):
        if _STARTS.match(one):
            lexer = shlex.shlex(one.partition(" >")[0], posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            words = list(lexer)
            end = next((at for at, word in enumerate(words) if word in ("|", "&&", ">", ";")), len(words))
            found.append(words[:end])
    return found


ALL = sorted({(page, *words) for page in PAGES for words in ours(page)})


@pytest.mark.parametrize("name", PAGES)
def test_every_block_of_commands_is_run_or_says_why_not(name: str) -> None:
    blocks = _BLOCK.findall((ROOT / name).read_text(encoding="utf-8"))
    told = BLOCKS.get(name, ())
    assert len(told) == len(blocks), "a block of commands, and the test that runs it, stand in BLOCKS"
    for one in told:
        tests = re.sub(r"\[.*\]", "", one).split()
        assert tests or "[" in one
        for path in tests:
            text = (ROOT / path).read_text(encoding="utf-8")
            assert not path.startswith("tests/pages") or Path(name).name in text, f"{path} does not read {name}"


def options_of(capsys: pytest.CaptureFixture[str], program: str, command: str) -> set[str]:
    """The options that a subcommand's help names."""
    with suppress(SystemExit):  # argparse's way to end after the help
        (node_main if program.endswith("node") else main)([command, "--help"])
    return set(re.findall(r"(?<![\w-])--[a-z-]+", capsys.readouterr().out))


@pytest.mark.parametrize("told", ALL, ids=lambda told: f"{told[0]}: {' '.join(told[1:])}"[:80])
def test_every_command_that_is_named_exists(told: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    _page, program, *words = told
    if program.startswith("sip-handover"):
        command = words[0] if words else "--help"
        if not command.startswith("-"):
            assert program.endswith("node") or command in COMMANDS
            wanted = {word.partition("=")[0] for word in words[1:] if word.startswith("--")}
            assert wanted <= options_of(capsys, program, command)
    elif program == "make":
        names = [word for word in words if re.fullmatch("[a-z][a-z-]*", word)]
        assert set(names) <= TARGETS | {"TARGET"}
    elif program in ("ansible-playbook", "ansible-rulebook", "ansible-doc"):
        _named(program, words)
    elif program.startswith("tools/"):
        assert (ROOT / program).exists()
    else:
        assert words[0] == "-m"
        assert find_spec(words[1]) is not None


def _named(program: str, words: list[str]) -> None:
    rooms = {"ansible-playbook": "playbooks", "ansible-rulebook": "extensions/eda/rulebooks"}
    for word in words:
        name = word.removeprefix("sipmobility.handover.")
        if name != word:
            places = [rooms[program]] if program in rooms else ["plugins/modules", "plugins/filter", "roles"]
            found = [ROOT / room / f"{name}{end}" for room in places for end in (".yml", ".py", "")]
            assert any(path.exists() for path in found), word
        variable = re.match(r"(handover_[a-z_]+)=", word)
        assert variable is None or variable[1] in VARIABLES, word
