# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A live TCP session through two routers that the stand-in of IOS makes of Linux kernels.

The phone opens it at home (router A, plain Linux), moves to B and keeps the socket. ios_static_nat programs B and C.
It is the kernel that carries the packets, and the stand-in's idea of IOS that says how; no Cisco software is in it.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import pytest

from ..standins.ios.kernel import kernel_script
from ..unit.platforms.ios_device import Terminal
from .namespaces import Namespace, until

OLD, NEW, PEER, OTHER = "198.51.100.10", "203.0.113.10", "198.18.3.10", "198.18.3.11"
AT_B = {"side": "inside", "local_address": OLD, "global_address": NEW, "no_alias": True, "no_payload": True}
AT_C = {"side": "outside", "local_address": OLD, "global_address": NEW, "add_route": True, "no_payload": True}
B = ("203.0.113.1 255.255.255.0", "198.18.102.2 255.255.255.0")
C = ("198.18.3.1 255.255.255.0", "198.18.102.1 255.255.255.0")
#: What stops the flow at B while the two routers differ, either way, before any translation.
FREEZE = (
    "ip access-list extended FREEZE-LAN",
    f"deny ip host {OLD} any",
    "permit ip any any",
    "ip access-list extended FREEZE-WAN",
    f"deny ip any host {NEW}",
    "permit ip any any",
    "interface lan",
    "ip access-group FREEZE-LAN in",
    "interface wan",
    "ip access-group FREEZE-WAN in",
)
THAW = ("interface lan", "no ip access-group FREEZE-LAN in", "interface wan", "no ip access-group FREEZE-WAN in")


class Router:
    """A stand-in whose configuration a kernel carries out."""

    def __init__(self, namespace: Namespace, addresses: tuple[str, str]) -> None:
        self._namespace = namespace
        lan, wan = addresses
        lines = (
            "interface lan",
            f"ip address {lan}",
            "ip nat inside",
            "interface wan",
            f"ip address {wan}",
            "ip nat outside",
        )
        self._terminal = Terminal(interfaces=lines)

    def told(self, *lines: str) -> None:
        """Configure something beside NAT."""
        self._terminal.told(*lines)
        self._namespace.shell(kernel_script(self._terminal.config))

    def static_nat(self, *entries: dict[str, object], state: str = "merged") -> None:
        """Run the module, and let the kernel follow."""
        assert self._terminal.run({"config": list(entries), "state": state})["changed"]
        self._namespace.shell(kernel_script(self._terminal.config))


@dataclass
class World:
    """The phone, its two networks and a peer's."""

    phone: Namespace
    peer: Namespace
    b: Router
    c: Router

    def session(self, peer: str = PEER) -> tuple[socket.socket, socket.socket]:
        """A TCP session that the phone has opened from its old address."""
        with self.peer.tcp() as listening:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((peer, 5060))
            listening.listen()
            ours = self.phone.tcp()
            ours.settimeout(5)
            ours.bind((OLD, 0))
            ours.connect((peer, 5060))
            theirs, _ = listening.accept()
        theirs.settimeout(5)
        assert spoken(ours, theirs)
        return ours, theirs

    def move(self) -> None:
        """The phone leaves A's network and appears in B's. Its old address stays on it, for its open sockets."""
        self.phone.shell(f"""set -e
            ip link set at-a down
            ip address add {OLD}/32 dev lo
            ip link set at-b up
            ip address add {NEW}/24 dev at-b
            ip route add default via 203.0.113.1 src {NEW}
        """)


@pytest.fixture
def world() -> Iterator[World]:
    with ExitStack() as stack:
        phone, a, b, c, peer = (stack.enter_context(Namespace()) for _ in range(5))
        for router in (a, b, c):
            router.shell("""set -e
                echo 1 >/proc/sys/net/ipv4/ip_forward
                for one in all default; do
                    echo 0 >/proc/sys/net/ipv4/conf/$one/rp_filter
                    echo 0 >/proc/sys/net/ipv4/conf/$one/send_redirects
                done
            """)
        a.shell(f"""set -e
            ip link add lan type veth peer name at-a netns {phone.pid}
            ip link add wan type veth peer name toa netns {c.pid}
            ip address add 198.51.100.1/24 dev lan; ip link set lan up
            ip address add 198.18.101.2/24 dev wan; ip link set wan up
            ip route add default via 198.18.101.1
        """)
        b.shell(f"""set -e
            ip link add lan type veth peer name at-b netns {phone.pid}
            ip link add wan type veth peer name wan netns {c.pid}
            ip address add 203.0.113.1/24 dev lan; ip link set lan up
            ip address add 198.18.102.2/24 dev wan; ip link set wan up
            ip route add default via 198.18.102.1
        """)
        c.shell(f"""set -e
            ip link add lan type veth peer name lan netns {peer.pid}
            ip address add 198.18.3.1/24 dev lan; ip link set lan up
            ip address add 198.18.101.1/24 dev toa; ip link set toa up
            ip address add 198.18.102.1/24 dev wan; ip link set wan up
            ip route add 198.51.100.0/24 via 198.18.101.2
            ip route add 203.0.113.0/24 via 198.18.102.2
        """)
        peer.shell(f"""set -e
            ip address add {PEER}/24 dev lan; ip address add {OTHER}/24 dev lan; ip link set lan up
            ip route add default via 198.18.3.1
        """)
        phone.shell(f"""set -e
            ip address add {OLD}/24 dev at-a; ip link set at-a up
            ip route add default via 198.51.100.1
        """)
        with phone.udp(OLD) as asking, peer.udp(PEER) as asked:
            until(lambda: arrives(asking, asked))
        yield World(phone, peer, Router(b, B), Router(c, C))


def arrives(one: socket.socket, other: socket.socket) -> bool:
    """Whether a datagram comes through."""
    with suppress(TimeoutError):
        one.sendto(b"?", other.getsockname())
        return other.recv(100) == b"?"
    return False


def spoken(ours: socket.socket, theirs: socket.socket) -> bool:
    """Whether a word and its answer come through."""
    for one, other, word in ((ours, theirs, b"said"), (theirs, ours, b"heard")):
        one.sendall(word)
        if other.recv(100) != word:
            return False
    return True


def reset(ours: socket.socket, theirs: socket.socket) -> bool:
    """Whether an end has been reset by now; both go on speaking, as live sessions do."""
    for one in (ours, theirs):
        with suppress(BlockingIOError):
            one.setblocking(False)
            try:
                one.send(b"?")
                one.recv(100)
            except (ConnectionResetError, BrokenPipeError):
                return True
    return False


@pytest.mark.parametrize("first", ["B", "C"])
def test_without_a_freeze_either_order_resets_the_session(world: World, first: str) -> None:
    """Design, rule 3: a line of IOS holds both rewrites, so one router alone shows an end a wrong address."""
    ours, theirs = world.session()
    with ours, theirs:
        world.move()
        if first == "B":
            world.b.static_nat(AT_B)
            world.b.told(f"ip route {OLD} 255.255.255.255 {NEW}")
        else:
            world.c.static_nat(AT_C)
        until(lambda: reset(ours, theirs))


def test_frozen_at_b_while_both_are_programmed_the_session_lives(world: World) -> None:
    ours, theirs = world.session()
    with ours, theirs:
        world.b.told(*FREEZE)
        world.move()
        ours.sendall(b"said in the cold")
        theirs.sendall(b"answered in the cold")
        world.b.static_nat(AT_B)
        world.b.told(f"ip route {OLD} 255.255.255.255 {NEW}")
        world.c.static_nat(AT_C)
        world.b.told(*THAW)
        assert theirs.recv(100) == b"said in the cold"
        assert ours.recv(100) == b"answered in the cold"
        assert spoken(ours, theirs)


def test_a_route_map_at_b_leaves_other_correspondents_alone(world: World) -> None:
    """Scope correspondent at B: what the phone opens to somebody else keeps its new address."""
    world.move()
    world.b.told(
        "ip access-list extended MOB",
        f"permit ip host {OLD} host {PEER}",
        "route-map MOB permit 10",
        "match ip address MOB",
    )
    world.b.static_nat({**AT_B, "route_map": "MOB", "reversible": True})
    world.b.told(f"ip route {OLD} 255.255.255.255 {NEW}")
    with world.phone.udp(OLD) as old, world.peer.udp(PEER) as peer, world.peer.udp(OTHER) as other:
        for there, seen in ((peer, NEW), (other, OLD)):
            old.sendto(b"to", there.getsockname())
            assert there.recvfrom(100)[1][0] == seen
        with world.phone.udp(NEW) as new:
            other.sendto(b"back", new.getsockname())
            assert new.recv(100) == b"back"
