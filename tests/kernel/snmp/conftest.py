# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SNMP test router."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.snmp import Snmp
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter
from ansible_collections.sipmobility.handover.plugins.plugin_utils.snmp_device import snmp_router

from ...standins.snmp_router.server import SnmpServer
from ..conftest import LAN
from ..namespaces import Namespace

WAN = "ip link add wan type veth peer name core; ip address add 198.18.102.2/24 dev wan; ip link set wan up"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SnmpServer]:
    """A router that serves."""
    with Namespace() as namespace:
        namespace.shell(f"{LAN}\n{WAN}\nip address add 2.2.2.1/24 dev lan")
        with SnmpServer(namespace, tmp_path_factory.mktemp("snmp")).serving() as serving:
            yield serving


@pytest.fixture
def router(server: SnmpServer) -> Iterator[ManagedRouter]:
    """It, through a session of this test's own."""
    with server.session(server.login(timeout=2)) as session:
        yield snmp_router("rb", Snmp(), Renderer(), session, "wan")
