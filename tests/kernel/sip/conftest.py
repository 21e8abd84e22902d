# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of these tests' own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from .network import private_network
from .world import ADDRESSES, ADDRESSES_6


@pytest.fixture(scope="module", autouse=True)
def network() -> Iterator[None]:
    """See :func:`private_network`."""
    if shutil.which("kamailio") is None or shutil.which("dnsmasq") is None:
        pytest.skip("Kamailio or dnsmasq is not installed on this host")
    with private_network([*ADDRESSES, *ADDRESSES_6]):
        yield
