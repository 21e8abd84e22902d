# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NAT and static routes over NETCONF by the standard modules alone: RFC 8512 and RFC 8349, without our augmentation.

A mapping translates both ways at once, and has numbers and addresses alone: no place for a stamp. So each rewrite has a
record beside its mapping, in the same transaction: a static routing protocol without routes (RFC 8349 section 5.3.1
allows any number of them), whose ``description`` says what stands, whose it is and until when. No packet meets it.
"""

from __future__ import annotations

import hashlib
from typing import Any, Callable, ClassVar, Dict, Iterable, Iterator, List, Mapping, Tuple
from xml.etree.ElementTree import Element

from ..errors import HandoverError
from ..mobility.model import Change, Directions, Entry, Mark, Rewrite, Route, Scope
from ..mobility.router_state import RouterState
from .base import Capabilities, Output, foreign
from .entry_text import Recorded, entry_of_text, key_text, text_of_entry
from .ietf_leaves import ROUTING, MappingLeaves, by_family, route_leaves, routes_in
from .ietf_netconf import IetfNetconf, operations
from .two_way import BOTH_OR_NONE, TwoWay, halves, objections

__all__ = ["IetfNetconfPlain"]


class IetfNetconfPlain(IetfNetconf):
    """Any router with ietf-nat and ietf-routing in its NETCONF server."""

    name = "ietf_netconf_plain"
    capabilities = Capabilities(
        frozenset(Scope),
        frozenset((Directions.BOTH,)),
        joint=True,
        atomic=True,
        expires=False,
        confirms=True,
        freezes=False,
    )
    modules: ClassVar[Tuple[str, ...]] = IetfNetconf.modules[:-1]
    gather_template = "ietf_netconf_plain/gather.xml.j2"
    step_template = "ietf_netconf_plain/step.xml.j2"

    def requires(self, announced: Iterable[str]) -> None:
        """Nothing that a hello tells: modules of YANG 1.1 need not stand there (RFC 7950 section 5.6.4)."""

    def _entries(self, output: Output) -> Iterable[Entry]:
        data = self._data(output)
        recorded = [*self._recorded(data)]
        wanted = [_leaves(mapping) for mapping in _whole(halves(_rewrites(recorded)), foreign)]
        by_records = {one.index: one for one in wanted}
        standing = {one.index: one for one in map(MappingLeaves.shown, self._mappings(data))}
        for number in {*by_records, *standing}:
            if by_records.get(number) != standing.get(number):
                raise foreign(f"mapping {number}", "each mapping in our instance stands as its records say")
        return [*recorded, *routes_in(data)]

    def _recorded(self, data: Element) -> Iterator[Recorded]:
        """What the records speak of. Other static protocols are shown by their names, and are not ours."""
        for item in data.iterfind(f"{ROUTING}routing/{ROUTING}control-plane-protocols/{ROUTING}control-plane-protocol"):
            name = item.findtext(f"{ROUTING}name", "")
            if name.startswith(f"{self.settings['owner']}:"):
                entry = entry_of_text(item.findtext(f"{ROUTING}description", ""))
                if self._record_name(entry) != name:
                    raise foreign(name, "a record of ours is called by what it is about")
                yield entry

    def records(self, output: Output) -> Tuple[str, ...]:
        return tuple(map(self._record_name, self._recorded(self._data(output))))

    def context(self, change: Change, now: float) -> Dict[str, Any]:
        """As :meth:`Platform.context`; a change has both halves of a mapping that comes or goes."""
        self._holdable((entry for entry in change.put if not entry.stamp.ended), now)
        routes: List[Tuple[Route, Dict[str, Any]]] = []
        records = []
        for operation, entry in operations(change):
            if isinstance(entry, Route):
                routes.append((entry, {"operation": operation, **route_leaves(entry)}))
            elif isinstance(entry, (Rewrite, Mark)):
                name, text = self._record_name(entry), text_of_entry(entry)
                records.append({"operation": operation, "name": name, "text": text})
            else:
                raise HandoverError("unsupported_entry", entry, f"{self.name} holds rewrites, marks and routes")
        return {"mappings": _operations(change), "records": records, "routes": by_family(routes)}

    def objections(self, state: RouterState) -> Mapping[Entry, HandoverError]:
        return objections(_rewrites(state))

    def _record_name(self, entry: Recorded) -> str:
        """Its name stays while ``to`` and stamp change: the record is replaced in place."""
        return f"{self.settings['owner']}:{hashlib.sha256(key_text(entry).encode()).hexdigest()[:20]}"


def _rewrites(entries: Iterable[Entry]) -> Iterator[Rewrite]:
    return (entry for entry in entries if isinstance(entry, Rewrite))


def _operations(change: Change) -> List[Dict[str, Any]]:
    """The mappings that go and come, for the template. One whose records alone change is not touched."""
    gone, come = halves(_rewrites(change.remove)), halves(_rewrites(change.put))
    sides = (
        ("delete", {mapping: entries for mapping, entries in gone.items() if mapping not in come}),
        ("create", {mapping: entries for mapping, entries in come.items() if mapping not in gone}),
    )
    found: Dict[int, Dict[str, Any]] = {}
    for operation, mappings in sides:
        for mapping in _whole(mappings, lambda half, rule: HandoverError("unsupported_entry", half, rule)):
            leaves = {"operation": operation, **_leaves(mapping).written}
            if found.setdefault(leaves["index"], leaves) is not leaves:
                raise HandoverError("index_taken", mapping, "the mappings of a step have different numbers")
    return list(found.values())


def _whole(mappings: Mapping[TwoWay, List[Rewrite]], error: Callable[[object, str], HandoverError]) -> Iterator[TwoWay]:
    for mapping, entries in mappings.items():
        if len(entries) != 2:
            raise error(entries[0], BOTH_OR_NONE)
        yield mapping


def _leaves(mapping: TwoWay) -> MappingLeaves:
    ends = {
        f"{side}-{end}": (getattr(match, long), getattr(match, f"{long}_port"))
        for side, match in (("internal", mapping.internal), ("external", mapping.external))
        for end, long in (("src", "source"), ("dst", "destination"))
    }
    number = hashlib.sha256(str(mapping).encode()).digest()
    return MappingLeaves(
        int.from_bytes(number[:4], "big"),
        mapping.internal.protocol,
        {leaf: address for leaf, (address, _port) in ends.items() if address is not None},
        {leaf: port for leaf, (_address, port) in ends.items() if port is not None},
    )
