# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line of an IOS device, through ``ansible.netcommon.network_cli`` and the cliconf of cisco.ios."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible.module_utils.connection import Connection, ConnectionError
from ansible.plugins.action import ActionBase

from ...module_utils.errors import HandoverError
from .command_line import QUESTION

__all__ = ["NetworkCli"]

#: Lines for each call: Ansible gives a whole call no longer than ansible_command_timeout, 30 s by default.
_BATCH = 50


class NetworkCli:
    """The command line behind Ansible's persistent connection.

    :raises HandoverError: ``wrong_connection`` where the host has another one.
    """

    def __init__(self, action: ActionBase) -> None:
        connection: Any = action._connection  # Ansible's own interface is not typed
        if connection.transport.rpartition(".")[2] != "network_cli":
            raise HandoverError(
                "wrong_connection",
                connection.transport,
                "IOS is reached by its command line",
                "Set ansible_connection to ansible.netcommon.network_cli and ansible_network_os to cisco.ios.ios.",
            )
        self._device: Any = Connection(connection.socket_path)

    def running(self, pipe: str) -> str:
        """The running configuration, through a filter of IOS.

        :raises HandoverError: ``device_unreachable`` with what Ansible's connection says.
        """
        try:
            self._leave_configuration()
            return str(self._device.get_config(source="running", flags=[pipe]))
        except ConnectionError as error:
            raise _unreachable(error) from error

    def configure(self, lines: Sequence[str], forced: bool) -> Mapping[str, str]:
        """Send lines of configuration, and answer the question that may come before a removal.

        :returns: what was answered, by line. The terminal plugin of cisco.ios takes some answers for errors; it stops
            there, and only that answer is known.
        :raises HandoverError: ``device_unreachable``.
        """
        answers: dict[str, str] = {}
        for batch in _batches(lines):
            said = self._configured(batch, "yes" if forced else "no")
            answers.update(said)
            if len(said) < len(set(batch)):
                break
        return answers

    def ask(self, command: str) -> str:
        """What is answered to a command in privileged mode, also where it is a complaint.

        :raises HandoverError: ``device_unreachable``.
        """
        try:
            self._leave_configuration()
            return str(self._device.get(command=command))
        except ConnectionError as error:
            if command not in str(error):
                raise _unreachable(error) from error
            return str(error)

    def _configured(self, lines: Sequence[str], answer: str) -> dict[str, str]:
        candidate = [{"command": line, "prompt": QUESTION, "answer": answer} for line in lines]
        try:
            self._leave_configuration()
            response = self._device.edit_config(candidate=candidate)["response"]
        except ConnectionError as error:
            said = str(error)
            echoed = [line for line in lines if line in said]
            if not echoed:
                raise _unreachable(error) from error
            return {max(echoed, key=len): said}  # a line may begin as another one does
        return dict(zip(lines, map(str, response), strict=True))

    def _leave_configuration(self) -> None:
        """Back to the mode of show commands, in which a dialogue that was broken off does not leave the device."""
        if str(self._device.get_prompt()).strip().endswith(")#"):
            self._device.get(command="end")


def _batches(lines: Sequence[str]) -> Iterator[list[str]]:
    """Lines for one call each. Those that are indented belong to the one before them that is not: each call starts
    outside of every section."""
    batch: list[str] = []
    head = ""
    for line in lines:
        inner = line.startswith(" ")
        if len(batch) >= _BATCH:
            yield batch
            batch = [head] if inner else []
        head = head if inner else line
        batch.append(line)
    if batch:
        yield batch


def _unreachable(error: Exception) -> HandoverError:
    if "timeout" in str(error):
        return HandoverError(
            "device_unreachable",
            error,
            "the device answers within the timeouts of the connection",
            "Raise ansible_command_timeout where the device is slow.",
        )
    return HandoverError(
        "device_unreachable",
        error,
        "the device answers on its command line, in privileged mode",
        "Check the login, and set become with become_method enable where it does not start privileged.",
    )
