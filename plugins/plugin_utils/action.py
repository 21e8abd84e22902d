# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What our action plugins share: checked arguments, the platform of a host, errors as Ansible reports them."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.errors import HandoverError
from ..module_utils.mobility.model import Entry, same
from ..module_utils.mobility.records import entry_to_record, state_to_records
from ..module_utils.mobility.router_state import RouterState
from ..module_utils.platforms.registry import platform_named
from .inventory_router import described_router
from .reach import reached
from .rendering import Renderer
from .router import ManagedRouter

__all__ = ["BULK", "HandoverAction", "state_diff", "summarised", "time_or_now"]

#: More entries than this travel by file; results say how many there are.
BULK = 100


class HandoverAction(ActionBase):
    """An action that runs on the controller and reaches the router through Ansible's connection.

    Subclasses give ``ARGUMENTS`` (an argument spec) and :meth:`work`.
    """

    TRANSFERS_FILES = False
    _requires_connection = True
    _supports_check_mode = True
    _supports_async = False

    ARGUMENTS: dict[str, Any] = {}  # noqa: RUF012 - replaced, never changed
    RULES: dict[str, Any] = {}  # noqa: RUF012 - replaced, never changed

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check the arguments, do the work, and turn our errors into Ansible's."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        validate: Any = self.validate_argument_spec  # Ansible's own interface is not typed
        options = validate(argument_spec=self.ARGUMENTS, **self.RULES)[1]
        # Ansible runs each task in a process of its own, and plans of thousands of entries are all live data:
        # looking for garbage in them again and again takes a fifth of the time.
        gc.disable()
        self._reached: list[ManagedRouter] = []
        try:
            result.update(self.work(options, task_vars or {}))
        except HandoverError as error:
            result.update(
                failed=True,
                msg=str(error),
                code=error.code,
                subject=error.subject,
                rule=error.rule,
                advice=error.advice,
            )
        finally:
            for router in self._reached:
                router.close()
            gc.enable()
        return result

    def work(self, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        """Do what the action does and return its result.

        :raises HandoverError: reported with its code.
        """
        raise NotImplementedError

    @property
    def checking(self) -> bool:
        """Whether this is check mode."""
        return bool(self._task.check_mode)

    def router(self, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> ManagedRouter:
        """The router that this task is for.

        :raises HandoverError: ``unknown_platform``, ``wrong_connection``, ``bad_template_dir``.
        """
        name = str(task_vars.get("inventory_hostname", "router"))
        platform = platform_named(options.get("platform") or self.templated(task_vars, name)["platform"])
        router = reached(self, name, platform, Renderer(options.get("template_dir")), task_vars)
        self._reached.append(router)
        return router

    def templated(self, task_vars: Mapping[str, Any], host: str) -> dict[str, Any]:
        """A host as a router of the topology, from its inventory variables.

        :raises HandoverError: ``bad_topology`` naming the variable that is missing.
        """
        return described_router(_variables(task_vars, host))


def _variables(task_vars: Mapping[str, Any], host: str) -> Mapping[str, Any]:
    """A host's variables, templated where that can be had."""
    found: Mapping[str, Any] = task_vars["hostvars"][host] if host in task_vars.get("hostvars", {}) else task_vars
    return found


def time_or_now(value: float | None) -> float:
    """Unix seconds: those given, or the present."""
    return time.time() if value is None else value


def summarised(name: str, entries: Iterable[Entry]) -> dict[str, Any]:
    """A state for a result: its records, or only their number where there are many."""
    held = list(entries)
    return {name: state_to_records(held)} if len(held) <= BULK else {f"{name}_count": len(held)}


def state_diff(before: RouterState, after: RouterState) -> dict[str, str]:
    """What changes, for ``--diff``: the entries that differ, one a line."""
    keys = sorted(set(before.entries) | set(after.entries), key=repr)
    changed = [key for key in keys if not same(before.get(key), after.get(key))]
    return {side: _lines(state.get(key) for key in changed) for side, state in (("before", before), ("after", after))}


def _lines(entries: Iterable[Entry | None]) -> str:
    return "".join(json.dumps(entry_to_record(entry), sort_keys=True) + "\n" for entry in entries if entry is not None)
