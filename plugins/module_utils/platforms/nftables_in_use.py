# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the nftables of a router look anything up for packets: two sets in each family, which our chains ask first.

Each holds its own family, or nothing: ``in_use`` while any rewrite or mark stands, ``wide_in_use`` while one stands
that is not of a session. A step puts them together with what needs them, in one transaction. They are taken by the
router itself (``templates/nftables/idle.sh.j2``), which alone knows whether a step took the last.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Set

from ..mobility.model import Mark, Rewrite, RewriteKind, Route, Scope

__all__ = ["GATES", "GATE_TYPE", "gates_of", "idle_families", "looked_up"]

_FAMILIES = {4: "ip", 6: "ip6"}
GATES = ("in_use", "wide_in_use")
#: Their type, as nft lists it.
GATE_TYPE = "ether_type"
#: What must hold its family for packets to be looked up in a set.
_NEEDED = {
    f"{scope.value}_{what}": GATES[:1] if scope is Scope.SESSION else GATES
    for scope in Scope
    for what in (*(kind.value for kind in RewriteKind), "mark")
}


def gates_of(groups: Iterable[Mapping[str, Any]]) -> List[Dict[str, Any]]:
    """The elements that have packets looked up in the sets of these ones; on the router they may be already.

    :param groups: elements by ``family`` and ``set``, as the template of a step takes them.
    """
    needed = {(group["family"], gate) for group in groups for gate in _NEEDED.get(group["set"], ())}
    return [
        {"family": family, "set": gate, "timed": False, "map": False, "elements": [(family, "", 0, "")]}
        for family, gate in sorted(needed)
    ]


def idle_families(remove: Iterable[object], put: Iterable[Mapping[str, Any]]) -> List[str]:
    """The families in which a step may take the last that packets are looked up for, and puts nothing such.

    :param remove: the entries that it takes. Of a handover that expired, the route is all that is left to take.
    :param put: the elements that it puts, as in :func:`gates_of`.
    """
    gone: Set[int] = set()
    for entry in remove:
        if isinstance(entry, (Rewrite, Mark)):
            gone.add(entry.match.version)
        elif isinstance(entry, Route):
            gone.add(entry.destination.version)
    return sorted({_FAMILIES[version] for version in gone} - {gate["family"] for gate in gates_of(put)})


def looked_up(name: str, sets: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether packets are looked up in a set; a router's own record does not tell, and is believed.

    :param sets: the sets of its family by name, as nft lists them.
    """
    return all(gate not in sets or sets[gate].get("elem") for gate in _NEEDED[name])
