# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/certification.md says by itself, held against the collection."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "certification.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith("| ") and not line.startswith("| Requirement ")
]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*.py"))
PYTHON = sorted(path for path in (ROOT / "plugins").rglob("*.py") if path.read_text(encoding="utf-8").strip())
VERDICT = re.compile(r"yes\b.*|\*\*(no|in part|not run|not ours to say)\*\*")
#: Of ansible-core, and the one for code of the controller alone.
PLUGINS = (
    *("action", "become", "cache", "callback", "cliconf", "connection", "doc_fragments", "filter", "httpapi"),
    *("inventory", "lookup", "modules", "module_utils", "netconf", "plugin_utils", "shell", "strategy", "terminal"),
    *("sub_plugins", "test", "vars"),
)
#: https://docs.ansible.com/projects/partner-certification-requirements/static-analysis/
NEVER_SKIPPED = (
    *("risky-shell-pipe", "command-instead-of-shell", "meta-no-info", "package-latest", "no-handler"),
    *("no-log-password", "meta-runtime", "no-changed-when", "risky-file-permissions", "command-instead-of-module"),
    "unnamed-task",
)


def documented(module: str, what: str = "DOCUMENTATION") -> Any:
    text = (ROOT / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8")
    found = re.search(rf'^{what} = r?"""(.*?)"""', text, re.M | re.S)
    return yaml.safe_load(found[1]) if found else {}


def test_every_line_has_a_verdict_and_what_shows_it() -> None:
    assert len(ROWS) > 40
    for row in ROWS:
        requirement, verdict, by = row
        assert requirement
        assert VERDICT.fullmatch(verdict), row
        assert by, row


def test_what_shows_it_is_there() -> None:
    named = set(re.findall(r"`((?:tests|tools|meta|changelogs|\.ci)/[\w./-]*)`", PAGE)) - {"tests/sanity"}
    assert {name for name in named if not (ROOT / name).exists()} == set()
    assert not (ROOT / "tests" / "sanity").exists()


def test_the_head_of_each_file_names_the_licence() -> None:
    licence = "SPDX-License-Identifier: GPL-3.0-or-later"
    assert [path for path in PYTHON if licence not in path.read_text(encoding="utf-8")[:400]] == []


def test_plugins_have_the_folders_that_are_allowed() -> None:
    found = {path.name for path in (ROOT / "plugins").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert found <= set(PLUGINS)


@pytest.mark.parametrize("module", MODULES)
def test_who_only_asks_is_named_so_and_changes_nothing(module: str) -> None:
    attributes = documented(module).get("attributes", {})
    asks = module.endswith("_info")
    if asks:
        assert attributes["check_mode"]["support"] == "full"
    returned = documented(module, "RETURN")
    assert "ansible_facts" not in returned
    states = set(documented(module)["options"].get("state", {}).get("choices", ()))
    assert not states & {"get", "list", "query", "info"}
    if "gathered" in states:
        assert f"`{module}`" in PAGE, "the page names those that ask by a state"


def test_the_resource_module_has_what_such_modules_have() -> None:
    told = {"gathered", "rendered", "parsed"}
    states = {"merged", "replaced", "overridden", "deleted", *told}
    assert states <= set(documented("router_state")["options"]["state"]["choices"])
    assert {"before", "after", "commands", *told} <= set(documented("router_state", "RETURN"))


def test_python_requirements_have_no_upper_bound_and_no_ansible() -> None:
    for line in (ROOT / "meta" / "ee-requirements.txt").read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"[\w.-]+(>=[\w.]+)?", line), line
        assert not line.lower().startswith("ansible")


def test_lint_skips_no_rule_and_leaves_no_content_out() -> None:
    settings = yaml.safe_load((ROOT / ".ansible-lint").read_text(encoding="utf-8"))
    assert settings["profile"] == "production"
    skipped = [*settings.get("skip_list", []), *settings.get("warn_list", [])]
    assert not [rule for rule in skipped if rule.partition("[")[0] in NEVER_SKIPPED]
    content = ("plugins", "roles", "playbooks", "extensions/eda")
    assert not [path for path in settings["exclude_paths"] if path.startswith(content)]
    ignored = (ROOT / ".ansible-lint-ignore").exists()
    assert not ignored
    text = (ROOT / "galaxy.yml").read_text(encoding="utf-8")
    assert ".*" in yaml.safe_load(text)["build_ignore"], "the lint's settings are not in the tarball"
