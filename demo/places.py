"""What each network of the lab offers a phone that comes by: an address, names, and a SIP server.

One DNS and DHCP server (dnsmasq) a LAN. At B stands the lab's own SIP server; at A and D one runs on the router itself,
as with operators who have both on one machine. All three serve one domain, each with a location table and an event
log of its own.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab import Lab
from lab.kamailio import variables_of, write_in
from lab.runtime import LabError, in_network
from lab.topology import Address

__all__ = ["PLACES", "Place", "places"]

#: LAN, and the node that has its SIP server and names.
PLACES = {"a": "ra", "b": "pcscf", "d": "rd"}
#: Kamailio's own words before the event's line.
_EVENTS = r"s/^ *[0-9]*([0-9]*) [A-Z]*: \({.*\)$/\1/p"


@dataclass(frozen=True)
class Place:
    """A network, as a phone finds it.

    :ivar server: the name of its SIP server.
    :ivar log: that server's events; None for the lab's own.
    """

    lan: str
    server: str
    address: Address
    log: Path | None


@contextmanager
def places(lab: Lab, directory: Path) -> Iterator[dict[str, Place]]:
    """The networks with all that; ended at the end."""
    with ExitStack() as stack:
        found = {}
        for lan, node in PLACES.items():
            address = lab.topology.lans[lan].gateway if node.startswith("r") else lab.topology.address(node)
            log = stack.enter_context(_sip_server(lab, lan, node, address, directory)) if node != "pcscf" else None
            found[lan] = Place(lan, f"sip.{lan}.example", address, log)
        for lan, node in PLACES.items():
            stack.enter_context(_names(lab, found[lan], node, directory))
        yield found


@contextmanager
def _sip_server(lab: Lab, lan: str, node: str, address: Address, directory: Path) -> Iterator[Path]:
    home = directory / f"sip-{lan}"
    home.mkdir()
    write_in(home, variables_of(lab.topology, address, lab.state.passwords))
    log = home / "registrations.jsonl"
    log.touch()
    kamailio = ["kamailio", "-f", home / "kamailio.cfg", "-DD", "-E", "-m", "32", "-Y", home, "-w", home]
    with log.open("ab") as out:
        server = subprocess.Popen(
            in_network(lab.pids[node], list(map(str, kamailio))),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        lines = subprocess.Popen(["sed", "-un", _EVENTS], stdin=server.stderr, stdout=out)
    try:
        time.sleep(1)
        if server.poll() is not None:
            raise LabError(f"Kamailio at {lan} ended with {server.returncode}")
        yield log
    finally:
        server.terminate()
        server.wait(10)
        lines.wait(10)


@contextmanager
def _names(lab: Lab, place: Place, node: str, directory: Path) -> Iterator[None]:
    """Each network gives the phone the address that the lab foresees for it there, so that stories can be compared."""
    interface = lab.topology.nodes["mn"].lan_interface
    mac = lab.run("mn", ["cat", f"/sys/class/net/{interface}/address"]).stdout.strip()
    phone, gateway = lab.topology.address("mn", place.lan), lab.topology.lans[place.lan].gateway
    own = place.address.v4.ip
    text = f"""no-daemon
no-resolv
no-hosts
user=root
listen-address={own}
bind-dynamic
local=/example/
host-record={place.server},{own}
dhcp-range={phone.v4.network.network_address},static,{phone.v4.network.netmask},1h
dhcp-host={mac},{phone.v4.ip}
dhcp-option=option:router,{gateway.v4.ip}
dhcp-option=option:dns-server,{own}
dhcp-authoritative
dhcp-leasefile={directory}/leases-{place.lan}
"""
    file = directory / f"dnsmasq-{place.lan}.conf"
    file.write_text(text, encoding="utf-8")
    log = (directory / f"dnsmasq-{place.lan}.log").open("wb")
    argv = in_network(lab.pids[node], ["dnsmasq", f"--conf-file={file}"])
    with log:
        server = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        time.sleep(0.3)
        if server.poll() is not None:
            raise LabError(f"dnsmasq at {place.lan}: {Path(log.name).read_text(encoding='utf-8')[-500:]}")
        yield
    finally:
        server.terminate()
        server.wait(10)
