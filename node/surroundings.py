# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the node is now, as one look at the kernel tells: its address of an IP version, and whether one is missing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from ipaddress import ip_address

from ..plugins.module_utils.sip.grammar import Address
from .directory import Directory
from .kernel import Attached, Kernel
from .model import Place

__all__ = ["place", "without_address"]

#: Nobody has these (RFC 5737, RFC 3849): the way there is the default route.
_ANYWHERE = {4: ip_address("192.0.2.1"), 6: ip_address("2001:db8::1")}


async def place(
    kernel: Kernel, directory: Directory, version: int, last: Address | None, attached: Collection[Attached]
) -> Place | None:
    """The address by which SIP servers are reached, and the servers of its place. None without an address or a way.

    :param last: the address that the node had at the last look.
    :param attached: all that it has now.
    """
    mine = [one for one in attached if one.address.version == version]
    here = _at(await kernel.source_to(_ANYWHERE[version]), mine) or (mine[0] if len(mine) == 1 else None)
    if here is None:
        return None
    here = _stayed(here, last, mine)
    servers = directory.at(here.address, here.interface)
    if servers:
        # With more than one network the way to the server counts, not that to anywhere.
        towards = _at(await kernel.source_to(servers[0].address), mine)
        if towards is None:
            return None
        towards = _stayed(towards, last, mine)
        if towards != here:
            here, servers = towards, directory.at(towards.address, towards.interface)
    return Place(here.address, servers)


def without_address(links: Iterable[str], attached: Iterable[Attached]) -> list[str]:
    """The interfaces that have a carrier and no address of IPv4."""
    have = {one.interface for one in attached if one.address.version == 4}
    return [name for name in links if name not in have]


def _at(address: Address | None, attached: Iterable[Attached]) -> Attached | None:
    return next((one for one in attached if one.address == address), None)


def _stayed(here: Attached, last: Address | None, attached: Iterable[Attached]) -> Attached:
    """The last address while it is there, in the same network: a temporary one (RFC 8981) that has a successor."""
    before = _at(last, attached)
    if before is not None and (before.interface, before.network) == (here.interface, here.network):
        return before
    return here
