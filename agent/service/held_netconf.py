# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NETCONF session to a router that is held open."""

from __future__ import annotations

import getpass
import os

from ...plugins.plugin_utils.ncclient_session import Login, NcclientSession
from ...plugins.plugin_utils.rendering import Renderer
from .config import Ssh
from .inventory import RouterEntry
from .ssh_connection import known_hosts

__all__ = ["HeldNetconf"]


class HeldNetconf:
    """At most one session, for code that waits."""

    def __init__(self, router: RouterEntry, settings: Ssh, renderer: Renderer) -> None:
        self._login = router.login
        self._settings = settings
        self._renderer = renderer
        self._session: NcclientSession | None = None

    def open(self) -> NcclientSession:
        """A session.

        :raises HandoverError: as :class:`NcclientSession`.
        """
        login, settings = self._login, self._settings
        named = login.netconf_ssh_config is None or login.known_hosts is not None
        self._session = NcclientSession(
            Login(
                login.host or "",
                login.user or getpass.getuser(),
                os.path.expanduser(login.key_file) if login.key_file else None,
                port=login.port,
                timeout=settings.command_timeout,
                password=login.password,
                # What the configuration has of known hosts counts as for playbooks.
                known_hosts=known_hosts(login, settings) if named else None,
                ssh_config=login.netconf_ssh_config,
                keepalive=settings.keepalive,
            )
        )
        return self._session

    def check(self) -> None:
        """Have the server answer, where there is a session.

        :raises HandoverError: ``session_lost``.
        """
        if self._session is not None:
            self._session.request(self._renderer.render("netconf/alive.xml.j2", {}))

    def close(self) -> None:
        """End the session."""
        session, self._session = self._session, None
        if session is not None:
            session.close()
