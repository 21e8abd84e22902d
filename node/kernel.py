# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's side, by rtnetlink and sock_diag: addresses that come and go, the way to a server, sessions."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_interface
from typing import Any

from pyroute2 import AsyncIPRoute, DiagSocket
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.rtnl import (
    RTMGRP_IPV4_IFADDR,
    RTMGRP_IPV4_ROUTE,
    RTMGRP_IPV6_IFADDR,
    RTMGRP_IPV6_ROUTE,
    RTMGRP_LINK,
)

from ..plugins.module_utils.errors import HandoverError
from ..plugins.module_utils.sip.grammar import Address
from ..plugins.module_utils.sip.sessions_body import ListedSession
from .model import Sessions

__all__ = ["Attached", "Kernel", "Link"]

_LOOPBACK = 1
_GROUPS = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE
_FAMILY = {4: socket.AF_INET, 6: socket.AF_INET6}
#: IFA_F_DADFAILED, IFA_F_TENTATIVE; what is optimistic (RFC 4429) may be used.
_UNUSABLE, _OPTIMISTIC, _DEPRECATED, _NODAD = 0x08 | 0x40, 0x04, 0x20, 0x02
_UNIVERSE = 0
_IFF_LOOPBACK, _IFF_LOWER_UP = 0x8, 0x10000
#: States of a connection that carries something: all but TIME_WAIT, CLOSE, LISTEN and SYN_RECV.
_CONNECTED = sum(1 << state for state in (1, 2, 4, 5, 8, 9, 11))
#: A UDP socket is connected (1), or not (7).
_PROTOCOLS = (("tcp", socket.IPPROTO_TCP, _CONNECTED), ("udp", socket.IPPROTO_UDP, 1 << 1))
#: Seconds until a socket is read again that has failed.
_PAUSE = 0.01


@dataclass(frozen=True)
class Attached:
    """An address of an interface, with the network that it stands in."""

    address: Address
    network: IPv4Network | IPv6Network
    interface: str
    deprecated: bool = False


@dataclass(frozen=True)
class Link:
    """An interface, and whether it has a carrier."""

    name: str
    up: bool


class Kernel:
    """Opened and closed as an asynchronous context.

    :param interfaces: those whose addresses count; empty for all.
    :raises HandoverError: ``no_netlink``; of the methods ``kernel_refused``.
    """

    def __init__(self, interfaces: Collection[str] = ()) -> None:
        self._interfaces = frozenset(interfaces)
        self._asked: Any = None
        self._heard: Any = None

    async def __aenter__(self) -> Kernel:
        try:
            self._asked = AsyncIPRoute()
            self._heard = AsyncIPRoute()
            await self._heard.bind(groups=_GROUPS)
        except (NetlinkError, OSError) as error:
            raise HandoverError("no_netlink", error, "the kernel tells of addresses over rtnetlink") from error
        return self

    async def __aexit__(self, *_unused: object) -> None:
        for one in (self._asked, self._heard):
            if one is not None:
                await _closed(one)

    async def changes(self, tell: Callable[[], None]) -> None:
        """Call back after whatever the kernel says of links, addresses and routes; forever.

        What was missed in a burst does no harm: whoever is told looks at everything anew.
        """
        while True:
            try:
                async for _message in self._heard.get():
                    tell()
            except (NetlinkError, OSError):  # the socket's buffer was full
                tell()
            await asyncio.sleep(_PAUSE)

    async def links(self) -> list[Link]:
        """The interfaces that count."""
        return [link for link in (await self._links()).values() if link is not None]

    async def attached(self) -> list[Attached]:
        """The addresses that the node has by its networks. What is only held is on the loopback interface."""
        links = await self._links()
        found = []
        for message in await self._dump("addr"):
            link = links.get(message["index"])
            if link is None or message["scope"] != _UNIVERSE:
                continue
            flags = message.get_attr("IFA_FLAGS") or message["flags"]
            if flags & _UNUSABLE and not flags & _OPTIMISTIC:
                continue
            text = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
            one = ip_interface(f"{text}/{message['prefixlen']}")
            found.append(Attached(one.ip, one.network, link.name, bool(flags & _DEPRECATED)))
        return found

    async def source_to(self, server: Address) -> Address | None:
        """The address that packets to a server leave from; None without a way."""
        try:
            found = await self._asked.route("get", dst=str(server), family=_FAMILY[server.version])
            messages = [message async for message in found] if hasattr(found, "__aiter__") else list(found)
        except NetlinkError:
            return None
        for message in messages:
            text = message.get_attr("RTA_PREFSRC")
            if text is not None:
                return ip_address(text)
        return None

    async def keep(self, address: Address) -> None:
        """Hold an address on the loopback interface; it may be there already."""
        more = {"flags": _NODAD} if address.version == 6 else {}
        await self._change("add", address, (errno.EEXIST,), **more)

    async def give_up(self, address: Address) -> None:
        """Take it from there; it may be gone."""
        await self._change("del", address, (errno.EADDRNOTAVAIL, errno.ENODEV, errno.ENOENT))

    async def sessions(self) -> Sessions:
        """TCP connections and connected UDP sockets, by their local address."""
        return await asyncio.to_thread(_sessions)

    async def _links(self) -> dict[int, Link | None]:
        links: dict[int, Link | None] = {}
        for message in await self._dump("link"):
            name, flags = message.get_attr("IFLA_IFNAME"), message["flags"]
            counts = not flags & _IFF_LOOPBACK and (not self._interfaces or name in self._interfaces)
            links[message["index"]] = Link(name, bool(flags & _IFF_LOWER_UP)) if counts else None
        return links

    async def _dump(self, what: str) -> list[Any]:
        try:
            return [message async for message in await getattr(self._asked, what)("dump")]
        except (NetlinkError, OSError) as error:
            raise HandoverError("kernel_refused", error, f"the kernel lists each {what}") from error

    async def _change(self, verb: str, address: Address, allowed: Iterable[int], **more: Any) -> None:
        length = address.max_prefixlen
        try:
            await self._asked.addr(verb, index=_LOOPBACK, address=str(address), prefixlen=length, **more)
        except NetlinkError as error:
            if error.code not in allowed:
                raise HandoverError(
                    "kernel_refused",
                    f"{verb} {address}/{length} dev lo: {error}",
                    "the client may change addresses",
                    "It needs CAP_NET_ADMIN.",
                ) from error


async def _closed(one: Any) -> None:
    done = one.close()
    if asyncio.iscoroutine(done):
        await done


def _sessions() -> dict[Address, tuple[ListedSession, ...]]:
    found: dict[Address, dict[ListedSession, None]] = {}
    try:
        with DiagSocket() as diag:
            for protocol, number, states in _PROTOCOLS:
                for family in _FAMILY.values():
                    for message in diag.get_sock_stats(family=family, states=states, protocol=number):
                        local, other = _ends(message)
                        if local.is_loopback or local == other or other.is_unspecified or not message["idiag_dport"]:
                            continue
                        one = ListedSession(protocol, message["idiag_sport"], other, message["idiag_dport"])
                        found.setdefault(local, {})[one] = None
    except (NetlinkError, OSError) as error:
        raise HandoverError("kernel_refused", error, "the kernel lists its sockets (sock_diag)") from error
    return {address: tuple(listed) for address, listed in found.items()}


def _ends(message: Any) -> tuple[Address, Address]:
    return _unmapped(message["idiag_src"]), _unmapped(message["idiag_dst"])


def _unmapped(text: str) -> Address:
    # IPv4 through a socket of IPv6 (RFC 4291 section 2.5.5.2): on the wire it is IPv4.
    address = ip_address(text)
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
