# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of router_state: one router's whole state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import (
    state_from_records,
    state_to_records,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.plugin_utils.action import (
    BULK,
    HandoverAction,
    state_diff,
    summarised,
    time_or_now,
)
from ansible_collections.sipmobility.handover.plugins.plugin_utils.files import read_json, write_json
from ansible_collections.sipmobility.handover.plugins.plugin_utils.plan_files import note_generation

ARGUMENTS: dict[str, Any] = {
    "config": {"type": "list", "elements": "dict"},
    "src": {"type": "path"},
    "dest": {"type": "path"},
    "running_config": {"type": "str"},
    "state": {
        "type": "str",
        "default": "merged",
        "choices": ["merged", "replaced", "overridden", "deleted", "gathered", "rendered", "parsed"],
    },
    "platform": {"type": "str"},
    "template_dir": {"type": "path"},
    "now": {"type": "float"},
}


def _merged(held: RouterState, wanted: RouterState) -> RouterState:
    return held.changed((), wanted)


def _replaced(held: RouterState, wanted: RouterState) -> RouterState:
    return held.without({entry.stamp.handover for entry in wanted}).changed((), wanted)


def _overridden(held: RouterState, wanted: RouterState) -> RouterState:
    return wanted


def _deleted(held: RouterState, wanted: RouterState) -> RouterState:
    return held.changed(wanted.entries, ()) if len(wanted) else RouterState()


_GOALS: dict[str, Callable[[RouterState, RouterState], RouterState]] = {
    "merged": _merged,
    "replaced": _replaced,
    "overridden": _overridden,
    "deleted": _deleted,
}


class ActionModule(HandoverAction):
    """Converges one router's whole state, or reads, renders or parses one."""

    ARGUMENTS = ARGUMENTS
    RULES = {  # noqa: RUF012 - read by Ansible
        "mutually_exclusive": [["config", "src"]],
        "required_if": [
            ["state", "merged", ["config", "src"], True],
            ["state", "replaced", ["config", "src"], True],
            ["state", "overridden", ["config", "src"], True],
            ["state", "rendered", ["config", "src"], True],
            ["state", "parsed", ["running_config"]],
        ],
    }

    def work(self, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        state, now = options["state"], time_or_now(options["now"])
        router = self.router(options, task_vars)
        if state == "gathered":
            held = router.gather()
            if options["dest"] is not None:
                place = Path(options["dest"])
                note_generation(place.parent, place.stem, router.generation)
            return _told("gathered", held, options["dest"])
        if state == "parsed":
            return _told("parsed", router.parse(options["running_config"]), options["dest"])
        records = read_json(options["src"]) if options["src"] else options["config"] or []
        wanted = state_from_records(records)
        if state == "rendered":
            text = router.text(difference(RouterState(), wanted), now)
            return {"changed": False, "rendered": text}
        before = router.gather()
        goal = _GOALS[state](before, wanted)
        change = difference(before, goal)
        after = goal
        if change and not self.checking:
            after = router.apply(change, before, now)
        result = {"changed": bool(change), "diff": state_diff(before, after)}
        result.update(summarised("before", before))
        result.update(summarised("after", after))
        if len(change.remove) + len(change.put) <= BULK:
            result["commands"] = router.text(change, now).splitlines() if change else []
        return result


def _told(name: str, state: RouterState, dest: str | None) -> dict[str, Any]:
    """A state as the result: in a file where one is named, in the result itself otherwise."""
    if dest is None:
        if len(state) > BULK * 100:
            raise HandoverError(
                "too_much_for_a_result", f"{len(state)} entries", "bulk data travels by file", "Give dest."
            )
        return {"changed": False, name: state_to_records(state)}
    write_json(dest, state_to_records(state))
    return {"changed": False, f"{name}_count": len(state), "dest": dest}
