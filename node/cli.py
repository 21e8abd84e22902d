# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sip-handover-node``: the mobile node's client.

Exit status: 0 done, 1 failed, 2 bad usage.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Sequence

from ..plugins.module_utils.errors import HandoverError

__all__ = ["main"]

_CONFIG = "/etc/sip-handover-node/node.yml"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand and return the exit status."""
    args = _arguments(argv)
    try:
        # Here, because the libraries are an extra of the package.
        from .config import load_config
        from .control import ask
        from .giving_up import give_up_all
        from .service import Service
    except ModuleNotFoundError as error:
        print(f"sip-handover-node: {error.name} is missing: pip install 'sipmobility-handover[node]'", file=sys.stderr)
        return 1
    try:
        config = load_config(args.config)
        if args.command == "run":
            # As it is for the journal, which knows the time.
            logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
            asyncio.run(Service(config).run())
        elif args.command == "status":
            print(json.dumps(ask(config.control, {"do": "status"}), indent=2))
        elif args.command == "look":
            told = {"interface": args.interface, "server": args.server} if args.interface else {}
            ask(config.control, {"do": "look", **told})
        elif args.command == "give-up":
            for address in asyncio.run(give_up_all(config)):
                print(address)
    except HandoverError as error:
        print(f"sip-handover-node: {error}", file=sys.stderr)
        return 1
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="sip-handover-node", description="Tells the SIP servers when this host moves, and keeps its old addresses."
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--config", default=_CONFIG, metavar="FILE", help="YAML; default: %(default)s")
    verbs = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    verbs.add_parser("run", help="run until SIGTERM", parents=[common])
    verbs.add_parser("check", help="read the configuration, but no password, and end", parents=[common])
    verbs.add_parser("status", help="ask the client that runs, as JSON", parents=[common])
    verbs.add_parser("give-up", help="let go of what a client held when it was stopped, and list it", parents=[common])
    verb = verbs.add_parser(
        "look", help="have the client that runs look at the network now; for hooks", parents=[common]
    )
    verb.add_argument("--interface", default="", help="that whose network has told of a SIP server")
    verb.add_argument("--server", default="", help="that server (DHCP: RFC 3361, RFC 3319); empty: there is none")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
