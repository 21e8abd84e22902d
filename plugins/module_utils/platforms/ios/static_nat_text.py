# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Static NAT entries in the text of a running configuration, and the words that a template writes them with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Dict, Iterator, List, Tuple

from ...errors import HandoverError
from .static_nat import Protocol, Side, StaticNat, entry_from_record, entry_to_record

__all__ = ["Configuration", "line_context", "parse_configuration"]

_STATIC = re.compile(r"\s*ip nat (inside|outside) source static (.+?)\s*")
_FLAGS = {
    "match-in-vrf": "match_in_vrf",
    "reversible": "reversible",
    "extendable": "extendable",
    "no-alias": "no_alias",
    "no-payload": "no_payload",
    "add-route": "add_route",
}
_NAMES = {"vrf": "vrf", "route-map": "route_map", "redundancy": "redundancy"}


@dataclass(frozen=True)
class Configuration:
    """The static NAT of a router.

    :ivar entries: in the order of the configuration.
    :ivar unread: lines of static NAT in a form that is not known here; they are left alone.
    """

    entries: Tuple[StaticNat, ...] = ()
    unread: Tuple[str, ...] = ()


def parse_configuration(text: str) -> Configuration:
    """The static NAT in a running configuration, whole or filtered. Other lines are passed over."""
    entries: Dict[Any, StaticNat] = {}
    unread: List[str] = []
    for line in text.splitlines():
        found = _STATIC.fullmatch(line)
        if found is None:
            continue
        try:
            entry = entry_from_record(_record(Side(found.group(1)), iter(found.group(2).split())))
        except (HandoverError, StopIteration, ValueError):
            unread.append(line.strip())
        else:
            entries[entry.key] = entry
    return Configuration(tuple(entries.values()), tuple(unread))


def line_context(entry: StaticNat) -> Dict[str, Any]:
    """The variables of the template of one line, by the names of the entry's fields; None is not set."""
    names = dict.fromkeys(("global_address", "interface", "protocol", "local_port", "global_port", "prefix_length"))
    names.update(dict.fromkeys(_NAMES.values()), mapping_id=None)
    return {**names, **dict.fromkeys(_FLAGS.values(), False), **entry_to_record(entry)}


def _record(side: Side, words: Iterator[str]) -> Dict[str, Any]:
    """The fields in the words after ``static``. The order of options differs between releases.

    :raises ValueError: for a word that is not known; :class:`StopIteration` where words are missing.
    """
    record: Dict[str, Any] = {"side": side.value}
    first, second = ("local", "global") if side is Side.INSIDE else ("global", "local")
    word = next(words)
    ports = word in (item.value for item in Protocol)
    network = word == "network"
    if ports:
        record["protocol"] = word
    if ports or network:
        word = next(words)
    record[f"{first}_address"] = _address(word)
    if ports:
        record[f"{first}_port"] = int(next(words))
    word = next(words)
    if word == "interface":
        record["interface"] = next(words)
    else:
        record[f"{second}_address"] = _address(word)
    if ports:
        record[f"{second}_port"] = int(next(words))
    if network:
        record["prefix_length"] = IPv4Network("0.0.0.0/" + next(words).lstrip("/")).prefixlen
    for word in words:
        if word in _FLAGS:
            record[_FLAGS[word]] = True
        elif word in _NAMES:
            record[_NAMES[word]] = next(words)
        elif word == "mapping-id":
            record["mapping_id"] = int(next(words))
        else:
            raise ValueError(word)
    return record


def _address(word: str) -> str:
    return str(IPv4Address(word))
