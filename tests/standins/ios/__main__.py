# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve the stand-in until standard input ends: python -m tests.standins.ios [options] FILE

FILE holds lines of configuration that the router starts with. The first line printed is the port. --kernel PID: the
network namespace of that process carries the configuration out, each line as it is entered; --shown NAME: and the
running configuration is written there. --port-file NAME: the port is written there, and the stand-in serves until that
file is gone, or for an hour. --host-key NAME: the file of the server's private key, in place of a new one.
--typed NAME: what is typed is written there, but for passwords. --hang-up NAME: where that file has the beginning
of a line, or nothing, the connection is lost before such a line, or an empty one, is entered, and the file goes.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from .configuration import RunningConfiguration
from .dialogue import Dialogue
from .follow import Kernel
from .server import serve


async def main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for a Cisco IOS router. It is not Cisco IOS.")
    parser.add_argument("--password", default="standin")
    parser.add_argument("--secret")
    parser.add_argument("--kernel", type=int)
    parser.add_argument("--shown", type=Path)
    parser.add_argument("--port-file", type=Path)
    parser.add_argument("--host-key", type=Path)
    parser.add_argument("--typed", type=Path)
    parser.add_argument("--hang-up", type=Path)
    parser.add_argument("start", type=Path)
    options = parser.parse_args()
    config = RunningConfiguration("standin")
    start = Dialogue(config)
    for line in ["configure terminal", *options.start.read_text(encoding="utf-8").splitlines(), "end"]:
        if said := start.enter(line):
            print(f"{line}: {said}", file=sys.stderr) if said.strip().startswith("%") else None
    kernel = Kernel(config, options.kernel, options.shown)
    kernel.follow()

    def typed(line: str) -> bool:
        if options.typed is not None:
            with options.typed.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
        if options.hang_up is None or not options.hang_up.exists():
            return True
        wanted = options.hang_up.read_text(encoding="utf-8")
        if line != wanted and not (wanted and line.startswith(wanted)):
            return True
        options.hang_up.unlink()
        return False

    server, port = await serve(config, options.password, options.secret, kernel.follow, options.host_key, typed)
    if options.port_file is None:
        print(port, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    else:
        options.port_file.write_text(f"{port}\n", encoding="utf-8")
        for _ in range(7200):
            if not options.port_file.exists():
                break
            await asyncio.sleep(0.5)
    server.close()


asyncio.run(main())
