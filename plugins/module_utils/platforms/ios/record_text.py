# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stamp of each entry on an IOS router: ``event manager environment NAME VALUE``.

IOS has no comment on a line of NAT, and no room in the name of a route. An environment variable of the Embedded Event
Manager (Cisco IOS Embedded Event Manager Command Reference) is one line of free text under a name of its own. It stays
in the running configuration, and is replaced in place. Nothing runs because of it.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import Dict, Optional, Tuple

from ...errors import HandoverError
from ...mobility.model import Address, Entry, Freeze, Mark, Rewrite, RewriteKind, Route, Selector
from .. import stamp as stamps
from ..base import foreign
from .own_names import RECORD

__all__ = ["entry_of_record", "record_name", "record_of"]

_RULE = f"every environment variable {RECORD}… is a record of ours"
_SHORT = {
    RewriteKind.INBOUND_DST.value: "id",
    RewriteKind.INBOUND_SRC.value: "is",
    RewriteKind.OUTBOUND_DST.value: "od",
    RewriteKind.OUTBOUND_SRC.value: "os",
    "mark": "mk",
    "freeze": "fz",
    "route": "rt",
}
_VALUE = re.compile(r"(\w+) (\S+) (\S+)(?: to (\S+))?(?: dev (\S+))? (sipmobility:.+)")


def record_name(entry: Entry) -> str:
    """The variable's name, for what can stand only once: letters, digits and underscores, 32 at most."""
    word, first, second = _sort(entry)
    return f"{RECORD}{_SHORT[word]}_{_hexadecimal(first)}_{_hexadecimal(second)}"


def record_of(entry: Entry) -> Dict[str, str]:
    """Name and value.

    :raises HandoverError: ``unsupported_entry``, ``bad_stamp``.
    """
    word, first, second = _sort(entry)
    told = f"{word} {_text(first)} {_text(second)}"
    if isinstance(entry, Rewrite):
        told += f" to {entry.to}"
    if isinstance(entry, Route):
        told += f" to {_text(entry.via)} dev {entry.interface}"
    return {"name": record_name(entry), "value": f"{told} {stamps.encode(entry.stamp)}"}


def entry_of_record(name: str, value: str) -> Entry:
    """The entry that a record speaks of; whether it stands, other lines tell.

    :raises HandoverError: ``foreign_entry``.
    """
    found = _VALUE.fullmatch(value.strip())
    if found is None:
        raise foreign(f"{name} {value}", _RULE)
    word, first, second, to, interface, stamp = found.groups()
    stamped = stamps.decode(stamp)
    try:
        entry: Entry
        if word == "route":
            destination = _address(first)
            if destination is None:
                raise ValueError(first)
            entry = Route(destination, _address(to), interface, stamped)
        else:
            match = Selector(_address(first), _address(second))
            if word == "mark":
                entry = Mark(match, stamped)
            elif word == "freeze":
                entry = Freeze(match, stamped)
            else:
                entry = Rewrite(RewriteKind(word), match, IPv4Address(to), stamped)
    except (HandoverError, ValueError) as error:
        raise foreign(f"{name} {value}", _RULE) from error
    if record_name(entry) != name:
        raise foreign(f"{name} {value}", _RULE)
    return entry


def _sort(entry: Entry) -> Tuple[str, Optional[Address], Optional[Address]]:
    if isinstance(entry, Route):
        return "route", entry.destination, None
    if isinstance(entry, (Rewrite, Mark, Freeze)):
        word = entry.kind.value if isinstance(entry, Rewrite) else "mark" if isinstance(entry, Mark) else "freeze"
        return word, entry.match.source, entry.match.destination
    raise HandoverError("unsupported_entry", entry, "ios holds rewrites, marks, routes and freezes")


def _hexadecimal(address: Optional[Address]) -> str:
    return "any" if address is None else f"{int(address):08x}"


def _text(address: Optional[Address]) -> str:
    return "any" if address is None else str(address)


def _address(word: Optional[str]) -> Optional[Address]:
    return None if word in ("any", None) else IPv4Address(word)
