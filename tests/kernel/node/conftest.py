# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A phone at home with its SIP servers, and no client yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ..moving import Journey
from .walk import Client, Servers, come_home, servers


@pytest.fixture
def world(road: Journey, tmp_path: Path) -> Iterator[Servers]:
    """The phone is at home, both servers know nobody."""
    with servers(road, tmp_path) as both:
        yield both
    come_home(road)


@pytest.fixture
def client(world: Servers, road: Journey, tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Makes clients in the phone, one after the other, and starts them."""
    with ExitStack() as stack:

        def make(**settings: Any) -> Client:
            it = Client(tmp_path, road.mobile, **settings)
            stack.callback(it.close)
            it.start()
            return it

        yield make
