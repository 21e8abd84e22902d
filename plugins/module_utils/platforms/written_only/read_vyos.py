# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a VyOS router holds for us, from ``show configuration commands``: one line for each value."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Dict, Iterator, Mapping, Tuple

from ...mobility.model import Entry, Freeze, Rewrite, RewriteKind, Route
from .. import stamp as stamps
from ..base import foreign
from .lines import match_of, rule_number

__all__ = ["entries_in"]

_WORDS = ("source address", "destination address", "protocol", "source port", "destination port")
_RULE = re.compile(
    r"set (nat (?:destination|source)|firewall ipv4 prerouting raw) rule (9[0-9]{5}) (.+?) '([^']*)'", re.ASCII
)
_ROUTE = re.compile(
    r"set protocols static route (\S+)/32 (?:(description) '([^']*)'|next-hop (\S+) interface '([^']*)')", re.ASCII
)


def entries_in(text: str) -> Iterator[Entry]:
    """The entries.

    :raises HandoverError: ``foreign_entry`` for a rule with a number of ours that we would write otherwise.
    """
    rules: Dict[Tuple[str, str], Dict[str, str]] = {}
    routes: Dict[str, Dict[str, str]] = {}
    for line in text.splitlines():
        rule, route = _RULE.fullmatch(line.strip()), _ROUTE.fullmatch(line.strip())
        if rule is not None:
            rules.setdefault((rule[1], rule[2]), {})[rule[3]] = rule[4]
        elif route is not None:
            told = {"description": route[3]} if route[2] else {"via": route[4], "interface": route[5]}
            routes.setdefault(route[1], {}).update(told)
    for (place, number), told in rules.items():
        if " sipmobility:" in told.get("description", ""):
            yield _entry(place, number, told)
    for destination, told in routes.items():
        if told.get("description", "").startswith("sipmobility:"):
            stamp = stamps.decode(told["description"])
            yield Route(ip_address(destination), ip_address(told["via"]), told["interface"], stamp)


def _entry(place: str, number: str, told: Mapping[str, str]) -> Entry:
    kind, _space, stamp = told.get("description", "").partition(" ")
    match = match_of(*map(told.get, _WORDS))
    entry: Entry
    if kind == "freeze":
        entry = Freeze(match, stamps.decode(stamp))
    else:
        entry = Rewrite(RewriteKind(kind), match, ip_address(told["translation address"]), stamps.decode(stamp))
    if rule_number(entry) != int(number):
        raise foreign(f"{place} rule {number}", "a rule with a number of ours is written as this version writes it")
    return entry
