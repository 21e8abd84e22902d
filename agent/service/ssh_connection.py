# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection to a router by SSH, held open with signs of life. The host key must be known."""

from __future__ import annotations

import getpass
import os

import asyncssh

from ...plugins.module_utils.errors import HandoverError
from .config import Ssh
from .login import Login

__all__ = ["connected", "known_hosts"]

#: Before what asyncssh would ask for: with these, a packet takes a fifth of the time (RFC 5647, as OpenSSH has it).
_ENCRYPTIONS = "^aes128-gcm@openssh.com,aes256-gcm@openssh.com"
#: Signs of life that may go unanswered.
_UNANSWERED = 3


async def connected(login: Login, settings: Ssh) -> asyncssh.SSHClientConnection:
    """A connection.

    :raises HandoverError: ``router_unreachable`` where there is no file of known host keys; ``unknown_host_key``,
        ``login_refused``.
    """
    try:
        return await asyncssh.connect(
            login.host or "",
            login.port,
            username=login.user or getpass.getuser(),
            client_keys=[os.path.expanduser(login.key_file)] if login.key_file else (),
            password=login.password,
            known_hosts=known_hosts(login, settings),
            encryption_algs=_ENCRYPTIONS,
            config=None,
            agent_forwarding=False,
            connect_timeout=settings.connect_timeout,
            login_timeout=settings.connect_timeout,
            keepalive_interval=settings.keepalive,
            keepalive_count_max=_UNANSWERED,
        )
    except asyncssh.HostKeyNotVerifiable as error:
        raise HandoverError(
            "unknown_host_key",
            f"{login.host}: {error}",
            "a router shows the key that it is known by",
            "Compare the key with the router's own; only then enter it in known_hosts.",
        ) from error
    except asyncssh.PermissionDenied as error:
        raise HandoverError(
            "login_refused", f"{login.host}: {error}", "the router knows the login's key or password"
        ) from error


def known_hosts(login: Login, settings: Ssh) -> str:
    """The file of known host keys.

    :raises HandoverError: ``router_unreachable`` where there is none.
    """
    path = os.path.expanduser(login.known_hosts or settings.known_hosts or "~/.ssh/known_hosts")
    if not os.path.exists(path):
        raise HandoverError("router_unreachable", path, "there is a file of known host keys")
    return path
