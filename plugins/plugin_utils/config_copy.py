# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Cisco router's configuration over SNMP: lines are merged into it, and all of it is fetched (ccCopyTable).

The router carries the file, by TFTP or scp; SNMP only tells it to. TFTP has no secrecy: whoever sees the packets reads
the lines.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..module_utils.errors import HandoverError
from ..module_utils.mobility.model import Address
from ..module_utils.platforms.config_copy import ENTRY, forget, outcome, questions, refused
from ..module_utils.platforms.varbinds import varbinds_of
from .rendering import Renderer
from .snmp_device import LATE, NO_ANSWER, SnmpSession
from .tftp_once import OneFile

if TYPE_CHECKING:
    from .scp_once import ScpFile

__all__ = ["PROTOCOLS", "ConfigCopy", "Way"]

#: How a file is carried: the numbers of ConfigCopyProtocol.
PROTOCOLS: Mapping[str, int] = {"tftp": 1, "scp": 4}

_LOOK = 0.1


@dataclass(frozen=True)
class Way:
    """Where a router fetches a file, and where it comes from.

    :ivar server: the controller's address that the router reaches.
    :ivar client: the router's address, as the controller sees it.
    :ivar seconds: that a copy may take.
    :ivar open_socket: makes a socket, where the server is not to be in this network.
    :ivar protocol: ``tftp`` or ``scp``.
    """

    server: Address
    client: Address
    seconds: float = 60
    open_socket: Callable[[int, int], socket.socket] = socket.socket
    protocol: str = "tftp"


class ConfigCopy:
    """One router.

    :param name: its inventory name, for the errors.
    """

    def __init__(self, name: str, session: SnmpSession, renderer: Renderer, way: Way) -> None:
        self._name = name
        self._session = session
        self._renderer = renderer
        self._way = way

    def load(self, text: str) -> None:
        """Have the router merge these lines into its running configuration.

        :raises HandoverError: ``some_lines_refused`` where the others stand; ``copy_failed``, ``copy_late``,
            ``no_answer``, ``no_privilege``, ``not_writable``, ``step_refused``, ``transfer_port``, and as the session.
        """
        content = text if text.endswith("end\n") else f"{text}end\n"
        self._copied(content.encode("ascii"))

    def fetch(self) -> str:
        """The router's running configuration; errors as :meth:`load`, and ``unreadable_answer``."""
        taken = self._copied(None)
        try:
            return (taken or b"").decode("ascii").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            raise HandoverError(
                "unreadable_answer", f"{self._name}: {error.reason}", "a configuration is ASCII"
            ) from error

    def _copied(self, content: bytes | None) -> bytes | None:
        way, file = self._way, f"sipmobility-{secrets.token_hex(16)}"
        request = secrets.randbelow(2**31 - 1) + 1
        context = {"copy": ENTRY, "request": request, "load": content is not None, "server": way.server, "file": file}
        with _carrier(way.protocol)(way.server, way.client, file, content, way.open_socket) as transfer:
            login = {} if isinstance(transfer, OneFile) else {"user": transfer.user, "password": transfer.password}
            context.update(protocol=PROTOCOLS[way.protocol], login=login)
            asked = varbinds_of(self._renderer.render("cisco_config_copy/copy.j2", context))
            refusal = self._session.set(asked)
            if refusal is not None and refusal.status != NO_ANSWER:
                raise refused(self._name, refusal.status)
            try:
                self._await(request)
            finally:
                with suppress(HandoverError):
                    self._session.set([forget(request)])  # the router forgets it by itself, too
            if not transfer.wait(1):  # the last acknowledgement may be on its way
                raise HandoverError(
                    "copy_failed",
                    f"{self._name}: the file was not carried",
                    "a router that says so has copied the file",
                    "Run reconcile: how the router stands is not known.",
                )
            return transfer.taken

    def _await(self, request: int) -> None:
        until = time.monotonic() + self._way.seconds
        unknown = iter(LATE)
        while time.monotonic() < until:
            done = outcome(self._name, request, self._session.get(questions(request)))
            if done:
                return
            wait = _LOOK if done is False else next(unknown, None)
            if wait is None:
                raise HandoverError(
                    "no_answer",
                    f"{self._name}: {NO_ANSWER}",
                    "the router answers a SET in time",
                    "It does not know of the request, so it did nothing. Check the way to the router.",
                )
            time.sleep(wait)
        raise HandoverError(
            "copy_late",
            f"{self._name}: request {request}",
            f"a router copies a file within {self._way.seconds:g} s",
            "How the router stands is not known: run reconcile.",
        )


def _carrier(protocol: str) -> type[OneFile] | type[ScpFile]:
    """What serves a file by a protocol."""
    if protocol == "tftp":
        return OneFile
    from .scp_once import ScpFile  # asyncssh takes half as long to load as all of ours

    return ScpFile
