# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resident service on routers with a real NETCONF server, over held sessions; a live session goes on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ietf_netconf import IetfNetconf
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.registry import platform_named
from ansible_collections.sipmobility.handover.plugins.plugin_utils.netconf_device import NetconfDevice
from ansible_collections.sipmobility.handover.plugins.plugin_utils.netconf_preparation import NetconfPreparation
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.nftables import NftablesBackend
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.preparation import Preparation
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.settings import Options
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer

from ...standins.netconf_router import crashes
from ..agent.phones import Phone
from ..agent.place import Place, Running, serving, until
from ..one_call import MOVE, NETWORKS, NEW, OLD, PEER, PORT, Call
from .world import BY_NETCONF, MANAGEMENT, World, datastore, kernel, worlds

pytestmark = crashes.once_more

BOTH = {"ra": "nftables", "rb": "ietf_netconf", "rc": "ietf_netconf"}
MIXED = {
    "B": {"ra": "nftables", "rb": "ietf_netconf", "rc": "nftables"},
    "C": {"ra": "nftables", "rb": "nftables", "rc": "ietf_netconf"},
    "both": BOTH,
    "plain C": {"ra": "nftables", "rb": "nftables", "rc": "ietf_netconf_plain"},
}
UNLOCK = '<unlock xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><target><candidate/></target></unlock>'


@dataclass
class Scene:
    """A world with prepared routers, a call from home, a phone that its SIP server knows, and a service's files."""

    world: World
    call: Call
    place: Place
    phone: Phone

    def move(self) -> None:
        """The phone is on the other network, and tells so."""
        self.world.spaces["phone"].shell(MOVE)
        session = Session("tcp", self.call.port, PEER, PORT)
        self.place.tell(self.phone.register(NEW, OLD, [session]))

    def serving(self) -> Any:
        """The service, where it reaches the routers."""
        return serving(self.place, self.world.spaces["control"].pid)

    def alive(self) -> bool:
        """Whether a word comes back."""
        self.call.say(b"still there")
        return self.call.hears(b"still there")

    def stands(self) -> list[str]:
        """Kernels and datastores."""
        stores = [name for name, platform in self.world.platforms.items() if platform in BY_NETCONF]
        return [*kernel(self.world), *(datastore(self.world, name) for name in stores)]


@contextmanager
def scenes(built: Path, place: Path, platforms: Mapping[str, str]) -> Iterator[Scene]:
    with worlds(built, place, platforms) as world, ExitStack() as stack:
        (place / "known_hosts").write_text(known_hosts(built))
        hosts = {name: host_of(name, platform, built) for name, platform in platforms.items()}
        for name in platforms:
            prepare(world, name)
        (place / "service").mkdir()
        files = Place(
            place / "service", hosts, widen=True, ssh={"known_hosts": str(place / "known_hosts"), "keepalive": 1.0}
        )
        call = Call(world.spaces, stack)
        call.say(b"at home")
        assert call.hears(b"at home")
        yield Scene(world, call, files, Phone("alice"))


def known_hosts(built: Path) -> str:
    """The routers' key, which they share."""
    key = " ".join((built / "host.pub").read_text(encoding="utf-8").split()[:2])
    return "".join(f"[{address}]:830 {key}\n" for address in MANAGEMENT.values())


def prepare(world: World, name: str) -> None:
    """As the role does."""
    platform = platform_named(world.platforms[name])
    if not isinstance(platform, IetfNetconf):
        options = Options("lan", "wan", persistence="none")
        preparation = Preparation(name, NftablesBackend(), options, Renderer())
        preparation.converge(world.spaces[name], present=True, checking=False)
        return
    with world.servers[name].session() as session:
        device = NetconfDevice(name, platform, Renderer(), session)
        NetconfPreparation(name, platform, device, "lan").converge(present=True, checking=False, drop=False)


def host_of(name: str, platform: str, built: Path) -> dict[str, Any]:
    return {
        "ansible_host": MANAGEMENT[name],
        "ansible_port": 830,
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(built / "user"),
        "ansible_connection": "ansible.netcommon.netconf" if "netconf" in platform else "ssh",
        "handover_platform": platform,
        "handover_networks": [NETWORKS[name]],
    }


@pytest.mark.parametrize("where", MIXED)
def test_a_live_session_moves(netconf_built: Path, tmp_path: Path, where: str) -> None:
    with scenes(netconf_built, tmp_path, MIXED[where]) as scene:
        before = scene.stands()
        with scene.serving() as service:
            scene.place.tell(scene.phone.register(OLD))
            scene.move()
            done = service.await_told("handover", kind="programmed")
            _print(where, done, service)
            assert scene.alive()
            worked = service.told()
        with scene.serving() as service:
            assert not [one for one in service.told()[len(worked) :] if one["event"] in ("handover", "step")]
            assert scene.alive()
            scene.place.tell(scene.phone.register(NEW, expires=0))
            service.await_told("handover", kind="ended")
            until(lambda: kernel(scene.world) == before[:2])
            assert scene.stands() == before
            assert not [one for one in service.told() if one["event"] in ("taken back", "drift", "not retired")]


def _print(where: str, done: Mapping[str, Any], service: Running) -> None:
    steps = {one["step"]: one["ms"] for one in service.told() if one["event"] == "step"}
    print(f"{where}: {done['total_ms']} ms, of it {done['programmed_ms']} ms until the routers acknowledged: {steps}")


def test_a_lock_that_somebody_holds_for_a_moment_is_waited_for(netconf_built: Path, tmp_path: Path) -> None:
    with scenes(netconf_built, tmp_path, BOTH) as scene, scene.serving() as service:
        scene.place.tell(scene.phone.register(OLD))
        with scene.world.servers["rb"].session() as other:
            scene.world.servers["rb"].lock(other)
            scene.move()
            service.await_told("step", step="01-decode-rc")
            assert not [one for one in service.told() if one["event"] == "handover"]
            assert "<ok/>" in other.request(UNLOCK)
            service.await_told("handover", kind="programmed")
        assert scene.alive()
        assert not [one for one in service.told() if one["event"] == "taken back"]


def test_sessions_that_are_lost_between_steps_are_opened_again(netconf_built: Path, tmp_path: Path) -> None:
    """The correspondent's router has its decoder, the other one does not yet."""
    with scenes(netconf_built, tmp_path, BOTH) as scene, scene.serving() as service:
        scene.place.tell(scene.phone.register(OLD))
        other = scene.world.servers["rb"].session()
        scene.world.servers["rb"].lock(other)
        scene.move()
        service.await_told("step", step="01-decode-rc")
        for name in ("rb", "rc"):
            scene.world.servers[name].drop_sessions()  # and with them the other's lock
        service.await_told("handover", kind="programmed", seconds=40)
        assert service.await_told("taken back")["not_undone"] is not None
        assert scene.alive()


def test_a_server_that_begins_anew_is_noticed_and_given_what_it_should_hold(
    netconf_built: Path, tmp_path: Path
) -> None:
    with scenes(netconf_built, tmp_path, BOTH) as scene, scene.serving() as service:
        scene.place.tell(scene.phone.register(OLD))
        scene.move()
        service.await_told("handover", kind="programmed")
        scene.world.servers["rb"].stop("netconfd")
        scene.world.servers["rb"].start()
        service.await_told("router reached", 2, router="rb", seconds=40)
        service.await_told("handover", 2, kind="programmed", seconds=40)
        assert scene.alive()
