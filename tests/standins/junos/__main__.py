# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve the stand-in until standard input ends: python -m tests.standins.junos --host-key K --authorized A FILE

FILE holds the configuration that the router starts with, as XML. The first line printed is the port. --shown NAME: the
running configuration is written there after each operation, and the operations that were asked for into NAME.asked.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from xml.etree.ElementTree import tostring

from ..shown import show
from .router import Router
from .server import serve


async def main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for a Juniper SRX. It is not Junos OS.")
    parser.add_argument("--password", default="standin")
    parser.add_argument("--host-key", type=Path, required=True)
    parser.add_argument("--authorized", type=Path, required=True)
    parser.add_argument("--fail", action="append", default=[], help="an operation to refuse once")
    parser.add_argument("--shown", type=Path, required=True)
    parser.add_argument("start", type=Path)
    options = parser.parse_args()
    router = Router(options.start.read_text(encoding="utf-8"))
    router.fails = list(options.fail)

    def asked() -> None:
        show(options.shown, tostring(router.running, encoding="unicode"))
        show(options.shown.with_suffix(".asked"), "\n".join(router.asked))

    asked()
    server, port = await serve(router, options.password, options.host_key, options.authorized, asked)
    print(port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
