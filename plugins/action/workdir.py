# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of workdir: a private directory on the controller, without a process of its own for it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.plugin_utils.action import HandoverAction

_SUFFIX = ".handover"

ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "path": {"type": "path"},
}


class ActionModule(HandoverAction):
    """Makes the directory of a run, or removes it."""

    _requires_connection = False

    ARGUMENTS = ARGUMENTS
    RULES = {  # noqa: RUF012 - read by Ansible
        "required_if": [["state", "absent", ["path"]]],
    }

    def work(self, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        place = options["path"]
        try:
            if options["state"] == "present":
                place = tempfile.mkdtemp(suffix=_SUFFIX)
            elif not place.endswith(_SUFFIX):
                raise HandoverError("bad_directory", place, f"a directory of a run ends with {_SUFFIX}")
            elif Path(place).exists():
                shutil.rmtree(place)
        except OSError as error:
            raise HandoverError("unwritable_file", f"{place}: {error}", "the controller has room for a run") from error
        return {"changed": False, "path": place}
