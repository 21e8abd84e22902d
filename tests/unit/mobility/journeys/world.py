# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The people of a story and where they are: what they do changes hosts and talks, and nothing on any router."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import (
    Handover,
    Session,
    handover_id,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Address, Scope, Via

from .hosts import End, Hosts, Talk
from .land import Land
from .scenarios import Call, Event, Story

__all__ = ["World"]

_PROBE_PORT = 50000


class World:
    """Phones, correspondents and strangers in a land.

    :ivar hosts: who is where.
    :ivar talks: the live sessions, by name.
    :ivar lingering: phones that still reach their former router, too (make before break), and that router.
    """

    def __init__(self, story: Story) -> None:
        self.story = story
        self.land = Land(story.platforms, story.behind, story.foreign_sources)
        self.hosts = Hosts()
        self.talks: dict[str, Talk] = {}
        self.lingering: dict[str, tuple[str, Address]] = {}
        self.phones = [f"phone{number}" for number in range(len(story.phones))]
        self.home: dict[str, Address] = {}
        self.strangers: list[str] = []
        self._opened: dict[str, set[Address]] = {}
        self._used: dict[Address, int] = {}
        self._router: dict[Address, int] = {}
        self._next = 50
        self._talks = 0
        #: Talks that ended.
        self._past: list[Talk] = []
        self._peers: list[tuple[str, Address]] = []
        for phone, router in zip(self.phones, story.phones, strict=True):
            self.home[phone] = self._fresh(router)
            self._settle(phone, self.home[phone])
        for number, (router, hidden) in enumerate(story.correspondents):
            masked = hidden and story.version == 4 and story.scope is Scope.SESSION
            # An inner router that masquerades would be one that is not managed: no router that rewrites knows of it.
            masked = masked and router < len(story.platforms) and story.platforms[router] == "nftables"
            masked = masked and story.behind[router] == router
            address = self.land.private(router, 20 + number) if masked else self._fresh(router)
            self._router[address] = router
            self._settle(f"peer{number}", address)
            self._peers.append((f"peer{number}", address))
        for call in story.calls:
            self.call(call, only_at_home=False)

    @property
    def narrow(self) -> bool:
        """Whether new sessions and third parties must not notice anything."""
        return self.story.scope is Scope.SESSION

    def identity(self, end: End) -> str:
        """The id of the handover that an end of a talk would have."""
        return handover_id(end.host, None, end.address)

    def away(self, end: End) -> bool:
        """Whether a host is no longer at the address that it talks from."""
        return self.hosts.at[end.host] != end.address

    def routers_of(self, host: str) -> list[str]:
        """The routers that a host may send through now."""
        lingering = self.lingering.get(host)
        return [self.hosts.behind[host], *([lingering[0]] if lingering else [])]

    # What happens.

    def call(self, call: Call, only_at_home: bool) -> None:
        """A phone opens a session from its address, unless the ports are taken.

        :param only_at_home: of both ends: wider scopes spoil new sessions of new addresses, and say so.
        """
        phone = self.phones[call.phone % len(self.phones)]
        if only_at_home and self.hosts.at[phone] != self.home[phone]:
            return
        others = list(self._peers)
        if not self.story.foreign_sources:
            # Where both ends move, it is BCP 38 that stops what is sent while nobody is where he was.
            others += [(other, self.hosts.at[other]) for other in self.phones if other != phone]
        peer, address = others[call.peer % len(others)]
        if only_at_home and address != self.home.get(peer, address):
            return
        self._talks += 1
        self._begin(f"talk{self._talks}", call.protocol, (phone, call.port), (peer, address, call.peer_port), True)

    def happen(self, event: Event) -> list[str]:
        """Do what an event says to hosts and talks.

        :returns: the phones that register anew because of it.
        """
        phone = self.phones[event.who % len(self.phones)]
        other = self.phones[(event.who + 1) % len(self.phones)]
        if event.kind == "move":
            return self._move(phone, event)
        if event.kind == "follow" and self.narrow and other != phone:
            # Into the address that another phone is just leaving.
            left = self.hosts.at[other]
            moved = self._move(other, event)
            return [*moved, *(self._enter(phone, left) if left not in self.hosts.holder else [])]
        if event.kind == "return":
            home = self.home[phone]
            return self._enter(phone, home) if self.hosts.holder.get(home, phone) == phone else []
        if event.kind == "swap" and self.narrow and other != phone:
            one, two = self.hosts.at[phone], self.hosts.at[other]
            if not (self._may_enter(phone, two) and self._may_enter(other, one)):
                return []
            self.hosts.leave(phone, one)
            self.hosts.leave(other, two)
            return [*self._enter(phone, two), *self._enter(other, one)]
        if event.kind == "together" and other != phone:
            return [*self._move(phone, event), *self._move(other, replace(event, where=event.where + 1))]
        if event.kind == "end":
            for talk in [talk for talk in self.talks.values() if phone in (talk.one.host, talk.other.host)]:
                self.hosts.end(talk)
                self._past.append(self.talks.pop(talk.name))
            return list(self.phones)
        if event.kind == "open":
            self.call(Call(event.who, event.where, "tcp", 41000 + event.cut, 7000), only_at_home=not self.narrow)
            return [phone]
        if event.kind == "reassign" and self.narrow:
            self._reassign(phone)
        return [phone] if event.kind == "refresh" else []

    def arrive(self) -> None:
        """The phones that moved reach their former routers no longer."""
        for phone, (_, address) in self.lingering.items():
            if self.hosts.at[phone] != address:
                self.hosts.leave(phone, address)
        self.lingering.clear()

    def _move(self, phone: str, event: Event) -> list[str]:
        router = event.where % len(self.land.names)
        free = [address for address, at in self._used.items() if at == router and address not in self.hosts.holder]
        again = event.reuse and self.narrow and free
        left, behind = self.hosts.at[phone], self.hosts.behind[phone]
        moved = self._enter(phone, free[event.cut % len(free)] if again else self._fresh(router))
        if moved and event.mask % 2 and left not in self.hosts.holder:
            self.hosts.holder[left] = phone
            self.lingering[phone] = (behind, left)
        return moved

    def _enter(self, phone: str, address: Address) -> list[str]:
        if not self._may_enter(phone, address):
            return []
        self.hosts.leave(phone, self.hosts.at[phone])
        self._settle(phone, address)
        return [phone]

    def _may_enter(self, phone: str, address: Address) -> bool:
        """Whether it is another address; not a peer's, for then the phone would reach itself; and unambiguous.

        A talk from an address, and one that is led to it, are one to the network where all ports are the same.
        """
        mine = [item for item in self._ends() if item[1].host == phone]
        theirs = {flow for item in self._ends() if item[1].address == address for flow in self._flows(*item)}
        return (
            self.hosts.at[phone] != address
            and all(peer.address != address for _, _, peer in mine)
            and not any(theirs.intersection(self._flows(*item)) for item in mine if item[1].address != address)
        )

    def _ends(self, past: Iterable[Talk] = ()) -> list[tuple[str, End, End]]:
        """Protocol, end and peer of every talk, and of these past ones, each talk from both sides."""
        talks = [*self.talks.values(), *past]
        return [(talk.protocol, *pair) for talk in talks for pair in ((talk.one, talk.other), (talk.other, talk.one))]

    def _flows(self, protocol: str, end: End, peer: End) -> set[tuple[str, int, Address, int]]:
        """A talk as routers see it: towards the peer's address in it and, where the peer has moved, towards his own."""
        found = {_flow(protocol, end, peer)}
        if self.away(peer):
            found.add((protocol, end.port, self.hosts.at[peer.host], peer.seen_port))
        return found

    def _reassign(self, phone: str) -> None:
        """Somebody else gets a former address of this phone."""
        free = [address for address in sorted(self._opened.get(phone, ()), key=str) if address not in self.hosts.holder]
        if free:
            stranger = f"stranger{len(self.strangers)}"
            self.strangers.append(stranger)
            self._settle(stranger, free[0])

    # New sessions and third parties.

    def probes(self) -> list[Talk]:
        """Talks that no handover may notice: from and to new addresses, with strangers, and beside the phones."""
        known = set(self.talks)
        for talk in list(self.talks.values()) if self.narrow else ():
            for end, peer in ((talk.one, talk.other), (talk.other, talk.one)):
                if self.away(end) and not self.away(peer):
                    self._probe(end.host, peer.host)
                    stranger = self.hosts.holder.get(end.address)
                    if stranger in self.strangers:
                        self._probe(stranger, peer.host)
                        self._probe(self._beside(end.host), stranger)
        return [talk for name, talk in self.talks.items() if name not in known]

    def _probe(self, host: str, peer: str) -> None:
        number = _PROBE_PORT + len(self.talks)
        there = (peer, self.hosts.at[peer], number + 1000)
        self._begin(f"probe{number}", "tcp", (host, number), there, False)

    def _beside(self, phone: str) -> str:
        """Somebody who stays on the link where a phone is now."""
        router = self.land.names.index(self.hosts.behind[phone])
        if f"beside{router}" not in self.hosts.at:
            address = self.land.address(router, self.story.version, 30)
            self._router[address] = router
            self._settle(f"beside{router}", address)
        return f"beside{router}"

    def forget(self, probes: list[Talk]) -> None:
        for talk in probes:
            self.hosts.end(talk)
            del self.talks[talk.name]

    # Handovers, as registrations would tell them.

    def handovers(self, phones: list[str], expires: int, standing: set[str]) -> list[Handover]:
        """The handovers of these phones, for every address that they talk from, or once did.

        :param standing: ids of handovers of which something stands on some router.
        """
        found = []
        for phone in dict.fromkeys(phones):
            for address in sorted(self._opened.get(phone, ()), key=str):
                try:
                    handover = self._handover(phone, address, expires, standing)
                except HandoverError:
                    continue  # such as a phone at an address of its correspondent's
                if handover is not None:
                    found.append(handover)
        return found

    def identities(self, phones: list[str]) -> list[str]:
        """The ids of all handovers that these phones can ever have."""
        return [handover_id(phone, None, address) for phone in phones for address in self._opened.get(phone, ())]

    def _handover(self, phone: str, address: Address, expires: int, standing: set[str]) -> Handover | None:
        identity, new = handover_id(phone, None, address), self.hosts.at[phone]
        ends = [
            (talk.protocol, end, peer)
            for talk in self.talks.values()
            for end, peer in ((talk.one, talk.other), (talk.other, talk.one))
            if (end.host, end.address) == (phone, address)
        ]
        via = Via.HOME_ROUTER if self.story.foreign_sources else Via.CORRESPONDENT_ROUTER
        base = Handover(identity, address, new, expires, aor=phone, ended=True, via=via)
        if not ends or new == address:
            return base if identity in standing else None
        story = self.story
        if story.scope is not Scope.SESSION:
            peers = tuple(dict.fromkeys(peer.address for _, _, peer in ends))
            return replace(base, ended=False, scope=story.scope, directions=story.directions, correspondents=peers)
        sessions = tuple(
            Session(
                protocol,
                end.port,
                peer.address,
                peer.port,
                peer.seen if peer.masqueraded else None,
                peer.seen_port if peer.masqueraded else None,
            )
            for protocol, end, peer in ends
        )
        return replace(base, ended=False, scope=story.scope, directions=story.directions, sessions=sessions)

    # Addresses.

    def _begin(
        self, name: str, protocol: str, one: tuple[str, int], other: tuple[str, Address, int], lasting: bool
    ) -> None:
        host, port = one
        peer, address, peer_port = other
        seen, seen_port = address, peer_port
        if address.version == 4 and address.is_private and str(address).startswith("10."):
            seen, seen_port = self.land.address(self._router[address], 4, 1), peer_port + 200 + int(address) % 256
        here = self.hosts.at[host]
        talk = Talk(name, protocol, End(host, here, port, here, port), End(peer, address, peer_port, seen, seen_port))
        led_here = {
            flow
            # Also of those that ended: where a plan for that was cut off, routers still lead them.
            for protocol, end, far in self._ends(self._past)
            for mine in (talk.one, talk.other)
            for flow in self._flows(protocol, end, far)
            if end.address != mine.address and mine.address in self.hosts.been[end.host]
        }
        ways = (_flow(protocol, talk.one, talk.other), _flow(protocol, talk.other, talk.one))
        if not led_here.intersection(ways) and self.hosts.begin(talk):
            self.talks[name] = talk
            if lasting:
                for end in (talk.one, talk.other):
                    self._opened.setdefault(end.host, set()).add(end.address)

    def _fresh(self, router: int) -> Address:
        self._next += 1
        address = self.land.address(router, self.story.version, self._next)
        self._used[address] = router
        self._router[address] = router
        return address

    def _settle(self, host: str, address: Address) -> None:
        self.hosts.settle(host, self.land.router(self._router[address]), address)


def _flow(protocol: str, end: End, peer: End) -> tuple[str, int, Address, int]:
    """A talk as a router sees it that looks at everything but the address of its first end."""
    return protocol, end.port, peer.seen, peer.seen_port
