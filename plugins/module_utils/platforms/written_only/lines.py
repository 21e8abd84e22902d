# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a change of entries to what the template of a step needs: rules, or lines for both halves, and routes."""

from __future__ import annotations

import hashlib
from ipaddress import ip_address
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Union

from ...errors import HandoverError
from ...mobility.model import Address, Change, Entry, Freeze, Rewrite, Route, Selector
from .. import stamp as stamps
from ..capabilities import Part

__all__ = [
    "line_changes",
    "match_of",
    "route_changes",
    "rule_changes",
    "rule_number",
    "sessions_of",
]

#: Rules of ours have the numbers from here on, and as many as follow.
_FIRST, _MANY = 900_000, 99_999


class _Flow(NamedTuple):
    """What one line translates: both ways, between an old and a new address, at a router of one part."""

    part: Part
    old: Address
    new: Address


def line_changes(change: Change) -> Dict[str, List[Dict[str, str]]]:
    """Lines that go and lines that come.

    :raises HandoverError: ``unsupported_entry`` where a half of a flow would stand alone.
    """
    gone, come = _flows(change.remove), _flows(change.put)
    for flow, halves in {**gone, **come}.items():
        if halves != 2:
            raise HandoverError(
                "unsupported_entry",
                f"{flow.old} and {flow.new}",
                "a line of static NAT translates both ways, so a router holds both rewrites or none",
                "Choose the directions both.",
            )
    return {
        "remove": [_line(flow) for flow in gone if flow not in come],
        "put": [_line(flow) for flow in come if flow not in gone],
    }


def rule_changes(change: Change) -> Dict[str, List[Dict[str, Any]]]:
    """Rules that go and rules that come: one for each rewrite and each freeze.

    :raises HandoverError: ``index_taken`` where two get one number.
    """
    found = {
        name: [_rule(entry) for entry in side if isinstance(entry, (Rewrite, Freeze))]
        for name, side in (("remove", change.remove), ("put", change.put))
    }
    numbers = [(rule["side"], rule["number"]) for rule in found["put"]]
    if len(set(numbers)) != len(numbers):
        raise HandoverError("index_taken", "two rules of one number", "the rules of a step have different numbers")
    return found


def route_changes(change: Change) -> Dict[str, List[Dict[str, Any]]]:
    """Routes that go and routes that come; one that only gets another stamp says so, and does not go."""
    before = {entry.key: entry for entry in change.remove if isinstance(entry, Route)}
    after = {entry.key: entry for entry in change.put if isinstance(entry, Route)}
    same = {
        key
        for key, entry in after.items()
        if key in before and (before[key].via, before[key].interface) == (entry.via, entry.interface)
    }
    return {
        "remove": [_route(entry) for key, entry in before.items() if key not in same],
        "put": [{**_route(entry), "restamped": key in same} for key, entry in after.items()],
    }


def sessions_of(change: Change) -> List[Dict[str, Any]]:
    """The sessions that a router may track as it was before: each changed rewrite's packets, either way."""
    before = {entry.key: entry for entry in change.remove if isinstance(entry, Rewrite)}
    after = {entry.key: entry for entry in change.put if isinstance(entry, Rewrite)}
    found: Dict[Selector, None] = {}
    for key in {**before, **after}:
        pair = [entry for entry in (before.get(key), after.get(key)) if entry is not None]
        if len(pair) == 2 and pair[0].to == pair[1].to:
            continue
        for entry in pair:
            for match in (entry.match, entry.image):
                found.update({match: None, match.turned: None})
    return [_match(match) for match in found]


def rule_number(entry: Union[Rewrite, Freeze]) -> int:
    """The number of its rule, made of all that tells it from the others."""
    kind = entry.kind.value if isinstance(entry, Rewrite) else "freeze"
    digest = hashlib.sha256(f"{kind} {entry.match}".encode()).digest()
    return _FIRST + int.from_bytes(digest[:8], "big") % _MANY


def _flows(entries: Iterable[Entry]) -> Dict[_Flow, int]:
    """The flows of these entries, each with the number of its halves that are there."""
    found: Dict[_Flow, int] = {}
    for entry in entries:
        if isinstance(entry, Rewrite):
            flow = _Flow(Part.of(entry.kind), *entry.pair)
            found[flow] = found.get(flow, 0) + 1
    return found


def _rule(entry: Union[Rewrite, Freeze]) -> Dict[str, Any]:
    told: Dict[str, Any] = {"side": "freeze", "kind": "freeze", "to": "", "inbound": False}
    if isinstance(entry, Rewrite):
        side = "destination" if entry.kind.changes_destination else "source"
        told = {"side": side, "kind": entry.kind.value, "to": str(entry.to), "inbound": entry.kind.is_decoder}
    return {**told, "number": rule_number(entry), "stamp": stamps.encode(entry.stamp), **_match(entry.match)}


def _line(flow: _Flow) -> Dict[str, str]:
    part = "visited" if flow.part is Part.VISITED else "correspondent"
    return {"part": part, "old": str(flow.old), "new": str(flow.new)}


def _route(entry: Route) -> Dict[str, Any]:
    return {
        "version": entry.destination.version,
        "destination": f"{entry.destination}/{entry.destination.max_prefixlen}",
        "via": str(entry.via),
        "interface": entry.interface,
        "stamp": stamps.encode(entry.stamp),
    }


def match_of(
    source: Optional[str],
    destination: Optional[str],
    protocol: Optional[str],
    source_port: Optional[str],
    destination_port: Optional[str],
) -> Selector:
    """The packets that these words of a router select."""
    return Selector(
        None if source is None else ip_address(source),
        None if destination is None else ip_address(destination),
        protocol,
        None if source_port is None else int(source_port),
        None if destination_port is None else int(destination_port),
    )


def _match(match: Selector) -> Dict[str, Any]:
    return {
        "source": "" if match.source is None else str(match.source),
        "destination": "" if match.destination is None else str(match.destination),
        "protocol": match.protocol or "",
        "source_port": match.source_port or 0,
        "destination_port": match.destination_port or 0,
    }
