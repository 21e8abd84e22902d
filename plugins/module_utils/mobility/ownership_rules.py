# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of ownership: was the old address this phone's, and nobody else's (design rule 11)?

A live pair of the same phone and old address settles it: the address was judged
when that pair was admitted. So does coming home, which takes nothing from anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List, Optional, Tuple

from .claim import Claim, Context, moment_of
from .holding import Owner
from .model import Address
from .rule import Rule
from .seen import IN_ALL, of_address
from .selector import address_text
from .title import Title, title_of

__all__ = ["HOME_MAY_ANSWER", "OWNERSHIP_RULES", "Stake", "owner_text", "stake_broken"]

#: Where the home server's word may stand in for what is not known here.
HOME_MAY_ANSWER = frozenset(("not_held", "no_history"))


@dataclass(frozen=True)
class Stake:
    """What is at stake: this owner's old address, at this moment (Unix seconds UTC)."""

    owner: Owner
    old: Address
    moment: float

    def title(self, context: Context) -> Title:
        """What the history says of it."""
        return title_of(self.owner, self.old, context.history, self.moment)


_Test = Callable[[Stake, Context], Optional[str]]
_TESTS: List[Tuple[str, str, _Test]] = []


def stake_broken(stake: Stake, context: Context) -> Optional[Tuple[str, str]]:
    """Code and reason of the first rule of ownership that is broken; None where all hold."""
    told = ((code, test(stake, context)) for code, _meaning, test in _TESTS)
    return next(((code, why) for code, why in told if why is not None), None)


def owner_text(owner: Owner) -> str:
    """An owner for people."""
    aor, instance = owner
    return (aor or "somebody whom only the routers know") + (f" ({instance})" if instance else "")


def _rule(meaning: str) -> Callable[[_Test], _Test]:
    def register(test: _Test) -> _Test:
        _TESTS.append((test.__name__, meaning, test))
        return test

    return register


@_rule("Another owner's live handover has this old address.")
def old_claimed(stake: Stake, context: Context) -> Optional[str]:
    other = context.live.other_owner(stake.owner, stake.old, stake.moment - context.policy.grace_seconds)
    return None if other is None else f"{stake.old} is handed over for {owner_text(other)}"


@_rule("Somebody else had the old address in the time of this phone, or was there first.")
def held_by_another(stake: Stake, context: Context) -> Optional[str]:
    if _settled(stake, context):
        return None
    title = stake.title(context)
    # Of a phone that never had it here, the home server may know better, where there is one to ask.
    asks = not title.held and context.policy.homes_of(stake.owner[0])
    other = title.blocked_by if title.held or asks else title.holder
    return None if other is None else f"{stake.old} was, or is, {owner_text(other)}'s"


@_rule("The phone is known here, and the old address was not its own, or too long ago.")
def not_held(stake: Stake, context: Context) -> Optional[str]:
    if stake.title(context).held or _settled(stake, context) or not _known(stake, context):
        return None
    return f"{stake.old} was not {owner_text(stake.owner)}'s"


@_rule("Nothing is known here of the phone, and no home server has vouched for it.")
def no_history(stake: Stake, context: Context) -> Optional[str]:
    if _known(stake, context) or _settled(stake, context):
        return None
    return f"nothing is known of {owner_text(stake.owner)}"


@_rule("Too many handovers of one old address.")
def address_too_often(stake: Stake, context: Context) -> Optional[str]:
    return _too_many(stake, context, of_address(stake.old), context.policy.max_handovers_per_address)


@_rule("Too many handovers in all.")
def too_many_in_all(stake: Stake, context: Context) -> Optional[str]:
    return _too_many(stake, context, IN_ALL, context.policy.max_handovers)


def _settled(stake: Stake, context: Context) -> bool:
    if not context.policy.require_ownership:
        return True
    earliest = stake.moment - context.policy.grace_seconds
    return any(pair.old == stake.old for pair in context.live.of_owner(stake.owner, earliest))


def _known(stake: Stake, context: Context) -> bool:
    return any(
        holding.owner == stake.owner and context.history.usable(holding, stake.moment)
        for _address, holding in context.history.of(stake.owner[0])
    )


def _too_many(stake: Stake, context: Context, what: str, most: int) -> Optional[str]:
    window = context.policy.rate_window_seconds
    count = context.seen.count(what, stake.moment - window)
    if count < most:
        return None
    whose = "everybody together" if what == IN_ALL else address_text(stake.old)
    return f"{count} handovers of {whose} in {window} s"


def _of_claim(test: _Test) -> Callable[[Claim, Context], Optional[str]]:
    def broken(claim: Claim, context: Context) -> Optional[str]:
        if claim.old is None or claim.old == claim.new:
            return None
        return test(Stake(claim.owner, claim.old, moment_of(claim.registration, context.now)), context)

    return broken


#: They come last.
OWNERSHIP_RULES: Tuple[Rule, ...] = tuple(
    Rule(code, meaning, _of_claim(test), "ownership", needs=("old", "new")) for code, meaning, test in _TESTS
)
