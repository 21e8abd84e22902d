# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The socket by which the system's hooks, and ``sip-handover-node status``, reach the client: a JSON line each way."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..plugins.module_utils.errors import HandoverError

__all__ = ["ask", "listen"]

_LONGEST = 4096
_PATIENCE = 5.0


async def listen(path: Path, answer: Callable[[object], dict[str, Any]]) -> asyncio.AbstractServer:
    """Take questions. Who may write to the socket may ask: its owner, and root.

    :raises HandoverError: ``no_control``.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                line = await reader.readline()
                try:
                    told = answer(json.loads(line))
                except (RecursionError, ValueError) as error:  # HandoverError is one
                    told = {"error": str(error)}
                writer.write(json.dumps(told).encode() + b"\n")
                await writer.drain()
        except (OSError, TimeoutError, ValueError):
            pass  # whoever asked has gone, or said too much
        finally:
            writer.close()

    try:
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(serve, path, limit=_LONGEST)
        path.chmod(0o600)
    except OSError as error:
        raise HandoverError("no_control", path, f"the control socket can be made ({error.strerror})") from error
    return server


def ask(path: Path, question: dict[str, Any]) -> dict[str, Any]:
    """Ask a client that runs.

    :raises HandoverError: ``not_running``, or what it answers as an error.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
            one.settimeout(_PATIENCE)
            one.connect(str(path))
            one.sendall(json.dumps(question).encode() + b"\n")
            with one.makefile("rb") as file:
                told = json.loads(file.readline())
    except (OSError, ValueError) as error:
        raise HandoverError("not_running", path, f"the client runs and answers ({error})") from error
    if not isinstance(told, dict) or "error" in told:
        raise HandoverError("refused", told, "the client does what it is asked")
    return told
