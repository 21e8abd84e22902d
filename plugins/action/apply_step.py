# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of apply_step: one step of a plan, on the router that it is for."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import pending, unfinished
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Change
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import step_from_record
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Step
from ansible_collections.sipmobility.handover.plugins.plugin_utils.action import (
    BULK,
    HandoverAction,
    state_diff,
    summarised,
    time_or_now,
)
from ansible_collections.sipmobility.handover.plugins.plugin_utils.plan_files import (
    note_generation,
    note_held,
    read_step,
    take_held,
    unread_generation,
)
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter

#: Seconds before its expiry from which an entry may or may not stand any longer.
_EXPIRING = 10

ARGUMENTS: dict[str, Any] = {
    "step": {"type": "dict"},
    "src": {"type": "path"},
    "stage": {"type": "int"},
    "wait": {"type": "float", "default": 0.0},
    "undo": {"type": "bool", "default": False},
    "hold": {"type": "bool", "default": False},
    "confirm": {"type": "bool", "default": False},
    "render": {"type": "bool", "default": False},
    "platform": {"type": "str"},
    "template_dir": {"type": "path"},
    "now": {"type": "float"},
}


class ActionModule(HandoverAction):
    """Applies one step after checking what must hold before it, and reads the router back."""

    ARGUMENTS = ARGUMENTS
    RULES = {  # noqa: RUF012 - read by Ansible
        "required_one_of": [["step", "src"]],
        "required_together": [["src", "stage"]],
        "mutually_exclusive": [["step", "src"], ["undo", "hold", "confirm"]],
        "required_if": [["hold", True, ["src"]], ["confirm", True, ["src"]]],
    }

    def work(self, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        name = str(task_vars.get("inventory_hostname", ""))
        if options["confirm"]:
            return self._confirmed(self.router(options, task_vars), name, options)
        step = _chosen(options, name)
        if step is None:
            return {"changed": False, "step": None, "msg": f"{name} has nothing to do in this stage"}
        if options["wait"] > 0 and not (self.checking or options["render"]):
            time.sleep(options["wait"])
        started = time.time()
        router, now = self.router(options, task_vars), time_or_now(options["now"])
        if options["render"]:
            change = pending(step, RouterState(step.before))
            text = router.text(change, now) if change else ""
            return {"changed": False, "step": step.id, "rendered": text, "suffix": router.suffix}
        try:
            if options["src"] is not None and options["undo"]:
                _cancelled(router, name, options["src"])
            unread = self._unread(router, step, options, now)
            if unread is not None:
                change = unread
            else:
                before = self._simulated(router.gather(), options, name)
                change = pending(step, before)
                if change and not self.checking:
                    router.apply(change, before, now, hold=options["hold"])
                    if router.held:
                        note_held(options["src"], name, router.receipt, options["stage"])
            if options["src"] is not None and not options["undo"] and not self.checking:
                note_generation(options["src"], name, router.generation, options["stage"])
            few = len(change.remove) + len(change.put) <= BULK
            text = router.text(change, now) if change and few else ""
        except HandoverError as error:
            raise HandoverError(error.code, f"step {step.id}: {error.subject}", error.rule, error.advice) from error
        result = {
            "changed": bool(change),
            "step": step.id,
            "summary": {
                "id": step.id,
                "phase": step.phase.value,
                "router": name,
                "changed": bool(change),
                "started": round(started, 3),
                "ms": round((time.time() - started) * 1000, 1),
            },
        }
        result.update(summarised("before", change.remove))
        result.update(summarised("after", change.put))
        if few or self._task.diff:
            result["diff"] = state_diff(RouterState(change.remove), RouterState(change.put))
        if few:
            result["commands"] = text.splitlines()
        return result

    def _confirmed(self, router: ManagedRouter, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Confirm what an earlier task left unconfirmed on this router, and read the router once more."""
        held = None if self.checking else take_held(options["src"], name)
        step = None if held is None else read_step(options["src"], held.stage, name)
        if held is None or step is None:
            return {"changed": False, "step": None, "msg": f"nothing waits for its confirmation on {name}"}
        try:
            router.resume(held.receipt)
            router.settle()
            missing = unfinished(Change(step.before, step.after), router.gather())
            if missing is not None:
                raise HandoverError(
                    "not_read_back",
                    f"{name}: {missing}",
                    "a router shows what was confirmed",
                    "It took it back before: other routers' steps lasted too long.",
                )
        except HandoverError as error:
            raise HandoverError(error.code, f"step {step.id}: {error.subject}", error.rule, error.advice) from error
        return {"changed": True, "step": step.id}

    def _unread(self, router: ManagedRouter, step: Step, options: Mapping[str, Any], now: float) -> Change | None:
        """What was changed without reading the router; None where it must be read first."""
        if options["src"] is None or options["undo"] or self.checking:
            return None
        change = pending(step, RouterState(step.before))
        # What expires about now may be gone or not: only the router itself can tell.
        certain = all(entry.stamp.expires > now + _EXPIRING for entry in change.remove)
        known = unread_generation(options["src"], options["stage"], step.router)
        return change if change and certain and router.apply_unread(change, known, now) else None

    def _simulated(self, held: RouterState, options: Mapping[str, Any], router: str) -> RouterState:
        """In check mode the plan's earlier stages were not carried out: what the router would hold after them."""
        if self.checking and options["src"] is not None and not options["undo"]:
            for stage in range(options["stage"]):
                earlier = read_step(options["src"], stage, router)
                held = held if earlier is None else earlier.applied(held)
        return held


def _cancelled(router: ManagedRouter, name: str, plan: str) -> None:
    """Have what an earlier task left unconfirmed on this router taken back by the router itself."""
    held = take_held(plan, name)
    if held is not None:
        # What cannot be cancelled any more is gone already, or stands: undoing the step finds out.
        with suppress(HandoverError):
            router.resume(held.receipt)
            router.release()


def _chosen(options: Mapping[str, Any], router: str) -> Step | None:
    """The step that is asked for; of a whole plan, this router's step in the stage."""
    if options["step"] is not None:
        step = step_from_record(options["step"])
        if step.router != router:
            raise HandoverError("wrong_router", f"{step.id} on {router}", "a step runs on the router that it names")
    else:
        found = read_step(options["src"], options["stage"], router)
        if found is None:
            return None
        step = found
    return Step(f"undo-{step.id}", step.phase, step.router, step.after, step.before) if options["undo"] else step
