# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover explain``: every rule of admission and its verdict, for each registration of a log."""

from __future__ import annotations

import argparse
import json
import sys
import time
from itertools import chain
from typing import Any

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.explain import Explanation, Verdict, explain, explanation_to_record
from ...plugins.module_utils.mobility.home import HomeQuestion
from ...plugins.module_utils.mobility.intake import Intake
from ...plugins.module_utils.mobility.pairs import AddressPair, Change
from ...plugins.module_utils.mobility.report import refusal_to_record
from ...plugins.module_utils.reader import items
from ...plugins.module_utils.sip.refusal import Refusal
from ...plugins.module_utils.sip.registration import Registration
from ...plugins.module_utils.sip.sources import AUTO, FORMATS
from ...plugins.module_utils.store.run import stored_run
from ..data_file import load
from ..log_input import LogInput, unix_time
from ..policy_file import load_policy
from ..progress import Progress

__all__ = ["add_parser", "run"]

_SHOWN = {True: "ok", False: "BROKEN", None: "-"}


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "explain",
        help="for each registration of a log, every rule and its verdict",
        description="Reads what a SIP server logged and prints, for each registration, every rule that it was held "
        "against, in order and also behind the first that is broken, and what followed. Changes nothing.",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="a log; - is standard input")
    parser.add_argument("--format", default=AUTO, choices=[AUTO, *sorted(FORMATS)], help="default: %(default)s")
    parser.add_argument(
        "--policy", required=True, metavar="FILE|none", help="YAML file of the rules; none: only those of form"
    )
    parser.add_argument("--aor", help="only of this address of record; the others still teach who was where")
    parser.add_argument("--store", metavar="FILE", help="the history that runs share; it is only looked at")
    parser.add_argument("--live", metavar="FILE", help="pairs or handovers that stand already, as JSON or YAML")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line, one for each registration")
    parser.add_argument("--now", type=unix_time, metavar="SECONDS", help="Unix time to judge by instead of the clock")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read, judge, print. Returns the exit status."""
    try:
        policy = None if args.policy == "none" else load_policy(args.policy)
        live = items(load(args.live)) if args.live else []
    except HandoverError as error:
        print(f"sip-handover explain: {error}", file=sys.stderr)
        return 2
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    now = time.time() if args.now is None else args.now
    inputs = [LogInput(name, args.format, None, None, Progress(False)) for name in args.files]
    with stored_run(args.store, None, now, keep=False) as remembered:
        intake = Intake(policy, live, remembered.memory)
        for item in chain.from_iterable(inputs):
            if isinstance(item, Registration):
                explanation = explain(intake, item, now)
                if args.aor in (None, item.aor):
                    print(json.dumps(explanation_to_record(explanation)) if args.json else _text(explanation))
                continue
            list(intake.take(item, now))
            if isinstance(item, Refusal) and args.aor is None:
                print(json.dumps(refusal_to_record(item)) if args.json else _refused(item))
    return 1 if any(item.failed for item in inputs) else 0


def _text(explanation: Explanation) -> str:
    by = "no old address" if explanation.by is None else f"by {explanation.by}"
    move = f"{explanation.old or '?'} -> {explanation.new or '?'}"
    lines = [f"{explanation.where}: {explanation.aor} {move}, {by}"]
    lines += [_verdict(verdict) for verdict in explanation.verdicts]
    for outcome in explanation.outcomes:
        if isinstance(outcome, AddressPair):
            continue  # its change is told
        if isinstance(outcome, Change):
            lines.append(f"  => {outcome.kind} {outcome.old or '?'} -> {outcome.new or '?'}")
        elif isinstance(outcome, HomeQuestion):
            lines.append(f"  => waits for the word of {', '.join(outcome.servers)}")
        else:
            lines.append(
                f"  => refused: {outcome.code}" + ("" if outcome.where == explanation.where else f" ({outcome.where})")
            )
    if not explanation.outcomes:
        lines.append("  => nothing follows")
    return "\n".join(lines)


def _verdict(verdict: Verdict) -> str:
    what = verdict.reason or ("cannot be judged" if verdict.holds is None else "")
    return f"  {_SHOWN[verdict.holds]:6}  {verdict.code:24}{what}".rstrip()


def _refused(item: Refusal) -> str:
    return f"{item.where}: refused: {item.code}: {item.reason}"
