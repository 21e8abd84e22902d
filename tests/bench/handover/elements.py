# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a router's kernel has an element: one question to it (<linux/netfilter/nf_tables.h>), and its answer.

``nft get element`` reads all the elements of all sets before it asks, and takes longer with each handover that stands.
"""

from __future__ import annotations

import os
import socket
import struct
from ipaddress import ip_address

from ...kernel.namespaces import Namespace

__all__ = ["Elements"]

_NETFILTER, _NFTABLES = 12, 10 << 8
_GET, _FOUND, _ERROR = _NFTABLES | 13, _NFTABLES | 12, 2
_TABLE, _SET, _ELEMENTS, _ELEMENT, _KEY, _VALUE = 1, 2, 3, 1, 1, 1
_NESTED, _REQUEST = 0x8000, 1
_FAMILIES = {"ip": socket.AF_INET, "ip6": socket.AF_INET6}
_ENOENT = 2


class Elements:
    """The elements of a router."""

    def __init__(self, router: Namespace) -> None:
        self._kernel = router.open_socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER)

    def close(self) -> None:
        """Ask no more."""
        self._kernel.close()

    def has(self, family: str, table: str, name: str, key: str) -> bool:
        """Whether a set, or map, has an element with this key, as nft writes it."""
        value = _attribute(_VALUE, b"".join(map(_part, key.split(" . "))))
        element = _attribute(_ELEMENT | _NESTED, _attribute(_KEY | _NESTED, value))
        body = (
            struct.pack("=BBH", _FAMILIES[family], 0, 0)
            + _attribute(_TABLE, table.encode() + b"\0")
            + _attribute(_SET, name.encode() + b"\0")
            + _attribute(_ELEMENTS | _NESTED, element)
        )
        self._kernel.send(struct.pack("=LHHLL", 16 + len(body), _GET, _REQUEST, 0, 0) + body)
        answer = self._kernel.recv(65536)
        kind, error = struct.unpack_from("=4xH10xi", answer)
        if kind == _ERROR and error != -_ENOENT:
            raise OSError(-error, f"{name} {key}: {os.strerror(-error)}")
        return bool(kind == _FOUND)


def _attribute(kind: int, value: bytes) -> bytes:
    """<linux/netlink.h>: length and kind before it, filled up to four bytes."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _part(text: str) -> bytes:
    """A part of a concatenation, filled up to four bytes: a port, a protocol, or an address."""
    if text.isdecimal():
        return struct.pack("!HH", int(text), 0)
    if text.isalpha():
        return struct.pack("=BBH", socket.getprotobyname(text), 0, 0)
    return ip_address(text).packed
