# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rewrite or a mark as one line of text, with its stamp: for routers on which a text stands beside what it is about.

``WORD SOURCE DESTINATION [PROTOCOL SOURCE-PORT DESTINATION-PORT] [to ADDRESS] STAMP``; ``any`` is no address.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Optional, Union

from ..errors import HandoverError
from ..mobility.model import Address, Mark, Rewrite, RewriteKind, Selector
from . import stamp as stamps
from .base import foreign

__all__ = ["Recorded", "entry_of_text", "key_text", "text_of_entry"]

Recorded = Union[Rewrite, Mark]

_RULE = "every record under our name is written as this version writes it"
_LINE = re.compile(r"(\w+) (\S+) (\S+)(?: ([a-z]+) (\d{1,5}) (\d{1,5}))?(?: to (\S+))? (sipmobility:.+)", re.ASCII)


def key_text(entry: Recorded) -> str:
    """What can stand only once on a router."""
    word, match = entry.kind.value if isinstance(entry, Rewrite) else "mark", entry.match
    ports = f" {match.protocol} {match.source_port} {match.destination_port}" if match.protocol else ""
    return f"{word} {match.source or 'any'} {match.destination or 'any'}{ports}"


def text_of_entry(entry: Recorded) -> str:
    """The line for an entry.

    :raises HandoverError: ``bad_stamp``.
    """
    to = f" to {entry.to}" if isinstance(entry, Rewrite) else ""
    return f"{key_text(entry)}{to} {stamps.encode(entry.stamp)}"


def entry_of_text(text: str) -> Recorded:
    """The entry in a line.

    :raises HandoverError: ``foreign_entry``.
    """
    found = _LINE.fullmatch(text)
    if found is None:
        raise foreign(text, _RULE)
    word, source, destination, protocol, source_port, destination_port, to, stamp = found.groups()
    ports = (int(source_port), int(destination_port)) if protocol else (None, None)
    stamped = stamps.decode(stamp)
    try:
        match = Selector(_address(source), _address(destination), protocol, *ports)
        entry: Recorded = Mark(match, stamped)
        if word != "mark":
            entry = Rewrite(RewriteKind(word), match, ip_address(to or ""), stamped)
    except (HandoverError, ValueError) as error:
        raise foreign(text, _RULE) from error
    if text_of_entry(entry) != text:
        raise foreign(text, _RULE)
    return entry


def _address(word: str) -> Optional[Address]:
    return None if word == "any" else ip_address(word)
