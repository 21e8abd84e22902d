# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of router_drift: where one router differs from what it should hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.registry import platform_named
from ansible_collections.sipmobility.handover.plugins.plugin_utils.action import BULK, HandoverAction
from ansible_collections.sipmobility.handover.plugins.plugin_utils.drift import look, remember
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.transport import RouterShell

ARGUMENTS: dict[str, Any] = {
    "routers": {"type": "list", "elements": "str", "default": []},
    "probe": {"type": "bool", "default": True},
    "whole": {"type": "str"},
    "platform": {"type": "str"},
    "template_dir": {"type": "path"},
}


class ActionModule(HandoverAction):
    """Tells drift, by a probe where that suffices; or notes that the router was found whole."""

    ARGUMENTS = ARGUMENTS

    def work(self, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        name = str(task_vars.get("inventory_hostname", "router"))
        platform = platform_named(options["platform"] or self.templated(task_vars, name)["platform"]).name
        if platform != "nftables":
            reason = f"a router of the platform {platform} keeps no record that it could be compared with"
            return {"changed": False, "compared": False, "read": "none", "reason": reason, "differences": []}
        about = self._about(options["routers"], task_vars)
        shell, renderer = RouterShell(self), Renderer(options["template_dir"])
        if options["whole"] is not None:
            if options["whole"] and not self.checking:
                remember(shell, renderer, options["whole"], about)
            return {"changed": False}
        found = look(shell, renderer, about, probe=options["probe"])
        told = [str(difference) for difference in found.differences]
        return {
            "changed": bool(told),
            "compared": True,
            "read": "full" if found.read else "probe",
            "reason": found.reason,
            "fingerprint": found.fingerprint,
            "differences": [
                {"kind": item.kind, "should": item.should, "stands": item.stands}
                for item in found.differences[: BULK * 100]
            ],
            "differences_count": len(told),
            "diff": {
                "before_header": f"{name}: as it stands",
                "after_header": f"{name}: as it should be",
                "before": "".join(f"{item.stands}\n" for item in found.differences if item.stands),
                "after": "".join(f"{item.should}\n" for item in found.differences if item.should),
            },
        }

    def _about(self, routers: list[str], task_vars: Mapping[str, Any]) -> str:
        """A word for the inventory: what is whole depends on the networks of all routers."""
        described = {name: self.templated(task_vars, name) for name in routers}
        return sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()[:16]
