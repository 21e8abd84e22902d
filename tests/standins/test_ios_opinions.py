# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Second opinions: programs of others on the lines that we send, and on what the stand-in shows."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.flow_lines import (
    Flow,
    Line,
    both_halves,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.ios.static_nat import Side

from ..unit.platforms.ios_device import Terminal
from ..unit.platforms.ios_router import NOW, PEERS, router
from ..unit.platforms.test_ios_router import AT_B, AT_C, NEW, OLD, STAMP
from ..unit.platforms.test_ios_router_examples import SHOW
from ..unit.platforms.test_ios_static_nat_states import CASES, OUT, WEB, A
from .ios.dialogue import Dialogue
from .started import BIN, ROOT


def asked(changes: list[tuple[str, str]], shown: str) -> dict[str, list[Any]]:
    done = subprocess.run(
        [str(BIN / "python"), "-m", "tests.standins.opinions"],
        input=json.dumps({"changes": changes, "shown": shown}),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ""},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers: dict[str, list[Any]] = json.loads(done.stdout)
    return answers


def test_hier_config_sends_the_same_lines() -> None:
    changes, ours = [], []
    for before, options, _ in CASES.values():
        router = Terminal(before)
        ours.append(sorted(router.run(options)["commands"]))
        changes.append(("\n".join(before), "\n".join(router.statics())))
    theirs = asked(changes, "")["remediation"]
    assert [sorted(map(_as_sent, lines)) for lines in theirs] == ours


def _as_sent(line: str) -> str:
    """IOS adds a word to a line with ports by itself, and we need not send it."""
    return line if line.startswith("no ") else line.removesuffix(" extendable")


def test_hier_config_leads_from_one_handover_state_to_another_by_the_same_lines() -> None:
    """But for the order, for what a removal repeats of its line, and for commands beside configuration."""
    more = RouterState((*AT_B, *both_halves(Flow(Line(Side.INSIDE, OLD, NEW, True), PEERS[1]), STAMP)))
    nothing = RouterState()
    changes, ours = [], []
    for one, other in ((nothing, AT_B), (AT_B, more), (more, AT_B), (AT_B, nothing), (nothing, AT_C), (AT_C, nothing)):
        terminal = Terminal()
        rb = router(terminal)
        rb.apply(difference(nothing, one), nothing, NOW)
        before = terminal.running(SHOW)
        terminal.sent.clear()
        rb.apply(difference(one, other), one, NOW)
        ours.append(sorted({_short(line) for line in terminal.sent if not line.startswith("do ")}))
        changes.append((before, terminal.running(SHOW)))
    theirs = asked(changes, "")["remediation"]
    assert [sorted(set(map(_short, lines))) for lines in theirs] == ours


def _short(line: str) -> str:
    """Without the numbers of entries of an access list; a removal as far as it must say what goes."""
    words = [word for index, word in enumerate(line.split()) if not (word.isdigit() and index < 2)]
    if words[0] != "no" or words[1] == "permit":
        return " ".join(words)
    return " ".join(words[: {"event": 5, "route-map": 3}.get(words[1], 7 if words[2] == "route" else 8)])


def test_ntc_templates_read_what_the_stand_in_shows() -> None:
    router = Terminal([A, WEB, OUT])
    router.session("10.1.1.10")
    rows = asked([], Dialogue(router.config).enter("show ip nat translations"))["rows"]
    names = ("protocol", "inside_local_ip", "inside_local_port", "inside_global_ip", "outside_local_ip")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("---", "10.1.1.10", "", "203.0.113.10", "---"),
        ("tcp", "10.1.1.10", "", "203.0.113.10", "198.51.100.99"),
        ("tcp", "10.1.1.30", "80", "203.0.113.30", "---"),
        ("---", "---", "", "---", "10.9.9.7"),
    ]
