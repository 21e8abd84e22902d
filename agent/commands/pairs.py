# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover pairs``: the address pairs that a SIP server's log holds."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from itertools import chain
from typing import Any

from ...plugins.module_utils.asking.asker import Asker
from ...plugins.module_utils.asking.client import Client
from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.home import HomeQuestion
from ...plugins.module_utils.mobility.intake import Intake, Item, read_registrations
from ...plugins.module_utils.mobility.registration_policy import Policy
from ...plugins.module_utils.mobility.report import report_to_record
from ...plugins.module_utils.reader import items
from ...plugins.module_utils.sip.sources import AUTO, FORMATS
from ...plugins.module_utils.sip.sources.cursor import Cursor
from ...plugins.module_utils.store.run import StoredRun, stored_run
from ..cursor_file import cursors_to_record, load_cursors, write_cursors
from ..data_file import load
from ..home.access_file import load_home
from ..log_input import LogInput, unix_time
from ..outcome_lines import JsonLines, Text
from ..policy_file import load_policy
from ..progress import Progress
from ..signalled import stop_on_signal

__all__ = ["add_parser", "run"]

#: Least seconds between two cursors of a log that is followed.
_CURSOR_INTERVAL = 1.0


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "pairs",
        help="read registrations, print the address pairs",
        description="Reads what a SIP server logged and prints the pairs of old and new address, "
        "the changes, and what was refused and why. A log may be compressed (gzip); with a cursor, "
        "what it was rotated to since is read first.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a log; - is standard input")
    parser.add_argument("--format", default=AUTO, choices=[AUTO, *sorted(FORMATS)], help="default: %(default)s")
    parser.add_argument(
        "--policy", required=True, metavar="FILE|none", help="YAML file of the rules; none: parse only, admit nothing"
    )
    parser.add_argument(
        "--cursor", metavar="FILE", help="JSON file with the cursor of an earlier run: go on from there"
    )
    parser.add_argument(
        "--cursor-out",
        metavar="FILE",
        help="write the cursor there when all is read and printed; do so only where what reads the output cannot fail, "
        "or a move may be lost. It may be the file of --cursor, which then need not exist yet",
    )
    parser.add_argument(
        "--follow", action="store_true", help="wait for more, as tail -F does, until SIGTERM or SIGINT; one FILE"
    )
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print one JSON object; with --follow as --jsonl")
    shape.add_argument("--jsonl", action="store_true", help="print each outcome as a line of JSON, as it comes")
    parser.add_argument("--progress", action="store_true", help="show how far it is, also where there is no terminal")
    parser.add_argument("--store", metavar="FILE", help="the history that runs share; made where there is none")
    parser.add_argument(
        "--commit",
        metavar="DRAFT",
        help="the draft that an earlier run with --store printed: the routers have acknowledged what it found",
    )
    parser.add_argument(
        "--live", metavar="FILE", default=None, help="pairs or handovers that stand already, a list as JSON or YAML"
    )
    parser.add_argument(
        "--home",
        metavar="FILE",
        help="YAML file that says how home servers are asked; see docs/home-server.md. Without, questions are printed",
    )
    parser.add_argument("--fail-on-refused", action="store_true", help="exit 3 when something was refused")
    parser.add_argument("--now", type=unix_time, metavar="SECONDS", help="Unix time to judge by instead of the clock")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read, judge, print. Returns the exit status."""
    if args.follow and (len(args.files) > 1 or args.files[0] == "-"):
        print("sip-handover pairs: --follow takes one FILE, and not standard input", file=sys.stderr)
        return 2
    try:
        policy = None if args.policy == "none" else load_policy(args.policy)
        known = load_cursors(args.cursor, args.cursor == args.cursor_out) if args.cursor else {}
        live = items(load(args.live)) if args.live else []
        asker = None if args.home is None else Asker(Client(load_home(args.home)), _problem)
        if args.commit and not args.store:
            raise HandoverError("unknown_draft", args.commit, "a draft is in a store (--store)")
    except HandoverError as error:
        print(f"sip-handover pairs: {error}", file=sys.stderr)
        return 2
    progress = Progress(args.progress)
    begun = time.time() if args.now is None else args.now
    with (
        stop_on_signal() if args.follow else nullcontext() as stop,
        stored_run(args.store, args.commit, begun) as remembered,
    ):
        inputs = [LogInput(name, args.format, known.get(name), stop, progress) for name in args.files]
        read = _whole if args.json and not args.follow else _lines
        refused = read(args, policy, inputs, live, remembered, asker)
    if any(item.failed for item in inputs):
        return 1
    return 3 if args.fail_on_refused and refused else 0


def _whole(
    args: argparse.Namespace,
    policy: Policy | None,
    inputs: list[LogInput],
    live: Iterable[Mapping[str, Any]],
    remembered: StoredRun,
    asker: Asker | None,
) -> int:
    """Print one object; how many were refused."""
    now = time.time() if args.now is None else args.now
    report = read_registrations(chain.from_iterable(inputs), policy, now, False, live, remembered.memory, asker)
    draft = remembered.save(now)
    inputs[0].progress.end()
    record = report_to_record(report)
    del record["registrations"]
    record["cursor"] = cursors_to_record(_cursors(inputs))
    if draft is not None:
        record["draft"] = draft
    sys.stdout.writelines(_json_text(record))
    sys.stdout.flush()
    if args.cursor_out:
        write_cursors(args.cursor_out, _cursors(inputs))
    return len(report.refused)


def _json_text(record: Mapping[str, Any]) -> Iterator[str]:
    """An object as JSON, in pieces: each key has a line, and each item of a list has one. With indentation, Python
    writes at a fifth of the speed."""
    before = "{\n"
    for key, value in record.items():
        yield f"{before}  {json.dumps(key)}: "
        before = ",\n"
        if isinstance(value, list) and value:
            for n, item in enumerate(value):
                yield f"{',' if n else '['}\n    {json.dumps(item)}"
            yield "\n  ]"
        else:
            yield json.dumps(value)
    yield "\n}\n"


def _lines(
    args: argparse.Namespace,
    policy: Policy | None,
    inputs: list[LogInput],
    live: Iterable[Mapping[str, Any]],
    remembered: StoredRun,
    asker: Asker | None,
) -> int:
    """Print each outcome as it comes, in memory that does not grow with them; how many were refused."""
    output: Text | JsonLines = JsonLines() if args.json or args.jsonl else Text()
    intake = Intake(policy, live, remembered.memory)
    last: dict[str, Cursor] = {}
    due = time.monotonic()

    def tell_cursors() -> None:
        nonlocal last, due
        now = _cursors(inputs)
        if now != last:
            output.cursors(now)
            sys.stdout.flush()
            if args.cursor_out:
                write_cursors(args.cursor_out, now)
        last, due = now, time.monotonic() + _CURSOR_INTERVAL

    def clock() -> float:
        return time.time() if args.now is None else args.now

    def take(item: Item, now: float) -> None:
        for outcome in intake.take(item, now):
            output.outcome(outcome)
            if asker is not None and isinstance(outcome, HomeQuestion):
                asker.ask(outcome, now)

    def caught_up() -> None:
        if asker is not None:
            for answer in asker.ready():
                take(answer, clock())
            late(clock())
        if time.monotonic() >= due:
            tell_cursors()

    def late(now: float) -> None:
        for refusal in intake.late(now):
            output.outcome(refusal)

    if args.follow:
        inputs[0].heard = caught_up
    for item in chain.from_iterable(inputs):
        take(item, clock())
        if args.follow:
            sys.stdout.flush()
    if asker is not None:
        begun = clock()
        for answer, passed in asker.rest():
            take(answer, begun + passed)
        late(begun + (0 if policy is None else policy.home_timeout_seconds))
    inputs[0].progress.end()
    draft = remembered.save(time.time() if args.now is None else args.now)
    tell_cursors()
    if draft is not None:
        output.draft(draft)
    output.end()
    return output.refused


def _problem(server: str, error: HandoverError) -> None:
    print(f"sip-handover pairs: {error}", file=sys.stderr)


def _cursors(inputs: list[LogInput]) -> dict[str, Cursor]:
    return {item.name: item.cursor for item in inputs if item.cursor is not None}
