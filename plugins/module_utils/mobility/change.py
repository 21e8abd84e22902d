# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one step, or one wanted state, still has to change on a router as it stands now."""

from __future__ import annotations

from typing import List, Optional

from ..errors import HandoverError
from .model import Change, Entry, same
from .router_state import RouterState
from .step import Step

__all__ = ["difference", "pending", "unfinished"]


def pending(step: Step, current: RouterState) -> Change:
    """What this step still has to do; empty when it was done before.

    An entry that should stand before the step may have expired or been done away with already. Any other
    difference means that the router changed after the plan was made.

    :raises HandoverError: ``router_changed``, naming router and entry.
    """
    if not step.before and not current:
        return Change((), step.after)
    before = {entry.key: entry for entry in step.before}
    after = {entry.key: entry for entry in step.after}
    remove: List[Entry] = []
    put: List[Entry] = []
    for key in [*before, *(key for key in after if key not in before)]:
        held, wanted, expected = current.get(key), after.get(key), before.get(key)
        if same(held, wanted):
            continue
        if held is not None and not same(held, expected):
            raise HandoverError(
                "router_changed",
                f"{step.router}: {held}",
                "a router stands as the plan found it",
                "Somebody else changed it. Plan again from what it holds now.",
            )
        if held is not None:
            remove.append(held)
        if wanted is not None:
            put.append(wanted)
    return Change(tuple(remove), tuple(put))


def difference(current: RouterState, target: RouterState) -> Change:
    """What leads from one whole state to another, in one transaction."""
    remove: List[Entry] = []
    put: List[Entry] = []
    for key in [*current.entries, *(key for key in target.entries if key not in current.entries)]:
        held, wanted = current.get(key), target.get(key)
        if same(held, wanted):
            continue
        if held is not None:
            remove.append(held)
        if wanted is not None:
            put.append(wanted)
    return Change(tuple(remove), tuple(put))


def unfinished(change: Change, state: RouterState) -> Optional[str]:
    """What of a change the router does not show when it is read back; None when all of it is there."""
    wanted = {entry.key: entry for entry in change.put}
    for entry in change.remove:
        if entry.key not in wanted and state.get(entry.key) is not None:
            return f"still there: {entry}"
    for entry in change.put:
        held = state.get(entry.key)
        if not same(held, entry):
            return f"wanted {entry}, found {held}"
    return None
