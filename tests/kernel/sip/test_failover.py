# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RFC 3263 section 4.3: where the preferred home server is gone, the next one that DNS names is asked."""

from __future__ import annotations

from pathlib import Path

from .world import ABROAD, HOME, VISITED, World


def test_a_visitor_gets_home(tmp_path: Path) -> None:
    world = World(tmp_path, tls=False, gone=True)
    try:
        assert world.phone("alice", HOME, ABROAD, VISITED).register().status == 200
    finally:
        world.close()
