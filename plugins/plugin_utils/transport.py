# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a shell script on a router that has no Python, through whatever connection Ansible has to it."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

from ..module_utils.errors import HandoverError
from ..module_utils.platforms.base import Output
from .sections import sections

__all__ = ["RouterShell"]

#: Connections that are known to hand standard input over whole. Others get the script as a file:
#: some drop it and report success.
_KEEPS_INPUT = frozenset({"ssh", "paramiko_ssh", "local"})

#: Connections to a device's command line or datastore: a shell command would run on the controller.
_NO_SHELL = frozenset({"network_cli", "netconf", "httpapi"})


class RouterShell:
    """Runs scripts whose output comes in sections, see :mod:`.sections`."""

    def __init__(self, action: ActionBase) -> None:
        self._action: Any = action  # Ansible's own interface is not typed
        transport = action._connection.transport.rpartition(".")[2]
        if transport in _NO_SHELL:
            raise HandoverError(
                "wrong_connection",
                action._connection.transport,
                "this platform needs a connection with a shell",
                "Set ansible_connection to ssh or local, or handover_platform to what the device is.",
            )
        self._by_input = transport in _KEEPS_INPUT

    def run(self, script: str) -> Output:
        """Run a script as the become user and return what it printed.

        :raises HandoverError: ``router_unreachable`` or ``script_cut``.
        """
        result = self._by_stdin(script) if self._by_input else self._by_file(script)
        try:
            return sections(result["stdout"])
        except HandoverError as error:
            said = (result["stderr"].strip() or result["stdout"].strip()).splitlines()
            raise HandoverError(
                error.code, said[-1] if said else f"rc {result['rc']}", error.rule, error.advice
            ) from error

    def _by_stdin(self, script: str) -> dict[str, Any]:
        result: dict[str, Any] = self._action._low_level_execute_command("/bin/sh -s", in_data=script.encode())
        return result

    def _by_file(self, script: str) -> dict[str, Any]:
        directory = self._action._make_tmp_path()
        try:
            path = self._action._connection._shell.join_path(directory, "script.sh")
            self._action._transfer_data(path, script)
            self._action._fixup_perms2([directory, path])
            result: dict[str, Any] = self._action._low_level_execute_command(f"/bin/sh {path}")
            return result
        finally:
            self._action._remove_tmp_path(directory)
