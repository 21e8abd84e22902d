# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What IOS says when it does not take a line of NAT, and what it means.

IOS has no status: a refused line is known by the message behind it, and by its absence from the running configuration.
"""

from __future__ import annotations

import re
from typing import Tuple

from ...errors import HandoverError
from ..base import Complaint

__all__ = ["COMPLAINTS", "diagnosed", "message_in"]

#: Pattern, code, rule, advice. First match wins.
COMPLAINTS: Tuple[Complaint, ...] = (
    (
        r"similar static entry",
        "similar_entry",
        "two static entries share an address only when both are extendable",
        "Remove the entry that stands, or set extendable on both.",
    ),
    (
        r"already mapped",
        "already_mapped",
        "an address has one static entry, unless its entries are extendable",
        "Remove the entry that stands, or set extendable on both.",
    ),
    (
        r"[Ss]tatic entry in use",
        "entry_in_use",
        "an entry that live sessions use is taken away by force only",
        "Set forced, which ends these sessions, or wait until they are over.",
    ),
    (r"Translation not found", "no_such_entry", "an entry that is taken away stands there", "Run the task again."),
    (
        r"(VRF|vrf|IP routing table) .*(not|n't) (exist|configured|found)",
        "no_such_vrf",
        "the VRF of an entry is configured",
        "Configure the VRF first.",
    ),
    (
        r"Invalid input detected|Incomplete command|Ambiguous command|Unrecognized command",
        "unknown_word",
        "this release of IOS knows every word of the line",
        "Leave out the option that it does not know.",
    ),
    (
        r"Configuration mode.* locked",
        "lock_held",
        "nobody else has locked the mode of configuration",
        "Wait until the other session is done.",
    ),
    (
        r"Command authorization failed|Access denied|not authorized",
        "no_privilege",
        "the login may configure",
        "Set become with become_method enable, or let the login have this command.",
    ),
)


def message_in(said: str) -> str:
    """The line of an answer in which IOS complains; empty where it does not."""
    lines = [line.strip() for line in said.splitlines()]
    found = [line for line in lines if line.startswith("%") or any(re.search(one[0], line) for one in COMPLAINTS)]
    # The question comes before the refusal that says what came of it.
    return found[-1] if found else ""


def diagnosed(router: str, line: str, said: str) -> HandoverError:
    """The error for a line that was sent and does not stand as it was sent.

    :param said: the answer of IOS to it.
    """
    message = message_in(said)
    for pattern, code, rule, advice in COMPLAINTS:
        if message and re.search(pattern, message):
            return HandoverError(code, f"{router}: {line}", f"{rule} (IOS says: {message})", advice)
    if message:
        return HandoverError("line_refused", f"{router}: {line}", f"IOS takes the line (it says: {message})")
    return HandoverError(
        "not_read_back",
        f"{router}: {line}",
        "the running configuration shows what IOS was told, when read back (IOS said nothing)",
    )
