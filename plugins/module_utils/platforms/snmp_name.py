# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stamp of an entry as a natAddrMapName, which has room for 32 octets (RFC 4008).

``mob1`` and 28 characters of base64url (RFC 4648 section 5). They hold 21 octets: 8 of the handover's id, 5 of the
expiry, 4 of the epoch, 2 of the number of flows, one of flags, and one that guards the others.
"""

from __future__ import annotations

import base64
import binascii
import re
from enum import Enum
from typing import Optional, Tuple

from ..errors import HandoverError
from ..mobility.model import Directions, Stamp, Via

__all__ = ["Sort", "decode", "encode"]

_PREFIX = "mob1"
_ID = re.compile("[0-9a-f]{16}", re.ASCII)
_WIDTHS = (5, 4, 2)
_BOTH, _ENDED, _HOME, _SORT = 1, 2, 4, 8


class Sort(Enum):
    """What a row stands for; a row that rewrites nothing does not tell otherwise."""

    REWRITE = 0
    MARK = 1
    ROUTE = 2


def encode(stamp: Stamp, sort: Sort) -> str:
    """The name of a row.

    :raises HandoverError: ``bad_stamp`` for one that finds no room.
    """
    numbers = (stamp.expires, stamp.epoch, stamp.flows)
    if _ID.fullmatch(stamp.handover) is None or any(
        not 0 <= number < 256**width for number, width in zip(numbers, _WIDTHS)
    ):
        raise HandoverError(
            "bad_stamp",
            stamp,
            "over SNMP a handover id has 16 hexadecimal digits, an epoch is below 2**32, and there are 65535 flows "
            "at most",
            "Leave id out of the handover: it is made from owner and old address.",
        )
    flags = _SORT * sort.value
    flags |= _BOTH if stamp.directions is Directions.BOTH else 0
    flags |= _ENDED if stamp.ended else 0
    flags |= _HOME if stamp.via is Via.HOME_ROUTER else 0
    held = bytes.fromhex(stamp.handover)
    held += b"".join(number.to_bytes(width, "big") for number, width in zip(numbers, _WIDTHS))
    held += bytes([flags])
    return _PREFIX + base64.urlsafe_b64encode(held + _guard(held)).decode("ascii")


def decode(name: bytes) -> Optional[Tuple[Stamp, Sort]]:
    """The stamp in a name, and what the row stands for; None where the row is not of ours."""
    if len(name) != 32 or not name.startswith(_PREFIX.encode()):
        return None
    try:
        octets = base64.b64decode(name[4:], b"-_", validate=True)
        held, guard = octets[:-1], octets[-1:]
        sort = Sort(held[-1] // _SORT)
    except (binascii.Error, ValueError, IndexError):
        return None
    if guard != _guard(held):
        return None
    expires, epoch, flows = (int.from_bytes(held[at:end], "big") for at, end in ((8, 13), (13, 17), (17, 19)))
    directions = Directions.BOTH if held[19] & _BOTH else Directions.FORWARD
    via = Via.HOME_ROUTER if held[19] & _HOME else Via.CORRESPONDENT_ROUTER
    return Stamp(held[:8].hex(), epoch, expires, directions, flows, bool(held[19] & _ENDED), via), sort


def _guard(held: bytes) -> bytes:
    return bytes([binascii.crc32(held) & 255])
