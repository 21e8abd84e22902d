# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans with SRX among the routers, carried out on stand-ins while packets go both ways after every single step.

The sessions are those of tests/standins/junos: as Juniper documents them, and not Junos OS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address
from itertools import permutations

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import pending
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Rewrite,
    RewriteKind,
    Scope,
    Selector,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Stage, Step
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan
from tests.standins.junos.flows import Packet
from tests.standins.junos.router import Router

from ..platforms.junos_world import INSIDE, OUTSIDE, PREPARED, managed
from .worlds import NEW, NOW, OLD, PEER, SESSION, TOPOLOGY, patent_handover

WIDE = patent_handover(scope=Scope.CORRESPONDENT, sessions=(), correspondents=(PEER,))
MIXTURES = ({"rb", "rc"}, {"rb"}, {"rc"})
FROM_PEER = Packet(str(PEER), SESSION.correspondent_port, str(OLD), SESSION.port, inside=True)
FROM_PHONE = replace(FROM_PEER.answer, inside=True)


class Srx:
    """A stand-in that already saw the session as it was."""

    def __init__(self) -> None:
        self.router = Router(PREPARED)
        self.held = RouterState()

    def apply(self, step: Step) -> None:
        change = pending(step, self.held)
        if change:
            self.held = managed(self.router).apply(change, self.held, NOW)

    def passed(self, packet: Packet) -> Packet | None:
        return self.router.flows.passed(packet, self.router.running, INSIDE, OUTSIDE)


class Stateless:
    """A router that rewrites packet by packet, as nftables does here."""

    def __init__(self) -> None:
        self.held = RouterState()

    def apply(self, step: Step) -> None:
        self.held = step.applied(self.held)

    def passed(self, packet: Packet) -> Packet:
        kinds = [kind for kind in RewriteKind if kind.is_decoder is not packet.inside]
        for entry in self.held:
            if isinstance(entry, Rewrite) and entry.kind in kinds and _selects(entry.match, packet):
                to = str(entry.to)
                if entry.kind.changes_destination:
                    return replace(packet, destination=to)
                return replace(packet, source=to)
        return packet


def _selects(match: Selector, packet: Packet) -> bool:
    ends = ((match.source, packet.source), (match.destination, packet.destination))
    return all(wanted is None or str(wanted) == found for wanted, found in ends)


@dataclass
class Path:
    """The two routers, and a core that may hold packets to BCP 38."""

    routers: dict[str, Srx | Stateless]
    strict: bool

    def to_phone(self) -> Packet | None:
        """What the phone gets of a packet of the correspondent."""
        sent = self.routers["rc"].passed(FROM_PEER)
        if sent is None or sent.destination != str(NEW):
            return None  # to the old network, where nobody is
        return self.routers["rb"].passed(replace(sent, inside=False))

    def to_peer(self) -> Packet | None:
        """What the correspondent gets of a packet of the phone."""
        sent = self.routers["rb"].passed(FROM_PHONE)
        if sent is None or (self.strict and sent.source != str(NEW)):
            return None
        return self.routers["rc"].passed(replace(sent, inside=False))

    def nobody_sees_a_wrong_address(self, first: str) -> None:
        for way in (first, "phone", "peer", first):
            got = self.to_phone() if way == "phone" else self.to_peer()
            if got is not None:
                assert got.destination == str(OLD if way == "phone" else PEER)
                assert got.source == str(PEER if way == "phone" else OLD)


def path(srx: Iterable[str], strict: bool) -> Path:
    found = Path({name: Srx() if name in srx else Stateless() for name in ("rb", "rc")}, strict)
    # At the correspondent's router from before the move, at the visited one since it.
    for router, packet in (("rc", FROM_PEER), ("rb", FROM_PHONE)):
        found.routers[router].passed(packet)
    return found


def topology(srx: Iterable[str]) -> Topology:
    return Topology(
        replace(one, platform="junos", inside=INSIDE, outside=OUTSIDE) if one.name in srx else one
        for one in TOPOLOGY.routers.values()
    )


def orders(stages: Iterable[Stage]) -> Iterator[list[list[Step]]]:
    """The steps of the stages, those of one stage in one order and in the other."""
    plain = [[step for step in stage.steps if step.router in ("rb", "rc")] for stage in stages]
    for turned in (0, -1):
        yield [list(list(permutations(steps))[turned]) for steps in plain]


@pytest.mark.parametrize("strict", [True, False], ids=["bcp38", "open"])
@pytest.mark.parametrize("first", ["phone", "peer"])
@pytest.mark.parametrize("handover", [patent_handover(), WIDE], ids=["session", "correspondent"])
@pytest.mark.parametrize("srx", MIXTURES, ids=["both", "visited", "correspondent's"])
def test_no_host_sees_a_wrong_address_between_any_two_steps(
    srx: set[str], handover: Handover, first: str, strict: bool
) -> None:
    planned = make_plan([handover], topology(srx), {})
    assert planned.refused == ()
    withdrawal = make_plan([replace(handover, ended=True)], topology(srx), planned.targets)
    for there, back in zip(orders(planned.stages), orders(withdrawal.stages), strict=True):
        way = path(srx, strict)
        for step in (step for steps in there for step in steps):
            way.routers[step.router].apply(step)
            way.nobody_sees_a_wrong_address(first)
        assert (way.to_phone(), way.to_peer()) != (None, None)
        assert None not in (way.to_phone(), way.to_peer())
        for step in (step for steps in back for step in steps):
            way.routers[step.router].apply(step)
            way.nobody_sees_a_wrong_address(first)
        for router in way.routers.values():
            assert len(router.held) == 0


def test_a_correspondent_that_an_srx_masquerades_is_refused() -> None:
    """Clearing its session takes the port with it that the phone knows it by."""
    hidden = replace(SESSION, outside=ip_address("3.3.3.1"), outside_port=61000)
    (refused,) = make_plan([patent_handover(sessions=(hidden,))], topology({"rc"}), {}).refused
    assert (refused.code, "masquerades" in refused.reason) == ("unsupported_entry", True)
    assert make_plan([patent_handover(sessions=(hidden,))], topology({"rb"}), {}).refused == ()
    several = (SESSION, replace(SESSION, correspondent_port=7002))
    assert make_plan([patent_handover(sessions=several)], topology({"rc"}), {}).refused == ()


def test_this_would_be_seen_without_a_freeze() -> None:
    """The same steps, less those that freeze, leave the session dead: the test above can fail."""
    planned = make_plan([patent_handover()], topology({"rc"}), {})
    way = path({"rc"}, strict=False)
    for stage in planned.stages:
        if stage.phase.value not in ("freeze", "thaw"):
            for step in stage.steps:
                if step.router in way.routers:
                    way.routers[step.router].apply(step)
                    way.to_peer()
                    way.to_phone()
    assert None in (way.to_phone(), way.to_peer())
