# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one error type that crosses a boundary of the core.

Whatever outside input breaks a rule (a SIP message, a topology, a router's
answer), the caller meets a :class:`HandoverError` and nothing else.
"""

from __future__ import annotations

from typing import Any, Tuple

__all__ = ["HandoverError"]


class HandoverError(ValueError):
    """An input broke a rule.

    :ivar code: stable, lower_snake_case; documented; safe to match on.
    :ivar subject: the offending input, shortened to 200 characters, control characters escaped.
    :ivar rule: the rule that it broke, one sentence without a full stop.
    :ivar advice: what to do next, or the empty string where nothing can be done.
    """

    def __init__(self, code: str, subject: object, rule: str, advice: str = "") -> None:
        self.code = code
        self.subject = _shown(subject)
        self.rule = rule
        self.advice = advice
        super().__init__(str(self))

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), (self.code, self.subject, self.rule, self.advice)

    def __str__(self) -> str:
        text = f"{self.code}: {self.rule}: {self.subject}"
        return f"{text}. {self.advice}" if self.advice else text


def _shown(subject: object) -> str:
    if isinstance(subject, bytes):
        text = subject.decode("utf-8", "backslashreplace")
    else:
        text = str(subject)
    text = "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)
    return text if len(text) <= 200 else text[:197] + "..."
