# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover serve``: the resident service."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from typing import Any

from ...plugins.module_utils.errors import HandoverError
from ..until_stopped import until_stopped

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "serve",
        help="follow registrations and program the routers at once",
        description="Follows the SIP server's events and carries handovers out, over sessions to the routers that are "
        "held open. See docs/agent.md.",
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="YAML; see docs/agent.md")
    parser.add_argument("--check", action="store_true", help="read configuration, policy and inventory, and end")
    parser.add_argument("--dry-run", action="store_true", help="decide and plan, and change no router")
    parser.add_argument("--verbose", action="store_true", help="tell of each step, too")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT. Returns the exit status."""
    try:
        # Here, because only the service needs them.
        from ..service.config import load_config
        from ..service.process import serve_evenly
        from ..service.report import JsonLines
        from ..service.service import Service
    except ModuleNotFoundError as error:
        raise HandoverError(
            "not_installed",
            error.name,
            "the service's libraries are there",
            "pip install 'sipmobility-handover[agent]'",
        ) from error
    try:
        config = load_config(args.config)
        if args.dry_run:
            config = config.in_dry_run()
        service = Service(config)
    except HandoverError as error:
        print(f"sip-handover serve: {error}", file=sys.stderr)
        return 2
    if args.check:
        return 0
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("sip_handover")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if args.verbose else logging.INFO)
    logger.propagate = False
    serve_evenly()
    asyncio.run(until_stopped(service.run))
    return 0
