# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped playbooks with routers that have the schema of IOS-XE: a live TCP session goes on through the move.

What is shown: the whole way over ansible.netcommon.netconf to a real NETCONF server with Cisco's YANG, and that what is
in its datastore then carries the session where routers work in IOS' documented order of operations. Not shown: that
Cisco's software does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session

from ..kernel.agent.phones import Phone
from ..kernel.agent.place import Place, serving, until
from ..kernel.netconf.operator import Operator, links
from ..kernel.netconf.test_service import host_of, known_hosts
from ..kernel.netconf.world import BCP38, World, datastore, kernel, worlds
from ..kernel.one_call import MOVE, NEW, OLD, PEER, PORT, Call
from .iosxe.datastore import said
from .iosxe.router import IosxeRouter, build_with_kernel
from .netconf_router import crashes

pytestmark = crashes.once_more

B, C = {"rb": "iosxe_netconf", "rc": "nftables"}, {"rb": "nftables", "rc": "iosxe_netconf"}
BOTH = {"rb": "iosxe_netconf", "rc": "iosxe_netconf"}
PREPARED = {
    "first_hop_router_persistence": "none",
    "first_hop_router_firewall": "insert",
    "first_hop_router_nat_interfaces": "set",
}
IDENTITY = "8d7ac21f98194017"
EXPIRES = "2036-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("iosxe")
    build_with_kernel(directory, "16.9")
    return directory


@dataclass
class Story:
    """A world with prepared routers, its operator, and a call from home."""

    world: World
    operator: Operator
    call: Call

    @property
    def record(self) -> dict[str, Any]:
        session = {"protocol": "tcp", "port": self.call.port, "correspondent": str(PEER), "correspondent_port": PORT}
        return {"id": IDENTITY, "old": str(OLD), "new": str(NEW), "expires": EXPIRES, "sessions": [session]}

    def stands(self) -> list[str]:
        """Kernels and datastores."""
        stores = [name for name, platform in self.world.platforms.items() if platform == "iosxe_netconf"]
        return [*kernel(self.world), *(said(datastore(self.world, name)) for name in stores)]


@pytest.fixture(autouse=True)
def without_excuses() -> None:
    """A netconfd that died in an earlier test excuses nothing in this one."""
    crashes.forget()


@contextmanager
def stories(built: Path, place: Path, platforms: Mapping[str, str]) -> Iterator[Story]:
    (place / "o").mkdir()
    named = {"ra": "nftables", **platforms}
    with worlds(built, place, named, {"iosxe_netconf": IosxeRouter}) as world, ExitStack() as stack:
        operator = Operator(world, built, place / "o")
        done = operator.play("site", **PREPARED)
        assert done.status == 0, done.output
        yield Story(world, operator, Call(world.spaces, stack))


@pytest.mark.parametrize(
    "platforms",
    [pytest.param(B, marks=pytest.mark.deep), pytest.param(C, marks=pytest.mark.deep), BOTH],
    ids=["B", "C", "B and C"],
)
def test_a_live_session_moves(built: Path, tmp_path: Path, platforms: Mapping[str, str]) -> None:
    with stories(built, tmp_path, platforms) as story:
        world, call = story.world, story.call
        call.say(b"at home")
        assert call.hears(b"at home")
        world.spaces["phone"].shell(MOVE)
        world.spaces["rc"].shell(BCP38)
        before = story.stands()
        call.say(b"lost without us")
        assert not call.hears(b"lost without us", seconds=0.5)
        done = story.operator.play("handover", handover_records=[story.record], handover_widen=True)
        assert done.status == 0, done.output
        assert call.hears(b"lost without us", seconds=60)
        call.say(b"and goes on")
        assert call.hears(b"and goes on")
        again = story.operator.play("handover", handover_records=[story.record], handover_widen=True)
        assert (again.status, again.report.get("steps", [])) == (0, []), again.output
        withdrawn = story.operator.play("withdraw", handover_withdraw=["all"])
        assert withdrawn.status == 0, withdrawn.output
        assert story.stands() == before


def test_a_live_session_moves_by_the_service(built: Path, tmp_path: Path) -> None:
    with stories(built, tmp_path, B) as story:
        world, call = story.world, story.call
        before = story.stands()
        (tmp_path / "known_hosts").write_text(known_hosts(built), encoding="utf-8")
        hosts = {name: host_of(name, platform, built) for name, platform in world.platforms.items()}
        hosts["rb"] |= dict(
            zip(("handover_inside_interface", "handover_outside_interface"), links("iosxe_netconf"), strict=True)
        )
        (tmp_path / "service").mkdir()
        place = Place(tmp_path / "service", hosts, widen=True, ssh={"known_hosts": str(tmp_path / "known_hosts")})
        phone = Phone("alice")
        with serving(place, world.spaces["control"].pid) as service:
            place.tell(phone.register(OLD))
            world.spaces["phone"].shell(MOVE)
            call.say(b"while it moves")
            place.tell(phone.register(NEW, OLD, [Session("tcp", call.port, PEER, PORT)]))
            service.await_told("handover", kind="programmed", seconds=60)
            assert call.hears(b"while it moves", seconds=60)
            place.tell(phone.register(NEW, expires=0))
            service.await_told("handover", kind="ended", seconds=60)
            until(lambda: kernel(world) == before[:2])
            assert story.stands() == before
            assert not [one for one in service.told() if one["event"] in ("taken back", "drift", "not retired")]
