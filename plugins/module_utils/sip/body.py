# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a request's body says about sessions: the mobile node's own list, and where its media goes.

A body that cannot be read takes nothing from the request around it: what is wrong is kept beside what was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, Optional, Tuple, TypeVar

from ..errors import HandoverError
from . import sdp, sessions_body
from .mime import Part, parts_of
from .refusal import Refusal, refusal
from .sdp import MediaEndpoint
from .sessions_body import SessionList

__all__ = ["EMPTY", "Body", "read_body"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Body:
    """The facts of a body.

    :ivar listed: the list of sessions, None where there is none or it could not be read.
    :ivar media: where the offer wants media; empty where there is none or it could not be read.
    :ivar refused: what could not be read.
    """

    listed: Optional[SessionList] = None
    media: Tuple[MediaEndpoint, ...] = ()
    refused: Tuple[Refusal, ...] = ()


#: Of a request without a body.
EMPTY = Body()


def read_body(
    content_type: Optional[str],
    data: bytes,
    where: str,
    disposition: str = "",
    encoding: str = "",
    offer: bool = False,
) -> Body:
    """Read a body. Parts of other types are nobody's business here.

    :param content_type: the Content-Type header, None without one; ``disposition`` and ``encoding`` are those of
        Content-Disposition and Content-Encoding, empty for none.
    :param offer: whether a session description in it is the sender's offer.
    """
    if not data:
        return EMPTY
    refused: List[Refusal] = []
    try:
        if content_type is None:
            raise HandoverError("bad_body", data[:80], "a body has a Content-Type (RFC 3261 section 7.4.1)")
        parts = parts_of(content_type, data, disposition, encoding)
    except HandoverError as error:
        return Body(refused=(refusal(error, where),))

    def one(name: str, read: Callable[[bytes], _T], wanted: List[Part]) -> Optional[_T]:
        try:
            if len(wanted) > 1:
                raise HandoverError("bad_body", f"{len(wanted)} of {name}", "a body has one part of this type")
            if wanted and wanted[0].encoding:
                raise HandoverError("bad_body", wanted[0].encoding, "a part comes as it is, in no encoding")
            return read(wanted[0].data) if wanted else None
        except HandoverError as error:
            refused.append(refusal(error, where))
            return None

    lists = [part for part in parts if part.name == sessions_body.MEDIA_TYPE]
    # Another disposition (early-session, RFC 3959) is not the session that stands.
    offers = [part for part in parts if part.name == sdp.MEDIA_TYPE and part.disposition in ("", "session")]
    listed = one(sessions_body.MEDIA_TYPE, sessions_body.parse_sessions, lists)
    media = one(sdp.MEDIA_TYPE, sdp.parse_sdp, offers if offer else [])
    return Body(listed, sdp.endpoints(media or ()), tuple(refused))
