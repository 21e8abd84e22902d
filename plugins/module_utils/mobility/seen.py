# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one run has seen of each phone: enough to refuse a replay and a flood, in bounded memory."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Deque, Optional, Tuple

from ..sip.registration import Registration

__all__ = ["Seen"]

#: Most Call-IDs, and most AORs, that are remembered; the longest unused are forgotten first. The event window of
#: the policy (``max_age_seconds``) bounds what a replay can gain from that.
_REMEMBERED = 65536


class Seen:
    """CSeq per Call-ID (RFC 3261 section 10.3 step 7), and the moments of tagged registrations per AOR."""

    def __init__(self) -> None:
        # The AOR is part of the key: another user's Call-ID, guessed or overheard, blocks nobody.
        self._cseq: OrderedDict[Tuple[str, str], int] = OrderedDict()
        self._moments: OrderedDict[str, Deque[float]] = OrderedDict()

    def cseq(self, registration: Registration) -> Optional[int]:
        """The highest CSeq seen for the registration's AOR and Call-ID; None without one, or where it has none."""
        return None if registration.call_id is None else self._cseq.get((registration.aor, registration.call_id))

    def count(self, aor: str, since: float) -> int:
        """Tagged registrations of this AOR after ``since`` (Unix seconds)."""
        return sum(moment > since for moment in self._moments.get(aor, ()))

    def record(self, registration: Registration, moment: float, most: int) -> None:
        """Remember a registration; ``most`` is how many moments of one AOR are worth remembering."""
        if registration.call_id is not None and registration.cseq is not None:
            key = (registration.aor, registration.call_id)
            self._cseq[key] = max(registration.cseq, self._cseq.get(key, 0))
            self._cseq.move_to_end(key)
            if len(self._cseq) > _REMEMBERED:
                self._cseq.popitem(last=False)
        if not registration.tagged:
            return
        moments = self._moments.setdefault(registration.aor, deque())
        moments.append(moment)
        while len(moments) > most:
            moments.popleft()
        self._moments.move_to_end(registration.aor)
        if len(self._moments) > _REMEMBERED:
            self._moments.popitem(last=False)
