# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where media goes, from SDP (RFC 8866, RFC 3264): the addresses and ports of RTP and RTCP, offer and answer.

Read are ``v=``, ``c=``, ``m=``, ``a=rtcp`` (RFC 3605) and ``a=rtcp-mux`` (RFC 5761); every other line only has to
be in the place of its type. What is sent to a group or to nobody (multicast, port 0, ``c=IN IP4 0.0.0.0``) has no
endpoint here, neither has media over TCP, whose ports nobody knows before the connection (RFC 4145).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, Iterator, List, Optional, Tuple

from ..errors import HandoverError
from .grammar import TOKEN, Address, checked_text, host_address, ip_literal, number
from .sessions_body import ListedSession

__all__ = [
    "MAX_MEDIA",
    "MAX_SDP",
    "MEDIA_TYPE",
    "Media",
    "MediaEndpoint",
    "agreed_endpoints",
    "endpoints",
    "parse_sdp",
    "sessions_of",
]

MEDIA_TYPE = "application/sdp"
#: Most bytes, and most media descriptions, of one description.
MAX_SDP = 24 * 1024
MAX_MEDIA = 32
#: Most port pairs of one media description (``m=video 49170/2``).
_MAX_PAIRS = 16

#: The order of line types (RFC 8866 section 9): of the session, then of each media description.
_SESSION_ORDER = "vosiuepcbtrzka"
_MEDIA_ORDER = "micbka"
#: Types of which several may follow each other; t= brings its r= with it, and z= stands once.
_REPEATED = frozenset("epbtra")
_MEDIA = re.compile(rf"([{TOKEN}]+) ([0-9]+)(?:/([0-9]+))? ([{TOKEN}]+(?:/[{TOKEN}]+)*)((?: [^ ]+)+)")
_CONNECTION = re.compile(r"IN (IP4|IP6) ([^ /\[]+)(?:/[0-9]{1,3}){0,2}")
_RTCP = re.compile(r"([0-9]+)(?: (IN .+))?")


@dataclass(frozen=True)
class MediaEndpoint:
    """One end of one media stream: where its owner wants packets.

    :ivar protocol: ``udp``.
    :ivar use: ``rtp``, ``rtcp``, or ``media`` for what is neither.
    """

    protocol: str
    use: str
    address: Address
    port: int


@dataclass(frozen=True)
class Media:
    """One media description.

    :ivar kind: ``audio``, ``video``, ...
    :ivar port: 0 where it is refused or switched off (RFC 3264 section 6).
    :ivar pairs: how many pairs of RTP and RTCP ports, one behind the other.
    :ivar transport: ``RTP/AVP``, ``UDP/TLS/RTP/SAVPF``, ``udptl``, as received.
    :ivar address: where to; None for a hostname, a group or nobody.
    :ivar rtcp_port: the port of ``a=rtcp``, None without one, 0 where it is no single host's.
    :ivar rtcp_address: its address; None where it is the media's own.
    :ivar rtcp_mux: whether RTCP may come to the RTP port.
    """

    kind: str
    port: int
    pairs: int
    transport: str
    address: Optional[Address]
    rtcp_port: Optional[int] = None
    rtcp_address: Optional[Address] = None
    rtcp_mux: bool = False

    @property
    def over_udp(self) -> bool:
        """Whether its packets are UDP's."""
        first = self.transport.upper().partition("/")[0]
        return first in ("RTP", "UDP", "UDPTL")

    @property
    def rtp(self) -> bool:
        """Whether it is RTP, which brings RTCP with it."""
        return "RTP" in self.transport.upper().split("/")


def parse_sdp(data: bytes) -> Tuple[Media, ...]:
    """The media descriptions of an offer or an answer, in their order.

    :raises HandoverError: ``bad_sdp``.
    """
    if len(data) > MAX_SDP:
        raise _bad(data[:80], f"a description has at most {MAX_SDP} bytes")
    try:
        return _media(list(_lines(data)))
    except HandoverError as error:
        if error.code == "bad_sdp":
            raise
        raise HandoverError("bad_sdp", error.subject, error.rule) from error


def endpoints(media: Tuple[Media, ...]) -> Tuple[MediaEndpoint, ...]:
    """Where the author of a description wants packets, each place once; as if the other side knew no rtcp-mux."""
    return tuple(dict.fromkeys(point for item in media for point in _endpoints(item, mux=False).values()))


def sessions_of(local: Tuple[Media, ...], remote: Tuple[Media, ...]) -> Tuple[ListedSession, ...]:
    """The UDP sessions that two descriptions, offer and answer or the other way round, agree on.

    :param local: the mobile node's.
    :param remote: its correspondent's.
    :raises HandoverError: ``bad_sdp`` when they do not belong together (RFC 3264 section 6).
    """
    return tuple(
        dict.fromkeys(
            ListedSession(here.protocol, here.port, there.address, there.port)
            for here, there in agreed_endpoints(local, remote)
        )
    )


def agreed_endpoints(
    local: Tuple[Media, ...], remote: Tuple[Media, ...]
) -> Tuple[Tuple[MediaEndpoint, MediaEndpoint], ...]:
    """The two ends, here and there, of each flow that two descriptions agree on.

    :raises HandoverError: as :func:`sessions_of`.
    """
    if len(local) != len(remote):
        raise _bad(f"{len(local)} and {len(remote)}", "an answer has as many media descriptions as its offer")
    found = []
    for ours, theirs in zip(local, remote):
        if ours.port == 0 or theirs.port == 0:
            continue
        if (ours.kind, ours.transport.upper()) != (theirs.kind, theirs.transport.upper()):
            raise _bad(
                f"{ours.kind} {ours.transport}, {theirs.kind} {theirs.transport}",
                "media descriptions of offer and answer follow each other in one order",
            )
        mux = ours.rtcp_mux and theirs.rtcp_mux
        remote_points = _endpoints(theirs, mux)
        for use, here in _endpoints(ours, mux).items():
            there = remote_points.get(use)
            if there is not None and here.address.version == there.address.version:
                found.append((here, there))
    return tuple(dict.fromkeys(found))


def _lines(data: bytes) -> Iterator[Tuple[str, str]]:
    """Type and value of each line. LF alone may end one (RFC 8866 section 5); empty lines only follow the last."""
    for line in data.rstrip(b"\r\n").split(b"\n"):
        line = line[:-1] if line[-1:] == b"\r" else line
        if line[1:2] != b"=" or not line[:1].isalpha() or not line[:1].islower():
            raise _bad(line, "a line is a small letter, an equals sign and a value")
        yield line[:1].decode("ascii"), checked_text(line[2:])


def _media(lines: List[Tuple[str, str]]) -> Tuple[Media, ...]:
    if lines[0] != ("v", "0"):
        raise _bad(lines[0][1], "a description begins with v=0")
    starts = [place for place, (kind, _value) in enumerate(lines) if kind == "m"]
    if len(starts) > MAX_MEDIA:
        raise _bad(f"{len(starts)} m= lines", f"a description has at most {MAX_MEDIA} of them")
    session = lines[: starts[0]] if starts else lines
    _ordered(session, _SESSION_ORDER)
    if not {"v", "o", "s", "t"} <= {kind for kind, _value in session}:
        raise _bad(", ".join(kind for kind, _value in session), "a description has v=, o=, s= and t=")
    common = _connection(session)
    found = []
    for start, end in zip(starts, [*starts[1:], len(lines)]):
        section = lines[start:end]
        _ordered(section, _MEDIA_ORDER)
        found.append(_description(section, common))
    return tuple(found)


def _ordered(lines: List[Tuple[str, str]], order: str) -> None:
    place, before = 0, ""
    for kind, value in lines:
        # Each t= may have r= and z= lines of its own, and another t= may follow them.
        if kind == "t" and before in ("r", "z"):
            place = order.index("t")
        found = order.find(kind, place)
        if found < 0 or (kind == before and kind not in _REPEATED):
            raise _bad(f"{kind}={value}", "lines follow each other in the order of RFC 8866 section 9, each type once")
        place, before = found, kind


def _connection(lines: List[Tuple[str, str]]) -> Optional[Tuple[Optional[Address]]]:
    """The address of the ``c=`` line, itself None for no single host's; None without such a line."""
    for kind, value in lines:
        if kind == "c":
            return (_address(value),)
    return None


def _address(value: str) -> Optional[Address]:
    found = _CONNECTION.fullmatch(value)
    if found is None:
        raise _bad(value, "a connection is IN, IP4 or IP6, and an address")
    address = ip_literal(found.group(2))
    if address is None:
        host_address(found.group(2))
        return None
    if address.version != (4 if found.group(1) == "IP4" else 6):
        raise _bad(value, "IP4 stands before an IPv4 address, IP6 before an IPv6 address")
    return None if address.is_multicast or address.is_unspecified else address


def _description(lines: List[Tuple[str, str]], common: Optional[Tuple[Optional[Address]]]) -> Media:
    found = _MEDIA.fullmatch(lines[0][1])
    if found is None:
        raise _bad(lines[0][1], "m= is a medium, a port, a transport and formats")
    port = number(found.group(2), 65535, "a port")
    pairs = number(found.group(3) or "1", _MAX_PAIRS, "a number of ports")
    connection = _connection(lines) or common
    if connection is None and port != 0:
        raise _bad(lines[0][1], "a medium has a c= line, or the session has one")
    rtcp = [value for kind, value in lines if kind == "a" and value.partition(":")[0] == "rtcp"]
    if len(rtcp) > 1 or (rtcp and pairs != 1) or pairs == 0 or port + 2 * (pairs - 1) > 65535:
        raise _bad(lines[0][1], "a medium has at most one a=rtcp, for one pair of ports, and ports up to 65535")
    rtcp_port, rtcp_address = _rtcp(rtcp[0].partition(":")[2]) if rtcp else (None, None)
    return Media(
        kind=found.group(1),
        port=port,
        pairs=pairs,
        transport=found.group(4),
        address=connection[0] if connection else None,
        rtcp_port=rtcp_port,
        rtcp_address=rtcp_address,
        rtcp_mux=("a", "rtcp-mux") in lines,
    )


def _rtcp(value: str) -> Tuple[int, Optional[Address]]:
    found = _RTCP.fullmatch(value)
    if found is None:
        raise _bad(value, "a=rtcp is a port, and an address where it differs (RFC 3605)")
    port = number(found.group(1), 65535, "a port")
    if port == 0:
        raise _bad(value, "a=rtcp is a port from 1 to 65535")
    if found.group(2) is None:
        return port, None
    address = _address(found.group(2))
    return (0, None) if address is None else (port, address)


def _endpoints(media: Media, mux: bool) -> Dict[Tuple[str, int], MediaEndpoint]:
    """The endpoints of one medium by their use and number."""
    if media.port == 0 or media.address is None or not media.over_udp:
        return {}
    if not media.rtp:
        return {("media", 0): MediaEndpoint("udp", "media", media.address, media.port)}
    found = {}
    for pair in range(media.pairs):
        port = media.port + 2 * pair
        found[("rtp", pair)] = MediaEndpoint("udp", "rtp", media.address, port)
        control = port + 1 if media.rtcp_port is None else media.rtcp_port
        if not mux and 0 < control < 65536:
            found[("rtcp", pair)] = MediaEndpoint("udp", "rtcp", media.rtcp_address or media.address, control)
    return found


def _bad(subject: object, rule: str) -> HandoverError:
    return HandoverError("bad_sdp", subject, rule)
