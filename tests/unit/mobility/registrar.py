# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A registrar for tests: it keeps bindings and writes the event line that Kamailio writes for each REGISTER.

A model, not a recording. It accepts whatever an authenticated user sends for himself, and checks no Contact against
the packet's source, as stock servers do (facts on SIP, section 6).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.intake import Intake, Item, Outcome
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.memory import Memory
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.pairs import AddressPair, Change
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.registration_policy import Policy
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import open_source

from ..sip.messages import NOW, TAG, event
from .test_admission import POLICY

TAGGED = [TAG]


class World:
    """Phones, a registrar, and an intake that believes the registrar's log. Time is seconds since NOW."""

    def __init__(
        self, policy: Policy = POLICY, memory: Memory | None = None, live: Iterable[Mapping[str, Any]] = ()
    ) -> None:
        self.time = 0.0
        self.log = b""
        self.outcomes: list[Outcome] = []
        self.intake = Intake(policy, live, memory)
        self._bindings: dict[str, dict[tuple[str, str | None], dict[str, Any]]] = {}
        self._cseq = 0

    def register(
        self,
        user: str,
        at: str,
        old: str | None = None,
        *,
        source: str | None = None,
        expires: int = 600,
        instance: str | None = "",
        call_id: str | None = None,
        removes: str | None = None,
        **values: Any,
    ) -> list[Outcome]:
        """One REGISTER with Contact ``at``, tagged where ``old`` is given. The outcomes.

        :param source: where the packet comes from, if not from ``at``.
        :param instance: of the phone; the user's only one by default, None for a phone without.
        :param removes: another contact that the same REGISTER removes.
        """
        self.pass_time(1)
        self._cseq += 1
        instance = f"urn:{user}" if instance == "" else instance
        suffix = "" if instance is None else f';+sip.instance="<{instance}>"'
        contact = [f"<sip:{user}@{at}>{suffix}"]
        if removes is not None:
            contact.insert(0, f"<sip:{user}@{removes}>{suffix};expires=0")
        held = self._bindings.setdefault(user, {})
        told = {
            "time": self.now,
            "aor": f"sip:{user}@example.com",
            "auth_user": user,
            "src_ip": source or at,
            "contact": contact,
            "tag": [] if old is None else [old],
            "require": [] if old is None else TAGGED,
            "call_id": call_id or f"{user}@{str(instance).replace(':', '.')}",
            "cseq": self._cseq,
            "expires": expires,
            "before": list(held.values()),
            **values,
        }
        for host in (removes, at if expires == 0 else None):
            held.pop((str(host), instance), None)
        if expires:
            held[at, instance] = {
                "contact": f"sip:{user}@{at}",
                "received": None,
                "expires": int(self.now) + expires,
                "call_id": call_id or f"{user}@{str(instance).replace(':', '.')}",
                "cseq": self._cseq,
                "instance": None if instance is None else f"<{instance}>",
            }
        return self.feed(event(**told))

    def pass_time(self, seconds: float) -> list[Outcome]:
        """Let time pass; the registrar tells which bindings expire."""
        self.time += seconds
        told = []
        for user, held in self._bindings.items():
            for (host, instance), binding in list(held.items()):
                if binding["expires"] <= self.now:
                    del held[host, instance]
                    told += self.feed(
                        {
                            "v": 1,
                            "event": "expired",
                            "time": float(binding["expires"]),
                            "aor": f"{user}@example.com",
                            "contact": binding["contact"],
                            "call_id": binding["call_id"],
                            "instance": binding["instance"],
                        }
                    )
        return told

    def forget_bindings(self) -> None:
        """The registrar restarts without them, and tells of no expiry."""
        self._bindings.clear()

    @property
    def now(self) -> float:
        """Unix seconds."""
        return NOW + self.time

    def feed(self, line: dict[str, object]) -> list[Outcome]:
        """The outcomes of one line of the log."""
        self.log += json.dumps(line).encode() + b"\n"
        items = list(open_source("kamailio", [json.dumps(line).encode() + b"\n"], "log")[1])
        return self.take(*items)

    def take(self, *items: Item) -> list[Outcome]:
        """The outcomes of items."""
        told = [outcome for item in items for outcome in self.intake.take(item, self.now)]
        self.outcomes += told
        return told


def codes(outcomes: Iterable[Outcome]) -> list[str]:
    """The codes of the refusals; there is nothing else."""
    found = list(outcomes)
    assert all(isinstance(outcome, Refusal) for outcome in found), found
    return [outcome.code for outcome in found if isinstance(outcome, Refusal)]


def pairs(outcomes: Iterable[Outcome]) -> list[tuple[str, str]]:
    """Old and new of the pairs; nothing was refused."""
    found = list(outcomes)
    assert not [outcome for outcome in found if isinstance(outcome, Refusal)], found
    return [(str(outcome.old), str(outcome.new)) for outcome in found if isinstance(outcome, AddressPair)]


def changes(outcomes: Iterable[Outcome]) -> list[tuple[str, str, str]]:
    """Kind, old and new of the changes."""
    return [(outcome.kind, str(outcome.old), str(outcome.new)) for outcome in outcomes if isinstance(outcome, Change)]


def the_pair(outcomes: Iterable[Outcome]) -> AddressPair:
    """The only pair."""
    (found,) = [outcome for outcome in outcomes if isinstance(outcome, AddressPair)]
    return found
