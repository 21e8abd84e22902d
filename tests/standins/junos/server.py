# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in: NETCONF 1.0 over SSH (RFC 6242 section 4.3), each connection a session of the router."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import asyncssh

from .router import CAPABILITIES, Router

__all__ = ["serve"]

_END = "]]>]]>"
_BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
_ID = re.compile(r'message-id="([^"]*)"')
_TIMEOUT = re.compile(r"<(?:\w+:)?confirm-timeout>(\d+)<")


async def serve(
    router: Router, password: str, host_key: Path, authorized: Path, asked: Callable[[], None] = lambda: None
) -> tuple[Any, int]:
    """Listen on a free port of the loopback; the server and its port.

    :param asked: called after each operation, before it is answered.
    """
    number = 0

    class Login(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            return True

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password_given: str) -> bool:
            return password_given == password

    async def session(process: Any) -> None:
        nonlocal number
        number += 1
        await _talk(process, router, number, asked)

    server = await asyncssh.create_server(
        Login,
        "127.0.0.1",
        0,
        server_host_keys=[str(host_key)],
        authorized_client_keys=str(authorized),
        process_factory=session,
    )
    return server, server.sockets[0].getsockname()[1]


async def _talk(process: Any, router: Router, number: int, asked: Callable[[], None]) -> None:
    capabilities = "".join(f"<capability>{escape(uri)}</capability>" for uri in CAPABILITIES)
    told = f"<capabilities>{capabilities}</capabilities><session-id>{number}</session-id>"
    process.stdout.write(f'<hello xmlns="{_BASE}">{told}</hello>{_END}')
    heard = ""
    try:
        while True:
            read = await process.stdin.read(65536)
            if not read:
                break
            heard += read
            while _END in heard:
                message, _end, heard = heard.partition(_END)
                if "<hello" in message or ":hello" in message:
                    continue
                if "close-session>" in message or "close-session/>" in message:
                    process.stdout.write(_answered(message, f'<rpc-reply xmlns="{_BASE}"><ok/></rpc-reply>'))
                    return
                answer = router.answer(number, message)
                _expire_later(router, message)
                asked()
                process.stdout.write(_answered(message, answer))
    except (asyncio.IncompleteReadError, ConnectionError, asyncssh.Error):
        pass
    finally:
        router.end(number)
        asked()
        process.exit(0)


def _answered(message: str, answer: str) -> str:
    found = _ID.search(message)
    return answer.replace("<rpc-reply", f'<rpc-reply message-id="{found[1] if found else ""}"', 1) + _END


def _expire_later(router: Router, message: str) -> None:
    """Take a commit back when nobody has confirmed it in its time."""
    timeout, pending = _TIMEOUT.search(message), router.unconfirmed
    if timeout is not None and pending is not None:

        def over() -> None:
            if router.unconfirmed is pending:
                router.expire()

        asyncio.get_running_loop().call_later(int(timeout[1]), over)
