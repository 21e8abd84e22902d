# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of workdir: a private directory on the controller, without a process of its own for it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from typing import Any

from ansible import constants

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.plugin_utils.action import HandoverAction

ARGUMENTS: dict[str, Any] = {}


class ActionModule(HandoverAction):
    """Makes the directory of a run, where Ansible removes what is left when it ends, however it ends."""

    _requires_connection = False

    ARGUMENTS = ARGUMENTS

    def work(self, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        place = str(vars(constants)["DEFAULT_LOCAL_TMP"])  # made, and later removed, by Ansible for this run
        try:
            made = tempfile.mkdtemp(prefix="handover-", dir=place)
        except OSError as error:
            raise HandoverError("unwritable_file", f"{place}: {error}", "the controller has room for a run") from error
        return {"changed": False, "path": made}
