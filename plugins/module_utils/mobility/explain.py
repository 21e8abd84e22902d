# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a registration was believed or not: every rule with its verdict, also behind the first that is broken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Optional, Tuple

from ..sip.registration import Registration
from .admission import GROUPS, verdicts
from .claim import Claim
from .home import HomeQuestion
from .intake import Intake, Outcome
from .model import Address
from .pairs import AddressPair, Change
from .report import change_to_record, pair_to_record, question_to_record, refusal_to_record

__all__ = ["Explanation", "Verdict", "explain", "explanation_to_record"]


@dataclass(frozen=True)
class Verdict:
    """What one rule says.

    :ivar holds: None where it cannot be judged: the registration does not say enough.
    :ivar reason: what breaks it; None where it holds or cannot be judged.
    """

    code: str
    group: str
    meaning: str
    holds: Optional[bool]
    reason: Optional[str]


@dataclass(frozen=True)
class Explanation:
    """One registration, explained.

    :ivar by: ``tag``, the way in which the old address was inferred, or None where there is none.
    :ivar verdicts: of the rules that bind it, in the order in which they are asked.
    :ivar outcomes: what followed.
    """

    where: str
    aor: str
    instance: Optional[str]
    old: Optional[Address]
    new: Optional[Address]
    by: Optional[str]
    verdicts: Tuple[Verdict, ...]
    outcomes: Tuple[Outcome, ...]


def explain(intake: Intake, registration: Registration, now: float) -> Explanation:
    """Explain a registration, and let the intake take it: the next one is held against what it taught.

    :param now: Unix seconds UTC.
    """
    claim, context = intake.look(registration, now)
    told = tuple(
        Verdict(
            rule.code,
            rule.group,
            rule.meaning,
            None if not rule.can_judge(claim) and why is None else why is None,
            why,
        )
        for rule, why in verdicts(claim, context, _groups(claim, intake.admits))
    )
    found = registration.tagged or registration.half_tagged or claim.old is not None
    return Explanation(
        registration.where,
        registration.aor,
        registration.instance,
        claim.old,
        claim.new,
        claim.by if found else None,
        told,
        tuple(intake.take(registration, now)),
    )


def explanation_to_record(explanation: Explanation) -> Dict[str, Any]:
    """An explanation as plain data."""
    outcomes: Dict[str, Any] = {"address_pairs": [], "changes": [], "refused": [], "questions": []}
    for outcome in explanation.outcomes:
        if isinstance(outcome, AddressPair):
            outcomes["address_pairs"].append(pair_to_record(outcome))
        elif isinstance(outcome, Change):
            outcomes["changes"].append(change_to_record(outcome))
        elif isinstance(outcome, HomeQuestion):
            outcomes["questions"].append(question_to_record(outcome))
        else:
            outcomes["refused"].append(refusal_to_record(outcome))
    addresses = {key: getattr(explanation, key) for key in ("old", "new")}
    return {
        "where": explanation.where,
        "aor": explanation.aor,
        "instance": explanation.instance,
        **{key: None if value is None else str(value) for key, value in addresses.items()},
        "by": explanation.by,
        "verdicts": [vars(verdict) for verdict in explanation.verdicts],
        **outcomes,
    }


def _groups(claim: Claim, admits: bool) -> Tuple[str, ...]:
    """The groups of rules that are asked of a claim: those of form only of one that says something by the tag."""
    tagged = claim.registration.tagged or claim.registration.half_tagged
    return tuple(group for group in GROUPS if (group == "form" and tagged) or (group != "form" and admits))
