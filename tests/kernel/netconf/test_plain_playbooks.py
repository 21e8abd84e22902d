# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks with one router whose server has RFC 8512 without our augmentation, beside one of nftables.

Its one mapping is decoder and encoder: it comes between the other router's decoder and the other router's encoder.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ...standins.netconf_router import crashes
from .operator import Operator
from .test_playbooks import moves, stories
from .world import datastore

pytestmark = crashes.once_more

AT_THE_VISITED = {"ra": "nftables", "rb": "ietf_netconf_plain", "rc": "nftables"}
AT_THE_CORRESPONDENTS = {"ra": "nftables", "rb": "nftables", "rc": "ietf_netconf_plain"}
#: After this many acknowledged steps the plain router has its mapping, and the other one no encoder yet.
MAPPED = 2


@pytest.mark.parametrize(
    ("platforms", "plain", "steps"),
    [
        (AT_THE_VISITED, "rb", ["01-decode-rc", "02-joint-rb", "03-encode-rc"]),
        (AT_THE_CORRESPONDENTS, "rc", ["01-decode-rb", "02-joint-rc", "03-encode-rb"]),
    ],
    ids=["visited", "correspondents"],
)
def test_a_live_session_moves_and_another_controller_repairs(
    netconf_built: Path, tmp_path: Path, platforms: dict[str, str], plain: str, steps: list[str]
) -> None:
    """First a controller is killed halfway; another one, that has the inventory alone, takes it back."""
    with stories(netconf_built, tmp_path, platforms) as story:
        before = story.stands()
        story.operator.after_step = f"{MAPPED}:kill"
        killed = story.operator.play("handover", handover_records=[story.record])
        assert killed.status == -9
        story.operator.after_step = ""
        assert "mapping-entry" in datastore(story.world, plain)
        (tmp_path / "elsewhere").mkdir()
        other = Operator(story.world, netconf_built, tmp_path / "elsewhere")
        done = other.play("reconcile", handover_goal="undone")
        assert done.status == 0, done.output
        assert story.stands() == before
        moves(story, steps)
