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
from typing import Dict, Iterable, Iterator, Optional, Tuple

from ...errors import HandoverError
from ..refusal import Refusal
from . import (
    asterisk,
    freeswitch,
    hep,
    ios_ccsip,
    journal,
    kamailio,
    kamailio_dump,
    opensips,
    pcap,
    raw,
)
from .lines import Position
from .source import Item, Parser, Source

__all__ = ["AUTO", "FORMATS", "SOURCES", "Item", "Parser", "Position", "Source", "open_source", "recognise"]

#: Every source. Where a line could be of two formats, the first one here has it: Kamailio's is any JSON object.
SOURCES: Tuple[Source, ...] = (
    pcap.SOURCE,
    hep.SOURCE,
    raw.SOURCE,
    ios_ccsip.SOURCE,
    asterisk.SOURCE,
    journal.SOURCE,
    kamailio_dump.SOURCE,
    opensips.SOURCE,
    freeswitch.SOURCE,
    kamailio.SOURCE,
)
#: Name of a format, as operators write it, and its parser.
FORMATS: Dict[str, Parser] = {source.name: source.parse for source in SOURCES}
#: The name that stands for: look at the input.
AUTO = "auto"

#: How much of an input is looked at.
_SNIFFED = 64 * 1024
_LONGEST_MAGIC = max((len(magic) for source in SOURCES for magic in source.magic), default=0)


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
    """The format of a stream by its first bytes or its first telling line, and the whole stream again.

    No more is taken from the stream than it needs to tell. ``auto`` where nothing in the first 64 KiB does.
    """
    chunks = iter(stream)
    seen = bytearray()
    start = 0
    name: Optional[str] = None
    for chunk in chunks:
        seen += chunk
        if len(seen) < _LONGEST_MAGIC:
            continue
        name, start = _told(seen, start)
        if name is not None or len(seen) >= _SNIFFED:
            break
    if name is None:
        # The last line, which the stream or the limit cut.
        name = _magic(seen) or _telling(bytes(seen[start:_SNIFFED]) + b"\n")
    return name or AUTO, chain([bytes(seen)], chunks)


def _told(seen: bytearray, start: int) -> Tuple[Optional[str], int]:
    """What the whole lines from ``start`` tell, and where the first line that is not whole begins."""
    name = _magic(seen)
    end = seen.find(b"\n", start, _SNIFFED)
    while name is None and end >= 0:
        name = _telling(bytes(seen[start : end + 1]))
        start = end + 1
        end = seen.find(b"\n", start, _SNIFFED)
    return name, start


def _magic(seen: bytearray) -> Optional[str]:
    return next((source.name for source in SOURCES if source.magic and seen.startswith(source.magic)), None)


def _telling(line: bytes) -> Optional[str]:
    return next((source.name for source in SOURCES if source.telling and source.telling.search(line)), None)


def _unrecognised(stream: Iterable[bytes], where: str) -> Iterator[Item]:
    if any(chunk.strip() for chunk in stream):
        reason = "no line looks like an event line or the start of a SIP message: state the format"
        yield Refusal("unknown_format", reason, where)
