# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A non-INVITE client transaction (RFC 3261 section 17.1.2): when to send again, which answer is its own, when it ends.

It is told the time and opens nothing, so that the client's event loop and a test's plain socket drive the same one.
"""

from __future__ import annotations

from ...plugins.module_utils.errors import HandoverError
from .answer import Answer, parse_answer
from .request import Request

__all__ = ["COOKIE", "T1", "TIMER_F", "Transaction", "final_answer"]

#: Section 17.1.1.1: an estimate of the round-trip time; the longest interval between two requests; 64*T1.
T1, T2, TIMER_F = 0.5, 4.0, 32.0
#: Section 8.1.1.7: how a branch begins.
COOKIE = "z9hG4bK"


class Transaction:
    """The timers E and F of one request.

    :ivar due: when :meth:`timer` is to be called.
    :param reliable: over TCP or TLS nothing is sent again.
    :param patience: seconds without a final answer after which it is over, no more than timer F.
    """

    def __init__(self, now: float, *, reliable: bool = False, patience: float = TIMER_F) -> None:
        self._reliable = reliable
        self._end = now + min(patience, TIMER_F)
        self._interval = T1
        self.due = self._end if reliable else min(now + T1, self._end)

    def over(self, now: float) -> bool:
        """Whether there will be no answer."""
        return now >= self._end

    def timer(self, now: float) -> bool:
        """Whether the request is to be sent again (timer E)."""
        if self._reliable or now < self.due or now >= self._end:
            return False
        self._interval = min(self._interval * 2, T2)
        self.due = min(now + self._interval, self._end)
        return True


def final_answer(request: Request, branch: str, data: bytes) -> Answer | None:
    """The final answer to a request that was sent with a branch (section 17.1.3); None for a provisional one.

    :raises HandoverError: one of the codes for messages; ``not_an_answer`` for whatever else was sent.
    """
    answer = parse_answer(data)
    message = answer.message
    same = message.cseq == (request.cseq, request.method) and message.call_id == request.call_id
    if not same or dict(message.vias[0].params).get("branch") != branch:
        raise HandoverError("not_an_answer", data[:80], "an answer has the request's branch, CSeq and Call-ID")
    if answer.status < 200:
        return None
    message.contacts  # noqa: B018 - read, so that what is wrong with it is told here
    return answer
