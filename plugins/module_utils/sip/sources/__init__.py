# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The formats in which registrations come: each a parser that streams.

A parser takes chunks of bytes of any size, a name for messages, and the
:class:`Position` that it moves; it yields a :class:`Registration`, an
:class:`Expired`, or a :class:`Refusal` for what it could not read. It never raises.
"""

from __future__ import annotations

from itertools import chain
from typing import Callable, Dict, Iterable, Iterator, List, Optional, Tuple, Union

from ...errors import HandoverError
from ..refusal import Refusal
from ..registration import Expired, Registration
from . import hep, kamailio, pcap, raw
from .lines import Position

__all__ = ["AUTO", "FORMATS", "Item", "Parser", "Position", "open_source", "recognise"]

Item = Union[Registration, Refusal, Expired]
Parser = Callable[[Iterable[bytes], str, Optional[Position]], Iterator[Item]]

#: Name of a format, as operators write it, and its parser.
FORMATS: Dict[str, Parser] = {
    "hep": hep.parse,
    "kamailio": kamailio.parse,
    "pcap": pcap.parse,
    "sip": raw.parse,
}
#: The name that stands for: look at the input.
AUTO = "auto"

_SNIFFED = 64 * 1024


def open_source(
    name: str, stream: Iterable[bytes], where: str, position: Optional[Position] = None
) -> Tuple[str, Iterator[Item]]:
    """The items of a stream in a format, and that format's own name where ``name`` is ``auto``.

    An input that no format fits yields one refusal ``unknown_format`` and is not passed.

    :raises HandoverError: ``unknown_format`` for a name that is none.
    """
    if name == AUTO:
        name, stream = recognise(stream)
        if name == AUTO:
            return name, _unrecognised(stream, where)
    if name not in FORMATS:
        known = ", ".join([AUTO, *sorted(FORMATS)])
        raise HandoverError("unknown_format", name, f"the format is one of {known}")
    return name, FORMATS[name](stream, where, position)


def recognise(stream: Iterable[bytes]) -> Tuple[str, Iterable[bytes]]:
    """The format of a stream by its first telling line, ``auto`` where none tells; and the whole stream again."""
    chunks = iter(stream)
    head: List[bytes] = []
    size = 0
    for chunk in chunks:
        head.append(chunk)
        size += len(chunk)
        if size >= _SNIFFED:
            break
    return _first_telling(b"".join(head)[:_SNIFFED]), chain(head, chunks)


def _first_telling(data: bytes) -> str:
    for name, is_mine in (("pcap", pcap.recognise), ("hep", hep.recognise)):
        if is_mine(data):
            return name
    for line in data.split(b"\n"):
        if raw.START_LINE.match(line + b"\n"):
            return "sip"
        if kamailio.EVENT.search(line):
            return "kamailio"
    return AUTO


def _unrecognised(stream: Iterable[bytes], where: str) -> Iterator[Item]:
    if any(chunk.strip() for chunk in stream):
        reason = "no line looks like an event line or the start of a SIP message: state the format"
        yield Refusal("unknown_format", reason, where)
