# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of connections_info: what a router's connection table says of some old addresses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.connection import connection_to_record
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.conntrack import Table
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.registry import PLATFORMS
from ansible_collections.sipmobility.handover.plugins.module_utils.reader import Reader, address
from ansible_collections.sipmobility.handover.plugins.plugin_utils.action import HandoverAction
from ansible_collections.sipmobility.handover.plugins.plugin_utils.connections import gathered
from ansible_collections.sipmobility.handover.plugins.plugin_utils.files import read_json, write_json
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.transport import RouterShell

ARGUMENTS: dict[str, Any] = {
    "addresses": {"type": "list", "elements": "str"},
    "src": {"type": "path"},
    "dest": {"type": "path"},
    "template_dir": {"type": "path"},
}


class ActionModule(HandoverAction):
    """Lists the connections that a router tracks for some addresses."""

    ARGUMENTS = ARGUMENTS
    RULES = {  # noqa: RUF012 - read by Ansible
        "mutually_exclusive": [["addresses", "src"]],
        "required_one_of": [["addresses", "src"]],
    }

    def work(self, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        texts = options["addresses"] if options["src"] is None else _old_addresses(read_json(options["src"]))
        addresses = list(dict.fromkeys(address(text) for text in texts))
        table = Table((), {})
        if addresses:
            self._has_a_shell(task_vars)
            table = gathered(addresses, RouterShell(self), Renderer(options["template_dir"]))
        records = [connection_to_record(connection) for connection in table.connections]
        told = {"changed": False, "skipped": table.skipped, "left_out": table.left_out, "tracked": table.tracked}
        if options["dest"] is None:
            return {**told, "connections": records}
        write_json(options["dest"], records)
        return {**told, "connections_count": len(records), "dest": options["dest"]}

    def _has_a_shell(self, task_vars: Mapping[str, Any]) -> None:
        """Refuse a router that is reached otherwise: a shell command would run on the controller."""
        name = str(task_vars.get("inventory_hostname", "router"))
        platform = PLATFORMS.get(self.templated(task_vars, name)["platform"])
        if platform is not None and platform.transport != "shell":
            raise HandoverError(
                "connections_unknown",
                f"{name}: {platform.name}",
                "connections are listed by a router that is reached by a shell",
                "Let phone and SIP server tell the sessions.",
            )


def _old_addresses(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """The old addresses of the handovers that are not over."""
    found = []
    for record in records:
        read = Reader(record, "handover")
        if not read.take("ended", bool, False):
            found.append(read.take("old", str))
    return found
