# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's own code against the stand-in of IOS, in one process: no SSH, no cisco.ios between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.sipmobility.handover.plugins.action import ios_static_nat
from tests.standins.ios.configuration import RunningConfiguration
from tests.standins.ios.dialogue import Dialogue

INTERFACES = (
    "interface GigabitEthernet1",
    "ip address 10.1.1.1 255.255.255.0",
    "ip nat inside",
    "interface GigabitEthernet2",
    "ip address 203.0.113.1 255.255.255.0",
    "ip nat outside",
)


class Terminal:
    """A command line of the stand-in, as :class:`CommandLine` is used, and the module's work on it.

    :param lines: of configuration that it starts with.
    :param stops_at: an answer with these words ends a dialogue, as the terminal plugin of cisco.ios has it.
    :param interfaces: and what is configured on them.
    """

    def __init__(
        self, lines: Iterable[str] = (), stops_at: str = "Invalid input", interfaces: Iterable[str] = INTERFACES
    ) -> None:
        self.config = RunningConfiguration("rb")
        self.sent: list[str] = []
        self._stops_at = stops_at
        self.told(*interfaces, *lines)
        self.sent.clear()

    def ask(self, command: str) -> str:
        return Dialogue(self.config).enter(command)

    def running(self, pipe: str) -> str:
        return Dialogue(self.config).enter(f"show running-config {pipe}")

    def configure(self, lines: Sequence[str], forced: bool) -> Mapping[str, str]:
        dialogue, answers = Dialogue(self.config), {}
        dialogue.enter("configure terminal")
        for line in lines:
            self.sent.append(line)
            said = dialogue.enter(line)
            if dialogue.prompt().endswith("[no]: "):
                said = dialogue.prompt() + "\n" + dialogue.enter("yes" if forced else "no")
            if self._stops_at in said:
                return {line: said}
            answers[line] = said
        return answers

    def told(self, *lines: str) -> None:
        """Configuration by somebody else.

        :raises AssertionError: where the stand-in refuses it.
        """
        for line, said in self.configure(lines, forced=True).items():
            assert not said, (line, said)

    def session(self, address: str) -> None:
        """A live session of an address that is translated."""
        Dialogue(self.config).enter(f"standin session {address} 198.51.100.99:5060")

    def statics(self) -> list[str]:
        """The lines of static NAT that stand."""
        return [line for line in self.config.lines() if line.startswith("ip nat ")]

    def run(self, options: Mapping[str, Any], check: bool = False) -> dict[str, Any]:
        """What the module returns for options as a task gives them."""
        action = ios_static_nat.ActionModule
        validator: Any = ArgumentSpecValidator  # Ansible's own interface is not typed
        checked = validator(action.ARGUMENTS, **action.RULES).validate(dict(options))
        assert not checked.error_messages, checked.error_messages
        module: Any = object.__new__(action)
        module._task = SimpleNamespace(check_mode=check)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ios_static_nat, "NetworkCli", lambda _: self)
            result: dict[str, Any] = module.work(checked.validated_parameters, {"inventory_hostname": "rb"})
        return result
