# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NETCONF test router: built once, and one that serves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ietf_netconf import IetfNetconf
from ansible_collections.sipmobility.handover.plugins.plugin_utils.netconf_device import netconf_router
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter

from ...standins.netconf_router import crashes
from ...standins.netconf_router.server import NetconfServer, build
from ..conftest import LAN
from ..namespaces import Namespace


@pytest.fixture(autouse=True)
def without_excuses() -> None:
    """A netconfd that died in an earlier test excuses nothing in this one."""
    crashes.forget()


@pytest.fixture(scope="session")
def netconf_built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plug-in, the YANG modules and the keys."""
    directory = tmp_path_factory.mktemp("netconf")
    build(directory)
    return directory


@pytest.fixture(scope="session", params=["candidate", "running"])
def server(
    request: pytest.FixtureRequest, netconf_built: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[NetconfServer]:
    """A router that serves one of the two datastores for editing."""
    home = tmp_path_factory.mktemp(request.param)
    with Namespace() as namespace:
        namespace.shell(LAN)
        with NetconfServer(namespace, netconf_built, home, request.param).serving() as serving:
            yield serving


@pytest.fixture
def router(server: NetconfServer) -> Iterator[ManagedRouter]:
    """It, through a session of this test's own."""
    server.revive()
    with server.session() as session:
        yield netconf_router("rb", IetfNetconf(), Renderer(), session)
