# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a router keeps of its steps is what it holds, though a step is kept without a listing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Mark,
    Rewrite,
    RewriteKind,
    Route,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.nftables import NftablesBackend
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.settings import SETTINGS

from ..unit.mobility.worlds import NEW, OLD, PEER
from .namespaces import Namespace
from .test_preparation import bare as bare
from .test_preparation import live, managed, prepare, reboot

ELEMENTS = NftablesBackend().setting("elements_path")


def test_what_several_steps_left_comes_back_after_a_reboot(bare: Namespace) -> None:
    """Elements that came, went and were replaced, routes likewise; all of them behind the listing before the first."""
    prepare(bare)
    now = int(time.time())
    stamp = Stamp("8d7ac21f98194017", 2, now + 900)
    router, state = managed(bare), live(now)
    router.apply(Change(put=tuple(state)), RouterState(), now)
    listed = bare.shell(f"cat {ELEMENTS}").stdout
    later = RouterState(
        [
            Route(ip_address("198.51.100.77"), ip_address("198.51.100.9"), "lan", stamp),
            Rewrite(RewriteKind.INBOUND_DST, Selector(PEER, NEW, "tcp", 7000, 40000), OLD, stamp),
            Mark(Selector(OLD, PEER, "udp", 1, 2), stamp),
        ]
    )
    for wanted in (*(later, state) * 20, RouterState([*state, *later][1:]), later):
        held = router.gather()
        router.apply(difference(held, wanted), held, now)
    assert bare.shell(f"cat {ELEMENTS}").stdout == listed
    # The static file loads what holds back undecoded packets meanwhile, also what came, went and came again.
    bare.shell(f"nft -f {NftablesBackend().setting('table_path')}")
    assert "7000 . 40000" in bare.shell("nft -n list set ip sipmobility_held session_inbound_dst").stdout
    reboot(bare)
    bare.shell(SETTINGS["restore_path"])
    assert router.gather() == later


def test_steps_of_another_listing_count_for_nothing(bare: Namespace) -> None:
    """The power went between a new listing and the removal of the steps behind the former one."""
    prepare(bare)
    now = int(time.time())
    router, state = managed(bare), live(now)
    router.apply(Change(put=tuple(state)), RouterState(), now)
    bare.shell(NftablesBackend().setting("save_command"))  # a listing
    one = Mark(Selector(OLD, PEER, "udp", 1, 2), Stamp("8d7ac21f98194017", 2, now + 900))
    router.apply(Change(put=(one,)), router.gather(), now)
    bare.shell(f"sed -i '1s/$/x/' {ELEMENTS}")
    reboot(bare)
    bare.shell(SETTINGS["restore_path"])
    assert router.gather() == state


def test_a_listing_takes_the_place_of_steps_that_outgrow_it(bare: Namespace) -> None:
    prepare(bare)
    now = int(time.time())
    router = managed(bare)
    router.apply(Change(put=tuple(live(now))), RouterState(), now)
    stamp = Stamp("8d7ac21f98194017", 2, now + 900)
    for step in range(12):
        marks = (Mark(Selector(OLD, ip_address("198.18.0.0") + 300 * step + n), stamp) for n in range(300))
        router.apply(Change(put=tuple(marks)), router.gather(), now)
    state = router.gather()
    assert bare.shell(f"grep -c ' 198.18.' {ELEMENTS}").stdout.strip() != "0"
    reboot(bare)
    bare.shell(SETTINGS["restore_path"])
    assert router.gather() == state


def test_the_more_a_router_holds_the_more_rarely_it_is_listed(bare: Namespace) -> None:
    """Steps stand in parts then. What one part has and a later one takes away is gone; what all have is there."""
    prepare(bare)
    now = int(time.time())
    router, state = managed(bare), live(now)
    router.apply(Change(put=(*state, *_marks(0, 12_000, now))), RouterState(), now)
    bare.shell(NftablesBackend().setting("save_command"))
    listed = bare.shell(f"cat {ELEMENTS}").stdout
    decoder = next(entry for entry in state if isinstance(entry, Rewrite) and entry.kind is RewriteKind.INBOUND_DST)
    for step in range(1, 5):
        router.apply(Change(put=tuple(_marks(15_000 * step, 2_500, now))), router.gather(), now)
        again = replace(decoder, stamp=replace(decoder.stamp, epoch=step, expires=now + 900 + step))
        router.apply(Change(remove=(decoder,)), router.gather(), now)
        router.apply(Change(put=(again,), remove=tuple(_marks(500 * step, 500, now))), router.gather(), now)
        decoder = again
    parts = bare.shell(f"stat -c %s {ELEMENTS}.steps*").stdout.split()
    assert bare.shell(f"cat {ELEMENTS}").stdout == listed
    assert len(parts) > 1, f"steps of {sum(map(int, parts))} bytes behind a listing of {len(listed)}"
    bare.shell(f"nft -f {NftablesBackend().setting('table_path')}")
    assert "7000 . 40000" in bare.shell("nft -n list set ip sipmobility_held session_inbound_dst").stdout
    held = router.gather()
    reboot(bare)
    bare.shell(SETTINGS["restore_path"])
    assert router.gather() == held
    for step in range(5, 9):
        router.apply(Change(put=tuple(_marks(15_000 * step, 2_500, now))), router.gather(), now)
    held = router.gather()
    assert bare.shell(f"cat {ELEMENTS}").stdout != listed
    assert int(bare.shell(f"ls {ELEMENTS}.steps* | wc -l").stdout) < len(parts)
    reboot(bare)
    bare.shell(SETTINGS["restore_path"])
    assert router.gather() == held


def test_a_step_of_thousands_is_kept_without_a_listing(bare: Namespace) -> None:
    """The one after it, of one element, is what has the listing written anew."""
    prepare(bare)
    now = int(time.time())
    router = managed(bare)
    router.apply(Change(put=tuple(live(now))), RouterState(), now)
    listed = bare.shell(f"cat {ELEMENTS}").stdout
    stamp = Stamp("8d7ac21f98194017", 2, now + 900)
    many = [
        Rewrite(RewriteKind.INBOUND_DST, Selector(ip_address("198.18.0.0") + n, NEW, "tcp", 7000, 40000), OLD, stamp)
        for n in range(3000)
    ]
    router.apply(Change(put=tuple(many)), router.gather(), now)
    router.apply(Change(remove=tuple(many[:2000])), router.gather(), now)
    assert bare.shell(f"cat {ELEMENTS}").stdout == listed
    bare.shell(f"nft -f {NftablesBackend().setting('table_path')}")
    held = bare.shell("nft -n list set ip sipmobility_held session_inbound_dst").stdout
    assert ("198.18.11.183" in held, "198.18.0.1 " in held) == (True, False)
    state = router.gather()
    assert all(state.get(entry.key) is not None for entry in many[2000:])
    reboot(bare)
    bare.shell(SETTINGS["restore_path"])
    assert router.gather() == state
    router.apply(Change(remove=tuple(many[2000:2001])), router.gather(), now)
    assert bare.shell(f"cat {ELEMENTS}").stdout != listed


def _marks(first: int, count: int, now: int) -> Iterator[Mark]:
    stamp = Stamp("8d7ac21f98194017", 2, now + 900)
    return (Mark(Selector(OLD, ip_address("198.18.0.0") + first + number), stamp) for number in range(count))
