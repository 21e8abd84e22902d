# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen of each phone: enough to refuse a replay and a flood, also in a later run."""

from __future__ import annotations

from typing import Optional

from ..sip.registration import Registration
from .memory import Memory, RunMemory
from .model import Address
from .selector import address_text

__all__ = ["IN_ALL", "Seen", "of_address", "of_aor"]

#: What the rate of all handovers together is counted under.
IN_ALL = "all"

_DAY = 86400


def of_aor(aor: str) -> str:
    """What the rate of an address of record is counted under."""
    return f"aor {aor}"


def of_address(old: Address) -> str:
    """What the rate of an old address is counted under."""
    return f"old {address_text(old)}"


class Seen:
    """CSeq per Call-ID (RFC 3261 section 10.3 step 7), and rates, in seconds of one second's grain.

    The event window of the policy (``max_age_seconds``) bounds what a replay can gain from what was forgotten.
    """

    def __init__(self, memory: Optional[Memory] = None) -> None:
        self._memory: Memory = RunMemory() if memory is None else memory

    def cseq(self, registration: Registration) -> Optional[int]:
        """The highest CSeq seen for the registration's AOR and Call-ID."""
        if registration.call_id is None:
            return None
        found: Optional[int] = self._memory.get("cseq", _call(registration))
        return found

    def saw(self, aor: str, call_id: Optional[str], cseq: Optional[int]) -> bool:
        """Whether this REGISTER, or a later one of its Call-ID, was seen, believed or not."""
        if call_id is None or cseq is None:
            return False
        found = (self._memory.get(shelf, _key(aor, call_id)) for shelf in ("cseq", "disbelieved"))
        return any(highest is not None and cseq <= highest for highest in found)

    def disbelieve(self, registration: Registration, keep_until: float) -> None:
        """Remember that a REGISTER was seen which teaches nothing. It spends nobody's CSeq."""
        if registration.call_id is None or registration.cseq is None:
            return
        highest = max(registration.cseq, self._memory.get("disbelieved", _call(registration)) or 0)
        self._memory.put("disbelieved", _call(registration), highest, keep_until)

    def record(self, registration: Registration, keep_until: float) -> None:
        """Remember a registration's CSeq."""
        if registration.call_id is None or registration.cseq is None:
            return
        highest = max(registration.cseq, self.cseq(registration) or 0)
        self._memory.put("cseq", _call(registration), highest, keep_until)

    def count(self, what: str, since: float) -> int:
        """How often something happened after ``since`` (Unix seconds)."""
        return sum(times for second, times in self._memory.get("rates", what) or () if second > int(since))

    def happened(self, what: str, moment: float, since: float) -> None:
        """Count something that happened at ``moment``; what lies before ``since`` is forgotten."""
        second = int(moment)
        counts = [list(item) for item in self._memory.get("rates", what) or () if item[0] > int(since)]
        same = next((item for item in counts if item[0] == second), None)
        if same is None:
            counts.append([second, 1])
        else:
            same[1] += 1
        self._memory.put("rates", what, counts, moment + _DAY)


def _call(registration: Registration) -> str:
    return _key(registration.aor, str(registration.call_id))


def _key(aor: str, call_id: str) -> str:
    # The AOR is part of the key: another user's Call-ID, guessed or overheard, blocks nobody.
    return f"{aor}\n{call_id}"
