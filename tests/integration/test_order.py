# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of steps on real routers under live sessions: strict firewalls, reverse path filters, BCP 38."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Scope
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.step import Phase, Stage, Step
from lab import Lab
from lab.traffic import Traffic

from .operator import Routers, handover, leftovers

# As long as nobody is waited for who cannot come. Seconds.
_DEAD = 2

Reorder = Callable[[Sequence[Stage]], Sequence[Stage]]


def ours(stages: Sequence[Stage]) -> Sequence[Stage]:
    """As planned."""
    return stages


def encoders_first(stages: Sequence[Stage]) -> Sequence[Stage]:
    """The order that an operator who programs the correspondent's router first would choose."""
    order = [Phase.ENCODE, Phase.DECODE]
    return sorted(stages, key=lambda stage: order.index(stage.phase))


def moved_session(
    lab: Lab,
    routers: Routers,
    directory: Path,
    version: int,
    reorder: Reorder,
    scope: Scope = Scope.SESSION,
    after_each: Callable[[Traffic, Stage, Step], object] = lambda _traffic, _stage, _step: time.sleep(0.15),
) -> dict[str, Any]:
    """Move the phone from A to B under live sessions, program, and judge the streams.

    :param after_each: what is waited for after each step.
    """
    mn, cn = lab.topology.address("mn"), lab.topology.address("cn")
    index = 0 if version == 4 else 1
    local, peer = mn.ips[index], cn.ips[index]
    with Traffic(lab, local, peer, directory) as traffic:
        time.sleep(1)
        move = lab.move("mn", "b")
        sessions = [Session("tcp", 40000, peer, 7101), Session("udp", 7102, peer, 7102)]
        record = handover(local, move.new[index], sessions, scope=scope, correspondents=(peer,))
        planned = routers.plan(record)
        assert not planned.refused
        stages = reorder(planned.stages)
        routers.apply(stages, after_each=lambda stage, step: after_each(traffic, stage, step))
        traffic.settle(60 if stages else _DEAD)
    return traffic.result(move.down)


@pytest.mark.parametrize("scope", [Scope.SESSION, Scope.CORRESPONDENT, Scope.ADDRESS])
@pytest.mark.parametrize("version", [4, 6])
def test_sessions_survive_in_our_order(
    at_home: Lab, routers: Routers, tmp_path: Path, version: int, scope: Scope
) -> None:
    streams = moved_session(at_home, routers, tmp_path, version, ours, scope)
    assert {name: stream["alive"] for name, stream in streams.items()} == {"tcp": True, "udp": True}, streams


def test_tcp_dies_when_the_encoder_comes_first(at_home: Lab, routers: Routers, tmp_path: Path) -> None:
    streams = moved_session(at_home, routers, tmp_path, 4, encoders_first, after_each=until_the_phone_is_heard)
    assert not streams["tcp"]["alive"], streams
    assert "ECONNRESET" in str(streams["tcp"]["errors"])


def until_the_phone_is_heard(traffic: Traffic, stage: Stage, step: Step) -> None:
    """Give TCP the time to send while its packets reach the correspondent undecoded.

    They do once B holds the route to the old address: its filter of reverse paths drops them before.
    """
    if (stage.phase, step.router) == (Phase.DECODE, "rb"):
        traffic.ends("tcp")


def test_sessions_die_without_us(at_home: Lab, routers: Routers, tmp_path: Path) -> None:
    streams = moved_session(at_home, routers, tmp_path, 4, lambda stages: [])
    assert not streams["tcp"]["alive"]
    assert not streams["udp"]["alive"]
    assert leftovers(at_home) == {}
