# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The patent's three servers as the role makes them: visited, home, and the correspondent's; and DNS between them."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lab.certificates import Authority
from tests.unit.roles.private_kamailio import Kamailio

from .ua import Ua

__all__ = [
    "ABROAD",
    "ABROAD_6",
    "ADDRESSES",
    "ADDRESSES_6",
    "AT",
    "AT_6",
    "AT_HOME",
    "AT_HOME_6",
    "CORRESPONDENT",
    "FAR",
    "FAR_6",
    "HOME",
    "NOBODY",
    "OTHER",
    "PASSWORD",
    "STRANGER",
    "VISITED",
    "World",
    "until_heard",
]

PASSWORD = "kept between a phone and its home"
VISITED, HOME, CORRESPONDENT, OTHER = "visited.example", "home.example", "far.example", "other.example"
#: The servers, and where phones are: Alice at home and abroad, Bob, and somebody else.
AT = {VISITED: "203.0.113.2", HOME: "203.0.113.3", CORRESPONDENT: "203.0.113.4"}
AT_HOME, ABROAD, FAR, STRANGER = "198.51.100.20", "198.18.2.20", "198.18.4.20", "198.18.9.66"
#: Nobody listens there.
NOBODY = "203.0.113.99"
_DNS = "203.0.113.53"
ADDRESSES = (*AT.values(), _DNS, NOBODY, AT_HOME, ABROAD, FAR, STRANGER)
#: The same with IPv6; the two prefixes are the phone's networks at home and abroad.
AT_6 = {name: f"2001:db8:ff::{number}" for number, name in enumerate(AT, 2)}
AT_HOME_6, ABROAD_6, FAR_6 = "2001:db8:1::20", "2001:db8:2::20", "2001:db8:4::20"
ADDRESSES_6 = (*AT_6.values(), AT_HOME_6, ABROAD_6, FAR_6)
#: Not the port that would be taken without DNS.
PORT, TLS_PORT = 5070, 5071

_ZONE = """no-resolv
no-hosts
no-daemon
bind-interfaces
pid-file
cache-size=0
listen-address={dns}
local=/example/
"""
_DOMAIN = """host-record=sip.{name},{at}
naptr-record={name},10,100,s,SIP+D2U,,_sip._udp.{name}
naptr-record={name},20,100,s,SIPS+D2T,,_sips._tcp.{name}
srv-host=_sip._udp.{name},sip.{name},{port},2
srv-host=_sips._tcp.{name},sip.{name},{tls_port},1
"""
#: A server that is preferred, and gone.
_GONE = """srv-host=_sip._udp.{name},gone.{name},{port},1
host-record=gone.{name},203.0.113.99
"""


class World:
    """Starts them all; :meth:`close` ends them.

    :param tls: whether servers know each other by certificates; else by addresses.
    :param gone: whether DNS prefers servers that do not answer.
    :param at: the addresses of the servers.
    """

    def __init__(
        self, directory: Path, *, tls: bool, gone: bool = False, at: Mapping[str, str] = MappingProxyType(AT)
    ) -> None:
        self.directory = directory
        self.tls = tls
        self._at = at
        self.servers: dict[str, Kamailio] = {}
        self._phones: list[Ua] = []
        records = _DOMAIN + (_GONE if gone else "")
        zone = _ZONE.format(dns=_DNS) + "".join(
            records.format(name=name, at=at, port=PORT, tls_port=TLS_PORT) for name, at in at.items()
        )
        (directory / "zone").write_text(zone)
        (directory / "resolv.conf").write_text(f"nameserver {_DNS}\noptions timeout:1\n")
        with (directory / "dns.log").open("wb") as log:
            command = ["dnsmasq", "--conf-file=" + str(directory / "zone"), "--user=root"]
            self._dns = subprocess.Popen(command, stdout=log, stderr=log)
        self.authority = Authority(directory)
        try:
            for name, duties in _DUTIES.items():
                self._start(name, duties)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End them."""
        for phone in self._phones:
            phone.close()
        for server in self.servers.values():
            server.stop()
        self._dns.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._dns.wait(5)

    def phone(self, user: str, domain: str, at: str, by: str, password: str = PASSWORD) -> Ua:
        """A phone of a domain, at an address, which sends everything by one of the servers."""
        self._phones.append(Ua(user, domain, password, at, (self._at[by], PORT)))
        return self._phones[-1]

    def leave(self, phone: Ua) -> None:
        """The phone's address is free again."""
        self._phones.remove(phone)
        phone.close()

    def told(self, server: str, call_id: str, count: int = 1) -> list[dict[str, Any]]:
        """The events that a server wrote of a call."""
        lines = self.servers[server].events(call_id, count).splitlines()
        return [json.loads(line[line.index(b"{") :]) for line in lines]

    def _start(self, name: str, duties: Mapping[str, Any]) -> None:
        directory = self.directory / name
        directory.mkdir()
        at = self._at[name]
        host = f"[{at}]" if ":" in at else at
        peers = [
            {"name": f"sip.{peer}", "domains": [peer] if peer != VISITED else []}
            | ({} if self.tls else {"addresses": [self._at[peer]]})
            for peer in self._at
            if peer != name
        ]
        certificate, key = self.authority.certificate(f"sip.{name}")
        secured = {
            "sip_server_tls_certificate": str(certificate),
            "sip_server_tls_private_key": str(key),
            "sip_server_tls_ca_list": str(self.authority.file),
        }
        listen = [f"udp:{host}:{PORT}", f"tcp:{host}:{PORT}", *([f"tls:{host}:{TLS_PORT}"] if self.tls else [])]
        settings = {
            "sip_server_listen": listen,
            "sip_server_domains": [],
            "sip_server_users": [],
            "sip_server_children": 2,
            "sip_server_peers": peers,
            **duties,
            **(secured if self.tls else {}),
        }
        bind = f"mount --bind {self.directory / 'resolv.conf'} $(realpath /etc/resolv.conf)"
        within = ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'{bind} && exec "$@"', "sh"]
        self.servers[name] = Kamailio(directory, settings, address=at, port=PORT, within=within)


def _users(domain: str, *names: str) -> list[dict[str, Any]]:
    return [{"name": name, "domain": domain, "password": PASSWORD} for name in names]


_DUTIES: Mapping[str, Mapping[str, Any]] = {
    VISITED: {
        "sip_server_duties": ["visited"],
        "sip_server_visitors": [{"name": HOME, "mobility": True}, {"name": OTHER}],
    },
    HOME: {
        "sip_server_duties": ["registrar", "proxy"],
        "sip_server_tell_dialogs": True,
        "sip_server_domains": [{"name": HOME, "mobility": True}],
        "sip_server_users": _users(HOME, "alice", "mallory"),
    },
    CORRESPONDENT: {
        "sip_server_duties": ["registrar", "proxy", "correspondent"],
        "sip_server_domains": [{"name": CORRESPONDENT, "mobility": True}],
        "sip_server_users": _users(CORRESPONDENT, "bob", "carol"),
    },
}


def until_heard(phone: Ua, method: str) -> None:
    """Wait for a request."""
    end = time.monotonic() + 60
    while not any(message.method == method for message in phone.heard):
        assert time.monotonic() < end, f"{phone.aor} heard no {method}"
        time.sleep(0.01)
