# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped playbooks on routers of which some are stand-ins of IOS: a live TCP session goes on through the move.

What is shown: our dialogue over SSH and network_cli, and that what we configure carries the session where routers work
in IOS' documented order of operations. Not shown: that Cisco's software does.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ..kernel.moving import NEW, OLD, PEER
from .ios_routers import Routers, routers

IDENTITY = "8d7ac21f98194017"
CLASH = f"ip nat inside source static 203.0.113.99 {NEW[4]}\n"


def record(port: int, **changes: Any) -> dict[str, Any]:
    session = {"protocol": "tcp", "port": port, "correspondent": str(PEER[4]), "correspondent_port": 5060}
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    asked = {"id": IDENTITY, "old": str(OLD[4]), "new": str(NEW[4]), "expires": expires, "sessions": [session]}
    return {**asked, **changes}


@contextmanager
def session(made: Routers) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A TCP session that the phone has opened at home."""
    made.world.at_home()
    with made.world.peer.tcp() as listening:
        listening.bind((str(PEER[4]), 5060))
        listening.listen()
        ours = made.world.mobile.tcp()
        ours.settimeout(60)  # a retransmission may have backed off while a playbook ran
        ours.bind((str(OLD[4]), 0))
        ours.connect((str(PEER[4]), 5060))
        theirs, _ = listening.accept()
    theirs.settimeout(60)
    with ours, theirs:
        assert spoken(ours, theirs)
        yield ours, theirs


def spoken(ours: socket.socket, theirs: socket.socket) -> bool:
    """Whether a word and its answer come through."""
    for one, other, word in ((ours, theirs, b"said"), (theirs, ours, b"heard")):
        one.sendall(word)
        if other.recv(100) != word:
            return False
    return True


@pytest.mark.parametrize("ios", [("rb",), ("rc",), ("rb", "rc")], ids=["B", "C", "B and C"])
def test_a_live_session_moves_and_the_withdrawal_leaves_the_configuration_as_it_was(
    tmp_path: Path, ios: tuple[str, ...]
) -> None:
    with routers(tmp_path, *ios) as made, session(made) as (ours, theirs):
        before = {name: made.configuration(name) for name in ios}
        asked = [record(ours.getsockname()[1])]
        made.world.move()
        theirs.sendall(b"while it moves")
        first = made.play("handover.yml", handover_records=asked, handover_widen=True)
        assert first.status == 0, first.said
        assert "Widened from scope session" in first.said
        assert ("freeze" in first.said) == (len(ios) == 2)
        assert ours.recv(100) == b"while it moves"
        assert spoken(ours, theirs)
        second = made.play("handover.yml", handover_records=asked, handover_widen=True)
        assert (second.status, set(second.changed.values())) == (0, {0}), second.said
        assert spoken(ours, theirs)
        withdrawn = made.play("withdraw.yml", handover_withdraw=["all"])
        assert withdrawn.status == 0, withdrawn.said
        assert {name: made.configuration(name) for name in ios} == before


def test_a_refused_line_fails_with_router_step_and_cause_and_all_is_taken_back(tmp_path: Path) -> None:
    with routers(tmp_path, "rb", extra=CLASH) as made, session(made) as (ours, _theirs):
        before = made.configuration("rb")
        asked = [record(ours.getsockname()[1])]
        refused = made.play("handover.yml", handover_records=asked)
        assert refused.status != 0
        assert "unsupported_scope: ios can hold the scopes address, correspondent: session on rb" in refused.said
        failed = made.play("handover.yml", handover_records=asked, handover_widen=True)
        assert failed.status != 0
        for word in ("02-joint-rb", "similar_entry", f"ip nat inside source static {OLD[4]} {NEW[4]}"):
            assert word in failed.said
        assert "Taken back on every router" in failed.said
        assert made.configuration("rb") == before
