# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One message of a dialog that an INVITE opens (RFC 3261 section 12), as far as sessions follow from it."""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

from ..errors import HandoverError
from . import sdp
from .grammar import Address
from .message import Message
from .mime import parts_of
from .name_addr import NameAddr
from .sdp import Media
from .uri import address_of_record

__all__ = ["METHODS", "DialogMessage", "description_of", "dialog_message", "dialog_message_of", "tells_of_dialog"]

#: The methods that open, change and end a session: those of RFC 3261, PRACK (RFC 3262) and UPDATE (RFC 3311).
METHODS = frozenset(("INVITE", "ACK", "PRACK", "UPDATE", "BYE"))


class DialogMessage(NamedTuple):
    """A request or response of a dialog.

    :ivar method: that of CSeq, also of a response.
    :ivar status: of a response; None of a request.
    :ivar caller: canonical address of record of From, which nobody has checked; ``callee`` likewise of To.
    :ivar from_tag: None where the sender wrote none (RFC 2543).
    :ivar to_tag: None in a request that opens a dialog.
    :ivar media: what its session description says; None where it has none that can be read.
    :ivar unreadable: whether it has one that cannot be read.
    :ivar reliable: whether a provisional response is acknowledged (RFC 3262), so that what it describes counts.
    :ivar source: packet source; None where the input does not have it, likewise the others.
    :ivar transport: ``udp``, ``tcp``, ``tls``, ...; None where the input does not say.
    :ivar time: Unix seconds UTC, or None.
    :ivar hop: the two ends between which it was recorded, where the input has each message once for each hop: a server
        on the way may write another description into what it hands on.
    """

    call_id: str
    cseq: int
    method: str
    status: Optional[int]
    caller: str
    callee: str
    from_tag: Optional[str]
    to_tag: Optional[str]
    media: Optional[Tuple[Media, ...]]
    unreadable: bool
    reliable: bool
    where: str
    source: Optional[Address] = None
    source_port: Optional[int] = None
    destination: Optional[Address] = None
    destination_port: Optional[int] = None
    transport: Optional[str] = None
    time: Optional[float] = None
    hop: Tuple[str, ...] = ()


def tells_of_dialog(method: Optional[str], status: Optional[int], cseq_method: str) -> bool:
    """Whether a message may change what a dialog has agreed on; ``method`` is a request's, ``status`` a response's."""
    return method in METHODS or (status is not None and status > 100 and cseq_method in METHODS)


def dialog_message_of(message: Message, where: str) -> Optional[DialogMessage]:
    """What a message says of a dialog; None where that is nothing, or it cannot be read.

    Most of what a server sees are other people's calls, so what is wrong with one is nobody's business here.
    """
    if not tells_of_dialog(message.method, message.status, message.cseq.method):
        return None
    types = message.values("content-type")
    return dialog_message(
        message.call_id,
        message.cseq.number,
        message.cseq.method,
        message.status,
        message.from_,
        message.to,
        where,
        content_type=types[0] if len(types) == 1 else None,
        body=message.body,
        disposition=", ".join(message.values("content-disposition")),
        encoding=", ".join(message.values("content-encoding")),
        reliable=bool(message.values("rseq")),
    )


def dialog_message(
    call_id: str,
    cseq: int,
    method: str,
    status: Optional[int],
    from_: NameAddr,
    to: NameAddr,
    where: str,
    *,
    content_type: Optional[str],
    body: bytes,
    disposition: str = "",
    encoding: str = "",
    reliable: bool = False,
) -> DialogMessage:
    """The same from parts that have been read."""
    media, unreadable = description_of(content_type, body, disposition, encoding)
    return DialogMessage(
        call_id,
        cseq,
        method,
        status,
        _aor(from_),
        _aor(to),
        from_.param("tag"),
        to.param("tag"),
        media,
        unreadable,
        reliable,
        where,
    )


def description_of(
    content_type: Optional[str], body: bytes, disposition: str = "", encoding: str = ""
) -> Tuple[Optional[Tuple[Media, ...]], bool]:
    """The session description in a body, None without one, and whether there is one that cannot be read."""
    if not body or content_type is None:
        return None, False
    try:
        parts = [
            part
            for part in parts_of(content_type, body, disposition, encoding)
            if part.name == sdp.MEDIA_TYPE and part.disposition in ("", "session")
        ]
        if not parts:
            return None, False
        if len(parts) > 1 or parts[0].encoding:
            return None, True
        return sdp.parse_sdp(parts[0].data), False
    except HandoverError:
        return None, True


def _aor(party: NameAddr) -> str:
    try:
        return address_of_record(party.uri)
    except HandoverError:
        return ""
