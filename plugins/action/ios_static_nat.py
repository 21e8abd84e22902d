# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of ios_static_nat: static NAT of Cisco IOS and IOS-XE."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.static_nat import (
    Owned,
    StaticNat,
    entry_to_record,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.static_nat_change import (
    GOALS,
    difference,
    wanted_from_records,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.static_nat_text import (
    Configuration,
    parse_configuration,
)
from ansible_collections.sipmobility.handover.plugins.plugin_utils.action import HandoverAction
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.network_cli import NetworkCli
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.static_nat_lines import StaticNatLines
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.static_nat_router import StaticNatRouter
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer

_SIDES = ["inside", "outside"]
_ENTRY: dict[str, Any] = {
    "side": {"type": "str", "choices": _SIDES, "required": True},
    "local_address": {"type": "str", "required": True},
    "global_address": {"type": "str"},
    "interface": {"type": "str"},
    "protocol": {"type": "str", "choices": ["tcp", "udp"]},
    "local_port": {"type": "int"},
    "global_port": {"type": "int"},
    "prefix_length": {"type": "int"},
    "vrf": {"type": "str"},
    "match_in_vrf": {"type": "bool"},
    "route_map": {"type": "str"},
    "reversible": {"type": "bool"},
    "redundancy": {"type": "str"},
    "mapping_id": {"type": "int"},
    "extendable": {"type": "bool"},
    "no_alias": {"type": "bool"},
    "no_payload": {"type": "bool"},
    "add_route": {"type": "bool"},
}
_OWNED: dict[str, Any] = {
    "network": {"type": "str", "required": True},
    "side": {"type": "str", "choices": _SIDES},
    "vrf": {"type": "str"},
}
ARGUMENTS: dict[str, Any] = {
    "config": {"type": "list", "elements": "dict", "options": _ENTRY},
    "owned": {"type": "list", "elements": "dict", "options": _OWNED},
    "running_config": {"type": "str"},
    "state": {
        "type": "str",
        "default": "merged",
        "choices": ["merged", "replaced", "overridden", "deleted", "gathered", "rendered", "parsed"],
    },
    "forced": {"type": "bool", "default": False},
    "template_dir": {"type": "path"},
}


class ActionModule(HandoverAction):
    """Converges static NAT, or reads, renders or parses it."""

    ARGUMENTS = ARGUMENTS
    RULES = {  # noqa: RUF012 - read by Ansible
        "required_if": [
            ["state", "merged", ["config"]],
            ["state", "replaced", ["config"]],
            ["state", "overridden", ["config", "owned"]],
            ["state", "deleted", ["config", "owned"], True],
            ["state", "rendered", ["config"]],
            ["state", "parsed", ["running_config"]],
        ],
    }

    def work(self, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        state, lines = options["state"], StaticNatLines(Renderer(options["template_dir"]))
        wanted = wanted_from_records(options["config"] or [])
        if state == "parsed":
            return _told("parsed", parse_configuration(options["running_config"]))
        if state == "rendered":
            return {"changed": False, "rendered": lines.of(one.entry for one in wanted)}
        owned = [Owned.from_record(record) for record in options["owned"] or []]
        name = str(task_vars.get("inventory_hostname", "router"))
        router = StaticNatRouter(name, lines, NetworkCli(self))
        before = router.gather()
        if state == "gathered":
            return _told("gathered", before)
        goal = GOALS[state](before.entries, wanted, owned)
        change = difference(before.entries, goal)
        after = goal
        if change and not self.checking:
            after = router.apply(change, before, options["forced"]).entries
        return {
            "changed": bool(change),
            "before": _records(before.entries),
            "after": _records(after),
            "commands": lines.changing(change, options["forced"]),
            "diff": {"before": _text(lines.of(before.entries)), "after": _text(lines.of(after))},
            **_unread(before),
        }


def _told(name: str, found: Configuration) -> dict[str, Any]:
    return {"changed": False, name: _records(found.entries), **_unread(found)}


def _unread(found: Configuration) -> dict[str, Any]:
    if not found.unread:
        return {}
    text = f"Left alone, as this module has no option for a word in them: {'; '.join(found.unread)}"
    return {"unread": list(found.unread), "warnings": [text]}


def _records(entries: Iterable[StaticNat]) -> list[dict[str, Any]]:
    return [entry_to_record(entry) for entry in entries]


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
