# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the SIP server of a place is (RFC 3263), and an address from its network: real dnsmasq, real DHCP client."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..live import open_tcp
from ..moving import OLD, Journey
from ..namespaces import Namespace
from .walk import SERVERS, Client, Servers, held, soon

ZONE = """
naptr-record=naptr.example,10,1,S,SIP+D2T,,_sip._tcp.naptr.example
naptr-record=naptr.example,20,1,S,SIP+D2U,,_sip._udp.naptr.example
naptr-record=naptr.example,5,1,S,E2U+email,,_mail.naptr.example
srv-host=_sip._tcp.naptr.example,one.example,5070,1
srv-host=_sip._udp.naptr.example,two.example,5062,1
srv-host=_sip._udp.srv.example,two.example,5062,20
srv-host=_sip._udp.srv.example,one.example,5061,10
srv-host=_sips._tcp.srv.example,one.example,5061,10
srv-host=_sip._udp.many.example,one.example,1,1
host-record=one.example,203.0.113.11,2001:db8::11
host-record=two.example,203.0.113.12
host-record=plain.example,203.0.113.13
"""


@contextmanager
def dnsmasq(space: Namespace, directory: Path, text: str) -> Iterator[None]:
    """It knows what the text says, and nothing else."""
    file = directory / "dnsmasq.conf"
    file.write_text(
        f"no-resolv\nno-hosts\nno-daemon\nuser=root\nlocal=/example/\nbind-interfaces\n{text}", encoding="utf-8"
    )
    command = ["nsenter", "--target", str(space.pid), "--net", "dnsmasq", "--conf-file=" + str(file)]
    with (directory / "dnsmasq.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        time.sleep(0.3)
        assert process.poll() is None, (directory / "dnsmasq.log").read_text()
        yield
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Namespace]:
    """A host whose resolver is a dnsmasq of its own."""
    with Namespace() as space, dnsmasq(space, tmp_path_factory.mktemp("dns"), f"listen-address=127.0.0.1\n{ZONE}"):
        space.shell("echo nameserver 127.0.0.1 >/etc/resolv.conf")
        yield space


def found(space: Namespace, server: str, version: int = 4) -> list[str]:
    """The servers that are found there, or the code of the error."""
    script = f"{sys.executable} - {server} {version} <<'END'\n{_ASK}\nEND"
    return space.shell(script).stdout.split()


_ASK = """
import asyncio, sys
from ansible_collections.sipmobility.handover.node.locate import locate, parse_where
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
try:
    for one in asyncio.run(locate(parse_where(sys.argv[1]), int(sys.argv[2]))):
        print(one, one.name or "-", sep="/")
except HandoverError as error:
    print(error.code)
"""


@pytest.mark.parametrize(
    ("server", "version", "wanted"),
    [
        # NAPTR says which transport is liked best, whatever else the domain offers.
        ("naptr.example", 4, ["tcp:203.0.113.11:5070/naptr.example", "udp:203.0.113.12:5062/naptr.example"]),
        ("naptr.example", 6, ["tcp:[2001:db8::11]:5070/naptr.example"]),
        # SRV by priority; two records of one name are two servers.
        ("srv.example", 4, ["udp:203.0.113.11:5061/srv.example", "udp:203.0.113.12:5062/srv.example"]),
        ("tls:srv.example", 4, ["tls:203.0.113.11:5061/srv.example"]),
        # No SRV: the host itself.
        ("plain.example", 4, ["udp:203.0.113.13:5060/plain.example"]),
        ("tls:plain.example", 4, ["tls:203.0.113.13:5061/plain.example"]),
        # With a port nobody asks for SRV (section 4.2).
        ("srv.example:5080", 4, ["no_server_found"]),
        ("one.example:5080", 4, ["udp:203.0.113.11:5080/one.example"]),
        ("plain.example", 6, ["no_server_found"]),
        ("none.example", 4, ["no_server_found"]),
        ("203.0.113.5", 4, ["udp:203.0.113.5:5060/-"]),
        ("203.0.113.5", 6, ["no_server_found"]),
    ],
)
def test_where_a_server_is(names: Namespace, server: str, version: int, wanted: list[str]) -> None:
    assert found(names, server, version) == wanted


def test_nobody_answers_in_time() -> None:
    with Namespace() as space:
        space.shell("echo nameserver 127.0.0.1 >/etc/resolv.conf")
        assert found(space, "srv.example") == ["no_server_found"]


def test_an_address_by_dhcp_and_the_server_by_dns(
    world: Servers, client: Callable[..., Client], road: Journey, tmp_path: Path
) -> None:
    """The visited network brings both; the client is told nothing of it beforehand."""
    visited = road.spaces["rb"]
    rule = visited.shell("nft -ae insert rule inet operator input iifname lan udp dport '{ 53, 67 }' accept").stdout
    text = f"""
interface=lan
dhcp-range=203.0.113.50,203.0.113.59,1h
dhcp-authoritative
dhcp-leasefile={tmp_path}/leases
srv-host=_sip._udp.visited.example,sip.visited.example,5060,1
host-record=sip.visited.example,{SERVERS["visited"][4]}
"""
    it = client(
        servers=[{"network": "198.51.100.0/24", "server": SERVERS["home"][4]}],
        ask_address=["udhcpc", "-i", "{interface}", "-f", "-n", "-q", "-t", "8", "-T", "1"],
        ask_after=0.1,
        interfaces=["home", "visited"],
    )
    soon(lambda: it.registered_at(OLD[4]), it)
    with dnsmasq(visited, tmp_path, text), open_tcp(road, 4, 15):
        road.mobile.shell("ip address flush dev home; ip link set home down; ip link set visited up")
        soon(lambda: it.status().get("ipv4", {}).get("registered") and "203.0.113.5" in str(it.status()), it, 30)
        assert held(road) == [f"{OLD[4]}/32"]
        (event,) = [one for one in world.events("visited") if one["tag_hex"]]
        assert event["src_ip"].startswith("203.0.113.5")
    visited.shell(f"nft delete rule inet operator input handle {rule.rpartition('# handle ')[2]}")
