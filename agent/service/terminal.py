# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A terminal line of a router, held open: a line goes in, and its answer comes out until the router prompts again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import asyncssh

from ...plugins.module_utils.errors import HandoverError

__all__ = ["Terminal"]

_CHUNK = 64 * 1024
#: Most that a router may print for one line.
_MOST = 64 * 1024 * 1024
#: A line of its own at the end: a name, the mode in brackets, and the sign of it.
_PROMPT = re.compile(r"(?:^|\n)(?P<name>[A-Za-z0-9][^\s()#>]{0,98})(?P<mode>(?:\([^()\n]{1,80}\))*)(?P<sign>[#>]) ?$")
#: How much of a router's name its prompts have in every mode.
_OF_NAME = 8
_TAIL = 300


class Terminal:
    """One line of a terminal, once its channel is open.

    :ivar privileged: whether the last prompt was that of a privileged mode.
    :ivar configuring: whether it was that of a mode of configuration.
    :ivar last: what the router has said since the last line, for whoever waits in vain.
    """

    def __init__(self, process: asyncssh.SSHClientProcess[str]) -> None:
        self._process: Any = process
        self._name = ""
        self.privileged = False
        self.configuring = False
        self.last = ""

    async def begin(self) -> str:
        """What the router says before its first prompt."""
        return await self._until({})

    async def enter(
        self, line: str, answers: Mapping[re.Pattern[str], str] | None = None, *, echoed: bool = True
    ) -> str:
        """The answer to a line, without its echo.

        :param answers: what to reply to questions that may come before the prompt.
        :param echoed: whether the router repeats what is typed: it does not repeat passwords.
        :raises HandoverError: ``script_cut`` where the line is gone.
        """
        self._process.stdin.write(f"{line}\r")
        said = await self._until(answers or {})
        return said.partition("\n")[2] if echoed else said

    async def _until(self, answers: Mapping[re.Pattern[str], str]) -> str:
        """What is said until the next prompt."""
        self.last, told = "", ""
        while True:
            chunk = await self._process.stdout.read(_CHUNK)
            if not chunk or len(told) > _MOST:
                raise HandoverError("script_cut", _tail(self.last) or "nothing", "a terminal line stays open")
            self.last = told = told + chunk.replace("\r", "")
            prompt = _PROMPT.search(told, max(0, len(told) - _TAIL))
            if prompt is not None and prompt["name"].startswith(self._name[:_OF_NAME]):
                self._name = prompt["name"]
                self.privileged = prompt["sign"] == "#"
                self.configuring = bool(prompt["mode"])
                return told[: prompt.start()] + "\n" if prompt.start() else ""
            for question, answer in answers.items():
                if question.search(told[-_TAIL:]):
                    self._process.stdin.write(f"{answer}\r")
                    answers = {one: said for one, said in answers.items() if one is not question}
                    break


def _tail(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else ""
