# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A packet at a router that translates between its inside and its outside interface, as Cisco IOS does.

From inside to outside it routes first and translates then; from outside to inside it translates first and routes then
(Cisco document 6209, "NAT Order of Operation"). What stays on one side is not translated. Routes are for every packet:
there are no marks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Iterator, Optional, Tuple

from .model import Address, Rewrite, RewriteKind, Selector
from .router_state import RouterState

__all__ = ["Translation", "translated"]

#: What was done, and the addresses after it.
Translation = Tuple[str, Address, Address]


def translated(
    state: RouterState, source: Address, destination: Address, from_inside: bool, leaves: bool
) -> Iterator[Translation]:
    """What becomes of a packet's addresses, one rewrite after the other.

    :param from_inside: it came in at an inside interface.
    :param leaves: it is routed out of the outside interface, as far as the router's own routes tell. The line that
        rewrites a destination brings a route for it, which leads out as well.
    """
    if from_inside:
        to = _rewrite(state, RewriteKind.OUTBOUND_DST, source, destination)
        if to is None and not leaves:
            return
        kinds = (RewriteKind.OUTBOUND_DST, RewriteKind.OUTBOUND_SRC)
    else:
        kinds = (RewriteKind.INBOUND_DST, RewriteKind.INBOUND_SRC)
    # Which lines match is decided by the packet as it came: each field is looked up once.
    found = [_rewrite(state, kind, source, destination) for kind in kinds]
    for rewrite in found:
        if rewrite is None:
            continue
        if rewrite.kind.changes_destination:
            destination = rewrite.to
        else:
            source = rewrite.to
        yield f"{rewrite.kind.value} to {rewrite.to}", source, destination


def _rewrite(state: RouterState, kind: RewriteKind, source: Address, destination: Address) -> Optional[Rewrite]:
    whole = Selector(source, destination)
    wide = replace(whole, source=None) if kind.changes_destination else replace(whole, destination=None)
    for match in (whole, wide):
        found = state.get(("rewrite", kind, match))
        if isinstance(found, Rewrite):
            return found
    return None
