# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a SIP server is: an address as it stands, or by DNS (RFC 3263 section 4: NAPTR, SRV, A and AAAA)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Any

import dns.asyncresolver
import dns.exception
import dns.resolver

from ..plugins.module_utils.errors import HandoverError
from ..plugins.module_utils.sip.grammar import Address, ip_literal
from .model import Endpoint

__all__ = ["Where", "endpoint_of", "locate", "parse_where"]

_WHERE = re.compile(r"(?:(udp|tcp|tls):)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:]+)(?::([0-9]{1,5}))?")
#: NAPTR services (RFC 3263 section 4.1) and SRV names by transport.
_SERVICES = {"SIPS+D2T": "tls", "SIP+D2T": "tcp", "SIP+D2U": "udp"}
_SRV = {"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."}
#: What DNS says is anybody's: no more records than these are followed, no longer than this, seconds.
_MOST, _PATIENCE = 8, 4.0


@dataclass(frozen=True)
class Where:
    """A server as it is written: ``[TRANSPORT:]HOST[:PORT]``.

    :ivar transport: None to leave it to DNS, and udp where an address says nothing.
    """

    host: str
    port: int | None = None
    transport: str | None = None

    @property
    def literal(self) -> Address | None:
        return ip_literal(self.host)


def parse_where(text: object) -> Where:
    """:raises HandoverError: ``bad_server``."""
    bare = ip_literal(text) if isinstance(text, str) else None
    if bare is not None:
        return Where(str(bare))
    found = _WHERE.fullmatch(text) if isinstance(text, str) else None
    port = int(found.group(3)) if found is not None and found.group(3) else None
    if found is None or (port is not None and not 0 < port < 65536):
        raise HandoverError("bad_server", text, "a server is written as [udp:|tcp:|tls:]HOST[:PORT], IPv6 in brackets")
    return Where(found.group(2).strip("[]"), port, found.group(1))


async def locate(where: Where, version: int) -> tuple[Endpoint, ...]:
    """The servers of one IP version, the best first.

    :raises HandoverError: ``no_server_found``.
    """
    rule = "a SIP server is found by DNS (NAPTR, SRV, A and AAAA)"
    literal = where.literal
    if literal is not None:
        found = [endpoint_of(where, literal)] if literal.version == version else []
    else:
        try:
            found = await _Search(version).servers(where)
        except (dns.exception.DNSException, OSError, ValueError) as error:
            raise HandoverError("no_server_found", f"{where.host}: {error or type(error).__name__}", rule) from error
    if not found:
        raise HandoverError("no_server_found", f"{where.host}, IPv{version}", rule)
    return tuple(found[:_MOST])


def endpoint_of(where: Where, address: Address) -> Endpoint:
    """The server at an address of its host."""
    transport = where.transport or "udp"
    port = where.port or (5061 if transport == "tls" else 5060)
    return Endpoint(address, port, transport, "" if where.literal is not None else where.host)


class _Search:
    """One search, by the resolver that the system has at this place."""

    def __init__(self, version: int) -> None:
        self._type = "A" if version == 4 else "AAAA"
        self._resolver = dns.asyncresolver.Resolver()
        self._resolver.lifetime = _PATIENCE

    async def servers(self, where: Where) -> list[Endpoint]:
        found = []
        if where.port is None:
            transports = [where.transport] if where.transport else await self._transports(where.host)
            for transport in transports:
                for host, port in await self._targets(_SRV[transport] + where.host):
                    # RFC 5922 section 4: the certificate is for the domain that was asked for.
                    found += [Endpoint(address, port, transport, where.host) for address in await self._addresses(host)]
        return found or [endpoint_of(where, address) for address in await self._addresses(where.host)]

    async def _transports(self, domain: str) -> list[str]:
        """By NAPTR (section 4.1); without any, those that every server has, UDP first."""
        records = sorted(await self._ask(domain, "NAPTR"), key=lambda one: (one.order, one.preference))
        services = [one.service.decode("ascii", "replace").upper() for one in records]
        return list(dict.fromkeys(_SERVICES[name] for name in services if name in _SERVICES)) or ["udp", "tcp"]

    async def _targets(self, name: str) -> list[tuple[str, int]]:
        records = sorted(await self._ask(name, "SRV"), key=lambda one: (one.priority, -one.weight))
        return [(one.target.to_text(omit_final_dot=True), one.port) for one in records if one.port]

    async def _addresses(self, host: str) -> list[Address]:
        return [ipaddress.ip_address(one.address) for one in await self._ask(host, self._type)]

    async def _ask(self, name: str, kind: str) -> list[Any]:
        try:
            return list(await self._resolver.resolve(name, kind, search=False))[:_MOST]
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
