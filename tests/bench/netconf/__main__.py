# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``make bench-netconf``: one handover on two routers, by NETCONF and SNMP, in turns. It prints and never fails.

1. Through sessions that are held: plan, two decoders, two encoders, each locked, committed and read back, confirmed.
2. The same four edits by ``ansible.netcommon.netconf_config``, from a cold playbook.
3. ``handover.yml``, cold, too.
4. A handover of the whole address, which is what SNMP can hold, on two SNMP routers through sessions that are held.

Then where the time of the first goes, by operation. What a commit takes is nearly all the test router's own: netconfd
writes its datastore to files, and our plug-in hands it to nft and ip.

Needs root: routers are private namespaces. BENCH_ROUNDS is the number of rounds (5).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence, Set
from pathlib import Path
from statistics import median
from typing import Any
from xml.etree import ElementTree

import yaml

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import pending
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import (
    Handover,
    Session,
    handover_id,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Directions
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.plan import plan
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_to_record
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.plugin_utils.netconf_device import NetconfSession

from ...kernel.netconf.operator import Operator
from ...kernel.netconf.test_live_call import Managed, carry_out, handed_over, managed
from ...kernel.netconf.test_playbooks import ALL_NETCONF, PREPARED
from ...kernel.one_call import NEW, OLD, PEER, PORT
from ...kernel.snmp import test_live_call as by_snmp
from ...kernel.snmp.world import World as SnmpWorld
from ...kernel.snmp.world import worlds as snmp_worlds
from ...standins.netconf_router.server import build

_PHONE_PORT = 40000
_SAME = "netconf_config, cold, the same four edits"
_SNMP = {"rb": "snmp", "rc": "snmp"}
#: Four commits change something: each asks it once.
_PROGRAM = "the test router's own program, four times"


class Timed:
    """A session that notes how long each exchange took, by its first operation."""

    def __init__(self, session: NetconfSession, took: dict[str, list[float]]) -> None:
        self._session = session
        self._took = took

    @property
    def number(self) -> str:
        return self._session.number

    @property
    def capabilities(self) -> Set[str]:
        return self._session.capabilities

    def requests(self, *operations: str) -> Sequence[str]:
        started = time.perf_counter()
        answers = self._session.requests(*operations)
        names = [ElementTree.fromstring(operation).tag.partition("}")[2] for operation in operations]
        self._took.setdefault(" + ".join(names), []).append(time.perf_counter() - started)
        return answers

    def tell(self, operation: str) -> None:
        self._session.tell(operation)


def main() -> int:
    """Take turns, print medians and ratios."""
    rounds = int(os.environ.get("BENCH_ROUNDS", "5"))
    print(f"Python {sys.version.split()[0]}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-netconf-") as name:
        built, home, place, mibs = (Path(name) / part for part in ("built", "home", "operator", "snmp"))
        for directory in (built, home, place, mibs):
            directory.mkdir()
        build(built)
        parts: dict[str, list[float]] = {}
        with (
            managed(built, home, ALL_NETCONF, lambda session: Timed(session, parts)) as them,
            snmp_worlds(mibs, **_SNMP) as beside,
        ):
            operator = Operator(them.world, built, place)
            _done(operator.play("site", **PREPARED))
            took, held = _measured(them, beside, operator, place, rounds, parts)
    print(f"{'way':44} {'median ms':>10} {'best ms':>9} {'times the first':>16}")
    first = median(took["held"])
    for way, seconds in took.items():
        print(f"{way:44} {median(seconds) * 1000:10.1f} {min(seconds) * 1000:9.1f} {median(seconds) / first:16.1f}")
    print(f"\n{'of a held handover':44} {'median ms':>10} {'how often':>10} {'together':>9}")
    for part, seconds in held.items():
        often = len(seconds) // rounds
        print(f"{part:44} {median(seconds) * 1000:10.1f} {often:10} {median(seconds) * 1000 * often:9.1f}")
    print(f"\nThe cold edits: {median(took[_SAME]) / median(took['held, by SNMP']):.0f} times a handover by SNMP")
    own = min(took["held"]) - min(took[_PROGRAM])
    print(f"\nBest without that program: held {own * 1000:.1f} ms; the cold edits {_cold(took) / own:.0f} times that")
    return 0


def _cold(took: dict[str, list[float]]) -> float:
    """Seconds of the cold edits, without the test router's own program, too."""
    return min(took[_SAME]) - min(took[_PROGRAM])


def _measured(
    them: Managed, beside: SnmpWorld, operator: Operator, place: Path, rounds: int, parts: dict[str, list[float]]
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """How long each way took, and each exchange of the first one."""
    now = time.time()
    wanted = handed_over(_PHONE_PORT, Directions.BOTH, now)
    nothing = {name: RouterState() for name in wanted}
    book = place / "same_edits.yml"
    book.write_text(yaml.safe_dump(_same_edits(them, wanted, now), sort_keys=False))
    session = Session("tcp", _PHONE_PORT, PEER, PORT)
    name = handover_id("sip:phone@example.com", None, OLD)
    record = handover_to_record(Handover(name, OLD, NEW, int(now) + 600, sessions=(session,)))
    ways: dict[str, Callable[[], object]] = {
        "held": lambda: carry_out(them, wanted, now),
        _PROGRAM: lambda: _asked(program, 4),
        _SAME: lambda: _done(operator.play(book)),
        "handover.yml, cold": lambda: _done(operator.play("handover", handover_records=[record])),
        "held, by SNMP": lambda: by_snmp.carry_out(beside, _whole(now), _SNMP, now),
    }
    took: dict[str, list[float]] = {way: [] for way in ways}
    held: dict[str, list[float]] = {}
    with them.world.servers["rb"].applying() as program:
        _asked(program, 1)  # it has started when it answers
        for _ in range(rounds):
            for way, do in ways.items():
                parts.clear()
                started = time.perf_counter()
                do()
                took[way].append(time.perf_counter() - started)
                for part, seconds in parts.items():
                    held.setdefault(part, []).extend(seconds)
                carry_out(them, nothing, now)
                by_snmp.carry_out(beside, _whole(now, ended=True), _SNMP, now)
    return took, held


def _whole(now: float, ended: bool = False) -> Handover:
    return by_snmp.handover(now, Directions.BOTH, ended)


def _asked(program: subprocess.Popen[str], times: int) -> None:
    assert program.stdin is not None
    assert program.stdout is not None
    for _ in range(times):
        program.stdin.write("\n")
        program.stdin.flush()
        if program.stdout.readline().strip() != "0":
            raise RuntimeError("the kernel refused")


def _same_edits(them: Managed, wanted: dict[str, RouterState], now: float) -> list[dict[str, Any]]:
    """A play with one task for each step of the plan, in its order."""
    tasks = []
    for stage in plan({name: RouterState() for name in wanted}, wanted, (), drain=0.5):
        for step in stage.steps:
            text = them.routers[step.router].text(pending(step, RouterState(step.before)), now)
            content = text[text.index("<config") : text.index("</edit-config>")].strip()
            task = {"content": content, "target": "candidate", "lock": "always"}
            tasks.append({"ansible.netcommon.netconf_config": task, "when": f"inventory_hostname == '{step.router}'"})
    return [{"hosts": "first_hop_routers", "gather_facts": False, "tasks": tasks}]


def _done(done: Any) -> None:
    if done.status:
        raise RuntimeError(done.output)


if __name__ == "__main__":
    sys.exit(main())
