# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stamp of an entry as one line of text, for a router's comment or description fields.

At most 128 bytes, the most that nftables keeps: ``sipmobility:1 id=… e=… x=… n=… d=…``; behind it ``v=home``
where the home router sends on, and ``end`` where the handover is about to end.
"""

from __future__ import annotations

import re

from ..errors import HandoverError
from ..mobility.model import Directions, Stamp, Via

__all__ = ["REMNANT", "decode", "encode"]

_FORMAT = re.compile(
    r"sipmobility:1 id=([0-9A-Za-z]{1,32}) e=(\d{1,18}) x=(\d{1,12}) n=(\d{1,9}) d=(forward|both)( v=home)?( end)?",
    re.ASCII,
)

#: Stands for the stamp of something of ours that the router no longer knows the owner of.
REMNANT = Stamp("", 0, 0)


def encode(stamp: Stamp) -> str:
    """The line for a stamp.

    :raises HandoverError: ``bad_stamp`` for one that :func:`decode` would not read: it would make everything
        that the router holds unreadable.
    """
    line = (
        f"sipmobility:1 id={stamp.handover} e={stamp.epoch} x={stamp.expires} "
        f"n={stamp.flows} d={stamp.directions.value}"
    ) + (" v=home" if stamp.via is Via.HOME_ROUTER else "")
    if _FORMAT.fullmatch(line) is None:
        raise HandoverError(
            "bad_stamp",
            line,
            "a stamp has an id of 1 to 32 letters and digits, and numbers of 18, 12 and 9 digits at most",
        )
    return line + " end" if stamp.ended else line


def decode(line: str) -> Stamp:
    """The stamp in a line.

    :raises HandoverError: ``foreign_entry``.
    """
    found = _FORMAT.fullmatch(line)
    if found is None:
        raise HandoverError(
            "foreign_entry",
            line,
            "every entry under our name carries our stamp",
            "Somebody else wrote it. Move it away from our table.",
        )
    handover, epoch, expires, flows, directions, home, end = found.groups()
    via = Via.CORRESPONDENT_ROUTER if home is None else Via.HOME_ROUTER
    return Stamp(handover, int(epoch), int(expires), Directions(directions), int(flows), end is not None, via)
