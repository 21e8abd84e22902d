# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an SRX must have before a handover: a filter that freezes flows, and sessions that may begin in the middle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, FrozenSet, Iterable, List, Mapping, Tuple
from xml.etree.ElementTree import Element

from .own_names import FREEZE_FILTER, MACRO, PASS_FILTER, READY
from .standing import Interfaces

__all__ = ["FLOW_SETTINGS", "Readiness", "Unit", "readiness_of"]

#: Of ``security flow tcp-session``: a session that was cleared is made anew by a packet that is no SYN, and nobody
#: knows which sequence numbers its ends are at.
FLOW_SETTINGS = ("no-sequence-check", "no-syn-check")
_FAMILIES = ("inet", "inet6")


@dataclass(frozen=True)
class Unit:
    """A family of a logical interface.

    :ivar filters: what is in its input list.
    :ivar single: the filter that it has instead of a list; empty where it has none.
    """

    logical: str
    family: str
    filters: Tuple[str, ...] = ()
    single: str = ""

    @property
    def ready(self) -> bool:
        """Whether our filter is the first one."""
        return self.filters[:1] == (FREEZE_FILTER,)

    @property
    def ours(self) -> bool:
        """Whether the list is as we make it, so that it may go with us."""
        return self.filters == (FREEZE_FILTER, PASS_FILTER)

    @property
    def taken(self) -> bool:
        """Whether somebody else's filter is there."""
        return bool(self.single or set(self.filters) - {FREEZE_FILTER, PASS_FILTER})


@dataclass(frozen=True)
class Readiness:
    """How a router stands.

    :ivar filters: the families in which both filters of ours are defined.
    :ivar units: each family that one of the two interfaces has.
    :ivar missing: interfaces that are not configured.
    :ivar flow: the settings that are there.
    :ivar set_by_us: those of them that we set.
    """

    filters: FrozenSet[str]
    units: Tuple[Unit, ...]
    missing: Tuple[str, ...]
    flow: FrozenSet[str]
    set_by_us: FrozenSet[str]

    @property
    def ready(self) -> bool:
        return not self.lacking["filters"] and not self.lacking["units"] and not self.lacking["flow"]

    @property
    def lacking(self) -> Mapping[str, Any]:
        """The variables of the template that makes what is missing."""
        needed = sorted({unit.family for unit in self.units} - self.filters)
        flow = [name for name in FLOW_SETTINGS if name not in self.flow]
        return {
            "filters": [{"family": family, "remove": False} for family in needed],
            "units": [_told(unit, remove=False) for unit in self.units if not unit.ready],
            "flow": {"settings": flow, "remove": False} if flow else {},
        }

    @property
    def removable(self) -> Mapping[str, Any]:
        """The variables of the template that takes away what we made."""
        flow = sorted(self.set_by_us & self.flow)
        return {
            "filters": [{"family": family, "remove": True} for family in sorted(self.filters)],
            "units": [_told(unit, remove=True) for unit in self.units if unit.ours],
            "flow": {"settings": flow, "remove": True} if self.set_by_us else {},
        }

    def record(self) -> Dict[str, Any]:
        """As a result shows it."""
        return {
            "filters": sorted(self.filters),
            "input_lists": {f"{unit.logical} {unit.family}": list(unit.filters) for unit in self.units},
            "flow": sorted(self.flow),
            "set_by_us": sorted(self.set_by_us),
        }


def readiness_of(configuration: Element, between: Interfaces) -> Readiness:
    """How ready a router is, by its configuration without namespaces."""
    filters = [family for family in _FAMILIES if _defined(configuration, family)]
    units: List[Unit] = []
    missing = []
    for logical in (between.inside, between.outside):
        found = list(_units(configuration, logical))
        units += found
        missing += [] if found else [logical]
    flow = configuration.find("security/flow")
    session = None if flow is None else flow.find("tcp-session")
    held = {child.tag for child in (() if session is None else session)} & set(FLOW_SETTINGS)
    ours = {
        item.findtext("name", "")
        for macro in (() if flow is None else flow.iterfind("apply-macro"))
        if macro.findtext("name") == MACRO
        for item in macro.iterfind("data")
    }
    return Readiness(frozenset(filters), tuple(units), tuple(missing), frozenset(held), frozenset(ours))


def _defined(configuration: Element, family: str) -> bool:
    named = {item.findtext("name"): item for item in configuration.iterfind(f"firewall/family/{family}/filter")}
    first = named.get(FREEZE_FILTER)
    return PASS_FILTER in named and first is not None and first.findtext("term/name") == READY


def _units(configuration: Element, logical: str) -> Iterable[Unit]:
    device, _dot, number = logical.rpartition(".")
    for interface in configuration.iterfind("interfaces/interface"):
        for unit in interface.iterfind("unit"):
            if (interface.findtext("name"), unit.findtext("name")) != (device, number):
                continue
            for family in _FAMILIES:
                if unit.find(f"family/{family}") is not None:
                    listed = tuple(item.text or "" for item in unit.iterfind(f"family/{family}/filter/input-list"))
                    single = unit.findtext(f"family/{family}/filter/input/filter-name", "")
                    yield Unit(logical, family, listed, single)


def _told(unit: Unit, *, remove: bool) -> Dict[str, Any]:
    device, _dot, number = unit.logical.rpartition(".")
    return {"device": device, "unit": number, "family": unit.family, "remove": remove}
