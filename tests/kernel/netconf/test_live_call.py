# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A live TCP session through a move between routers that are configured over NETCONF, with the real kernel."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import groupby
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import pending
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import (
    Handover,
    Session,
    handover_id,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Directions, RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.plan import Phase, Stage, plan
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.target import target_states
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.topology import Router, Topology
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ietf_netconf import IetfNetconf
from ansible_collections.sipmobility.handover.plugins.plugin_utils.all_or_nothing import AllOrNothing
from ansible_collections.sipmobility.handover.plugins.plugin_utils.netconf_device import netconf_router
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter

from ...standins.netconf_router.server import NetconfServer
from ..namespaces import Namespace

OLD, NEW, PEER = ip_address("198.51.100.7"), ip_address("203.0.113.7"), ip_address("198.18.3.9")
PORT = 7000
TOPOLOGY = Topology(
    Router(name, (ip_network(network),), "ietf_netconf", "lan", "wan")
    for name, network in (("ra", "198.51.100.0/24"), ("rb", "203.0.113.0/24"), ("rc", "198.18.3.0/24"))
)
#: Each line a link: where and how its ends are called, and their addresses.
LINKS = """
ra lan 198.51.100.1/24 phone home 198.51.100.7/24
rb lan 203.0.113.1/24 phone away 203.0.113.7/24
rc lan 198.18.3.1/24 peer eth 198.18.3.9/24
ra wan 198.18.101.2/24 rc wan_a 198.18.101.1/24
rb wan 198.18.102.2/24 rc wan_b 198.18.102.1/24
"""
ROUTES = {
    "ra": "ip route add default via 198.18.101.1",
    "rb": "ip route add default via 198.18.102.1",
    "rc": "ip route add 198.51.100.0/24 via 198.18.101.2; ip route add 203.0.113.0/24 via 198.18.102.2",
    "peer": "ip route add default via 198.18.3.1",
    "phone": "ip route add default via 198.51.100.1",
}
#: The phone is on the other network now, and its session still uses the old address.
MOVE = """set -e
ip link set home down
ip address add 198.51.100.7/32 dev lo
ip route replace default via 203.0.113.1
"""
#: What an access network should do: drop what does not come from it (RFC 2827).
BCP38 = """nft -f - <<'X'
table inet bcp38 {
    chain ingress {
        type filter hook prerouting priority -400
        iifname wan_b ip saddr != 203.0.113.0/24 drop
    }
}
X
"""


@dataclass
class World:
    """The namespaces by name, and the routers that are configured over NETCONF."""

    spaces: dict[str, Namespace]
    servers: dict[str, NetconfServer]
    routers: dict[str, ManagedRouter]


@contextmanager
def worlds(built: Path, home: Path) -> Iterator[World]:
    with ExitStack() as stack:
        spaces = {name: stack.enter_context(Namespace()) for name in ("ra", "rb", "rc", "phone", "peer")}
        for line in LINKS.strip().splitlines():
            one, link, address, other, far, far_address = line.split()
            spaces[one].shell(f"""set -e
                ip link add {link} type veth peer name {far} netns {spaces[other].pid}
                ip address add {address} dev {link}; ip link set {link} up""")
            spaces[other].shell(f"ip address add {far_address} dev {far} && ip link set {far} up")
        for name, routes in ROUTES.items():
            spaces[name].shell(f"set -e\necho 1 >/proc/sys/net/ipv4/ip_forward\n{routes}")
        servers, routers = {}, {}
        for name in ("rb", "rc"):
            (home / name).mkdir()
            servers[name] = stack.enter_context(NetconfServer(spaces[name], built, home / name).serving())
            session = stack.enter_context(servers[name].session())
            routers[name] = netconf_router(name, IetfNetconf(), Renderer(), session)
        yield World(spaces, servers, routers)


class Call:
    """A TCP session of the phone with the peer, who echoes."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        listener = stack.enter_context(world.spaces["peer"].tcp())
        listener.bind((str(PEER), PORT))
        listener.listen()
        self._phone = stack.enter_context(world.spaces["phone"].tcp())
        self._phone.settimeout(10)
        self._phone.bind((str(OLD), 0))
        self._phone.connect((str(PEER), PORT))
        self._peer = stack.enter_context(listener.accept()[0])
        threading.Thread(target=self._echo, daemon=True).start()
        self.port = int(self._phone.getsockname()[1])

    def _echo(self) -> None:
        while data := self._peer.recv(1024):
            self._peer.sendall(data)

    def say(self, word: bytes) -> None:
        """Send something, which TCP repeats until it arrives."""
        self._phone.sendall(word)

    def hears(self, word: bytes, seconds: float = 20) -> bool:
        """Whether exactly this comes back, within a time."""
        deadline, heard = time.monotonic() + seconds, b""
        while len(heard) < len(word) and (left := deadline - time.monotonic()) > 0:
            self._phone.settimeout(left)
            with suppress(TimeoutError):
                heard += self._phone.recv(1024)
        return heard == word


def carry_out(
    world: World, target: dict[str, RouterState], now: float, then: Callable[[], object] = lambda: None
) -> None:
    """The planner's steps, in its order, through the sessions that are held; ``then`` comes before the encoders."""
    held = {name: router.gather() for name, router in world.routers.items()}
    stages = {name: list(group) for name, group in groupby(plan(held, target, (), drain=0.5), _kind)}

    def take(stage: Stage, routers: AllOrNothing | None) -> None:
        time.sleep(stage.wait)
        for step in stage.steps:
            name, router, before = step.router, world.routers[step.router], held[step.router]
            change = pending(step, before)
            if routers is None:
                held[name] = router.apply(change, before, now)
            else:
                held[name] = routers.apply(name, router, change, before)

    for stage in stages.get("before", ()):
        take(stage, None)
    then()
    with AllOrNothing(now) as together:
        for stage in stages.get("encoders", ()):
            take(stage, together)
    for stage in stages.get("after", ()):
        take(stage, None)


def _kind(stage: Stage) -> str:
    return {Phase.DECODE: "before", Phase.RETIRE: "after"}.get(stage.phase, "encoders")


def handed_over(call: Call, directions: Directions, now: float) -> dict[str, RouterState]:
    """What the two routers hold when the phone has moved."""
    handover = Handover(
        handover_id("sip:phone@example.com", None, OLD),
        OLD,
        NEW,
        int(now) + 600,
        directions=directions,
        sessions=(Session("tcp", call.port, PEER, PORT),),
    )
    target, refused = target_states({}, [handover], TOPOLOGY)
    assert not refused
    return {name: target[name] for name in ("rb", "rc")}


def kernel(world: World) -> list[str]:
    """What NAT and routing of the two routers are."""
    return [
        world.spaces[name].shell("nft list table inet nat; ip route show").stdout.replace(" linkdown", "")
        for name in world.routers
    ]


@pytest.mark.parametrize("directions", Directions)
def test_a_live_session_moves(netconf_built: Path, tmp_path: Path, directions: Directions) -> None:
    with worlds(netconf_built, tmp_path) as world, ExitStack() as stack:
        now = time.time()
        call = Call(world, stack)
        call.say(b"at home")
        assert call.hears(b"at home")
        before = kernel(world)
        world.spaces["phone"].shell(MOVE)
        if directions is Directions.BOTH:
            world.spaces["rc"].shell(BCP38)
        call.say(b"lost without us")
        assert not call.hears(b"lost without us", seconds=0.5)
        wanted = handed_over(call, directions, now)
        carry_out(world, wanted, now)
        assert call.hears(b"lost without us")
        for name, router in world.routers.items():
            assert router.gather() == wanted[name]
        carry_out(world, {name: RouterState() for name in wanted}, now)
        assert kernel(world) == before
        call.say(b"over")
        assert not call.hears(b"over", seconds=0.5)


def test_one_router_that_refuses_its_encoder_spoils_no_call(netconf_built: Path, tmp_path: Path) -> None:
    """Design rule 4. The correspondent's router has its encoder by then, unconfirmed; the phone is still at home."""
    with worlds(netconf_built, tmp_path) as world, ExitStack() as stack:
        now = time.time()
        call = Call(world, stack)
        other = stack.enter_context(world.servers["rb"].session())
        lock = '<lock xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><target><candidate/></target></lock>'
        wanted = handed_over(call, Directions.BOTH, now)
        with pytest.raises(HandoverError) as told:
            carry_out(world, wanted, now, then=lambda: other.request(lock))
        assert told.value.code == "lock_held"
        assert told.value.advice.endswith("The other routers are as before.")
        for router in world.routers.values():
            assert not [entry for entry in router.gather() if entry.role.value.startswith("encoder")]
        call.say(b"still at home")
        assert call.hears(b"still at home")
