# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve the stand-in until standard input ends: python -m tests.standins.ios [--secret WORD] FILE

FILE holds lines of configuration that the router starts with. The first line printed is the port.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from .configuration import RunningConfiguration
from .dialogue import Dialogue
from .server import serve


async def main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for a Cisco IOS router. It is not Cisco IOS.")
    parser.add_argument("--password", default="standin")
    parser.add_argument("--secret")
    parser.add_argument("start", type=Path)
    options = parser.parse_args()
    config = RunningConfiguration("standin")
    start = Dialogue(config)
    for line in ["configure terminal", *options.start.read_text(encoding="utf-8").splitlines(), "end"]:
        if said := start.enter(line):
            print(f"{line}: {said}", file=sys.stderr) if said.strip().startswith("%") else None
    server, port = await serve(config, options.password, options.secret)
    print(port, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


asyncio.run(main())
