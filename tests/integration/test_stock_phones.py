# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stock phones send no tag (design rule 12): their moves are inferred from what the registrar knows, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import Lab
from lab.registrar import Registrar
from lab.stock_phones import Phone, baresip, bound, linphone

from .intake import codes, judged, pairs


@pytest.mark.parametrize(
    ("phone", "notices_within"),
    [
        pytest.param(linphone, 20, id="linphone, at once: its binding still stands"),
        pytest.param(baresip, 90, id="baresip, through the grace window: its binding has expired"),
    ],
)
def test_a_stock_phones_move_is_inferred_where_the_policy_says_so(
    at_home: Lab, tmp_path: Path, phone: Phone, notices_within: float
) -> None:
    registrar = Registrar(at_home)
    registrar.clear()
    home = at_home.topology.address("mn").v4.ip
    with phone(at_home):
        bound(registrar, home, 20)
        new = at_home.move("mn", "b").new[0]
        bound(registrar, new, notices_within)
        infer = {"instance": True, "call_id": False, "removed_contact": False, "single_contact": False}
        found = judged(at_home, registrar, tmp_path, infer=infer)
        assert pairs(found)[:1] == [("alice", str(home), str(new))], (found, registrar.lines())
        assert {pair["by"] for pair in found["address_pairs"]} == {"instance"}
        assert codes(found) == []
        # Off by default, and then neither a pair nor a refusal.
        silent = judged(at_home, registrar, tmp_path)
        assert (pairs(silent), codes(silent)) == ([], [])
