# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look for drift found on all routers, in one record and in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

_SHOWN = 20


def drifted(hostvars: Mapping[str, Any], routers: Iterable[str], registered: str) -> dict[str, Any]:
    """The results of ``router_drift`` of these routers."""
    results = {router: hostvars[router].get(registered) or {} for router in routers}
    answered = {name: result for name, result in results.items() if "differences" in result}
    compared = {name: result for name, result in answered.items() if result["compared"]}
    clean = [name for name, result in compared.items() if not result["differences"]]
    return {
        "routers": {
            name: {
                "read": result.get("read", "none"),
                "reason": str(result.get("reason") or result.get("msg") or ""),
                "differences": result.get("differences", []),
            }
            for name, result in results.items()
        },
        "unchanged": bool(results) and all(result.get("read") == "probe" for result in results.values()),
        "whole": len(clean) == len(results) and bool(results),
        "told": [line for name, result in results.items() for line in _lines(name, result)],
    }


def _lines(router: str, result: Mapping[str, Any]) -> list[str]:
    if "differences" not in result:
        return [f"{router}: could not be looked at: {result.get('msg') or 'no reason given'}"]
    if not result["compared"]:
        return [f"{router}: not compared: {result['reason']}"]
    if not result["differences"]:
        return [f"{router}: as it should be ({'probe' if result['read'] == 'probe' else 'read'}: {result['reason']})"]
    lines = []
    for item in result["differences"][:_SHOWN]:
        words = item["should"] or item["stands"]
        if item["should"] and item["stands"]:
            words = f"{item['stands']}, should be {item['should']}"
        lines.append(f"{router}: {item['kind']}: {words}")
    rest = result["differences_count"] - len(lines)
    return [*lines, f"{router}: and {rest} more"] if rest else lines


class FilterModule:
    """The filter."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"drifted": drifted}
