# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a step over SNMP costs: a held session, a new one, net-snmp's snmpset, and a playbook, in one run.

The step is the first one of a handover at the visited router: a decoder, a mark and a route, in one SET. All but
snmpset also read the router back, from the kernel.

    python -m tests.bench.snmp [ROUNDS]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Change
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import state_to_records
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.snmp import Snmp
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.varbinds import resolved, varbinds_of
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter
from ansible_collections.sipmobility.handover.plugins.plugin_utils.snmp_device import snmp_router

from ..kernel.conftest import LAN
from ..kernel.namespaces import Namespace
from ..kernel.snmp.conftest import WAN
from ..kernel.snmp.test_router import DECODER, MARK, ROUTE
from ..standins.snmp_router.server import KEYS, WRITER, SnmpServer
from ..unit.mobility.worlds import NOW

ROOT = Path(__file__).resolve().parents[2]
ENTRIES = (DECODER, MARK, ROUTE)


def main(rounds: int) -> None:
    """Measure by turns, so that the machine's moods meet all alike, and print medians and ratios."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        namespace = stack.enter_context(Namespace())
        namespace.shell(f"{LAN}\n{WAN}\nip address add 2.2.2.1/24 dev lan")
        server = stack.enter_context(SnmpServer(namespace, home).serving())
        held = stack.enter_context(server.session())
        router = snmp_router("rb", Snmp(), Renderer(), held, "wan")
        ways: dict[str, tuple[Callable[[], object], int]] = {
            "held session, read back": (lambda: put(router), rounds),
            "new session, read back": (lambda: anew(server), rounds),
            "snmpset, not read back": (snmpset(server, router), rounds),
            "ansible-playbook, cold": (lambda: playbook(server, home), max(rounds // 5, 2)),
        }
        took: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds):
            for name, (way, times) in ways.items():
                if number < times:
                    begun = time.monotonic()
                    way()
                    took[name].append(time.monotonic() - begun)
                    assert router.gather() == RouterState(ENTRIES), name
                    router.apply(Change(remove=ENTRIES), RouterState(ENTRIES), NOW)
        first = statistics.median(took["held session, read back"])
        for name, seconds in took.items():
            middle = statistics.median(seconds)
            print(f"{name:26} {middle * 1000:8.1f} ms  x{middle / first:.1f}   ({len(seconds)} rounds)")


def put(router: ManagedRouter) -> None:
    router.apply(Change(put=ENTRIES), RouterState(), NOW)


def anew(server: SnmpServer) -> None:
    with server.session() as session:
        put(snmp_router("rb", Snmp(), Renderer(), session, "wan"))


def snmpset(server: SnmpServer, router: ManagedRouter) -> Callable[[], object]:
    links = {link["ifname"]: int(link["ifindex"]) for link in json.loads(server.namespace.shell("ip -j link").stdout)}
    lines = [resolved(item, links.__getitem__) for item in varbinds_of(router.text(Change(put=ENTRIES), NOW))]
    words = [word for item in lines for word in item]

    def run() -> None:
        done = server.command("snmpset", *words)
        assert done.returncode == 0, done.stderr

    return run


def playbook(server: SnmpServer, home: Path) -> None:
    config = {"config": state_to_records(RouterState(ENTRIES)), "state": "merged", "now": NOW}
    play = {"hosts": "all", "gather_facts": False, "tasks": [{"sipmobility.handover.router_state": config}]}
    (home / "play.json").write_text(json.dumps([play]), encoding="utf-8")
    variables = {
        "ansible_connection": "local",
        "handover_platform": "snmp",
        "handover_outside_interface": "wan",
        "handover_snmp_host": "127.0.0.1",
        "handover_snmp_port": server.relay.port,
        "handover_snmp_user": WRITER,
        "handover_snmp_auth_key": KEYS[0],
        "handover_snmp_privacy_key": KEYS[1],
    }
    command = [sys.executable, "-m", "ansible.cli.playbook", "-i", "rb,", "-e", json.dumps(variables)]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections")}
    done = subprocess.run(
        [*command, str(home / "play.json")], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
