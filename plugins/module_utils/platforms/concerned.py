# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a router has to look at: the addresses that let a packet come to our maps at all.

Most packets at a router are nobody's who moved. They are told by one address, without a look at pairs or ports. That an
address concerns us may be remembered for too long, at the price of a look in vain, but never for too short. So nothing
is counted and nothing taken out: an address is put with each entry that needs it, for a time that depends on nothing
but the set that it is in. Whatever else needs it there was put before, for as long as that or less.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from ..mobility.model import Address, Entry, Mark, Rewrite
from ..mobility.selector import address_text

__all__ = ["LASTING", "MARGIN", "concerned_by", "concerned_elements", "concerned_listed"]

#: The sets, and the seconds for which an address stays in each. What lasts longer yet brings its own time.
LASTING: Mapping[str, int] = {"concerned": 7_200, "concerned_long": 30 * 86_400}
#: Seconds by which it stays longer than the entry that needs it.
MARGIN = 10

_SHORT, _LONG = LASTING


def concerned_by(entry: Entry) -> Optional[Address]:
    """The address that every packet has which an entry is for; None where it is for none.

    It is the field that a rewrite changes, and the source of what is marked.
    """
    if isinstance(entry, Rewrite):
        return entry.match.destination if entry.kind.changes_destination else entry.match.source
    return entry.match.source if isinstance(entry, Mark) else None


def concerned_elements(put: Iterable[Entry], now: float) -> List[Dict[str, Any]]:
    """The elements that come with these entries, in groups of one IP version, set and time.

    :returns: groups with ``version``, ``set``, ``keys`` and ``timeout``: 0 for the set's own.
    """
    # In one transaction each key once, for its longest time.
    lasting: Dict[Tuple[int, str], Dict[str, int]] = {}
    for entry in put:
        address = concerned_by(entry)
        if address is not None:
            left = int(entry.stamp.expires - now) + MARGIN
            name = _SHORT if left <= LASTING[_SHORT] else _LONG
            keys = lasting.setdefault((address.version, name), {})
            key = address_text(address)
            own = left if left > LASTING[_LONG] else 0
            keys[key] = max(keys.get(key, 0), own)
    groups: Dict[Tuple[int, str, int], List[str]] = {}
    for (version, name), keys in lasting.items():
        for key, own in keys.items():
            groups.setdefault((version, name, own), []).append(key)
    return [
        {"version": version, "set": name, "timeout": own, "keys": keys}
        for (version, name, own), keys in sorted(groups.items())
    ]


def concerned_listed(sets: Mapping[str, Mapping[str, Any]]) -> Set[int]:
    """The addresses in our sets of one IP version as nft lists them, as numbers.

    :raises ValueError: for what is no address.
    """
    found = set()
    for name in LASTING:
        for item in sets[name].get("elem", ()):
            inner = item.get("elem", {}) if isinstance(item, dict) else {}
            found.add(int(ip_address(inner.get("val", item))))
    return found
