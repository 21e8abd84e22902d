# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the text of a running configuration of IOS, as far as it is ours or in our way."""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import Iterator, List, Optional, Tuple

from ..base import foreign
from .own_names import FREEZES, LIST, RECORD, ROUTE_NAME, ROUTE_TAG
from .record_text import entry_of_record
from .standing import Found, Interface, Pair, Standing, standing_of
from .static_nat_text import parse_configuration

__all__ = ["standing_in"]

_RECORD = re.compile(rf"event manager environment ({RECORD}\w+) (.+)")
_ROUTE = re.compile(r"ip route (?:vrf \S+ )?(\S+) (\S+) (.+)")
_ACE = re.compile(r"(?:\d+ )?(permit|deny) ip (any|host \S+) (any|host \S+)")
_MASK = "255.255.255.255"


def standing_in(text: str) -> Standing:
    """The router whose running configuration, whole or filtered, this is.

    :raises HandoverError: ``foreign_entry`` for something under our names that is not of ours.
    """
    found = Found(statics=parse_configuration(text).entries)
    for head, body in _sections(text):
        _look(head, body, found)
    return standing_of(found)


def _sections(text: str) -> Iterator[Tuple[str, List[str]]]:
    """Each line that stands at the margin, with those that are indented below it."""
    head, body = "", []
    for line in text.splitlines():
        if line.startswith(" "):
            body.append(line.strip())
        else:
            yield head, body
            head, body = line.strip(), []
    yield head, body


def _look(head: str, body: List[str], found: Found) -> None:
    record, route = _RECORD.fullmatch(head), _ROUTE.fullmatch(head)
    if record is not None:
        found.records[record.group(1)] = entry_of_record(*record.groups())
    elif route is not None:
        _route(head, route, found)
    elif head.startswith("interface "):
        sides = [line[7:] for line in body if line in ("ip nat inside", "ip nat outside")]
        access = [line.split()[2] for line in body if line.startswith("ip access-group ") and line.endswith(" in")]
        if sides:
            found.interfaces.append(Interface(head.split()[1], sides[0], access[0] if access else ""))
    elif head.startswith(f"ip access-list extended {LIST}"):
        name = head.split()[-1]
        verdict = "deny" if name in FREEZES else "permit"
        found.lists[name] = [_pair(ace) for ace in map(_ACE.fullmatch, body) if ace and ace.group(1) == verdict]


def _pair(ace: re.Match[str]) -> Pair:
    first, second = (None if word == "any" else IPv4Address(word[5:]) for word in ace.groups()[1:])
    return first, second


def _route(head: str, route: re.Match[str], found: Found) -> None:
    """A host route of our name: interface and next hop come before its options, whose order releases differ in."""
    destination, mask, rest = route.groups()
    words = rest.split()
    if _after("name", words) != ROUTE_NAME:
        return
    if _after("tag", words) != str(ROUTE_TAG) or mask != _MASK or len(words) < 6:
        raise foreign(head, "every route of our name leads one address over one interface, with our tag")
    found.routes[IPv4Address(destination)] = (IPv4Address(words[1]), words[0])


def _after(word: str, words: List[str]) -> Optional[str]:
    return words[words.index(word) + 1] if word in words[:-1] else None
