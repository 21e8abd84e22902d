# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan costs those whom it serves, in words for its operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Container, Dict, Iterable, Iterator, List, Mapping, Tuple

from .flow import flows_of
from .handover import Handover
from .in_flight import moved_on
from .model import Address, Via
from .router_state import RouterState
from .topology import Topology

__all__ = ["Note", "costs"]


@dataclass(frozen=True)
class Note:
    """Something about a planned handover that its operator should know.

    :ivar handover: its id, or how it was asked for.
    :ivar code: ``by_home_router``, ``sent_on``, ``lost_under_way``, ``widened``, ``no_expiry`` or ``not_held``.
    """

    handover: str
    code: str
    text: str


def costs(
    handovers: Iterable[Handover],
    topology: Topology,
    moved: Mapping[Address, Address],
    current: Mapping[str, RouterState],
    targets: Mapping[str, RouterState],
    sending_on: Container[str],
) -> List[Note]:
    """What these handovers cost.

    :param moved: where others are now, by their old addresses.
    :param sending_on: the routers that send on what is under way to a phone that has left them.
    """
    handovers = list(handovers)
    found = [note for handover in handovers for note in _by_home_router(handover, topology, moved)]
    left: Dict[Tuple[str, str, str], None] = {
        (old.stamp.handover, name, str(onto.match.destination)): None for name, old, onto in moved_on(current, targets)
    }
    known = {handover.id for handover in handovers}
    for identity, name, new in left:
        if identity not in known:
            continue
        if name in sending_on:
            code, text = "sent_on", f"{name} sends on to {new} what is under way to it, until its decoders go"
        else:
            code = "lost_under_way"
            text = f"what is under way to {name} is lost: no foreign source may leave it (handover_foreign_sources)"
        found.append(Note(identity, code, text))
    return found


def _by_home_router(handover: Handover, topology: Topology, moved: Mapping[Address, Address]) -> Iterator[Note]:
    if handover.over or handover.via is not Via.HOME_ROUTER:
        return
    home, visited = topology.path(handover.old)[0].name, topology.path(handover.new)[0].name
    peers = dict.fromkeys(
        str(flow.outside) for flow in flows_of(handover, topology, moved) if not topology.path(flow.at)
    )
    if peers and home != visited:
        yield Note(
            handover.id,
            "by_home_router",
            f"{home} sends the packets of {', '.join(peers)} on to {visited}, under a source that is foreign there; "
            f"the answers leave {visited} under {handover.old}, which is foreign there, and are not rewritten. The way "
            f"is longer, and path-MTU errors from between {home} and {visited} are not put right for "
            "their sender",
        )
