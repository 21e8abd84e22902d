# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A step without reading the router: only while nobody changed it, and with the same care where it fails."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Rewrite,
    RewriteKind,
    Selector,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState, same_state
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import Output
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.nftables import Nftables
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter
from ansible_collections.sipmobility.handover.plugins.plugin_utils.shell_device import shell_router

from ..unit.mobility.entries import holdable, states
from ..unit.mobility.worlds import NEW, NOW, OLD, PEER
from .conftest import refusal
from .namespaces import Namespace
from .test_nftables import FEW, mark, route


class Told:
    """The router's shell, and the scripts that it was given."""

    def __init__(self, host: Namespace) -> None:
        self._host = host
        self.scripts: list[str] = []

    def run(self, script: str) -> Output:
        self.scripts.append(script)
        return self._host.run(script)


@pytest.fixture
def told(host: Namespace, router: ManagedRouter) -> Told:
    return Told(host)


def managed(told: Told) -> ManagedRouter:
    return shell_router("rb", Nftables(), Renderer(), told)


def test_steps_follow_each_other_without_a_listing(told: Told, router: ManagedRouter) -> None:
    one = managed(told)
    one.gather()
    told.scripts.clear()
    for change in (Change(put=(mark(1), route())), Change((mark(1),), (mark(2),)), Change((route(),))):
        assert one.apply_unread(change, one.generation, NOW)
    assert len(told.scripts) == 3
    assert not [script for script in told.scripts if "list table" in script]
    assert router.gather() == RouterState([mark(2)])
    assert router.generation == one.generation


@FEW
@given(states(holdable()))
def test_what_is_put_unread_is_what_is_read(router: ManagedRouter, wanted: RouterState) -> None:
    """From whatever the example before left: the state that is taken for granted is the one that is there."""
    held = router.gather()
    change = difference(held, wanted)
    assert not change or router.apply_unread(change, router.generation, NOW)
    noted = router.generation
    assert same_state(router.gather(), wanted)
    assert router.generation == noted


@pytest.mark.parametrize(
    "happens",
    [
        "nft add element ip sipmobility route '{ 203.0.113.7 comment \"x\" }'",
        "nft add table ip theirs",
        "nft flush ruleset",
    ],
)
def test_nothing_is_done_after_somebody_else_changed_something(told: Told, happens: str, host: Namespace) -> None:
    one = managed(told)
    one.gather()
    host.shell(happens)
    before = host.shell("nft list ruleset").stdout
    assert not one.apply_unread(Change(put=(mark(1),)), one.generation, NOW)
    assert host.shell("nft list ruleset").stdout == before


def test_a_change_meanwhile_makes_it_read_the_router(told: Told, router: ManagedRouter, host: Namespace) -> None:
    """Somebody is quick: between the look at the generation and the transaction."""

    class Quick(Renderer):
        def render(self, name: str, context: object) -> str:
            text = super().render(name, context)  # type: ignore[arg-type]
            return f"nft add table ip theirs\n{text}" if name == "nftables/step.sh.j2" else text

    one = shell_router("rb", Nftables(), Quick(), told)
    one.gather()
    told.scripts.clear()
    assert one.apply_unread(Change(put=(mark(1),)), one.generation, NOW)
    assert len(told.scripts) == 2
    assert "list table" in told.scripts[1]
    router.gather()
    assert one.generation == router.generation


def test_a_step_that_fails_is_taken_back(told: Told, router: ManagedRouter) -> None:
    one = managed(told)
    one.apply(Change(put=(mark(1),)), one.gather(), NOW)
    standing = Rewrite(RewriteKind.INBOUND_DST, Selector(PEER, NEW), OLD, mark(1).stamp)
    one.apply(Change(put=(standing,)), one.gather(), NOW)
    change = Change((mark(1),), (route(), mark(2), replace(standing, to=PEER)))
    error = refusal(lambda: one.apply_unread(change, one.generation, NOW))
    assert error.code == "router_changed"
    assert mark(1) in list(router.gather())
    assert not [entry for entry in router.gather() if entry.key in (route().key, mark(2).key)]


def test_an_expiry_is_no_change(told: Told, router: ManagedRouter, host: Namespace) -> None:
    """The kernel takes what expired away without telling; a generation does not tell of it."""
    one, entry = managed(told), mark(1)
    one.apply(Change(put=(entry,)), one.gather(), entry.stamp.expires - 1)
    generation = one.generation
    host.shell("sleep 1.5")
    assert one.gather() == RouterState()
    assert one.generation == generation


def test_a_router_that_cannot_tell_its_generation(told: Told) -> None:
    """Neither perl nor python3."""

    class Bare(Renderer):
        def render(self, name: str, context: object) -> str:
            text = super().render(name, context)  # type: ignore[arg-type]
            return f"perl() {{ return 127; }}\npython3() {{ return 127; }}\n{text}" if "gather" in name else text

    one = shell_router("rb", Nftables(), Bare(), told)
    one.gather()
    assert one.generation == ""
    assert not one.apply_unread(Change(put=(mark(1),)), one.generation, NOW)
