# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts believe: which addresses are theirs, and between which endpoints they talk.

The judge of every walk. It knows nothing of handovers, rewrites or plans: a host takes a packet to an address of
its own, and its sockets know the packet or they do not. One that no socket knows is answered with a reset, which
kills the session at the other end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.trace import Packet

__all__ = ["End", "Hosts", "Talk"]

_Socket = tuple[str, str, Address, "int | None", Address, "int | None"]


@dataclass(frozen=True)
class End:
    """One end of a talk.

    :ivar address: what its own socket is bound to.
    :ivar seen: the same as the other end's socket knows it; another one behind a masquerading router.
    """

    host: str
    address: Address
    port: int
    seen: Address
    seen_port: int

    @property
    def masqueraded(self) -> bool:
        return self.address != self.seen


@dataclass(frozen=True)
class Talk:
    """A transport session between two hosts."""

    name: str
    protocol: str
    one: End
    other: End

    def __str__(self) -> str:
        ends = [f"{end.host} {end.address}:{end.port}" for end in (self.one, self.other)]
        return f"{self.name} ({self.protocol} {' - '.join(ends)})"

    def ways(self) -> Iterator[tuple[End, Packet]]:
        """Sender, and a packet as it sends it, both ways."""
        for sender, to in ((self.one, self.other), (self.other, self.one)):
            yield sender, Packet(sender.address, to.seen, self.protocol, sender.port, to.seen_port)


@dataclass
class Hosts:
    """Who is where, and what each one knows.

    :ivar at: each host's address now.
    :ivar behind: the router of each host.
    :ivar holder: who answers for an address on its link.
    :ivar been: all addresses that a host ever had.
    :ivar owns: the addresses that a host takes packets for: its own, and former ones that it still talks from.
    """

    at: dict[str, Address] = field(default_factory=dict)
    behind: dict[str, str] = field(default_factory=dict)
    holder: dict[Address, str] = field(default_factory=dict)
    owns: dict[str, set[Address]] = field(default_factory=dict)
    been: dict[str, set[Address]] = field(default_factory=dict)
    _sockets: dict[_Socket, str] = field(default_factory=dict)
    _translations: dict[tuple[object, ...], tuple[str, Address, int]] = field(default_factory=dict)

    def settle(self, host: str, router: str, address: Address) -> None:
        """A host takes an address on a link, and keeps its former ones to talk from."""
        self.at[host] = address
        self.behind[host] = router
        self.holder[address] = host
        self.owns.setdefault(host, set()).add(address)
        self.been.setdefault(host, set()).add(address)

    def leave(self, host: str, address: Address) -> None:
        """A host answers for an address no longer; others may take it."""
        if self.holder.get(address) == host:
            del self.holder[address]

    def begin(self, talk: Talk) -> bool:
        """Open the sockets of a talk at both ends; False where one of them is taken, or a host would reach itself."""
        if talk.other.seen in self.owns[talk.one.host] or talk.one.seen in self.owns[talk.other.host]:
            return False
        sockets = [
            (end.host, talk.protocol, end.address, end.port, peer.seen, peer.seen_port)
            for end, peer in ((talk.one, talk.other), (talk.other, talk.one))
        ]
        if any(socket in self._sockets for socket in sockets):
            return False
        hidden = [(end, peer) for end, peer in ((talk.one, talk.other), (talk.other, talk.one)) if end.masqueraded]
        tuples = [(talk.protocol, peer.seen, peer.seen_port, end.seen, end.seen_port) for end, peer in hidden]
        if any(key in self._translations for key in tuples):
            return False
        for key, (end, _) in zip(tuples, hidden, strict=True):
            self._translations[key] = (talk.name, end.address, end.port)
            self.holder[end.seen] = f"the router of {end.host}"
            self.owns.setdefault(self.holder[end.seen], set()).add(end.seen)
        self._sockets.update((socket, talk.name) for socket in sockets)
        return True

    def end(self, talk: Talk) -> None:
        """Close the sockets of a talk."""
        self._sockets = {socket: name for socket, name in self._sockets.items() if name != talk.name}
        self._translations = {key: value for key, value in self._translations.items() if value[0] != talk.name}

    def inwards(self, packet: Packet) -> Packet | None:
        """A packet that reached a masquerading router, as it goes on behind it; None where that knows no such talk."""
        key = (packet.protocol, packet.source, packet.source_port, packet.destination, packet.destination_port)
        found = self._translations.get(key)
        return found and Packet(packet.source, found[1], packet.protocol, packet.source_port, found[2])

    def shown(self, address: Address, packet: Packet) -> str | None:
        """The name of the talk that a packet belongs to, for the host that answers for ``address``.

        None where nobody looks at the packet. Empty where a host looks at it and knows no such talk.
        """
        host = self.holder.get(address)
        if host is None or packet.destination not in self.owns[host]:
            return None
        ends = (packet.destination, packet.destination_port, packet.source, packet.source_port)
        return self._sockets.get((host, packet.protocol, *ends), "")
