# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes of Linux routers, in a routing table of our own: from what ``ip -j route`` lists, and for a step's text."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Tuple

from ..errors import HandoverError
from ..mobility.model import Address, Entry, Route, Stamp
from ..mobility.selector import address_text
from . import stamp as stamps
from .base import Output, foreign

__all__ = ["SETTINGS", "route_lines", "routes_of"]

#: The mark by which packets find our routing table, and that table. Settings of every Linux platform.
SETTINGS: Mapping[str, Any] = {
    "mark": "0x6d000000",
    "mark_mask": "0xff000000",
    "routing_table": 7082,
    "route_protocol": 182,
    "save_command": "/usr/local/lib/sipmobility/save",
}


def routes_of(output: Output, version: int, records: Dict[Address, Stamp]) -> Iterable[Route]:
    """The routes of one IP version: those listed, and those recorded that are gone from the routing table.

    :param records: the stamp of each old address, which no route can carry itself; emptied here.
    :raises HandoverError: ``unreadable_answer``, ``foreign_entry``.
    """
    section = "routes" if version == 4 else "routes6"
    text = output.sections.get(section, "").strip()
    if section in output.status and "does not exist" in text:
        text = ""  # no route was ever put into our routing table
    try:
        listed = json.loads(text) if text else []
    except ValueError as error:
        raise HandoverError("unreadable_answer", text[:200], "ip lists routes as JSON") from error
    for item in listed:
        plain = isinstance(item, dict) and "type" not in item and "via" not in item and "dev" in item
        if not plain or "/" in item["dst"] or item["dst"] == "default":
            raise foreign(item, "every route of our protocol leads one address over one interface")
        destination, via = ip_address(item["dst"]), ip_address(item["gateway"]) if "gateway" in item else None
        yield Route(destination, via, item["dev"], records.pop(destination, stamps.REMNANT))
    for destination, stamp in records.items():
        yield Route(destination, None, None, stamp)


def route_lines(entries: Iterable[Entry], but: Iterable[Entry] = ()) -> List[Dict[str, Any]]:
    """The routes among these entries for the template ``linux/routes.j2``: of each IP version that there is one of.

    :param but: entries whose routes are left out; a record without a route keeps none.
    """
    routed = list(_routed(entries))
    kept = {entry.key for entry in _routed(but)} if routed else set()
    found: Dict[int, List[Tuple[str, str, str, int]]] = {}
    for entry in routed:
        if not kept or entry.key not in kept:
            destination = entry.destination
            via = "" if entry.via is None else address_text(entry.via)
            length = f"{address_text(destination)}/{destination.max_prefixlen}"
            route = (length, via, entry.interface or "", _metric(destination))
            found.setdefault(destination.version, []).append(route)
    return [{"version": version, "routes": routes} for version, routes in sorted(found.items())]


def _metric(destination: Address) -> int:
    """A metric of its own for each IPv4 route; 0 for none.

    It decides nothing, there is one route for each address. But the kernel compares a new route's next hop with all
    others of equal interface and metric: without it 10,000 routes over one link took 4 s, and each more took longer.
    """
    return int(destination) if destination.version == 4 else 0


def _routed(entries: Iterable[Entry]) -> Iterator[Route]:
    """The routes that the kernel has: those of which only our record is left name neither hop nor interface."""
    for entry in entries:
        if isinstance(entry, Route) and (entry.via is not None or entry.interface is not None):
            yield entry
