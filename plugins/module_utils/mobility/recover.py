# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recognise handovers from what the routers hold, also half-made and half-removed ones.

Routers are the truth: any controller can finish, or undo, what another one began.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Container, Dict, Iterable, List, Mapping, Optional, Set, Tuple

from ..errors import HandoverError
from .handover import Handover
from .in_flight import in_flight
from .model import Address, Entry, Freeze, Rewrite, RewriteKind, same
from .placing import GRACE, entries_for
from .read_back import Found, Places, lasting, read_handover
from .router_state import RouterState
from .target import elsewhere
from .topology import Topology

__all__ = ["Finding", "Goal", "Way", "recover", "standing"]


class Goal(Enum):
    """What to do with a handover that is neither whole nor gone."""

    DONE = "done"
    UNDONE = "undone"


@dataclass(frozen=True)
class Way:
    """What can become of a handover: the handover as it is then, ``over`` where nothing of it stays; and a word for it.

    :ivar what: ``completed``, ``taken back``, ``thawed``, or ``ended`` with the reason.
    """

    handover: Handover
    what: str


@dataclass(frozen=True)
class Finding:
    """A handover that the routers hold in parts, and what it is to become.

    :ivar found: its id, and what each router holds of it.
    :ivar ways: what it is to become, and after it what else it may become where that is not possible.
    :ivar barred: the ways that are not possible, each with its reason.
    :ivar left: whether it is left as it is, because no way is possible.
    """

    found: str
    ways: Tuple[Way, ...]
    barred: Tuple[str, ...] = ()
    left: bool = False

    @property
    def handover(self) -> Handover:
        """The handover as it should be."""
        return self.ways[0].handover

    @property
    def reason(self) -> str:
        """What was found, what becomes of it, and why that, for the operator."""
        return "; ".join((self.found, "left as it is" if self.left else self.ways[0].what, *self.barred))

    def otherwise(self, why: str) -> Finding:
        """This finding where its way is not possible: the next way, or left as it is where that was the last one."""
        return replace(self.kept(why), ways=self.ways[1:], left=False) if self.ways[1:] else self.kept(why)

    def kept(self, why: str) -> Finding:
        """This finding where the handover is left as it is."""
        return replace(self, barred=(*self.barred, f"cannot be {self.ways[0].what}: {why}"), left=True)


def standing(
    states: Mapping[str, RouterState],
    of: Optional[Container[str]] = None,
    topology: Optional[Topology] = None,
    beside: Iterable[Handover] = (),
) -> List[Handover]:
    """The handovers that the routers hold, as far as they show, newest epoch each; withdrawn ones as ended.

    :param of: ids of those that are asked for; all of them when left out.
    :param topology: where a route leads to a router behind another one, that is not taken for a mobile node.
    :param beside: others that are about to stand: what is left of one may show a correspondent of its own by the new
        address that they tell, and no longer its old one.
    """
    places = _places(states, topology).with_moved({one.old: one.new for one in beside if not one.over})
    found = _by_handover(states).items()
    return [_newest(held, places) for identity, held in found if of is None or identity in of]


def recover(
    states: Mapping[str, RouterState], topology: Topology, goal: Goal, now: Optional[float] = None
) -> List[Finding]:
    """The handovers that need repair, and what each should become.

    Whether routers can hold that, and packets walk it, a plan tells.

    :param goal: what to try first, to complete what was begun or to take it back.
    :param now: Unix seconds; a handover whose encoders have expired by then ends. Not every router forgets by itself.
    """
    findings = []
    states = {name: state.without([""]) for name, state in states.items()}
    places = _places(states, topology)
    passing = _passing(states)
    known = {identity: (found, _newest(found, places)) for identity, found in _by_handover(states).items()}
    # One whose handover is about to go counts as away, and as at home: others may have been changed for it already.
    going = {newest.old for _found, newest in known.values() if newest.over}
    worlds = [places.moved]
    if going:
        worlds.append({old: new for old, new in places.moved.items() if old not in going})
    for identity, (found, newest) in known.items():
        if now is not None and newest.expires + GRACE <= now:
            way = Way(_ended(newest), "ended, because its time is over")
            findings.append(Finding(f"{identity}: {_shape(found)}", (way,)))
            continue
        if identity not in passing and any(_whole(newest, found, topology, moved) for moved in worlds):
            if any(isinstance(entry, Freeze) for held in found.values() for entry in held):
                # Cut off before anything was changed, or after everything was: there is nothing to take back.
                # It may have to go all the same, where a correspondent of its own does not stay where it is.
                gone = Way(_former(found, newest, places) or _ended(newest), "taken back")
                findings.append(Finding(f"{identity}: {_shape(found)}", (Way(newest, "thawed"), gone)))
            continue
        once = None if identity in passing else _whole_once(found, places)
        if once is not None:
            # It was whole until the handover of a correspondent came to its end: nobody was about to change it.
            gone = Way(_ended(once), "ended, because a correspondent has gone")
            findings.append(Finding(f"{identity}: {_shape(found)}", (Way(once, "completed"), gone)))
            continue
        former = _former(found, newest, places)
        if former is not None and now is not None and former.expires + GRACE <= now:
            former = _ended(former)  # its encoders have expired meanwhile: what stood before is nothing by now
        ways = [Way(newest, "completed")] if _going(found) or not newest.over else []
        ways += [Way(former, "taken back")] if former is not None else []
        ways = ways if goal is Goal.DONE else ways[::-1]
        ways = [replace(way, handover=_with_all(way.handover, found, places)) for way in ways]
        able = [way for way in ways if way.handover.over or _all_there(way.handover, found)]
        barred = [f"cannot be {way.what}: no router knows all of its flows" for way in ways if way not in able]
        able = able or [Way(_ended(newest), "ended" if barred else "ended, because no router knows its flows")]
        findings.append(Finding(f"{identity}: {_shape(found)}", tuple(able), tuple(barred)))
    return findings


def _places(states: Mapping[str, RouterState], topology: Optional[Topology]) -> Places:
    known = Topology(()) if topology is None else topology
    seen: Dict[Address, Set[Address]] = {}
    for state in states.values():
        for entry in state:
            if isinstance(entry, Rewrite) and entry.stamp.handover:
                old, new = entry.pair
                seen.setdefault(old, set()).add(new)
    told = Places({}, known, {old: frozenset(new) for old, new in seen.items()})
    return told.with_moved(elsewhere(states, (), known))


def _everything(states: Mapping[str, RouterState]) -> Dict[str, Found]:
    """What the routers hold of each handover."""
    found: Dict[str, Found] = {}
    for router, state in states.items():
        for entry in state:
            if entry.stamp.handover:
                found.setdefault(entry.stamp.handover, {}).setdefault(router, []).append(entry)
    return found


def _by_handover(states: Mapping[str, RouterState]) -> Dict[str, Found]:
    """The same without what only stands while a plan runs, which tells nothing of the handover."""
    found = _everything(states)
    for held in found.values():
        for router, entries in held.items():
            passing = in_flight(entries)
            if passing:
                held[router] = [entry for entry in entries if entry.key not in passing]
    return found


def _passing(states: Mapping[str, RouterState]) -> Set[str]:
    """The handovers of which something stands that only stands while a plan runs."""
    found = _everything(states)
    return {identity for identity, held in found.items() if any(in_flight(entries) for entries in held.values())}


def _whole(handover: Handover, found: Found, topology: Topology, moved: Mapping[Address, Address]) -> bool:
    """Whether everything stands that a handover needs, and nothing else of it but freezes.

    :param moved: where mobile nodes are now, by their old addresses.
    """
    if handover.over:
        return False
    try:
        placed = entries_for(handover, topology, {**moved, handover.old: handover.new})
    except HandoverError:
        return False
    wanted = {(name, entry.key): entry for name, entries in placed.items() for entry in entries}
    held = {(name, e.key): e for name, entries in found.items() for e in entries if not isinstance(e, Freeze)}
    return wanted.keys() == held.keys() and all(same(held[key], entry) for key, entry in wanted.items())


def _whole_once(found: Found, places: Places) -> Optional[Handover]:
    """The handover, where it was whole while correspondents of it were led elsewhere, which nobody tells any longer."""
    known, seen = (
        {
            ((match.protocol, match.source_port, match.destination_port), match.source)
            for held in found.values()
            for entry in held
            if isinstance(entry, Rewrite) and entry.kind is kind
            for match in [entry.match]
        }
        for kind in (RewriteKind.OUTBOUND_DST, RewriteKind.INBOUND_DST)
    )
    led: Dict[Address, Address] = {}
    for ports, peer in known - seen:
        away = [address for others, address in seen - known if others == ports]
        if peer is not None and peer not in places.moved and len(away) == 1 and away[0] is not None:
            led[peer] = away[0]
    if not led:
        return None
    then = places.with_moved(led)
    handover = _newest(found, then)
    return handover if _whole(handover, found, places.topology, then.moved) else None


def _newest(found: Found, places: Places) -> Handover:
    """The handover as its newest entries tell it; over where they are going, or tell no flow."""
    handover = read_handover(found, _newest_epoch(found), places)
    return _ended(handover) if _going(found) else handover


def _newest_entries(found: Found) -> List[Entry]:
    last = _newest_epoch(found)
    return [entry for held in lasting(found).values() for entry in held if entry.stamp.epoch == last]


def _newest_epoch(found: Found) -> int:
    return max(entry.stamp.epoch for held in lasting(found).values() for entry in held)


def _going(found: Found) -> bool:
    """Whether its end had been announced, or nothing but freezes is left of it."""
    return all(isinstance(entry, Freeze) for entry in _newest_entries(found)) or any(
        entry.stamp.ended for entry in _newest_entries(found)
    )


def _former(found: Found, newest: Handover, places: Places) -> Optional[Handover]:
    """What stood before the change that was cut off; None where no router knows it any longer."""
    entries = [entry for held in found.values() for entry in held if not isinstance(entry, Freeze)]
    older = [entry.stamp.epoch for entry in entries if entry.stamp.epoch < newest.epoch]
    if older:
        former = read_handover(found, max(older), places)
    elif any(entry.stamp.ended for entry in entries):
        former = read_handover(found, None, places)
    else:
        # Before the first epoch there was nothing; before a later one there was something that nobody tells any longer.
        return _ended(newest) if newest.epoch == 1 else None
    if former.over:
        return None
    # It is a change again, and must outrank the one that it takes back.
    return replace(former, epoch=newest.epoch + 1)


def _ended(handover: Handover) -> Handover:
    return replace(handover, ended=True)


def _all_there(handover: Handover, found: Found) -> bool:
    promised = max(entry.stamp.flows for held in found.values() for entry in held)
    return handover.flows >= promised


def _with_all(handover: Handover, found: Found, places: Places) -> Handover:
    """A handover with the flows that entries of its other epoch tell of: what does not change may have either's."""
    if handover.over or _all_there(handover, found):
        return handover
    try:
        everything = read_handover(found, None, places)
        if everything.scope is not handover.scope:
            return handover
        whole = replace(
            handover,
            sessions=tuple(dict.fromkeys((*handover.sessions, *everything.sessions))),
            correspondents=tuple(dict.fromkeys((*handover.correspondents, *everything.correspondents))),
        )
    except HandoverError:
        return handover  # read together they tell of no handover
    promised = max(entry.stamp.flows for held in found.values() for entry in held)
    return whole if whole.flows == promised else handover


def _shape(found: Found) -> str:
    parts = []
    for router in sorted(found):
        roles = sorted({("ending " if entry.stamp.ended else "") + entry.role.value for entry in found[router]})
        parts.append(f"{router} holds {', '.join(roles)}")
    return "; ".join(parts)
