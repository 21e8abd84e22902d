# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepare one router, read it back, and put it back where that failed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...module_utils.errors import HandoverError
from ...module_utils.platforms.base import Output
from ..rendering import Renderer
from ..shell_device import Shell
from .backend import Backend
from .facts import Facts, gather_script, read
from .goal import absent_goal, advice, present_goal
from .settings import SETTINGS, Options
from .state import Prepared, change, reverse

__all__ = ["Preparation"]


class Preparation:
    """The preparation of one router.

    :param name: its inventory name, for the errors.
    """

    def __init__(self, name: str, backend: Backend, options: Options, renderer: Renderer) -> None:
        self._name = name
        self._backend = backend
        self._options = options
        self._renderer = renderer

    def rendered(self) -> dict[str, str]:
        """The text of our files on the router, by path; nothing is asked of the router."""
        found = self._backend.files(self._options, self._renderer, self._options.wanted)
        return {path: file.content + "\n" for path, file in found.items()}

    def gathered(self, shell: Shell) -> dict[str, Any]:
        """What the router has, and what the operator should know.

        :raises HandoverError: see :func:`.facts.read`.
        """
        facts = self._facts(shell)
        blocking = [f"{chain.family} {chain.table} {chain.name}" for chain in facts.firewall.blocking()]
        record = {**facts.held.record(), "firewall_blocking": blocking, "elements_count": facts.elements}
        return {"gathered": record, "advice": advice(facts, self._options)}

    def converge(self, shell: Shell, *, present: bool, checking: bool) -> dict[str, Any]:
        """Make the router have everything, or nothing, of our prerequisites.

        :returns: the result for Ansible.
        :raises HandoverError: naming router and cause; its advice tells how the router stands.
        """
        facts = self._facts(shell)
        held = facts.held
        try:
            if present:
                goal = present_goal(self._backend, facts, self._options, self._renderer)
            else:
                goal = absent_goal(self._backend, facts, self._options)
        except HandoverError as error:
            raise self._named(error) from error
        to_do = change(held, goal, SETTINGS["unit_path"], purge=not present)
        changed = any(value for name, value in to_do.items() if name not in ("purge", "capture"))
        after = goal
        if changed and not checking:
            after = self._apply(shell, held, goal, to_do)
        result: dict[str, Any] = {
            "changed": changed,
            "before": held.record(),
            "after": after.record(),
            "commands": self._commands(to_do) if changed else [],
            "advice": advice(facts, self._options) if present else [],
            "diff": _diff(held, after),
        }
        if result["advice"]:
            result["warnings"] = [f"{self._name}: {text}" for text in result["advice"]]
        return result

    def _apply(self, shell: Shell, held: Prepared, goal: Prepared, to_do: dict[str, Any]) -> Prepared:
        undo = reverse(held, goal, SETTINGS["unit_path"])
        output = self._transaction(shell, to_do, undo)
        after = self._facts(shell, held.sysctls).held
        if "change" in output.status:
            error = self._backend.platform.diagnose(self._name, output.sections["change"])
        elif _unlike(after, goal):
            error = HandoverError(
                "not_read_back",
                f"{self._name}: {', '.join(_unlike(after, goal))}",
                "the router shows what it was told, when read back",
            )
            self._transaction(shell, undo, to_do)
            after = self._facts(shell, held.sysctls).held
        else:
            return after
        rest = _unlike(after, held)
        stands = f"The router is NOT as before: {', '.join(rest)}." if rest else "The router was put back."
        raise HandoverError(error.code, error.subject, error.rule, " ".join(filter(None, [error.advice, stands])))

    def _transaction(self, shell: Shell, forward: dict[str, Any], backward: dict[str, Any]) -> Output:
        variables = {**self._backend.context(self._options), "forward": forward, "backward": backward}
        return shell.run(self._renderer.render("linux/prerequisites_apply.sh.j2", variables))

    def _facts(self, shell: Shell, sysctls: Iterable[str] = ()) -> Facts:
        try:
            script = gather_script(self._backend, self._options, self._renderer, sysctls)
            return read(self._backend, shell.run(script), self._options, self._renderer)
        except HandoverError as error:
            raise self._named(error) from error

    def _named(self, error: HandoverError) -> HandoverError:
        return HandoverError(error.code, f"{self._name}: {error.subject}", error.rule, error.advice)

    def _commands(self, to_do: dict[str, Any]) -> list[str]:
        """The commands of a change, without the contents of files (see the diff for these)."""
        short = {**to_do, "put": [(path, {"content": "...", "mode": file.mode}) for path, file in to_do["put"]]}
        variables = {**self._backend.context(self._options), "change": short}
        text = self._renderer.render("linux/prerequisites_change.sh.j2", variables)
        return [line for line in text.splitlines() if line.strip()]


def _unlike(one: Prepared, other: Prepared) -> list[str]:
    """In what two states differ."""
    settings = [name for name, value in other.sysctls.items() if one.sysctls.get(name) != value]
    parts = ("files", "directories", "rules", "tables", "opened", "routes", "unit")
    return [name for name in parts if getattr(one, name) != getattr(other, name)] + settings


def _diff(held: Prepared, after: Prepared) -> list[dict[str, str]]:
    """For ``--diff``: each file, then everything else."""
    found = []
    for path in sorted({*held.files, *after.files}):
        texts = [state.files[path].content + "\n" if path in state.files else "" for state in (held, after)]
        if texts[0] != texts[1]:
            found.append({"before_header": path, "after_header": path, "before": texts[0], "after": texts[1]})
    before, then = _lines(held), _lines(after)
    if before != then:
        found.append({"before_header": "kernel", "after_header": "kernel", "before": before, "after": then})
    return found


def _lines(state: Prepared) -> str:
    record = state.record()
    lines = [f"sysctl {name} = {value}" for name, value in record["sysctls"].items()]
    lines += [f"rule IPv{rule['version']} priority {rule['priority']}" for rule in record["rules"]]
    lines += [f"table {family}: {word}" for family, word in record["tables"].items()]
    lines += [f"firewall chain {chain}: accepts our mark" for chain in record["firewall"]]
    lines.append(f"service: {record['service']}")
    return "".join(f"{line}\n" for line in lines)
