# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover status``: what the resident service holds, in a table."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from ...plugins.module_utils.errors import HandoverError

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "status",
        help="show what the service holds",
        description="Asks the service (key http of its configuration) for its routers, handovers and last refusals.",
    )
    parser.add_argument("--at", default="127.0.0.1:9477", metavar="ADDRESS:PORT", help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--watch", type=float, metavar="SECONDS", help="show it again and again")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask and print. Returns the exit status."""
    while True:
        told = _asked(args.at)
        if args.json:
            print(json.dumps(told), flush=True)
        else:
            print(_table(told), flush=True)
        if args.watch is None:
            return 0
        time.sleep(args.watch)
        print("\033[H\033[J" if not args.json else "", end="")


def _asked(at: str) -> dict[str, Any]:
    try:
        with build_opener(ProxyHandler({})).open(f"http://{at}/status", timeout=15) as answer:
            found: dict[str, Any] = json.load(answer)
            return found
    except (OSError, URLError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise HandoverError(
            "service_unreachable", f"{at}: {reason}", "the service answers", "Is it running, with the key http?"
        ) from error


def _table(told: dict[str, Any]) -> str:
    lines = [f"since {_clock(told['since'])}, {told['queue']} waiting, {told['retiring']} with decoders to go"]
    if told["partitions"] is not None:
        lines.append(f"partitions of the stream: {_ranges(told['partitions']) or 'none'}")
    lines.append("")
    lines += _rows(
        ("router", "", "entries", "why"),
        [
            (name, "up" if one["up"] else "GONE", one["entries"], one["reason"])
            for name, one in sorted(told["routers"].items())
        ],
    )
    live = [one for one in told["handovers"] if not (one["ended"] and one["status"] == "done")]
    lines += [
        "",
        *_rows(
            ("handover", "status", "old", "new", "until", "owner", "why"),
            [
                (one["id"], one["status"], one["old"], one["new"], one["expires"], one["aor"], one["code"])
                for one in live
            ],
        ),
    ]
    if told["refusals"]:
        lines += [
            "",
            *_rows(
                ("refused", "code", "reason"),
                [(_clock(one["time"]), one["code"], one["reason"]) for one in told["refusals"][-10:]],
            ),
        ]
    return "\n".join(lines)


def _rows(head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[str]:
    texts = [head, *(tuple("" if cell is None else str(cell) for cell in row) for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in texts]


def _ranges(numbers: list[int]) -> str:
    """Ascending numbers, what follows upon each other put together."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in found)


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
