# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command line of IOS is to us, whoever holds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

__all__ = ["QUESTION", "CommandLine"]

#: What IOS asks before it takes away an entry that live sessions use. Unanswered, it would hold the dialogue up.
QUESTION = r"do you want to delete child entries\? \[no\]:"


class CommandLine(Protocol):
    """What reads and changes a running configuration."""

    def running(self, pipe: str) -> str:
        """The running configuration, through a filter of IOS."""

    def configure(self, lines: Sequence[str], forced: bool) -> Mapping[str, str]:
        """Send lines of configuration; what was answered, by line."""

    def ask(self, command: str) -> str:
        """What is answered to a command beside configuration, also where it is a complaint."""
