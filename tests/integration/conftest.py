"""The lab, up for the whole run. SIPMOBILITY_KEEP_LAB=1 leaves it up afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from lab import Lab

from .operator import Routers, playbook


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # The lab's own tests come first: they replace and reboot routers, which later tests prepare once for the run.
    items.sort(key=lambda item: not item.path.name.startswith("test_lab"))
    for item in items:
        item.add_marker(pytest.mark.integration)


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Up; taken down at the end unless it is to be kept."""
    it = Lab.up()
    yield it
    if os.environ.get("SIPMOBILITY_KEEP_LAB") != "1":
        Lab.down()


@pytest.fixture
def at_home(lab: Lab) -> Iterator[Lab]:
    """The mobile node on its first LAN with nothing kept of earlier moves, before and after; the core's filter on."""
    lab.home()
    yield lab
    lab.home()
    lab.bcp38(True)


@pytest.fixture(scope="session")
def prepared(lab: Lab) -> Lab:
    """The routers as our role leaves them."""
    done = playbook("site", {"first_hop_router_firewall": "insert"})
    assert done.status == 0, done.output
    return lab


@pytest.fixture
def routers(prepared: Lab) -> Iterator[Routers]:
    """The routers, prepared and empty, before and after."""
    them = Routers(prepared)
    them.clear()
    yield them
    them.clear()
