# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real connection table: a phone, a masquerading router, a correspondent behind it, each a private namespace.

What it says is read in both ways: by the script of the playbooks, and by the program that a service has on a router.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.connection import Standing, session_of
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import Output
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.conntrack import (
    MAX_ROWS,
    Table,
    read_connections,
)
from ansible_collections.sipmobility.handover.plugins.plugin_utils.connections import gathered
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer

from .agent.held import resident_shell
from .namespaces import Namespace, until

PHONE, OUTSIDE, INSIDE = ip_address("203.0.113.20"), ip_address("203.0.113.1"), ip_address("198.51.100.10")
PHONE6, INSIDE6 = ip_address("2001:db8:b::20"), ip_address("2001:db8:c::10")

_ROUTER = """
# UDP-Lite that crosses a pair of virtual links has no checksum yet, which counts as a wrong one.
echo 0 > /proc/sys/net/netfilter/nf_conntrack_checksum
ip link add lan type veth peer name eth0 netns CN_PID
ip link add wan type veth peer name eth0 netns PHONE_PID
echo 0 > /proc/sys/net/ipv6/conf/lan/accept_dad
echo 0 > /proc/sys/net/ipv6/conf/wan/accept_dad
ip address add 198.51.100.1/24 dev lan
ip address add 203.0.113.1/24 dev wan
ip -6 address add 2001:db8:c::1/64 dev lan nodad
ip -6 address add 2001:db8:b::1/64 dev wan nodad
ip link set lan up
ip link set wan up
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
nft -f - <<'RULES'
table ip nat {
    chain out { type nat hook postrouting priority srcnat
        oifname "wan" ip saddr 198.51.100.0/24 masquerade random
    }
    chain in { type nat hook prerouting priority dstnat
        iifname "wan" tcp dport 7500 dnat to 198.51.100.10:7000
    }
}
table ip6 track {
    chain forward { type filter hook forward priority filter
        ct state established accept
    }
}
RULES
"""
_HOST = """
echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad
ip address add {v4}/24 dev eth0
ip -6 address add {v6}/64 dev eth0 nodad
ip link set eth0 up
ip route add default via {gateway}
ip -6 route add default via {gateway6}
"""

_NOBODY = "setpriv --reuid 65534 --regid 65534 --clear-groups"


@dataclass(frozen=True)
class Net:
    """The three of them."""

    phone: Namespace
    router: Namespace
    correspondent: Namespace
    ways: Mapping[str, Callable[[Sequence[str]], Table]]
    way: str

    def table(self, *addresses: str) -> Table:
        """What the router says of these addresses."""
        return self.ways[self.way](addresses)

    def sessions(self) -> set[Session]:
        """What it says that the phone has."""
        found = [one for one in self.table(str(PHONE), str(PHONE6)).connections if one.standing is Standing.LIVE]
        both = [session_of(one, host) for one in found for host in (PHONE, PHONE6)]
        return {session for session in both if session is not None}


@pytest.fixture(scope="module", params=["script", "program"])
def net(request: pytest.FixtureRequest) -> Iterator[Net]:
    with Namespace() as phone, Namespace() as router, Namespace() as correspondent:
        router.shell(_ROUTER.replace("PHONE_PID", str(phone.pid)).replace("CN_PID", str(correspondent.pid)))
        phone.shell(_HOST.format(v4=PHONE, v6=PHONE6, gateway=OUTSIDE, gateway6="2001:db8:b::1"))
        correspondent.shell(_HOST.format(v4=INSIDE, v6=INSIDE6, gateway="198.51.100.1", gateway6="2001:db8:c::1"))
        with resident_shell(router) as (shell, _itself):

            def by_script(addresses: Sequence[str]) -> Table:
                return gathered([ip_address(text) for text in addresses], router, Renderer())

            def by_program(addresses: Sequence[str]) -> Table:
                said = shell.connections(addresses, MAX_ROWS)
                assert said is not None, "the program leaves it to a script"
                return read_connections(said)

            ways = {"script": by_script, "program": by_program}
            yield Net(phone, router, correspondent, ways, request.param)


@pytest.fixture
def empty(net: Net) -> Net:
    net.router.shell("conntrack -F 2>/dev/null; ip neigh flush all")
    return net


def test_a_masqueraded_correspondent_has_two_endpoints(empty: Net) -> None:
    with empty.phone.udp(str(PHONE), 4000) as here, empty.correspondent.udp(str(INSIDE), 5000) as there:
        there.sendto(b"to the phone", (str(PHONE), 4000))
        seen = here.recvfrom(99)[1]
        here.sendto(b"back", seen)
        assert there.recv(99) == b"back"
    assert seen[0] == str(OUTSIDE)
    assert seen[1] != 5000, "the router chose another port"
    assert empty.sessions() == {Session("udp", 4000, INSIDE, 5000, outside=OUTSIDE, outside_port=seen[1])}


def test_a_published_port_has_two_endpoints(empty: Net) -> None:
    with _tcp(empty.correspondent, "0.0.0.0", 7000) as listening, _tcp(empty.phone, str(PHONE), 40000) as here:
        listening.listen()
        here.connect((str(OUTSIDE), 7500))
        assert empty.sessions() == {Session("tcp", 40000, INSIDE, 7000, outside=OUTSIDE, outside_port=7500)}


def test_ipv6_in_both_notations(empty: Net) -> None:
    with _tcp(empty.correspondent, "::", 7000) as listening, _tcp(empty.phone, str(PHONE6), 40000) as here:
        listening.listen()
        here.connect((str(INSIDE6), 7000))
        expected = {Session("tcp", 40000, INSIDE6, 7000)}
        assert empty.sessions() == expected
        # Without conntrack the kernel's own file is read, which writes addresses in full.
        empty.router.shell("mount --bind /bin/false $(command -v conntrack)")
        try:
            assert empty.sessions() == expected
        finally:
            empty.router.shell("umount $(command -v conntrack)")


def test_udplite(empty: Net) -> None:
    with _udplite(empty.phone, str(PHONE), 4000) as here, _udplite(empty.correspondent, str(INSIDE), 5000) as there:
        here.sendto(b"hello", (str(INSIDE), 5000))
        assert there.recv(99) == b"hello"
        there.sendto(b"hello", (str(PHONE), 4000))
        assert here.recv(99) == b"hello"
    assert empty.sessions() == {Session("udplite", 4000, INSIDE, 5000)}


#: As conntrack takes them: the states of each protocol, and more of what it must know. Newer kernels have no DCCP.
_STATES = {
    "tcp": "NONE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT CLOSE SYN_SENT2",
    "sctp": "NONE CLOSED COOKIE_WAIT COOKIE_ECHOED ESTABLISHED SHUTDOWN_SENT SHUTDOWN_RECD SHUTDOWN_ACK_SENT",
}
_MORE = {"sctp": "--orig-vtag 1 --reply-vtag 2"}


@pytest.mark.parametrize("protocol", _STATES)
def test_every_state_is_told_alike(empty: Net, protocol: str) -> None:
    port = 10000
    for state in _STATES[protocol].split():
        for seen in ("", "-u SEEN_REPLY"):
            port += 1
            ends = f"-s {PHONE} -d {INSIDE} --sport {port} --dport 7000"
            empty.router.shell(
                f"conntrack -I -p {protocol} {ends} --state {state} {_MORE.get(protocol, '')} -t 600 {seen} 2>&1"
            )
    told = {way: ask([str(PHONE)]) for way, ask in empty.ways.items()}
    assert set(told["program"].connections) == set(told["script"].connections)
    assert told["program"][2:] == told["script"][2:]
    assert {one.standing for one in told["program"].connections} == set(Standing)


def test_nobody_answers_a_tcp_session(empty: Net) -> None:
    empty.correspondent.shell(
        "nft add table ip deaf; nft 'add chain ip deaf in { type filter hook input priority 0; policy drop; }'"
    )
    try:
        with _tcp(empty.phone, str(PHONE), 40002) as here:
            here.setblocking(False)
            assert here.connect_ex((str(INSIDE), 7000)) == errno.EINPROGRESS
            until(lambda: [one.standing for one in empty.table(str(PHONE)).connections] == [Standing.OPENING])
    finally:
        empty.correspondent.shell("nft delete table ip deaf")


def test_what_is_closed_is_over(empty: Net) -> None:
    with _tcp(empty.correspondent, "0.0.0.0", 7000) as listening, _tcp(empty.phone, str(PHONE), 40001) as here:
        listening.listen()
        here.connect((str(INSIDE), 7000))
        listening.accept()[0].close()
    until(lambda: [one.standing for one in empty.table(str(PHONE)).connections] == [Standing.OVER])


def test_one_way_is_told(empty: Net) -> None:
    with empty.phone.udp(str(PHONE), 4000) as here, empty.correspondent.udp(str(INSIDE), 5000):
        here.sendto(b"hello", (str(INSIDE), 5000))
    (one,) = empty.table(str(PHONE)).connections
    assert one.standing is Standing.ONE_WAY
    assert one.began_at(PHONE)


def test_rows_of_others_do_not_travel_and_floods_are_cut(empty: Net) -> None:
    with empty.phone.udp(str(PHONE), 4000) as here, empty.correspondent.udp(str(INSIDE), 5000) as there:
        here.sendto(b"hello", (str(INSIDE), 5000))
        there.recv(99)
        there.sendto(b"hello", (str(PHONE), 4000))
        here.recv(99)
        for port in range(10000, 10000 + MAX_ROWS + 50):
            here.sendto(b"flood", (str(INSIDE), port))
    assert empty.table("203.0.113.99")[0] == ()
    table = empty.table(str(PHONE))
    idle = [one for one in table.connections if one.standing is Standing.ONE_WAY]
    assert len(idle) == MAX_ROWS < table.tracked
    assert table.left_out > 0
    assert [one.destination_port for one in table.connections if one.standing is Standing.LIVE] == [5000]


def test_a_login_that_may_not_look(net: Net) -> None:
    with pytest.raises(HandoverError) as refused:
        gathered([PHONE], _Unprivileged(net.router), Renderer())
    assert refused.value.code == "connections_unknown"
    assert "ermi" in refused.value.subject
    with resident_shell(net.router, _NOBODY) as (shell, _itself):
        assert shell.connections([str(PHONE)], MAX_ROWS) is None, "the script tells why"


@dataclass(frozen=True)
class _Unprivileged:
    """The router's shell without its root."""

    router: Namespace

    def run(self, script: str) -> Output:
        return self.router.run(f"{_NOBODY} /bin/sh -s <<'SCRIPT'\n{script}\nSCRIPT\n")


def _tcp(namespace: Namespace, address: str, port: int) -> socket.socket:
    return _bound(namespace, address, port, socket.SOCK_STREAM, 0)


def _udplite(namespace: Namespace, address: str, port: int) -> socket.socket:
    return _bound(namespace, address, port, socket.SOCK_DGRAM, socket.IPPROTO_UDPLITE)


def _bound(namespace: Namespace, address: str, port: int, kind: int, protocol: int) -> socket.socket:
    one = namespace.open_socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind, protocol)
    one.settimeout(2)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind((address, port))
    return one
