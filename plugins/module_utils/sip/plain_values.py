# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of a plain head: one pattern for those that are each message's own, and a memory for those that all share.

Each value takes a line of its own in the pattern, whatever the message's order and spelling of names. A header that is
not there has the value :data:`ABSENT`, which none that is there can have.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Optional, Tuple

from .grammar import TOKEN, number
from .header import CALL_ID, MAX_EXPIRES, OPTION_TAG, parse_date, parse_option_tags
from .plain_uri import DISPLAY, HOST, PORT, URI_BEGIN, URI_END
from .remembered import remembered

__all__ = ["ABSENT", "MAX_MESSAGE", "OWN", "READ", "SHARED", "Shared", "own_values", "shared_values"]

#: Largest message, in bytes: what one UDP datagram can carry.
MAX_MESSAGE = 65535

#: No header holds this character where control characters have been looked for.
ABSENT = "\0"

#: Headers that are each message's own; those of which a server's phones send few values. Contact and Authorization
#: have readings of their own.
OWN = ("via", "from", "to", "call-id", "cseq", OPTION_TAG.lower())
SHARED = ("max-forwards", "date", "expires", "content-length", "require")
#: All that are read.
READ = (*OWN, *SHARED, "authorization", "contact")

_SPACE = r"[ \t]*"
_TAG_PARAM = rf"(?:{_SPACE};{_SPACE}(?i:tag){_SPACE}={_SPACE}[{TOKEN}]+|)"
#: Parameters of a Via as they are mostly written. The group of a name says that the name was there: it comes once.
_VIA_PARAMS = "|".join(
    rf"{name}(?({group})(?!))()" for group, name in enumerate(("branch", "rport", "received", "alias", "keep"), start=3)
)
#: Transport and host; host; scheme, user and host; the whole; number and method; host, or the whole.
_OWN = (
    rf"[{TOKEN}]+/[{TOKEN}]+/([{TOKEN}]+)[ \t]+({HOST})(?::(?:{PORT})|)"
    # First as nearly all write it, which takes half the time.
    rf"(?:;branch=[{TOKEN}]+(?:;rport|)(?=\n)"
    rf"|(?:{_SPACE};{_SPACE}(?:{_VIA_PARAMS})(?:={_SPACE}[{TOKEN}]+|)(?={_SPACE}[;\n]))*)",
    rf"{DISPLAY}<{URI_BEGIN}({HOST}){URI_END}>{_TAG_PARAM}",
    rf"{DISPLAY}<([sS][iI][pP][sS]?):(?:([A-Za-z0-9\-_.!~*'()&=+$,;?/]+)@|)({HOST}){URI_END}>{_TAG_PARAM}",
    rf"({CALL_ID})",
    rf"([0-9]{{1,10}})[ \t]+([{TOKEN}]+)",
    rf"(?:{DISPLAY}<{URI_BEGIN}({HOST}){URI_END}>(?={_SPACE}\Z)|([^\n]*))",
)
_PATTERN = re.compile(r"\n".join([rf"{_SPACE}{value}{_SPACE}" for value in _OWN]))
_GROUPS = (1, 2, 8, 9, 10, 11, 12, 13, 14, 15, 16)


def own_values(values: Tuple[str, ...]) -> Optional[Tuple[str, ...]]:
    """What the values of :data:`OWN` say, None where one is not plain: transport and host of Via; host of From; scheme,
    user and host of To; Call-ID; number and method of CSeq; of the patent's header the host, or else the text."""
    found = _PATTERN.fullmatch("\n".join(values))
    return None if found is None else found.group(*_GROUPS)


class Shared(NamedTuple):
    """What the values of :data:`SHARED` say."""

    expires: Optional[int]
    content_length: Optional[int]
    require: Tuple[str, ...]


@remembered(512)
def shared_values(values: Tuple[str, ...]) -> Shared:
    """:raises HandoverError: where one is wrong."""
    max_forwards, date, expires, length, require = [value.strip(" \t") for value in values]
    if max_forwards != ABSENT:
        number(max_forwards, 255, "Max-Forwards")
    if date != ABSENT:
        parse_date(date)
    return Shared(
        None if expires == ABSENT else number(expires, MAX_EXPIRES, "an expiry"),
        None if length == ABSENT else number(length, MAX_MESSAGE, "a Content-Length"),
        () if require == ABSENT else tuple(parse_option_tags(require)),
    )
