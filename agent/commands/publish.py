# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover publish``: events from the SIP server's log into a stream that services share."""

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
        "publish",
        help="follow the SIP server's log and publish its events to NATS JetStream",
        description="Follows the SIP server's log of events and publishes each to a stream of NATS JetStream, where "
        "several services share them. See docs/agent.md.",
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="YAML; see docs/agent.md")
    parser.add_argument("--check", action="store_true", help="read the configuration, and end")
    parser.add_argument("--verbose", action="store_true", help="tell of each event, too")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Publish until SIGTERM or SIGINT. Returns the exit status."""
    try:
        # Here, because only this needs them.
        from ..service.report import JsonLines
        from ..stream.config import load_publish_config
        from ..stream.publisher import Publisher
    except ModuleNotFoundError as error:
        raise HandoverError(
            "not_installed",
            error.name,
            "the libraries of the service are there",
            "pip install 'sipmobility-handover[agent]'",
        ) from error
    try:
        config = load_publish_config(args.config)
    except HandoverError as error:
        print(f"sip-handover publish: {error}", file=sys.stderr)
        return 2
    if args.check:
        return 0
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("sip_handover")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG if args.verbose else logging.INFO)
    logger.propagate = False
    asyncio.run(until_stopped(Publisher(config).run))
    return 0
