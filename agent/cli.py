# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover``: the command line.

Exit status: 0 done (refused registrations are results), 1 failed, 2 bad usage,
3 with ``--fail-on-refused`` when something was refused.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from ..plugins.module_utils.errors import HandoverError

__all__ = ["COMMANDS", "DONE", "FAILED", "REFUSED", "USAGE", "main"]

DONE, FAILED, USAGE, REFUSED = 0, 1, 2, 3

#: The subcommands, in the order of the help text; each a module of :mod:`.commands`.
COMMANDS = ("pairs", "explain", "plan", "render", "trace", "serve", "publish", "status", "home")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit status."""
    given = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(
        prog="sip-handover", description="Live sessions survive a host's move, from its SIP REGISTER."
    )
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    # The modules of the others, and what they stand on, take longer to import than most commands run.
    for command in given[:1] if given and given[0] in COMMANDS else COMMANDS:
        import_module(f".commands.{command}", __package__).add_parser(subparsers)
    try:
        args = parser.parse_args(given)
    except SystemExit as stop:  # argparse has said what is wrong, or printed the help
        return DONE if stop.code in (None, 0) else USAGE
    try:
        status: int = args.run(args)
        sys.stdout.flush()
        return status
    except HandoverError as error:
        print(f"sip-handover: {error}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        # The reader had enough. Without this, the interpreter's own flush at exit complains.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
