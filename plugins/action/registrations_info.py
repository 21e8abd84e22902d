# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Action plugin of registrations_info: reads what lies on the controller; elsewhere the module does."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import chdir
from typing import Any

from ansible.plugins.action import ActionBase

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.registrations import ARGUMENTS, RULES, registrations
from ansible_collections.sipmobility.handover.plugins.plugin_utils.action import HandoverAction


class ActionModule(HandoverAction):
    """Reads registrations.

    Ansible packs a module, starts another Python for it and unpacks it there, which takes longer than all the rest
    until the routers are asked: and a call waits.
    """

    ARGUMENTS = ARGUMENTS
    RULES = RULES
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        if self._here:
            with chdir(self._loader.get_basedir()):  # where Ansible has modules of the controller begin
                return super().run(tmp, task_vars)
        result: dict[str, Any] = ActionBase.run(self, tmp, task_vars)
        later = bool(self._task.async_val) and not self._connection.has_native_async
        result.update(self._execute_module(task_vars=task_vars, wrap_async=later))
        if not later:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        return result

    @property
    def _here(self) -> bool:
        """Whether the module would run on this machine, as who we are, and be waited for."""
        local = self._connection.transport.rpartition(".")[2] == "local"
        other = self._connection.become or self._task.async_val or any(self._task.environment or ())
        return local and not other

    def work(self, options: Mapping[str, Any], task_vars: Mapping[str, Any]) -> dict[str, Any]:
        return registrations(options, time.time(), not self.checking, self._problem)

    def _problem(self, server: str, error: HandoverError) -> None:
        self._display.warning(f"home server {server}: {error}")
