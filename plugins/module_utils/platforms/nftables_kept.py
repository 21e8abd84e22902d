# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a router should hold by its own record, and what of its table is not ours: for telling drift."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Mapping, Tuple

from ..errors import HandoverError
from ..mobility.router_state import RouterState
from . import stamp as stamps
from .base import Output
from .nftables import SETS, TABLES, entries_of
from .routes import SETTINGS

__all__ = ["kept_state", "without_foreign"]

_ELEMENT = re.compile(r'(\S.*?) comment "([^"]*)"(?: : (\S+))?')
_ROUTE = re.compile(r"# route ([46]) (\S+)(?: via (\S+))? dev (\S+)")
_NEIGHBOUR = re.compile(r"# neighbour (\S+) dev (\S+)")


def kept_state(text: str) -> RouterState:
    """The state in what ``save kept`` printed (``templates/nftables/kept.sh.j2``), also what has expired.

    :raises HandoverError: ``unreadable_answer``, ``foreign_entry``.
    """
    sets: Dict[str, Dict[str, Dict[str, List[Any]]]] = {
        family: {name: {"elem": []} for name in SETS} for family in TABLES
    }
    routes: Dict[str, List[Dict[str, str]]] = {"4": [], "6": []}
    neighbours: List[Dict[str, str]] = []
    family = place = ""
    for line in text.splitlines():
        words = line.split()
        element, route, neighbour = _ELEMENT.fullmatch(line.strip()), _ROUTE.match(line), _NEIGHBOUR.match(line)
        if line.startswith("table ") and len(words) > 1:
            family = words[1]
        elif words[:1] in (["map"], ["set"]) and len(words) > 1:
            place = words[1]
        elif element is not None:
            key, comment, to = element.groups()
            inner = {"elem": {"val": {"concat": key.split(" . ")}, "comment": comment}}
            try:
                sets[family][place]["elem"].append(inner if to is None else [inner, to])
            except KeyError as error:
                raise HandoverError("unreadable_answer", line, "a router's record is of our sets") from error
        elif route is not None:
            version, destination, via, device = route.groups()
            item = {"dst": destination, "dev": device, **({} if via is None else {"gateway": via})}
            routes[version].append(item)
        elif neighbour is not None:
            address, device = neighbour.groups()
            neighbours.append({"dst": address, "dev": device, "protocol": str(SETTINGS["route_protocol"])})
    listed = {"routes": routes["4"], "routes6": routes["6"], "neighbours": neighbours}
    output = Output({name: json.dumps(items) for name, items in listed.items()}, {})
    try:
        return RouterState(entries_of(sets, output))
    except (ValueError, IndexError) as error:
        raise HandoverError("unreadable_answer", text[:200], "a router's record is what it wrote") from error


def without_foreign(output: Output) -> Tuple[Output, List[str]]:
    """What a router printed less what carries no stamp of ours, and words for each of those things."""
    sections, told = dict(output.sections), []
    for family in TABLES:
        try:
            listing = json.loads(sections.get(family, ""))
            for item in listing["nftables"]:
                held = item.get("map") or item.get("set") or {}
                if "elem" in held and held.get("name") in SETS:
                    ours = [element for element in held["elem"] if _stamped(element)]
                    strange = [element for element in held["elem"] if not _stamped(element)]
                    held["elem"] = ours
                    told += [f"{family} {held['name']}: {_words(element)}" for element in strange]
            sections[family] = json.dumps(listing)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # told when it is read
    for section in ("routes", "routes6"):
        try:
            routes = json.loads(sections.get(section, ""))
            strange = [route for route in routes if not _plain(route)]
            told += [f"{section}: {json.dumps(route)}" for route in strange]
            sections[section] = json.dumps([route for route in routes if _plain(route)])
        except (ValueError, TypeError):
            continue
    return Output(sections, output.status), told


def _stamped(element: Any) -> bool:
    inner = element[0] if isinstance(element, list) else element
    comment = inner.get("elem", {}).get("comment") if isinstance(inner, dict) else None
    try:
        stamps.decode(str(comment))
    except HandoverError:
        return False
    value = inner["elem"].get("val")
    parts = value.get("concat") if isinstance(value, dict) else [value]
    return isinstance(parts, list) and all(isinstance(part, (str, int)) for part in parts)


def _words(element: Any) -> str:
    return json.dumps(element)[:200]


def _plain(route: Mapping[str, Any]) -> bool:
    """Whether a route has the form of ours, see :mod:`.routes`."""
    return ("type" not in route and "via" not in route and "dev" in route and not {"/"} & set(route["dst"])) and route[
        "dst"
    ] != "default"
