# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Outcomes of the reading side on standard output, one line each, as they come."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

from ..plugins.module_utils.mobility.home import HomeQuestion
from ..plugins.module_utils.mobility.intake import Outcome
from ..plugins.module_utils.mobility.pairs import AddressPair, Change
from ..plugins.module_utils.mobility.report import (
    change_to_record,
    pair_to_record,
    question_to_record,
    refusal_to_record,
)
from ..plugins.module_utils.reader import time_to_text
from ..plugins.module_utils.sip.sources.cursor import Cursor
from .cursor_file import cursors_to_record

__all__ = ["JsonLines", "Text"]


class Text:
    """For people. Counts what it prints."""

    def __init__(self) -> None:
        self.pairs = self.changes = self.refused = 0
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]

    def outcome(self, outcome: Outcome) -> None:
        """Print one outcome; a pair is told by its change."""
        if isinstance(outcome, AddressPair):
            self.pairs += 1
        elif isinstance(outcome, Change):
            self.changes += 1
            doubt = "" if outcome.admitted else ", not admitted"
            print(
                f"{outcome.kind:9} {outcome.aor} {outcome.old or '?'} -> {outcome.new or '?'}"
                f" until {time_to_text(outcome.expires)}{doubt} ({outcome.source})"
            )
        elif isinstance(outcome, HomeQuestion):
            print(
                f"question  {outcome.aor} {outcome.old} to {', '.join(outcome.servers)}"
                f" until {time_to_text(int(outcome.deadline))} ({outcome.id})"
            )
        else:
            self.refused += 1
            print(f"refused   {outcome.code}: {outcome.reason} ({outcome.where})")

    def cursors(self, cursors: Mapping[str, Cursor]) -> None:
        """People need none."""

    def draft(self, name: str) -> None:
        """Say what this run's history is called, for a later run's ``--commit``."""
        print(f"draft {name}", file=sys.stderr)

    def end(self) -> None:
        """Say how much it was."""
        told = f"{self.pairs} address pairs, {self.changes} changes, {self.refused} refused"
        print(told, file=sys.stderr)


class JsonLines:
    """For programs: an object a line, whose ``outcome`` says what it is. Each is written out at once."""

    def __init__(self) -> None:
        self.refused = 0

    def outcome(self, outcome: Outcome) -> None:
        """Print one outcome. Whether a pair is still current, only the end of an input could tell."""
        if isinstance(outcome, AddressPair):
            record = pair_to_record(outcome)
            del record["current"]
            _print("address_pair", record)
        elif isinstance(outcome, Change):
            _print("change", change_to_record(outcome))
        elif isinstance(outcome, HomeQuestion):
            _print("question", question_to_record(outcome))
        else:
            self.refused += 1
            _print("refused", refusal_to_record(outcome))

    def cursors(self, cursors: Mapping[str, Cursor]) -> None:
        """Print where a run that has dealt with every line so far goes on."""
        _print("cursor", {"cursor": cursors_to_record(cursors)})

    def draft(self, name: str) -> None:
        """Print what this run's history is called, for a later run's ``--commit``."""
        _print("draft", {"draft": name})

    def end(self) -> None:
        """The last cursor, or the draft, was the last line."""


def _print(kind: str, record: Mapping[str, object]) -> None:
    print(json.dumps({"outcome": kind, **record}), flush=True)
