# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Static routes as the nested lists that a datastore of IOS-XE has for them: VRF, destination, where to, next hop."""

from __future__ import annotations

from typing import AbstractSet, Any, Dict, List, Mapping

from .native import ALONE, Path

__all__ = ["route_path", "route_tables"]

#: How the members of each level are called in the template.
_LEVELS = ("tables", "destinations", "forwards", "hops")


def route_path(route: Mapping[str, Any]) -> Path:
    """Where a route of a step stands, see ``ios/router_change.py``."""
    if route["interface"]:
        return route["vrf"], (route["destination"], ALONE), route["interface"], route["via"]
    return route["vrf"], (route["destination"], ALONE), route["via"], ""


def route_tables(routes: Mapping[str, Any], standing: AbstractSet[Path]) -> List[Dict[str, Any]]:
    """What an edit does to the routes.

    What is taken away is the largest part that has nothing else: a rest without next hop would be another route, and a
    VRF without a route is refused.

    :param standing: every route of the router.
    """
    put = {route_path(route): route for route in routes["put"]}
    gone = [path for path in map(route_path, routes["remove"]) if path not in put]
    stays = (set(standing) - set(gone)) | set(put)
    root: Dict[str, Any] = {_LEVELS[0]: []}
    for path in gone:
        depth = 1 if path[0] else 2
        while depth < len(_named(path)) and any(one[:depth] == path[:depth] for one in stays):
            depth += 1
        _node(root, path[:depth])["operation"] = "remove"
    for path, route in put.items():
        _node(root, _named(path)).update(name=route["name"], tag=routes["tag"])
    found: List[Dict[str, Any]] = root[_LEVELS[0]]
    return found


def _named(path: Path) -> Any:
    return path if path[3] else path[:3]


def _node(root: Dict[str, Any], path: Any) -> Dict[str, Any]:
    """The node of a path, made where it is not there."""
    node = root
    for level, key in enumerate(path):
        members: List[Dict[str, Any]] = node[_LEVELS[level]]
        found = next((one for one in members if one["key"] == key), None)
        if found is None:
            found = {"key": key, "operation": "", "name": "", "tag": 0}
            if level + 1 < len(_LEVELS):
                found[_LEVELS[level + 1]] = []
            members.append(found)
        node = found
    return node
