"""Configuration of the SIP server, ready to be laid into its container."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lab.topology import Address, Topology

EVENTS = "/var/log/kamailio/registrations.jsonl"
_HERE = Path(__file__).parent


def files(topology: Topology, own: Address, passwords: dict[str, str]) -> Iterator[tuple[str, str, int]]:
    """Path, content and mode of each file."""
    yield "etc/kamailio/kamailio.cfg", (_HERE / "kamailio.cfg").read_text(), 0o644
    yield "etc/kamailio/site.cfg", _site(topology, own), 0o644
    yield "etc/kamailio/users.cfg", _users(passwords), 0o644
    yield "etc/default/kamailio", "RUN_KAMAILIO=yes\nCFGFILE=/etc/kamailio/kamailio.cfg\n", 0o644
    yield "etc/rsyslog.conf", (_HERE / "rsyslog.conf").read_text(), 0o644
    service = (_HERE / "kamailio-service.conf").read_text()
    yield "etc/systemd/system/kamailio.service.d/lab.conf", service, 0o644
    # rsyslog writes to the journal; the journal must not send it back.
    yield "etc/systemd/journald.conf.d/lab.conf", "[Journal]\nRateLimitIntervalSec=0\nForwardToSyslog=no\n", 0o644
    yield EVENTS.lstrip("/"), "", 0o640


def _site(topology: Topology, own: Address) -> str:
    listen = [
        f"listen={transport}:{address}:5060"
        for address in (str(own.v4.ip), f"[{own.v6.ip}]")
        for transport in ("udp", "tcp")
    ]
    return "\n".join([*listen, f'#!define REALM "{topology.sip_domain}"', ""])


def _users(passwords: dict[str, str]) -> str:
    lines = [f'    $sht(password=>{user}) = "{password}";' for user, password in passwords.items()]
    return "\n".join(["event_route[htable:mod-init] {", *lines, "}", ""])
