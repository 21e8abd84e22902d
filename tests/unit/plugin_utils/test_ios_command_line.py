# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of lines on their way through Ansible's connection, and of a connection that fails on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.module_utils.connection import ConnectionError

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.static_nat_change import NatChange
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.static_nat_text import (
    Configuration,
    parse_configuration,
)
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios import network_cli
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.static_nat_lines import StaticNatLines
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.static_nat_router import StaticNatRouter
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer


class Device:
    """A stand-in for the RPC of Ansible's connection: real ones do not fail on cue.

    :param fails_at: the line in the answer to which cisco.ios sees an error.
    :param says: what the connection says then.
    """

    def __init__(self, fails_at: str = "", says: str = "{}: % Invalid input detected") -> None:
        self.calls: list[list[str]] = []
        self.commands: list[str] = []
        self._fails_at = fails_at
        self._says = says
        self._prompt = "rb#"

    def get_prompt(self) -> str:
        return self._prompt

    def get(self, command: str) -> str:
        self.commands.append(command)
        self._prompt = "rb#"
        return ""

    def get_config(self, source: str, flags: list[str]) -> str:
        assert self._prompt == "rb#"
        return ""

    def edit_config(self, candidate: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
        lines = [one["command"] for one in candidate]
        self.calls.append(lines)
        if self._fails_at in lines:
            self._prompt = "rb(config)#"
            failure: Any = ConnectionError  # Ansible's own interface is not typed
            raise failure(self._says.format(self._fails_at))
        return {"response": [f"answer to {line}" for line in lines]}


def reached(device: Device, monkeypatch: pytest.MonkeyPatch) -> network_cli.NetworkCli:
    monkeypatch.setattr(network_cli, "Connection", lambda path: device)
    action: Any = SimpleNamespace(
        _connection=SimpleNamespace(transport="ansible.netcommon.network_cli", socket_path="/nowhere")
    )
    return network_cli.NetworkCli(action)


LINES = [f"line {number}" for number in range(120)]


def test_many_lines_go_in_calls_that_keep_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call with a thousand lines ran into the default timeout of 30 s, and left half of them on the device."""
    device = Device()
    said = reached(device, monkeypatch).configure(LINES, False)
    assert [len(call) for call in device.calls] == [50, 50, 20]
    assert said == {line: f"answer to {line}" for line in LINES}


def test_the_line_that_ended_the_dialogue_is_not_one_that_begins_like_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["static 10.1.1.1 192.0.2.1", "static 10.1.1.1 192.0.2.10"]
    assert list(reached(Device(lines[1]), monkeypatch).configure(lines, False)) == lines[1:]


def test_nothing_is_sent_behind_a_line_that_ended_the_dialogue(monkeypatch: pytest.MonkeyPatch) -> None:
    device = Device("line 60")
    cli = reached(device, monkeypatch)
    said = cli.configure(LINES, False)
    assert len(device.calls) == 2
    assert said["line 60"] == "line 60: % Invalid input detected"
    assert "line 59" not in said
    cli.running("| include x")
    assert device.commands == ["end"], "the mode of configuration is left before anything is shown"


@pytest.mark.parametrize(
    ("says", "advice"),
    [
        ("command timeout triggered, timeout value is 30 secs", "Raise ansible_command_timeout"),
        ("operation requires privilege escalation", "become_method enable"),
    ],
)
def test_a_connection_that_fails_says_what_to_do(monkeypatch: pytest.MonkeyPatch, says: str, advice: str) -> None:
    with pytest.raises(HandoverError) as error:
        reached(Device("line 1", says), monkeypatch).configure(LINES, False)
    assert (error.value.code, error.value.subject) == ("device_unreachable", says)
    assert advice in error.value.advice


def test_a_device_that_is_lost_in_the_middle_is_not_said_to_be_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "ip nat inside source static 10.1.1.1 192.0.2.1"
    router = StaticNatRouter("rb", StaticNatLines(Renderer()), reached(Device(line, "socket closed"), monkeypatch))
    with pytest.raises(HandoverError) as error:
        router.apply(NatChange(put=parse_configuration(line).entries), Configuration(), False)
    assert "How the device stands is not known" in error.value.advice
