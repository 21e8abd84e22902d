# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Link layers: where the IP packet begins in a frame (the LINKTYPE_ registry of tcpdump.org)."""

from __future__ import annotations

from typing import Callable, Dict, Optional, Tuple

from ...errors import HandoverError

__all__ = ["ip_packet"]

_IPV4, _IPV6 = 0x0800, 0x86DD
#: 802.1Q, 802.1ad, and the two numbers that were used for stacked tags before it.
_VLAN = frozenset((0x8100, 0x88A8, 0x9100, 0x9200))
_MAX_TAGS = 4
#: AF_INET is 2 everywhere; AF_INET6 as Linux, NetBSD and OpenBSD, FreeBSD, and macOS number it.
_FAMILIES = {2: 4, 10: 6, 24: 6, 28: 6, 30: 6}

_Found = Optional[Tuple[int, int]]


def ip_packet(link: int, data: bytes) -> Optional[Tuple[int, int]]:
    """IP version, and where the IP header begins; None for a frame that carries something else.

    :raises HandoverError: ``unsupported_link_type``; ``bad_packet`` for a frame that is shorter than its header.
    """
    find = _LINKS.get(link)
    if find is None:
        raise HandoverError("unsupported_link_type", link, "Ethernet, Linux cooked, raw IP and loopback are read")
    try:
        return find(data)
    except IndexError as error:
        raise HandoverError("bad_packet", data[:40].hex(), "a frame is as long as its header") from error


def _ethernet(data: bytes) -> _Found:
    return _behind_tags(data, 12)


def _cooked(data: bytes) -> _Found:
    return _behind_tags(data, 14)


def _cooked2(data: bytes) -> _Found:
    kind, tags_at = _number(data, 0), 20
    if len(data) < tags_at:
        raise IndexError
    if kind not in _VLAN:
        return _version(kind, tags_at)
    # The tag's own number stands in the header; what is tagged follows the header.
    return _behind_tags(data, tags_at + 2, 1)


def _behind_tags(data: bytes, at: int, tags: int = 0) -> _Found:
    """``at`` is where the protocol number stands."""
    kind = _number(data, at)
    while kind in _VLAN and tags < _MAX_TAGS:
        at += 4
        tags += 1
        kind = _number(data, at)
    return _version(kind, at + 2)


def _version(kind: int, start: int) -> _Found:
    if kind == _IPV4:
        return 4, start
    return (6, start) if kind == _IPV6 else None


def _raw(data: bytes) -> _Found:
    version = data[0] >> 4
    return (version, 0) if version in (4, 6) else None


def _null(data: bytes) -> _Found:
    # The capturing machine's byte order; no family has a number of more than one byte.
    family = _FAMILIES.get(data[0] or data[3])
    return None if family is None else (family, 4)


def _number(data: bytes, at: int) -> int:
    return data[at] << 8 | data[at + 1]


_LINKS: Dict[int, Callable[[bytes], _Found]] = {
    0: _null,
    1: _ethernet,
    # DLT_RAW of most systems and of OpenBSD, as old files have them; LINKTYPE_RAW.
    12: _raw,
    14: _raw,
    101: _raw,
    108: _null,
    113: _cooked,
    228: _raw,
    229: _raw,
    276: _cooked2,
}
