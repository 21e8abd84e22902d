# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From real SIP messages to a decision: is the claim true? The home server knows (docs/home-server.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.asking.access import HomeAccess

from .judging import Judge, tagged
from .ua import Ua
from .world import ABROAD, AT_HOME, CORRESPONDENT, FAR, HOME, STRANGER, VISITED

Phone = Callable[..., Ua]


def test_a_first_visit_is_believed_on_the_home_servers_word(judged: Judge, registered: Phone) -> None:
    registered("alice", HOME, AT_HOME, HOME)
    registered("alice", HOME, ABROAD, VISITED, *tagged("Require", "alice"))
    assert judged(VISITED) == {"pairs": [(f"sip:alice@{HOME}", AT_HOME, ABROAD, None)], "refused": []}


def test_who_never_was_there_is_denied(judged: Judge, registered: Phone) -> None:
    """Mallory has an account of her own, and names Alice's address."""
    registered("alice", HOME, AT_HOME, HOME)
    registered("mallory", HOME, STRANGER, VISITED, *tagged("Require", "mallory"))
    assert judged(VISITED) == {"pairs": [], "refused": ["home_denied"]}


@pytest.mark.parametrize("method", ["INVITE", "NOTIFY"])
def test_the_correspondents_server_asks_too(judged: Judge, registered: Phone, method: str) -> None:
    bob = registered("bob", CORRESPONDENT, FAR, CORRESPONDENT)
    registered("alice", HOME, AT_HOME, HOME)
    alice = registered("alice", HOME, ABROAD, VISITED, *tagged("Require", "alice"))
    answer, dialog = alice.call(bob.aor)
    assert answer.status == 200
    assert (
        alice.within(dialog, method, *tagged("Proxy-Require" if method == "INVITE" else "Require", "alice")).status
        == 200
    )
    assert judged(CORRESPONDENT) == {"pairs": [(f"sip:alice@{HOME}", AT_HOME, ABROAD, bob.aor)], "refused": []}


def test_the_correspondents_server_is_not_deceived(judged: Judge, registered: Phone) -> None:
    bob = registered("bob", CORRESPONDENT, FAR, CORRESPONDENT)
    registered("alice", HOME, AT_HOME, HOME)
    mallory = registered("mallory", HOME, STRANGER, VISITED)
    answer, dialog = mallory.call(bob.aor)
    assert answer.status == 200
    assert mallory.within(dialog, "NOTIFY", *tagged("Require", "mallory")).status == 200
    assert judged(CORRESPONDENT) == {"pairs": [], "refused": ["home_denied"]}


def test_nobody_answers(judged: Judge, registered: Phone, access: HomeAccess) -> None:
    registered("alice", HOME, AT_HOME, HOME)
    registered("alice", HOME, ABROAD, VISITED, *tagged("Require", "alice"))
    assert judged(VISITED, replace(access, port=access.port - 1)) == {"pairs": [], "refused": ["home_silent"]}
