# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The excuse for a test: a netconfd that died by itself, and nothing else."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from ...standins.netconf_router import crashes
from ...standins.netconf_router.server import NetconfServer
from ..conftest import LAN
from ..namespaces import Namespace


def test_a_server_that_dies_by_itself_is_noted_and_revived(netconf_built: Path, tmp_path: Path) -> None:
    with Namespace() as namespace:
        namespace.shell(LAN)
        with NetconfServer(namespace, netconf_built, tmp_path).serving() as server:
            assert (crashes.crashed(), server.revive()) == (False, False)
            netconfd = server.netconfd
            os.kill(netconfd.pid, signal.SIGSEGV)
            netconfd.wait(60)
            assert crashes.crashed()
            assert server.revive()
            crashes.forget()
            server.session().close()
            server.stop("netconfd")  # as we do it
            assert not crashes.crashed()
            server.start()
    assert not crashes.crashed()
