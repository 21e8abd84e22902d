# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in: the dialogue over SSH, and what the test asks of the process that serves it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncssh

from .configuration import RunningConfiguration
from .dialogue import Dialogue

__all__ = ["serve"]

#: Told a line; whether it is entered.
Typed = Callable[[str], bool]
BANNER = "\r\nThis is a stand-in for tests. It is not Cisco IOS.\r\n\r\n"


async def serve(
    config: RunningConfiguration,
    password: str,
    secret: str | None,
    entered: Callable[[], None] = lambda: None,
    host_key: Path | None = None,
    typed: Typed = lambda _line: True,
) -> tuple[Any, int]:
    """Listen on a free port of the loopback; the server and its port.

    :param entered: called after each line, before it is answered.
    :param host_key: the file of its private key; None makes a new one.
    :param typed: told each line before it is entered; the connection is lost in its place where that is False.
    """

    class Login(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password_given: str) -> bool:
            return password_given == password

    async def terminal(process: Any) -> None:
        await talk(process, Dialogue(config, secret), entered, typed)

    server = await asyncssh.create_server(
        Login,
        "127.0.0.1",
        0,
        server_host_keys=[host_key or asyncssh.generate_private_key("ssh-rsa", key_size=2048)],
        process_factory=terminal,
        line_editor=False,
    )
    return server, server.sockets[0].getsockname()[1]


async def talk(
    process: Any,
    dialogue: Dialogue,
    entered: Callable[[], None] = lambda: None,
    typed_line: Typed = lambda _line: True,
) -> None:
    """One terminal: echo, answer, prompt; ended by a line end of any kind."""
    process.stdout.write(BANNER + dialogue.prompt())
    typed = ""
    while dialogue.open:
        try:
            read = await process.stdin.read(1024)
        except (asyncssh.BreakReceived, asyncssh.TerminalSizeChanged):
            continue
        except (asyncio.IncompleteReadError, ConnectionError):
            break
        if not read:
            break
        typed += read
        while dialogue.open and (end := _line_end(typed)) is not None:
            line, typed = typed[:end], typed[end + 1 :].removeprefix("\n")
            if not (dialogue.hides or typed_line(line)):
                process.get_extra_info("connection").abort()
                return
            echo = "" if dialogue.hides else line
            answer = dialogue.enter(line).replace("\n", "\r\n")
            entered()
            process.stdout.write(f"{echo}\r\n{answer}{dialogue.prompt() if dialogue.open else ''}")
    process.exit(0)


def _line_end(typed: str) -> int | None:
    found = [typed.index(end) for end in "\r\n" if end in typed]
    return min(found) if found else None
