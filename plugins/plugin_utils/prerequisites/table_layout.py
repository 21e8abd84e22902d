# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the table of our name on a router ours, and is it the one that we would load?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from ...module_utils.errors import HandoverError

__all__ = ["FAMILIES", "Table", "compare", "objects"]

Json = Mapping[str, Any]
FAMILIES = ("ip", "ip6")


class Table(Enum):
    """How our static rules stand: in nftables a table of our name, in iptables our chains."""

    NONE = "absent"
    OURS = "present"
    RULES = "present with other rules"
    OTHER = "present with another layout"
    FOREIGN = "another's"


def objects(text: str) -> list[tuple[str, Json]]:
    """Kind and properties of all that nft listed, in order; the text may be several JSON documents.

    :raises HandoverError: ``unreadable_answer``.
    """
    decoder, found, position = json.JSONDecoder(), [], 0
    text = text.strip()
    try:
        while position < len(text):
            document, end = decoder.raw_decode(text, position)
            found += [next(iter(item.items())) for item in document["nftables"]]
            position = end + len(text[end:]) - len(text[end:].lstrip())
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise HandoverError("unreadable_answer", text[:200], "nft lists its objects as JSON") from error
    return [(kind, body) for kind, body in found if kind != "metainfo"]


def compare(live: Iterable[tuple[str, Json]], ours: Iterable[tuple[str, Json]], name: str) -> dict[str, Table]:
    """How the table stands in each family, from listings of the router and of a scratch namespace that holds ours."""
    held, meant = list(live), list(ours)
    return {family: _compared(_of(held, family, name), _of(meant, family, name)) for family in (*FAMILIES, "arp")}


def _compared(held: list[tuple[str, Json]], meant: list[tuple[str, Json]]) -> Table:
    if not held:
        return Table.NONE
    if _names(held) != _names(meant):
        return Table.FOREIGN
    if held == meant:
        return Table.OURS
    return Table.RULES if _but_rules(held) == _but_rules(meant) else Table.OTHER


def _of(listed: list[tuple[str, Json]], family: str, name: str) -> list[tuple[str, Json]]:
    mine = [(kind, body) for kind, body in listed if body.get("family") == family and body.get("table") == name]
    rules = [item for item in mine if item[0] == "rule"]
    # A set is listed twice by nft, as a set and as a map; chains come with each listing of their rules.
    rest = {(kind, body["name"]): (kind, body) for kind, body in mine if kind != "rule"}
    chains = sorted({str(body["chain"]) for kind, body in rules})
    ordered = [item for chain in chains for item in rules if item[1]["chain"] == chain]
    return [_steady(item) for item in [*sorted(rest.values(), key=lambda item: (item[0], item[1]["name"])), *ordered]]


def _steady(item: tuple[str, Json]) -> tuple[str, Json]:
    """Without what differs between two loads of one file."""
    kind, body = item
    return kind, {key: value for key, value in body.items() if key not in ("handle", "elem")}


def _names(listed: list[tuple[str, Json]]) -> set[tuple[Any, ...]]:
    """What an element or a jump depends on: the names, and the types of the sets."""
    return {
        (kind, body["name"], json.dumps([body.get("type"), body.get("map")])) for kind, body in listed if kind != "rule"
    }


def _but_rules(listed: list[tuple[str, Json]]) -> list[tuple[str, Json]]:
    return [item for item in listed if item[0] != "rule"]
