# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Platforms whose text is written to files, and whose routers are never reached.

Their templates come from the vendors' documentation and were tried on nothing. So nothing is ever sent: an operator
reads the text, and brings it to the router himself.
"""

from __future__ import annotations

from typing import Any, ClassVar, Dict, Iterable, Mapping, Optional, Tuple

from ...errors import HandoverError
from ...mobility.model import Change, Entry, Freeze, Neighbour, Rewrite, Route
from ...mobility.router_state import RouterState
from ..base import Output, Part, Platform
from .lines import line_changes, route_changes, rule_changes, sessions_of

__all__ = ["WrittenOnly", "never_reached"]


def never_reached(platform: str) -> HandoverError:
    """The error for whatever would need a router of such a platform."""
    return HandoverError(
        "render_only",
        platform,
        f"text for {platform} is written to files and never sent: it was tried on no such router",
        "Use first_hop_router_render_only: true, or sip-handover render; read the text, and bring it there yourself.",
    )


class WrittenOnly(Platform):
    """One of them. A subclass has the table of what it can express; the shape of what is written is the same.

    :cvar lines: whether one line holds both halves of a flow; otherwise each rewrite is a rule.
    :cvar unfrozen: why no flow can be frozen; empty where one can.
    :cvar versions: the IP versions that its text is written for.
    """

    transport = "files"
    #: The interfaces are the router's; they are empty for text that is made without knowing it.
    settings: ClassVar[Mapping[str, Any]] = {"inside": "", "outside": ""}
    lines: ClassVar[bool] = False
    unfrozen: ClassVar[str] = ""
    versions: ClassVar[Tuple[int, ...]] = (4,)

    @property
    def step_template(self) -> str:
        return f"{self.name}/step.cfg.j2"

    @property
    def prerequisites_template(self) -> str:
        """The template of what a router needs before its first step."""
        return f"{self.name}/prerequisites.j2"

    def _entries(self, output: Output) -> Iterable[Entry]:
        raise never_reached(self.name)

    def context(self, change: Change, now: float) -> Dict[str, Any]:
        for entry in change.put:
            error = self._unheld(entry)
            if error is not None:
                raise error
            if not entry.stamp.ended and not isinstance(entry, Freeze):
                self._holdable((entry,), now)
        return {
            "lines": line_changes(change) if self.lines else {"remove": [], "put": []},
            "rules": {"remove": [], "put": []} if self.lines else rule_changes(change),
            "routes": route_changes(change),
            "sessions": sessions_of(change),
        }

    def objections(self, state: RouterState) -> Dict[Entry, HandoverError]:
        errors = {entry: self._unheld(entry) for entry in state}
        return {entry: error for entry, error in errors.items() if error is not None}

    def _unheld(self, entry: Entry) -> Optional[HandoverError]:
        """What its text has no form for, whatever else stands."""
        if isinstance(entry, Neighbour):
            return HandoverError("unsupported_neighbour", entry, f"{self.name} does not answer for an old address")
        version = entry.destination.version if isinstance(entry, Route) else entry.match.version
        if version not in self.versions:
            return HandoverError("unsupported_family", entry, f"text for {self.name} is written for IPv4")
        if isinstance(entry, Route) and (entry.via is None or entry.interface is None):
            return HandoverError(
                "unsupported_entry", entry, f"a host route on {self.name} has a next hop and an interface"
            )
        if isinstance(entry, Freeze) and self.unfrozen:
            return HandoverError("needs_freeze", entry, self.unfrozen)
        return self._unwritten(entry) if isinstance(entry, Rewrite) else None

    def _unwritten(self, entry: Rewrite) -> Optional[HandoverError]:
        narrower = self.capabilities.narrower.get(Part.of(entry.kind))
        if narrower is not None and entry.match.scope not in narrower.scopes:
            return HandoverError("unsupported_scope", entry, f"{self.name}: {narrower.because}")
        if entry.match.scope not in self.capabilities.scopes:
            return HandoverError("unsupported_scope", entry, f"{self.name} translates addresses, for everybody")
        if (entry.match.destination if entry.kind.changes_destination else entry.match.source) is None:
            return HandoverError(
                "unsupported_entry", entry, f"a rule on {self.name} matches the address that it translates"
            )
        return None
