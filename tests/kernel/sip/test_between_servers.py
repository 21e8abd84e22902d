# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other ways between servers: a home server that is gone (RFC 3263 section 4.3), and IPv6."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.phone import TAG

from .world import ABROAD, ABROAD_6, AT_6, AT_HOME_6, CORRESPONDENT, FAR_6, HOME, VISITED, World, until_heard


def test_a_visitor_gets_home_where_the_preferred_server_is_gone(tmp_path: Path) -> None:
    world = World(tmp_path, tls=False, gone=True)
    try:
        assert world.phone("alice", HOME, ABROAD, VISITED).register().status == 200
    finally:
        world.close()


@pytest.mark.parametrize("tls", [True, False], ids=["tls", "addresses"])
def test_a_move_and_what_follows_by_ipv6(tmp_path: Path, tls: bool) -> None:
    """Registered at home and abroad, called there, and the correspondent's server told."""
    world = World(tmp_path, tls=tls, at=AT_6)
    tag = f"{TAG}: <sip:alice@[{AT_HOME_6}]>"
    try:
        assert world.phone("alice", HOME, AT_HOME_6, HOME).register().status == 200
        alice = world.phone("alice", HOME, ABROAD_6, VISITED)
        answer = alice.register(f"Require: {TAG}", tag)
        assert answer.status == 200
        for server in (VISITED, HOME):
            (event,) = world.told(server, answer.one("Call-ID"))
            assert (event["src_ip"], event["src_port"], event["transport"]) == (ABROAD_6, 5060, "udp")
        bob = world.phone("bob", CORRESPONDENT, FAR_6, CORRESPONDENT)
        assert bob.register().status == 200
        answer, dialog = bob.call(alice.aor)
        assert (answer.status, answer.one("Contact")) == (200, f"<sip:alice@[{ABROAD_6}]:5060>")
        until_heard(alice, "ACK")
        back = alice.taken(alice.heard[0])
        assert alice.within(back, "NOTIFY", f"Require: {TAG}", tag).status == 200
        (event,) = world.told(CORRESPONDENT, dialog.call_id)
        assert (event["auth_user"], event["src_ip"]) == ("alice", ABROAD_6)
        assert bob.within(dialog, "BYE").status == 200
    finally:
        world.close()
