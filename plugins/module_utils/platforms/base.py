# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every router platform offers: capabilities, what to gather, how to read it, what to send."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Dict, Iterable, Mapping, Optional, Tuple

from ..errors import HandoverError
from ..mobility.handover import Handover
from ..mobility.model import Change, Entry, Neighbour, Rewrite, Scope
from ..mobility.router_state import RouterState
from .capabilities import Capabilities, Narrower, Part

__all__ = [
    "COMPLAINTS",
    "Capabilities",
    "Complaint",
    "Generation",
    "Narrower",
    "Output",
    "Part",
    "Platform",
    "foreign",
    "require",
    "unprepared",
]

Complaint = Tuple[str, str, str, str]

_PRIVILEGE = (
    r"must be root|RTNETLINK answers: Operation not permitted|password is required|not in the sudoers|not allowed"
)

#: What every Linux router may say.
COMPLAINTS: Tuple[Complaint, ...] = (
    (
        r"Nexthop has invalid gateway|Network is unreachable|No route to host|Cannot find device",
        "no_such_interface",
        "the new address lies on a link of the inside interface",
        "Check handover_inside_interface and handover_networks, and that the interface is up.",
    ),
    (
        _PRIVILEGE,
        "no_privilege",
        "the login may become root",
        "Set become.",
    ),
)


@dataclass(frozen=True)
class Output:
    """What a router printed, by section, and the exit status of the sections that failed."""

    sections: Mapping[str, str]
    status: Mapping[str, int]


class Generation(ABC):
    """What changes with each change of a router, and tells so that nobody else changed it meanwhile.

    :cvar template: the template of a shell function that prints it; its last word is a number.
    """

    template: ClassVar[str]

    @abstractmethod
    def commits(self, change: Change) -> int:
        """By how much one transaction raises the number."""


class Platform(ABC):
    """One platform. Subclasses say how; nothing here talks to a router.

    :cvar name: as in ``handover_platform`` and in the name of its template directory.
    :cvar capabilities: what it can express.
    """

    name: ClassVar[str]
    capabilities: ClassVar[Capabilities]

    #: How its routers are reached: a key of ``plugin_utils/reach.py``.
    transport: ClassVar[str] = "shell"

    #: Settings that the templates share, by name.
    settings: ClassVar[Mapping[str, Any]] = {}

    #: What the router says, and what it means: pattern, code, rule, advice. First match wins.
    complaints: ClassVar[Tuple[Complaint, ...]] = ()

    @property
    def gather_template(self) -> str:
        """The template of the script that prints what the router holds."""
        return f"{self.name}/gather.sh.j2"

    @property
    def step_template(self) -> str:
        """The template of one transaction."""
        return f"{self.name}/step.sh.j2"

    #: The template of a program that stays on the router in a shell's place and carries steps out without starting
    #: anything; empty where the platform has none. Its argument is what ends a step: ``save_command``.
    resident_template: ClassVar[str] = ""

    #: None where a router does not tell that it was changed.
    generation: ClassVar[Optional[Generation]] = None

    def parse(self, output: Output) -> RouterState:
        """What the router holds, from what the gathering script printed.

        :raises HandoverError: when the router is not prepared, or its answer cannot be read.
        """
        try:
            return RouterState(self._entries(output))
        except HandoverError:
            raise
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise HandoverError(
                "unreadable_answer",
                f"{type(error).__name__}: {error}",
                f"{self.name} lists what it holds in its documented form",
            ) from error

    @abstractmethod
    def _entries(self, output: Output) -> Iterable[Entry]:
        """What the router holds; a :class:`ValueError` or the like stands for an answer of another form."""

    @abstractmethod
    def context(self, change: Change, now: float) -> Dict[str, Any]:
        """The variables of the step template for one transaction.

        :param now: Unix seconds; relative timeouts count from here.
        :raises HandoverError: ``unsupported_entry`` for what this platform cannot hold, ``expired``.
        """

    def objections(self, state: RouterState) -> Mapping[Entry, HandoverError]:
        """What of a whole state a router cannot hold although the scopes and directions are its own, and why."""
        return {}

    def diagnose(self, router: str, said: str) -> HandoverError:
        """The error that a router's words mean; ``step_refused`` for words that are not known."""
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        for pattern, code, rule, advice in self.complaints:
            for line in lines:
                if re.search(pattern, line):
                    return HandoverError(code, f"{router}: {line}", rule, advice)
        return HandoverError(
            "step_refused", f"{router}: {lines[0] if lines else 'no word'}", "the router takes the step"
        )

    def _holdable(self, entries: Iterable[Entry], now: float) -> None:
        for entry in entries:
            if isinstance(entry, Neighbour) and not self.capabilities.neighbours:
                raise HandoverError("unsupported_entry", entry, f"{self.name} holds no neighbour entries")
            if entry.stamp.expires <= now:
                raise HandoverError(
                    "expired",
                    entry,
                    "what is put on a router has not expired",
                    "Withdraw the handover, or wait for the phone's next registration.",
                )


def require(platform: Platform, handover: Handover, router: str, entries: Iterable[Entry] = ()) -> None:
    """Refuse what a platform cannot express; never widen it.

    :param entries: what the router would hold of it.
    :raises HandoverError: ``unsupported_scope``, ``unsupported_directions`` or ``unsupported_neighbour``.
    """
    able = platform.capabilities
    if able.everything:
        return
    entries = list(entries)
    if handover.scope not in able.scopes:
        raise _unsupported(handover, router, f"{platform.name} can hold the scopes {_names(able.scopes)}")
    for part in {Part.of(entry.kind): None for entry in entries if isinstance(entry, Rewrite)}:
        narrower = able.narrower.get(part)
        if narrower is not None and handover.scope not in narrower.scopes:
            able_to = f"can hold the scopes {_names(narrower.scopes)}" if narrower.scopes else "rewrites nothing"
            where = f"{platform.name} {able_to} as the {part.value} router"
            raise _unsupported(handover, router, f"{where}: {narrower.because}")
    # A flow that goes by the home router is handed over in one direction, whatever the handover says.
    others = (one.stamp.directions for one in entries if one.stamp.directions is not handover.directions)
    for directions in (handover.directions, *others):
        if directions not in able.directions:
            names = ", ".join(sorted(item.value for item in able.directions))
            raise HandoverError(
                "unsupported_directions",
                f"{directions.value} on {router}",
                f"{platform.name} can hold the directions {names}",
            )
    if not able.neighbours and any(isinstance(entry, Neighbour) for entry in entries):
        raise HandoverError(
            "unsupported_neighbour",
            f"{handover.old} on {router}",
            f"{platform.name} cannot answer for an old address on its link, for correspondents there",
            "Use the platform nftables on that router.",
        )


def _unsupported(handover: Handover, router: str, rule: str) -> HandoverError:
    return HandoverError("unsupported_scope", f"{handover.scope.value} on {router}", rule)


def _names(scopes: Iterable[Scope]) -> str:
    return ", ".join(sorted(scope.value for scope in scopes))


def unprepared(said: str, what: str) -> HandoverError:
    """The error for a router that could not list what is ours; ``no_privilege`` where it says so."""
    line = next(iter(said.splitlines()), f"no {what}")
    if re.search(_PRIVILEGE, said):
        return HandoverError("no_privilege", line, "the login may become root", "Set become.")
    return HandoverError(
        "router_not_prepared", line, f"the router has our {what}", "Run the role first_hop_router on it."
    )


def foreign(found: object, rule: str) -> HandoverError:
    """The error for something under our name that is not of ours."""
    return HandoverError("foreign_entry", found, rule, "Somebody else wrote it. Move it away.")
