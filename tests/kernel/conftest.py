# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A router in a private namespace, with our static table."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.nftables import Nftables
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.nftables import NftablesBackend
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.settings import Options
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter
from ansible_collections.sipmobility.handover.plugins.plugin_utils.shell_device import shell_router

from .moving import Journey, journey
from .namespaces import Namespace

#: A LAN with hosts behind it, as the routes of random states need one.
LAN = """
ip link add lan type veth peer name host
ip address add 198.51.100.1/24 dev lan
ip -6 address add 2001:db8:51::1/64 dev lan nodad
ip link set lan up
ip link set host up
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.kernel)


def table_text(options: Options) -> str:
    """Our static table."""
    return str(NftablesBackend().gathering(options, Renderer())["table_text"])


def load_table(namespace: Namespace, options: Options | None = None) -> None:
    """Put our static table in, as the role does."""
    namespace.shell(f"nft -f - <<'TABLE'\n{table_text(options or Options())}\nTABLE\n")


def refusal(what: Callable[[], object]) -> HandoverError:
    """The error that something must end in."""
    with pytest.raises(HandoverError) as refused:
        what()
    return refused.value


@pytest.fixture(scope="session")
def host() -> Iterator[Namespace]:
    """A private Linux router with a LAN."""
    with Namespace() as namespace:
        namespace.shell(LAN)
        yield namespace


@pytest.fixture
def router(host: Namespace) -> ManagedRouter:
    """The router with our table, which holds nothing."""
    host.shell(
        "nft flush ruleset; ip route flush table 7082 2>/dev/null; ip -6 route flush table 7082 2>/dev/null; true"
    )
    load_table(host)
    return shell_router("rb", Nftables(), Renderer(), host)


@pytest.fixture(scope="module")
def network() -> Iterator[Journey]:
    """A phone, its peer, and the routers between, for the tests of a file."""
    with journey() as made:
        yield made


@pytest.fixture
def road(network: Journey) -> Journey:
    """The phone at home, the routers empty."""
    network.at_home()
    return network
