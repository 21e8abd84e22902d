# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One internetwork for all moves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .drive import Driver
from .world import World, world


@pytest.fixture(scope="session")
def internet() -> Iterator[World]:
    """The lab's internetwork, every filter on."""
    with world() as made:
        yield made


@pytest.fixture(scope="session")
def driver(internet: World) -> Driver:
    """The controller of its routers."""
    return Driver(internet)
