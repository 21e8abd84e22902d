# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A libnftables that is held open in each router and tells it things, and a socket that reads it back."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import pending
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Handover, handover_id
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.planning import make_plan
from ansible_collections.sipmobility.handover.plugins.module_utils.reader import address

from ...kernel.internetwork import TOPOLOGY
from ...kernel.moving import Journey
from .elements import Elements
from .moves import Move

__all__ = ["Held", "Texts", "elements_of", "held"]

#: What each router is told, stage by stage.
Texts = list[dict[str, str]]

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
    nft.nft_ctx_buffer_output(held)
    nft.nft_ctx_buffer_error(held)
    print(nft.nft_run_cmd_from_buffer(held, "".join(lines).encode()), flush=True)
    lines = []
"""
#: A rewrite among the elements that a step puts.
_REWRITE = re.compile(r"^add element (ip6?) (sipmobility) (session_(?:in|out)bound_\w+) { (.+?) timeout", re.M)
_EVERY, _PATIENCE = 0.01, 120.0


class Held:
    """One in each router."""

    def __init__(self, network: Journey) -> None:
        self._programs = {
            name: subprocess.Popen(
                ["nsenter", "--target", str(network.spaces[name].pid), "--net", sys.executable, "-c", _WRITER],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for name in network.routers
        }
        self._tables = {name: Elements(network.spaces[name]) for name in network.routers}

    def close(self) -> None:
        """End them."""
        for table in self._tables.values():
            table.close()
        for program in self._programs.values():
            program.communicate()

    def tell(self, texts: Mapping[str, str]) -> bool:
        """Tell routers something, all at once; whether each took it."""
        for name, text in texts.items():
            stdin = self._programs[name].stdin
            assert stdin is not None
            stdin.write(text.rstrip("\n") + "\n\n")
            stdin.flush()
        answers = [self._answer(name) for name in texts]
        return all(answer == "0\n" for answer in answers)

    def program(self, stages: Texts) -> None:
        """Have routers put elements, stage by stage."""
        for texts in stages:
            if not self.tell(texts):
                raise RuntimeError(f"nft did not take {texts}")

    def shows(self, stages: Texts) -> bool:
        """Whether the routers show every rewrite of these stages when they are read."""
        return all(
            self._tables[name].has(*one.groups())
            for texts in stages
            for name, text in texts.items()
            for one in _REWRITE.finditer(text)
        )

    def await_shown(self, stages: Texts) -> float:
        """When the routers showed every rewrite, Unix seconds; they are asked now and then."""
        deadline = time.monotonic() + _PATIENCE
        while not self.shows(stages):
            if time.monotonic() > deadline:
                raise RuntimeError("the routers were not programmed")
            time.sleep(_EVERY)
        return time.time()

    def _answer(self, name: str) -> str:
        stdout = self._programs[name].stdout
        assert stdout is not None
        return stdout.readline()


@contextmanager
def held(network: Journey) -> Iterator[Held]:
    """Held meanwhile."""
    one = Held(network)
    try:
        yield one
    finally:
        one.close()


def elements_of(network: Journey, move: Move) -> Texts:
    """What the routers are told for a move, as far as it is elements of nftables."""
    aor = f"sip:{move.user}@visited.example"
    identity = handover_id(aor, None, address(move.old))
    now = time.time()
    handover = Handover(
        identity, address(move.old), address(move.new), int(now) + 600, aor=aor, sessions=(move.session,)
    )
    nothing = {name: RouterState() for name in network.routers}
    stages = []
    for stage in make_plan([handover], TOPOLOGY, nothing).stages:
        texts = {}
        for step in stage.steps:
            text = network.routers[step.router].text(pending(step, RouterState()), now)
            elements = re.search(r"<<'ELEMENTS'\n(.*?)ELEMENTS\n", text, re.S)
            texts[step.router] = elements[1] if elements else ""
        stages.append(texts)
    return stages
