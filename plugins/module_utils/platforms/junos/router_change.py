# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a change of entries to what is written and taken away on an SRX, for the template of a step.

Pools and applications are shared by the rules that use them: what a change takes away depends on what else stands.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Iterable, List, Mapping, Optional

from ...errors import HandoverError
from ...mobility.model import Change, Entry, Freeze, Key, Mark, Rewrite, RewriteKind, Route, Selector
from .. import stamp as stamps
from . import own_names as names
from .standing import Standing

__all__ = ["clears", "step_context"]

_FAMILIES = {4: "inet", 6: "inet6"}


def step_context(change: Change, standing: Standing) -> Dict[str, Any]:
    """The variables of the step template.

    :raises HandoverError: ``router_not_prepared`` where a flow must be frozen and an interface lacks our filter.
    """
    held = {entry.key: entry for entry in (*standing.entries, *change.remove)}
    after = {key: entry for key, entry in held.items() if key not in {gone.key for gone in change.remove}}
    after.update((entry.key, entry) for entry in change.put)
    for entry in change.put:
        if isinstance(entry, Freeze) and entry.match.version not in standing.freezable:
            raise HandoverError(
                "router_not_prepared",
                f"no {names.FREEZE_FILTER} in {_FAMILIES[entry.match.version]}",
                "our filter is the first in the input list of both interfaces: flows are dropped by it while rules "
                "change",
                "Run the role first_hop_router on it.",
            )
    rewrites = [entry for entry in after.values() if isinstance(entry, Rewrite)]
    return {
        "macro": names.MACRO,
        "stamp": names.STAMP,
        "applications": _applications(rewrites, standing),
        "nat": [_nat(side, change, held, rewrites, standing) for side in ("destination", "source")],
        "marks": _marks(change, held),
        "freezes": _freezes(change, held),
        "routes": _routes(change, held),
        "clears": [_flow(match) for match in clears(change)],
    }


def clears(change: Change) -> List[Selector]:
    """The sessions that may have been made as it was before: each changed rewrite's packets, either way."""
    before: Dict[Key, Entry] = {entry.key: entry for entry in change.remove if isinstance(entry, Rewrite)}
    after: Dict[Key, Entry] = {entry.key: entry for entry in change.put if isinstance(entry, Rewrite)}
    found: Dict[Selector, None] = {}
    for key in [*before, *(key for key in after if key not in before)]:
        pair = [entry for entry in (before.get(key), after.get(key)) if isinstance(entry, Rewrite)]
        if len(pair) == 2 and pair[0].to == pair[1].to:
            continue  # only its stamp is new
        for entry in pair:
            for match in (entry.match, entry.image):
                found[match] = None
                found[match.turned] = None
    return list(found)


def _operation(entry: Entry, held: Mapping[Key, Entry]) -> str:
    """How an entry is put: ``create``, ``replace``, or ``stamp`` where nothing else of it changes."""
    before = held.get(entry.key)
    if before is None:
        return "create"
    return "stamp" if replace(before, stamp=entry.stamp) == entry else "replace"


def _gone(change: Change) -> List[Entry]:
    put = {entry.key for entry in change.put}
    return [entry for entry in change.remove if entry.key not in put]


def _applications(rewrites: Iterable[Rewrite], standing: Standing) -> Dict[str, List[Any]]:
    needed = {names.application_name(one.match): one.match for one in rewrites if one.kind.changes_destination}
    needed.pop("", None)
    return {
        "remove": sorted(standing.applications - set(needed)),
        "put": [
            {"name": name, **_session(match)}
            for name, match in sorted(needed.items())
            if name not in standing.applications
        ],
    }


def _nat(
    side: str, change: Change, held: Mapping[Key, Entry], rewrites: Iterable[Rewrite], standing: Standing
) -> Dict[str, Any]:
    """Pools and sets of rules of one kind of NAT."""
    after = [one for one in rewrites if names.side_of(one.kind) == side]
    needed = {names.pool_name(one.to): names.host(one.to) for one in after}
    standing_pools = {pool for where, pool in standing.pools if where == side}
    kinds = [kind for kind in RewriteKind if names.side_of(kind) == side]
    empty = {kind for kind in kinds if not any(one.kind is kind for one in after)}
    return {
        "side": side,
        "pools": {
            "remove": sorted(standing_pools - set(needed)),
            "put": [
                {"name": pool, "address": address}
                for pool, address in sorted(needed.items())
                if pool not in standing_pools
            ],
        },
        "rule_sets": {
            "remove": [names.RULE_SETS[kind] for kind in kinds if kind in empty & standing.rule_sets],
            "put": [found for kind in kinds if kind not in empty and (found := _rule_set(kind, change, held))],
        },
    }


def _rule_set(kind: RewriteKind, change: Change, held: Mapping[Key, Entry]) -> Optional[Dict[str, Any]]:
    removed, put = (
        [entry for entry in side if isinstance(entry, Rewrite) and entry.kind is kind]
        for side in (_gone(change), change.put)
    )
    if not removed and not put:
        return None
    return {
        "name": names.RULE_SETS[kind],
        "inbound": kind.is_decoder,
        "remove": [names.rule_name(one) for one in removed],
        "put": [
            {
                "operation": _operation(one, held),
                "name": names.rule_name(one),
                "application": names.application_name(one.match),
                "pool": names.pool_name(one.to),
                "stamp": stamps.encode(one.stamp),
                **_flow(one.match),
            }
            for one in put
        ],
    }


def _marks(change: Change, held: Mapping[Key, Entry]) -> Dict[str, Any]:
    removed = [names.mark_name(entry) for entry in _gone(change) if isinstance(entry, Mark)]
    put = [
        {"name": names.mark_name(entry), "stamp": stamps.encode(entry.stamp)}
        for entry in change.put
        if isinstance(entry, Mark)
    ]
    all_marks = {names.mark_name(entry) for entry in held.values() if isinstance(entry, Mark)}
    return {
        "macro": names.MARKS,
        "all_gone": bool(all_marks) and not put and all_marks == set(removed),
        "remove": removed,
        "put": put,
    }


def _freezes(change: Change, held: Mapping[Key, Entry]) -> List[Dict[str, Any]]:
    families = []
    for version, family in _FAMILIES.items():
        removed, put = (
            [entry for entry in side if isinstance(entry, Freeze) and entry.match.version == version]
            for side in (_gone(change), change.put)
        )
        if removed or put:
            terms = [
                {
                    "operation": _operation(one, held),
                    "name": names.term_name(one.match),
                    "stamp": stamps.encode(one.stamp),
                    **_flow(one.match),
                }
                for one in put
            ]
            gone = [names.term_name(one.match) for one in removed]
            families.append(
                {
                    "family": family,
                    "protocol": names.FILTER_PROTOCOL[family],
                    "filter": names.FREEZE_FILTER,
                    "remove": gone,
                    "put": terms,
                }
            )
    return families


def _routes(change: Change, held: Mapping[Key, Entry]) -> List[Dict[str, Any]]:
    families = []
    for version in _FAMILIES:
        removed, put = (
            [entry for entry in side if isinstance(entry, Route) and entry.destination.version == version]
            for side in (_gone(change), change.put)
        )
        if removed or put:
            routes = [
                {
                    "operation": _operation(one, held),
                    "destination": names.host(one.destination),
                    "via": str(one.via),
                    "interface": one.interface or "",
                    "stamp": stamps.encode(one.stamp),
                }
                for one in put
            ]
            gone = [names.host(one.destination) for one in removed]
            families.append({"version": version, "remove": gone, "put": routes})
    return families


def _flow(match: Selector) -> Dict[str, Any]:
    return {"source": names.host(match.source), "destination": names.host(match.destination), **_session(match)}


def _session(match: Selector) -> Dict[str, Any]:
    return {
        "protocol": names.PROTOCOLS[match.protocol] if match.protocol else "",
        "source_port": match.source_port or 0,
        "destination_port": match.destination_port or 0,
    }
