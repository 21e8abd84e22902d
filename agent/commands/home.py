# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover home``: a home server's word for its phones."""

from __future__ import annotations

import argparse
import logging
import ssl
import sys
from pathlib import Path
from typing import Any

from ...plugins.module_utils.asking.access import secured
from ...plugins.module_utils.errors import HandoverError
from ..policy_file import load_policy
from ..signalled import stop_on_signal

__all__ = ["add_parser", "run"]


def add_parser(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "home",
        help="answer, as a home server, whether a phone had an address",
        description="Follows the event log of a home SIP server, and answers other servers over HTTPS whether a phone "
        "had the address that it says it had. See docs/home-server.md.",
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="YAML; see docs/home-server.md")
    parser.add_argument("--check", action="store_true", help="read configuration, policy and certificates, and end")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Answer until SIGTERM or SIGINT. Returns the exit status."""
    from ..home.answers import serve_answers
    from ..home.config import load_home_config
    from ..home.witness import Witness

    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    try:
        with stop_on_signal() as stop:
            config = load_home_config(args.config)
            policy = load_policy(config.policy)
            secured(ssl.Purpose.CLIENT_AUTH, config.certificate, config.private_key, config.ca)
            if args.check:
                return 0
            witness = Witness(policy, Path(config.state_dir))
            try:
                server = serve_answers(config, witness.answer)
                witness.follow(config.log, config.format, stop.set)
                logging.getLogger("sip_handover").info("answering on port %d", server.server_address[1])
                stop.wait()
                server.shutdown()
                if witness.trouble is not None:
                    raise witness.trouble
            finally:
                witness.close()
    except HandoverError as error:
        print(f"sip-handover home: {error}", file=sys.stderr)
        return 2
    return 0
