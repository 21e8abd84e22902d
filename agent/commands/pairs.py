# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover pairs``: the address pairs that a SIP server's log holds."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.intake import Item, Report, read_registrations
from ...plugins.module_utils.mobility.report import report_to_record
from ...plugins.module_utils.reader import items, time_to_text
from ...plugins.module_utils.sip.refusal import Refusal
from ...plugins.module_utils.sip.sources import AUTO, FORMATS, open_source
from ...plugins.module_utils.sip.sources.cursor import (
    HEAD_SIZE,
    Cursor,
    FileFacts,
    cursor_after,
    cursor_from_record,
    cursor_to_record,
    resume,
)
from ...plugins.module_utils.store.run import stored_run
from ..data_file import load
from ..policy_file import load_policy

__all__ = ["add_parser", "run"]

_CHUNK = 64 * 1024


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "pairs",
        help="read registrations, print the address pairs",
        description="Reads what a SIP server logged and prints the pairs of old and new address, "
        "the changes, and what was refused and why.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a log; - is standard input")
    parser.add_argument("--format", default=AUTO, choices=[AUTO, *sorted(FORMATS)], help="default: %(default)s")
    parser.add_argument(
        "--policy", required=True, metavar="FILE|none", help="YAML file of the rules; none: parse only, admit nothing"
    )
    parser.add_argument(
        "--cursor", metavar="FILE", help="JSON file with the cursor of an earlier run: go on from there"
    )
    parser.add_argument("--store", metavar="FILE", help="the history that runs share; made where there is none")
    parser.add_argument(
        "--commit",
        metavar="DRAFT",
        help="the draft that an earlier run with --store printed: the routers have acknowledged what it found",
    )
    parser.add_argument(
        "--live", metavar="FILE", default=None, help="pairs or handovers that stand already, a list as JSON or YAML"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--fail-on-refused", action="store_true", help="exit 3 when something was refused")
    parser.add_argument("--now", type=_seconds, metavar="SECONDS", help="Unix time to judge by instead of the clock")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read, judge, print. Returns the exit status."""
    try:
        policy = None if args.policy == "none" else load_policy(args.policy)
        cursors = _load_cursors(args.cursor) if args.cursor else {}
        live = items(load(args.live)) if args.live else []
        if args.commit and not args.store:
            raise HandoverError("unknown_draft", args.commit, "a draft is in a store (--store)")
    except HandoverError as error:
        print(f"sip-handover pairs: {error}", file=sys.stderr)
        return 2
    sources = [_Source(name, args.format, cursors.get(name)) for name in args.files]
    now = time.time() if args.now is None else args.now
    with stored_run(args.store, args.commit, now) as run:
        found = chain.from_iterable(sources)
        report = read_registrations(found, policy, now, False, live, run.memory)
        draft = run.save(now)
    if args.json:
        record = report_to_record(report)
        del record["registrations"]
        record["cursor"] = {s.name: cursor_to_record(s.cursor) for s in sources if s.cursor is not None}
        if draft is not None:
            record["draft"] = draft
        print(json.dumps(record, indent=2))
    else:
        _print_text(report)
        if draft is not None:
            print(f"draft {draft}", file=sys.stderr)
    if any(source.failed for source in sources):
        return 1
    return 3 if args.fail_on_refused and report.refused else 0


class _Source:
    """One input. Iterating over it moves its cursor; one that cannot be read yields a refusal."""

    def __init__(self, name: str, format_name: str, cursor: Cursor | None) -> None:
        self.name = name
        self.cursor = cursor
        self.failed = False
        self._format = format_name

    def __iter__(self) -> Iterator[Item]:
        try:
            if self.name == "-":
                yield from open_source(self._format, _chunks(sys.stdin.buffer), "standard input")[1]
                return
            with Path(self.name).open("rb") as file:
                yield from self._file(file)
        except OSError as error:
            self.failed = True
            yield Refusal("unreadable_input", f"the file can be read: {error.strerror}", self.name)

    def _file(self, file: BinaryIO) -> Iterator[Item]:
        stat, head = os.fstat(file.fileno()), file.read(HEAD_SIZE)
        facts = FileFacts(stat.st_dev, stat.st_ino, stat.st_size, head)
        position = resume(self.cursor, facts)
        chunks: Iterable[bytes] = chain([head], _chunks(file))
        name = self._format
        if position.offset:
            file.seek(position.offset)
            chunks = _chunks(file)
            name = self.cursor.format if self.cursor is not None and name == AUTO else name
        name, items = open_source(name, chunks, self.name, position)
        yield from items
        self.cursor = cursor_after(name, position, facts)


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(_CHUNK), b"")


def _load_cursors(path: str) -> dict[str, Cursor]:
    try:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise HandoverError("bad_cursor", path, f"the cursor file is JSON ({error})") from error
    if not isinstance(record, dict):
        raise HandoverError(
            "bad_cursor", path, "the cursor file holds one object: the cursor that an earlier run printed"
        )
    return {name: cursor_from_record(item) for name, item in record.items()}


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < 2**33:
        raise argparse.ArgumentTypeError(f"{text} is no Unix time")
    return value


def _print_text(report: Report) -> None:
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    for change in report.changes:
        doubt = "" if change.admitted else ", not admitted"
        print(
            f"{change.kind:9} {change.aor} {change.old or '?'} -> {change.new or '?'}"
            f" until {time_to_text(change.expires)}{doubt} ({change.source})"
        )
    for question in report.questions:
        print(
            f"question  {question.aor} {question.old} to {', '.join(question.servers)}"
            f" until {time_to_text(int(question.deadline))} ({question.id})"
        )
    for refused in report.refused:
        print(f"refused   {refused.code}: {refused.reason} ({refused.where})")
    print(
        f"{len(report.address_pairs)} address pairs, {len(report.changes)} changes, {len(report.refused)} refused",
        file=sys.stderr,
    )
