"""The networks of the walk: each has a SIP server, names, and, where the phone comes by, an address for it.

Names (dnsmasq, a server in each network) are those of RFC 3263: NAPTR, SRV and A of each domain.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from lab import Lab
from lab.kamailio import EVENTS
from lab.runtime import LabError, in_network

__all__ = ["CORRESPONDENT", "HOME", "TLS_PORT", "UDP_PORT", "VISITED", "Place", "named", "places"]

UDP_PORT, TLS_PORT = 5060, 5061
#: LAN, the node that has its SIP server and names, and its domain.
_PLACES = (
    ("a", "sip-home", "home.example"),
    ("b", "pcscf", "visited.example"),
    ("c", "sip-far", "far.example"),
    ("d", "sip-campus", "campus.example"),
)
#: The phone's home, the networks that it visits, and its correspondent's.
HOME, VISITED, CORRESPONDENT = "a", ("b", "d"), "c"

_NAMES = """no-daemon
no-resolv
no-hosts
user=root
listen-address={own}
bind-dynamic
local=/example/
"""
_DOMAIN = """host-record={server},{at}
naptr-record={domain},10,100,s,SIP+D2U,,_sip._udp.{domain}
naptr-record={domain},20,100,s,SIPS+D2T,,_sips._tcp.{domain}
srv-host=_sip._udp.{domain},{server},{udp}
srv-host=_sips._tcp.{domain},{server},{tls}
"""
_ADDRESSES = """dhcp-range={network},static,{mask},1h
dhcp-host={mac},{phone}
dhcp-option=option:router,{gateway}
dhcp-option=option:dns-server,{own}
dhcp-authoritative
dhcp-leasefile={lease}
"""


@dataclass(frozen=True)
class Place:
    """A network, as a phone finds it.

    :ivar node: its SIP server.
    :ivar log: the events of that, as a file of this machine.
    """

    lan: str
    node: str
    domain: str
    address: IPv4Address
    log: Path

    @property
    def server(self) -> str:
        """The name of the SIP server, which is in its certificate."""
        return f"sip.{self.domain}"


def places(lab: Lab) -> dict[str, Place]:
    """The networks, by LAN."""
    return {
        lan: Place(lan, node, domain, lab.topology.address(node).v4.ip, Path(f"/proc/{lab.pids[node]}/root{EVENTS}"))
        for lan, node, domain in _PLACES
    }


@contextmanager
def named(lab: Lab, found: Mapping[str, Place], directory: Path) -> Iterator[None]:
    """DNS and DHCP in each network; ended at the end."""
    with ExitStack() as stack:
        for place in found.values():
            stack.enter_context(_dnsmasq(lab, found, place, directory))
        yield


@contextmanager
def _dnsmasq(lab: Lab, found: Mapping[str, Place], place: Place, directory: Path) -> Iterator[None]:
    text = _NAMES.format(own=place.address) + "".join(
        _DOMAIN.format(server=one.server, at=one.address, domain=one.domain, udp=UDP_PORT, tls=TLS_PORT)
        for one in found.values()
    )
    if place.lan != CORRESPONDENT:
        text += _addresses(lab, place, directory)
    file, log = directory / f"dnsmasq-{place.lan}.conf", directory / f"dnsmasq-{place.lan}.log"
    file.write_text(text, encoding="utf-8")
    with log.open("wb") as record:
        argv = in_network(lab.pids[place.node], ["dnsmasq", f"--conf-file={file}"])
        server = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=record, stderr=record)
    try:
        time.sleep(0.3)
        if server.poll() is not None:
            raise LabError(f"dnsmasq at {place.lan}: {log.read_text(encoding='utf-8')[-500:]}")
        yield
    finally:
        server.terminate()
        server.wait(10)


def _addresses(lab: Lab, place: Place, directory: Path) -> str:
    """Each network gives the phone the address that the lab foresees for it there, so that stories can be compared."""
    interface = lab.topology.nodes["mn"].lan_interface
    phone = lab.topology.address("mn", place.lan).v4
    return _ADDRESSES.format(
        network=phone.network.network_address,
        mask=phone.network.netmask,
        mac=lab.run("mn", ["cat", f"/sys/class/net/{interface}/address"]).stdout.strip(),
        phone=phone.ip,
        gateway=lab.topology.lans[place.lan].gateway.v4.ip,
        own=place.address,
        lease=directory / f"leases-{place.lan}",
    )
