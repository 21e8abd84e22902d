# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule of admission is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, Optional, Tuple

from .claim import Claim, Context

__all__ = ["Rule", "Test", "collector"]

Test = Callable[[Claim, Context], Optional[str]]


@dataclass(frozen=True)
class Rule:
    """One rule.

    :ivar code: stable code of its refusal.
    :ivar meaning: what the refusal means, one sentence.
    :ivar broken: why the claim breaks it, or None when the rule holds.
    :ivar group: ``form``, ``identity``, ``time``, ``addresses`` or ``ownership``.
    :ivar removal: whether it binds a registration that only removes bindings, too.
    :ivar fact: whether a registration that breaks it says nothing about who is where, either.
    :ivar needs: what of the claim, ``old`` or ``new``, must be known for it to be judged at all.
    """

    code: str
    meaning: str
    broken: Callable[[Claim, Context], Optional[str]]
    group: str
    removal: bool = False
    fact: bool = False
    needs: Tuple[str, ...] = ()

    def can_judge(self, claim: Claim) -> bool:
        """Whether the claim says enough for this rule."""
        return all(getattr(claim, name) is not None for name in self.needs)


def collector(rules: List[Rule]) -> Callable[..., Callable[[Test], Test]]:
    """A decorator that makes rules of functions, in the order in which they stand: the name is the code.

    The function returns why the claim breaks the rule, or None where it holds.
    """

    def rule(
        group: str, meaning: str, removal: bool = False, fact: bool = False, needs: Tuple[str, ...] = ()
    ) -> Callable[[Test], Test]:
        def register(test: Test) -> Test:
            rules.append(Rule(test.__name__, meaning, test, group, removal, fact, needs))
            return test

        return register

    return rule
