# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RFC 3263 section 4.3: where the preferred home server is gone, the next one that DNS names is asked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from .world import HOME, VISITED, World

pytestmark = pytest.mark.skipif(
    shutil.which("kamailio") is None or shutil.which("dnsmasq") is None, reason="Kamailio or dnsmasq is not installed"
)


def test_a_visitor_gets_home(tmp_path: Path) -> None:
    world = World(tmp_path, tls=False, gone=True)
    try:
        assert world.phone("alice", HOME, "127.7.2.20", VISITED).register().status == 200
    finally:
        world.close()
