# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest world with a call that moves: a phone, its peer, a router for each of three networks, in namespaces."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from ipaddress import ip_address

from .namespaces import Namespace

__all__ = ["MOVE", "NETWORKS", "NEW", "OLD", "PEER", "PORT", "Call", "wired"]

OLD, NEW, PEER = ip_address("198.51.100.7"), ip_address("203.0.113.7"), ip_address("198.18.3.9")
NETWORKS = {"ra": "198.51.100.0/24", "rb": "203.0.113.0/24", "rc": "198.18.3.0/24"}
PORT = 7000
#: The phone is on the other network now, and its session still uses the old address.
MOVE = """set -e
ip link set home down
ip address add 198.51.100.7/32 dev lo
ip route replace default via 203.0.113.1
"""
_LINKS = """
ra lan 198.51.100.1/24 phone home 198.51.100.7/24
rb lan 203.0.113.1/24 phone away 203.0.113.7/24
rc lan 198.18.3.1/24 peer eth 198.18.3.9/24
"""
_ROUTES = {"peer": "ip route add default via 198.18.3.1", "phone": "ip route add default via 198.51.100.1"}


def wired(stack: ExitStack, links: str, routes: Mapping[str, str]) -> dict[str, Namespace]:
    """The namespaces, by name, with the phone's and the peer's links already there.

    :param links: each line one more: where and how its ends are called, and their addresses.
    :param routes: the command lines of everybody else who is there.
    """
    lines = [line.split() for line in (_LINKS + links).splitlines() if line]
    names = dict.fromkeys(name for line in lines for name in (line[0], line[3]))
    spaces = {name: stack.enter_context(Namespace()) for name in names}
    for one, link, address, other, far, far_address in lines:
        spaces[one].shell(f"""set -e
            ip link add {link} type veth peer name {far} netns {spaces[other].pid}
            ip address add {address} dev {link}; ip link set {link} up""")
        spaces[other].shell(f"ip address add {far_address} dev {far} && ip link set {far} up")
    for name, commands in {**routes, **_ROUTES}.items():
        spaces[name].shell(f"set -e\necho 1 >/proc/sys/net/ipv4/ip_forward\n{commands}")
    return spaces


class Call:
    """A TCP session of the phone with the peer, who echoes."""

    def __init__(self, spaces: Mapping[str, Namespace], stack: ExitStack) -> None:
        listener = stack.enter_context(spaces["peer"].tcp())
        listener.bind((str(PEER), PORT))
        listener.listen()
        self._phone = stack.enter_context(spaces["phone"].tcp())
        self._phone.settimeout(60)
        self._phone.bind((str(OLD), 0))
        self._phone.connect((str(PEER), PORT))
        self._peer = stack.enter_context(listener.accept()[0])
        threading.Thread(target=self._echo, daemon=True).start()
        self.port = int(self._phone.getsockname()[1])

    def _echo(self) -> None:
        with suppress(OSError):  # it was closed, or reset: who waits for the echo tells
            while data := self._peer.recv(1024):
                self._peer.sendall(data)

    def say(self, word: bytes) -> None:
        """Send something, which TCP repeats until it arrives."""
        self._phone.sendall(word)

    def hears(self, word: bytes, seconds: float = 30) -> bool:
        """Whether exactly this comes back, within a time."""
        deadline, heard = time.monotonic() + seconds, b""
        while len(heard) < len(word) and (left := deadline - time.monotonic()) > 0:
            self._phone.settimeout(left)
            with suppress(TimeoutError):
                heard += self._phone.recv(1024)
        return heard == word
