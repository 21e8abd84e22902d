# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Juniper SRX (Junos OS) as routers of a handover, over NETCONF.

An SRX asks its rules for the first packet of a session, and treats all others, of both directions, as that one. So a
rule says nothing to a session that stands, and translates the answers too: directions are always both, and flows are
dropped while rules and sessions change, or a packet of the other direction would make a session as it was before.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar, Dict, Iterable, Iterator, Mapping, Optional, Set, Tuple

from ...errors import HandoverError
from ...mobility.model import (
    Change,
    Directions,
    Entry,
    Freeze,
    Mark,
    Neighbour,
    Rewrite,
    RewriteKind,
    Route,
    Scope,
    Selector,
)
from ...mobility.router_state import RouterState
from ..base import Capabilities, Output
from ..netconf_platform import NetconfPlatform
from ..netconf_reply import diagnosis, errors_of, reply_of
from .router_change import step_context
from .standing import Interfaces, Standing, as_written, configuration_of, standing_in

__all__ = ["LOGICAL_INTERFACE", "Junos"]

#: A logical interface: a device and its unit.
LOGICAL_INTERFACE = re.compile(r"[a-z][a-z0-9/:-]{0,30}\.[0-9]{1,5}", re.ASCII)
#: What a server that is a Junos device announces.
_JUNOS = "http://xml.juniper.net/netconf/junos/"


class Junos(NetconfPlatform):
    """Rule-based NAT between two interfaces, static routes, and a filter that drops what is frozen."""

    name = "junos"
    transport = "junos_netconf"
    capabilities = Capabilities(frozenset(Scope), frozenset((Directions.BOTH,)), joint=True, expires=False)
    #: The interfaces are the router's, too.
    settings: ClassVar[Mapping[str, Any]] = {**NetconfPlatform.settings, "inside": "", "outside": ""}
    gather_template = "junos/gather.xml.j2"
    step_template = "junos/step.xml.j2"

    def requires(self, announced: Iterable[str]) -> None:
        """Refuse a server that is no Junos device (``wrong_device``)."""
        if not any(uri.startswith(_JUNOS) for uri in announced):
            raise HandoverError(
                "wrong_device",
                f"no {_JUNOS} in its hello",
                "a router of this platform runs Junos OS",
                "Set handover_platform to what the device is.",
            )

    def _entries(self, output: Output) -> Iterable[Entry]:
        return self.standing(output).entries

    def standing(self, output: Output) -> Standing:
        """The router in what it answered.

        :raises HandoverError: ``foreign_entry``.
        """
        between = Interfaces(output.sections.get("inside", ""), output.sections.get("outside", ""))
        return standing_in(configuration_of(output.sections["data"]), between)

    def context(self, change: Change, now: float) -> Dict[str, Any]:
        return self.context_on(as_written(change), change, now)

    def context_on(self, standing: Standing, change: Change, now: float) -> Dict[str, Any]:
        """As :meth:`context`, on a router that stands so.

        :raises HandoverError: besides, ``router_not_prepared``, and ``router_changed`` where an entry that is put
            stands already otherwise, and is not among what goes.
        """
        removed = {entry.key for entry in change.remove}
        put = {entry.key: entry for entry in change.put}
        for held in standing.entries:
            if held.key not in removed and put.get(held.key, held) != held:
                raise HandoverError(
                    "router_changed",
                    held,
                    "a router stands as it was read a moment before",
                    "Somebody else changed it. Run again, from what the router holds now.",
                )
        kept = [entry for entry in standing.entries if entry.key not in removed and entry.key not in put]
        for entry, error in self.objections(RouterState((*kept, *change.put))).items():
            if entry.key in put:
                raise error
        for entry in change.put:
            # Nothing expires here by itself, so what has may have to be told that it is about to end.
            if not entry.stamp.ended and not isinstance(entry, Freeze):
                self._holdable((entry,), now)
        return step_context(change, standing)

    def objections(self, state: RouterState) -> Dict[Entry, HandoverError]:
        found: Dict[Entry, HandoverError] = {}
        for entry in state:
            error = _unheld(entry) or _overlapping(entry, state)
            if error is not None:
                found[entry] = error
        for entry, error in _masqueraded(state):
            found.setdefault(entry, error)
        return found

    def diagnose(self, router: str, said: str) -> HandoverError:
        return diagnosis(router, errors_of(reply_of(said)))


def _unheld(entry: Entry) -> Optional[HandoverError]:
    """What no statement of an SRX can be, whatever else stands."""
    if isinstance(entry, Neighbour):
        return HandoverError(
            "unsupported_neighbour",
            entry,
            "on junos the answer for an old address on a link (proxy-arp) is nothing that a handover makes",
            "Use the platform nftables on that router.",
        )
    if isinstance(entry, Route):
        if entry.via is None:
            return HandoverError("unsupported_entry", entry, "a host route on junos has a next hop")
        if entry.interface is not None and LOGICAL_INTERFACE.fullmatch(entry.interface) is None:
            return HandoverError(
                "unsupported_entry",
                entry,
                "an interface on junos is named with its unit, as in ge-0/0/1.0",
                "Correct handover_inside_interface.",
            )
        return None
    if isinstance(entry, Rewrite):
        end = entry.match.destination if entry.kind.changes_destination else entry.match.source
        if end is None:
            return HandoverError("unsupported_entry", entry, "a rule on junos matches the address that it translates")
    elif not isinstance(entry, (Freeze, Mark)):
        return HandoverError("unsupported_entry", entry, "junos holds rewrites, marks, freezes and routes")
    return None


def _overlapping(entry: Entry, state: RouterState) -> Optional[HandoverError]:
    """A rule of a set is asked in the order in which it was made: of two for one packet, either may be first."""
    if not isinstance(entry, Rewrite):
        return None
    for wider in _wider(entry):
        other = state.get(("rewrite", entry.kind, wider))
        if isinstance(other, Rewrite) and other.to != entry.to:
            return HandoverError(
                "selector_in_use",
                f"{entry}, beside {other}",
                "rules of an SRX that match one packet agree on what it becomes",
                "Withdraw the other handover, or give both the same scope.",
            )
    return None


def _masqueraded(state: RouterState) -> Iterator[Tuple[Entry, HandoverError]]:
    """What comes back to another endpoint than the correspondent's own: this router itself gave it that one."""
    known: Dict[Tuple[object, ...], Set[Tuple[object, ...]]] = {}
    rewrites = [entry for entry in state if isinstance(entry, Rewrite) and entry.match.protocol is not None]
    for entry in rewrites:
        if entry.kind is RewriteKind.OUTBOUND_DST:
            flow = (entry.stamp.handover, entry.match.protocol, entry.match.destination_port)
            known.setdefault(flow, set()).add((entry.match.source, entry.match.source_port))
    for entry in rewrites:
        if entry.kind is RewriteKind.INBOUND_SRC:
            peers = known.get((entry.stamp.handover, entry.match.protocol, entry.match.source_port), set())
            if peers and (entry.match.destination, entry.match.destination_port) not in peers:
                yield (
                    entry,
                    HandoverError(
                        "unsupported_entry",
                        entry,
                        "an SRX that masquerades a correspondent gives it another port when its session is cleared",
                        "Use another platform on that router.",
                    ),
                )


def _wider(entry: Rewrite) -> Iterator[Selector]:
    match = entry.match
    if match.protocol is not None:
        yield Selector(match.source, match.destination)
    if match.source is not None and match.destination is not None:
        yield Selector(destination=match.destination) if entry.kind.changes_destination else Selector(match.source)
