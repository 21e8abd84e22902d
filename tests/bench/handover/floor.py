# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The least: the elements of a handover, told to a libnftables that is held open in each router."""

from __future__ import annotations

import re
import subprocess
import sys
import time

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import pending
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, handover_id
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan
from ansible_collections.sipmobility.handover.plugins.module_utils.reader import address

from ...kernel.internetwork import TOPOLOGY
from ...kernel.moving import Journey
from .moves import Moves

__all__ = ["measure_floor"]

#: Takes commands up to an empty line, and says whether nft took them.
_WRITER = """
import ctypes, sys
nft = ctypes.CDLL("libnftables.so.1")
nft.nft_ctx_new.restype = ctypes.c_void_p
held = ctypes.c_void_p(nft.nft_ctx_new(0))
lines = []
for line in sys.stdin:
    if line.strip():
        lines.append(line)
        continue
    print(nft.nft_run_cmd_from_buffer(held, "".join(lines).encode()), flush=True)
    lines = []
"""


def measure_floor(network: Journey, moves: Moves) -> list[float]:
    """Seconds of each handover's elements."""
    writers = {
        name: subprocess.Popen(
            ["nsenter", "--target", str(space.pid), "--net", sys.executable, "-c", _WRITER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name, space in network.spaces.items()
        if name in network.routers
    }
    try:
        return [_seconds(writers, texts) for texts in _texts(network, moves)]
    finally:
        for writer in writers.values():
            writer.communicate()


def _texts(network: Journey, moves: Moves) -> list[list[dict[str, str]]]:
    """By handover and stage, what each router is told."""
    found = []
    nothing = {name: RouterState() for name in network.routers}
    now = time.time()
    for phone, old, new, session in moves:
        aor = f"sip:{phone.user}@visited.example"
        identity = handover_id(aor, None, address(old))
        handover = Handover(identity, address(old), address(new), int(now) + 600, aor=aor, sessions=(session,))
        stages = []
        for stage in make_plan([handover], TOPOLOGY, nothing).stages:
            texts = {}
            for step in stage.steps:
                text = network.routers[step.router].text(pending(step, RouterState()), now)
                elements = re.search(r"<<'ELEMENTS'\n(.*?)ELEMENTS\n", text, re.S)
                texts[step.router] = elements[1] if elements else ""
            stages.append(texts)
        found.append(stages)
    return found


def _seconds(writers: dict[str, subprocess.Popen[str]], stages: list[dict[str, str]]) -> float:
    begun = time.time()
    for texts in stages:
        for name, text in texts.items():
            stdin = writers[name].stdin
            assert stdin is not None
            stdin.write(text.rstrip("\n") + "\n\n")
            stdin.flush()
        for name in texts:
            stdout = writers[name].stdout
            assert stdout is not None
            if stdout.readline() != "0\n":
                raise RuntimeError(f"nft on {name} did not take {texts[name]}")
    return time.time() - begun
