# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a RouterOS router holds for us, from ``/export terse``: one line for each rule and each route."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Iterator, Mapping

from ...mobility.model import Entry, Freeze, Rewrite, RewriteKind, Route
from .. import stamp as stamps
from ..base import foreign
from .lines import match_of, rule_number

__all__ = ["entries_in"]

_WORDS = ("src-address", "dst-address", "protocol", "src-port", "dst-port")
_LINE = re.compile(r"/ip (firewall nat|firewall raw|route) add (.*)", re.ASCII)
_VALUE = re.compile(r'([a-z-]+)=(?:"([^"]*)"|(\S*))', re.ASCII)


def entries_in(text: str) -> Iterator[Entry]:
    """The entries: whatever has a comment of ours.

    :raises HandoverError: ``foreign_entry`` where we would write it otherwise.
    """
    for line in text.splitlines():
        found = _LINE.fullmatch(line.strip())
        told = {} if found is None else {name: quoted or bare for name, quoted, bare in _VALUE.findall(found[2])}
        if found is not None and told.get("comment", "").startswith("sipmobility-"):
            yield _entry(found[1], told)


def _entry(place: str, told: Mapping[str, str]) -> Entry:
    name, kind, stamp = told["comment"].split(" ", 2)
    decoded = stamps.decode(stamp)
    if place == "route":
        via, _percent, interface = told["gateway"].partition("%")
        return Route(ip_address(told["dst-address"].partition("/")[0]), ip_address(via), interface, decoded)
    source, destination, protocol, *ports = map(told.get, _WORDS)
    match = match_of(source, destination, "udplite" if protocol == "udp-lite" else protocol, *ports)
    entry: Entry
    if kind == "freeze":
        entry = Freeze(match, decoded)
    else:
        entry = Rewrite(RewriteKind(kind), match, ip_address(told["to-addresses"]), decoded)
    if name != f"sipmobility-{rule_number(entry)}":
        raise foreign(told["comment"], "a rule with a comment of ours is written as this version writes it")
    return entry
