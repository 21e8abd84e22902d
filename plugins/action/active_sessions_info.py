# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of active_sessions_info: a mobile node's sessions, by its addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import session_to_record
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.sockets import sessions_by_address
from ansible_collections.sipmobility.handover.plugins.module_utils.reader import address
from ansible_collections.sipmobility.handover.plugins.plugin_utils.action import HandoverAction
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.transport import RouterShell

ARGUMENTS: dict[str, Any] = {"addresses": {"type": "list", "elements": "str", "required": True}}


class ActionModule(HandoverAction):
    """Lists TCP connections and connected UDP sockets that are bound to an address."""

    ARGUMENTS = ARGUMENTS

    def work(self, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        addresses = list(dict.fromkeys(str(address(text)) for text in options["addresses"]))
        script = Renderer().render("linux/sessions.sh.j2", {"addresses": addresses})
        output = RouterShell(self).run(script)
        if "sessions" in output.status:
            raise HandoverError("sessions_unknown", output.sections["sessions"], "the host lists its sockets (ss)")
        found = sessions_by_address(output.sections["sessions"])
        by_address = {text: [session_to_record(one) for one in found.get(address(text), [])] for text in addresses}
        flat = [record for records in by_address.values() for record in records]
        return {"changed": False, "sessions": flat, "by_address": by_address}
