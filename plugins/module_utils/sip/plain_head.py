# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The head of a message as nearly all are written, read by one pattern.

It takes less than RFC 3261 allows, and never anything that the careful reading of :mod:`.message` would refuse or
read otherwise; a head that it does not take says nothing about that head. Every line must be whole, every header that
is read must stand once (Contact and Via in lines that follow each other) and be written plainly; then nothing is
left to check but numbers and hosts.
"""

from __future__ import annotations

import re
from typing import Any, List, Optional, Tuple

from .grammar import TOKEN
from .header import CALL_ID, DATE, OPTION_TAG
from .plain_uri import DISPLAY, HOST, PORT, URI_BEGIN, URI_END

__all__ = ["PlainHead", "lines_of", "plain_head"]

#: Longest head that is tried; and most header lines, which is what a message may have.
_MAX_HEAD, _MAX_LINES = 8192, 256
#: Control characters but HTAB, those that end a line among them.
_CONTROLS = bytes(code for code in (*range(32), 127) if code not in b"\t")

#: The start line, and of each header that is read the value, or the parts of it that matter, None without one: in the
#: order of :data:`_TOLD`.
PlainHead = Tuple[Any, ...]

_COLON = r"[ \t]*:[ \t]*"
_SPACE = r"[ \t]*"
#: Parameters of a Via as they are mostly written. The group of a name says that the name was there: it comes once.
_VIA_PARAMS = "|".join(
    rf"{name}(?({group})(?!))(?P<{name}>)"
    for group, name in enumerate(("branch", "rport", "received", "alias", "keep"), start=5)
)
#: Groups 2 to 9 of the whole: :func:`_pattern` puts it first.
_VIA = (
    rf"(?P<via>[{TOKEN}]+/[{TOKEN}]+/(?P<transport>[{TOKEN}]+)[ \t]+(?P<sent_by>{HOST})(?::(?:{PORT}))?"
    rf"(?:{_SPACE};{_SPACE}(?:{_VIA_PARAMS})(?:{_SPACE}={_SPACE}[{TOKEN}]+)?(?={_SPACE}[;\r]))*){_SPACE}\r\n"
)
_FROM = (
    rf"(?P<from_>{DISPLAY}<{URI_BEGIN}(?P<from_host>{HOST}){URI_END}>"
    rf"(?:{_SPACE};{_SPACE}(?i:tag){_SPACE}={_SPACE}[{TOKEN}]+)?)"
)
_TO = (
    rf"(?P<to>{DISPLAY}<(?P<to_scheme>[sS][iI][pP][sS]?):(?:(?P<to_user>[A-Za-z0-9\-_.!~*'()&=+$,;?/]+)@)?"
    rf"(?P<to_host>{HOST}){URI_END}>(?:{_SPACE};{_SPACE}(?i:tag){_SPACE}={_SPACE}[{TOKEN}]+)?)"
)
#: Names of the headers that are read, and what stands behind the colon, with the line end where there are more lines.
_READ = (
    ("via|v", rf"{_VIA}(?P<more_vias>(?:(?i:via|v){_COLON}.*\r\n)*)"),
    ("from|f", _FROM),
    ("to|t", _TO),
    ("call-id|i", rf"(?P<call_id>{CALL_ID})"),
    ("cseq", rf"(?P<cseq>[0-9]{{1,10}})[ \t]+(?P<cseq_method>[{TOKEN}]+)"),
    ("contact|m", rf"(?P<contacts>.*\r\n(?:(?i:contact|m){_COLON}.*\r\n)*)"),
    ("require", rf"(?P<require>[{TOKEN}]+(?:{_SPACE},{_SPACE}[{TOKEN}]+)*)"),
    ("expires", "(?P<expires>[0-9]{1,10})"),
    ("content-length|l", "(?P<content_length>[0-9]{1,5})"),
    (OPTION_TAG, "(?P<old_addresses>.*)"),
    ("authorization", "(?P<authorization>.*)"),
    ("max-forwards", "(?P<max_forwards>[0-9]{1,2}|1[0-9]{2}|2[0-4][0-9]|25[0-5])"),
    ("date", rf"(?P<date>{DATE})"),
    ("content-type|c", "(?P<content_type>.*)"),
    ("min-expires", "(?P<min_expires>.*)"),
)


def _pattern() -> re.Pattern[str]:
    lines, groups = [], 1
    for names, value in _READ:
        end = "" if value.endswith(r"\r\n)*)") else rf"{_SPACE}\r\n"
        # A header that has been read does not come again, and is none of those that nobody reads.
        lines.append(rf"{_any_case(names)}{_COLON}(?({groups + 1})(?!)){value}{end}")
        groups += value.count("(?P<")
    known = "|".join(_any_case(names) for names, _value in _READ)
    lines.append(rf"(?!(?:{known}){_SPACE}:)[{TOKEN}]+{_SPACE}:.*\r\n")
    return re.compile(rf"(?P<start>.*)\r\n(?:{'|'.join(lines)})*", re.ASCII)


def _any_case(names: str) -> str:
    """These names in any case. Their first letters come first: by such a set, and by nothing else that heeds no case,
    the regular expression engine passes over an alternative at once."""
    firsts = sorted({name[0] for name in names.split("|")})
    rests = [(rf"(?<={name[0]})" if len(firsts) > 1 else "") + re.escape(name[1:]) for name in names.split("|")]
    return rf"[{''.join(firsts)}{''.join(firsts).upper()}](?i:{'|'.join(rests)})"


_TOLD = (
    "start via transport sent_by more_vias from_ from_host to to_scheme to_user to_host call_id cseq cseq_method "
    "contacts require expires content_length old_addresses authorization"
).split()
_HEAD = _pattern()
_TOLD_GROUPS = tuple([_HEAD.groupindex[name] for name in _TOLD])


def plain_head(head: bytes) -> Optional[PlainHead]:
    """What a head says, where it is plain; hosts, Contacts, credentials and old addresses have not been looked at.

    :param head: up to and with the last header's line end.
    """
    ends = head.count(b"\n")
    # The pattern wants CR before each LF. As many again of all control characters: so there is none but these.
    if len(head) > _MAX_HEAD or len(head) - len(head.translate(None, _CONTROLS)) != 2 * ends or ends > _MAX_LINES:
        return None
    text = head.decode("utf-8", "surrogateescape")
    found = _HEAD.match(text)
    return found.group(*_TOLD_GROUPS) if found is not None and found.end() == len(text) else None


def lines_of(block: str, named: bool = False) -> List[str]:
    """The values of whole header lines of one name.

    :param named: whether the first of them begins with the name, as the others do, or behind its colon.
    """
    if not named and block.count("\n") == 1:
        return [block.strip(" \t\r\n")]
    first, *others = block[:-2].split("\r\n")
    if named:
        first = first.partition(":")[2]
    return [first.strip(" \t"), *[line.partition(":")[2].strip(" \t") for line in others]]
