# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a step of IOS to an edit of an IOS-XE datastore: the same lines, as entries of lists with their operations.

An edit names an entry once (RFC 6241 section 7.2), so an entry that goes and comes is replaced.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address
from typing import Any, Dict, Iterator, List, Mapping, Tuple

from ...errors import HandoverError
from ..ios.standing import Pair
from ..ios.static_nat import Side
from .native import Native
from .release import Release
from .route_tables import route_tables

__all__ = ["edit_context", "interface_parts"]

_Line = Mapping[str, Any]


def edit_context(step: Mapping[str, Any], native: Native, release: Release) -> Dict[str, Any]:
    """The variables of the template.

    :param step: those of the same step as lines of configuration, see ``ios/router_change.py``.
    :raises HandoverError: ``unsupported_entry`` for what the release has no leaf for, ``already_mapped``,
        ``number_taken``.
    """
    freeze = step["freeze"]
    interfaces = freeze.get("interfaces", ())
    return {
        "release": {"split": release.split, "host_address": release.host_address},
        "nat": _nat(step, native, release),
        "lists": [*_frozen(freeze), *_scopes(step["scopes"], native)],
        "route_maps": _route_maps(step["scopes"]),
        "interfaces": [{**interface_parts(one["name"]), "access": freeze["list"]} for one in interfaces],
        # Lists of frozen flows, where it is not known which interfaces get or lose them.
        "unplaced": {
            "put": "" if interfaces else freeze.get("list", ""),
            "remove": [] if interfaces else freeze.get("remove", []),
        },
        "records": step["records"],
        "tables": route_tables(step["routes"], native.paths),
    }


def _nat(step: Mapping[str, Any], native: Native, release: Release) -> Dict[str, List[Dict[str, Any]]]:
    """Entries by side. A list has one for two addresses, whatever its route-map: IOS' own lines may have more."""
    gone = {_key(line): line for line in step["remove"]}
    come = {_key(line): line for line in step["put"]}
    taken = {
        (entry.side.value, str(entry.local_address), str(entry.global_address), entry.vrf or "")
        for entry in native.standing.statics
    }
    for key, line in come.items():
        release.require(line)
        if key in taken - set(gone):
            raise HandoverError(
                "already_mapped",
                f"{line['side']}: {line['local_address']} {line['global_address']}",
                "two addresses have one static entry in the datastore of a router",
                "Remove the entry that stands.",
            )
    sides: Dict[str, List[Dict[str, Any]]] = {side.value: [] for side in Side}
    for key, line in gone.items():
        if key not in come:
            sides[line["side"]].append({**line, "operation": "delete"})
    for key, line in come.items():
        sides[line["side"]].append({**line, "operation": "replace" if key in gone else "create"})
    return sides


def _key(line: _Line) -> Tuple[str, str, str, str]:
    return line["side"], line["local_address"], line["global_address"], line["vrf"] or ""


def _frozen(freeze: Mapping[str, Any]) -> Iterator[Dict[str, Any]]:
    if freeze.get("list"):
        ends = [("deny", flow["source"], flow["destination"]) for flow in freeze["flows"]] + [("permit", "", "")]
        rules = [_rule(str(10 * place), *rule) for place, rule in enumerate(ends, 1)]
        yield {"name": freeze["list"], "operation": "replace", "rules": rules}
    for name in freeze.get("remove", ()):
        yield {"name": name, "operation": "remove", "rules": []}


def _scopes(scopes: Mapping[str, Any], native: Native) -> Iterator[Dict[str, Any]]:
    written = set()
    for scope in scopes["put"]:
        name, rules = scope["name"], []
        used: Dict[str, Pair] = {}
        if scope["new"]:
            written.add(name)
        else:
            used = {number: pair for (one, pair), number in native.numbers.items() if one == name}
        for peer in scope["remove"]:
            pair = (IPv4Address(scope["old"]), IPv4Address(peer))
            number = native.numbers.get((name, pair), _number(peer))
            used.pop(number, None)
            rules.append({**_rule(number, "permit", scope["old"], peer), "operation": "remove"})
        for peer in scope["put"]:
            pair, number = (IPv4Address(scope["old"]), IPv4Address(peer)), _number(peer)
            if used.setdefault(number, pair) != pair:
                raise HandoverError(
                    "number_taken",
                    f"{name}: {number}",
                    "each correspondent of an access list has a number of its own, made of its address",
                    "Choose the scope address, or remove the rule that has this number.",
                )
            rules.append(_rule(number, "permit", scope["old"], peer))
        yield {"name": name, "operation": "replace" if scope["new"] else "", "rules": rules}
    for name in dict.fromkeys(scopes["remove"]):
        if name not in written:
            yield {"name": name, "operation": "remove", "rules": []}


def _route_maps(scopes: Mapping[str, Any]) -> List[Dict[str, str]]:
    written = {scope["name"]: "replace" for scope in scopes["put"] if scope["new"]}
    told = {**dict.fromkeys(scopes["remove"], "remove"), **written}
    return [{"name": name, "operation": operation} for name, operation in told.items()]


def _rule(number: str, action: str, source: str, destination: str) -> Dict[str, str]:
    return {"number": number, "action": action, "source": source, "destination": destination, "operation": ""}


def _number(peer: str) -> str:
    """The number of a correspondent's rule: the largest is one bit shorter than an address."""
    return str(int(IPv4Address(peer)) % 2147483647 + 1)


def interface_parts(name: str) -> Dict[str, str]:
    """Kind and number of an interface, as the datastore has them apart.

    :raises HandoverError: ``no_such_interface``.
    """
    found = re.fullmatch(r"([A-Za-z][A-Za-z-]*)(\d[\d/.:]*)", name)
    if found is None:
        raise HandoverError("no_such_interface", name, "an interface is a type and a number: GigabitEthernet0/0/1")
    return {"kind": found.group(1), "number": found.group(2)}
