# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A phone that comes again from another port: the registrar drops the contact that it had, and the phone stays there.

Without ``+sip.instance`` (RFC 5626) a registrar keeps both side by side until the first one expires; some servers tell
of no instance at all.
"""

from __future__ import annotations

from typing import Any

import pytest

from .registrar import World, changes, pairs
from .test_ownership import A, B


def contact(port: int, more: str = "", host: str = B) -> str:
    """A Contact of Alice's at an address."""
    return f"<sip:alice@{host}:{port}{more}>"


def away(**values: Any) -> World:
    """Alice was at home, and is away: with port 5060, for a minute, and then with 5062."""
    world = World()
    world.register("alice", A, instance=None)
    assert pairs(world.register("alice", B, A, instance=None, contact=[contact(5060)], expires=60)) == [(A, B)]
    world.pass_time(20)
    again = world.register("alice", B, instance=None, contact=[contact(5062)], expires=600, **values)
    assert changes(again) == [("refreshed", A, B)]
    return world


def expired(world: World, uri: str) -> list[tuple[str, str, str]]:
    """What follows when the registrar drops a contact."""
    told = {"v": 1, "event": "expired", "time": world.now, "aor": "sip:alice@example.com", "contact": uri}
    return changes(world.feed({**told, "call_id": None, "instance": None}))


def removed(world: World, *contacts: str) -> list[tuple[str, str, str]]:
    """What follows when the phone removes contacts."""
    return changes(world.register("alice", B, instance=None, contact=list(contacts), expires=0))


def test_the_former_contact_expires() -> None:
    world = away()
    world.pass_time(30)
    assert expired(world, f"sip:alice@{B}:5060") == []
    assert [(str(pair.old), str(pair.new)) for pair in world.intake.live] == [(A, B)]
    assert changes(world.register("alice", B, instance=None, contact=[contact(5062)])) == [("refreshed", A, B)]


@pytest.mark.parametrize("uri", [f"sip:alice@{B}:5062", f"SIP:alice@{B}:5062;alias=2.2.2.20~5062~2"])
def test_the_contact_expires(uri: str) -> None:
    assert expired(away(), uri) == [("ended", A, B)]


@pytest.mark.parametrize("contacts", [["*"], [contact(5062)], [contact(5064)]])
def test_the_phone_removes_what_it_has(contacts: list[str]) -> None:
    """Whichever port it says so from: phones that connect anew for that have another one."""
    assert removed(away(), *contacts) == [("ended", A, B)]


def test_the_former_contact_expires_when_the_newer_one_is_over() -> None:
    """The registrar did not tell of that one's end."""
    world = away()
    world.forget_bindings()
    world.pass_time(700)
    assert expired(world, f"sip:alice@{B}:5060") == [("ended", A, B)]


def test_what_the_registrar_lists_of_the_former_contact_does_not_shorten_the_newer_one() -> None:
    world = away()
    before = [
        {"contact": f"sip:alice@{B}:{port}", "received": None, "expires": int(world.now) + seconds, "call_id": None}
        | {"cseq": None, "instance": None}
        for port, seconds in ((5062, 600), (5060, 5))
    ]
    world.register("alice", B, instance=None, contact=[contact(5062)], before=before)
    world.pass_time(10)
    assert expired(world, f"sip:alice@{B}:5060") == []
