# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator learns from the lab's SIP server: its event lines, read with a policy by the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from lab import Lab
from lab.registrar import Registrar

COMMAND = "ansible_collections.sipmobility.handover.agent.cli"


def policy_of(lab: Lab, **changes: Any) -> dict[str, Any]:
    """The lab's policy. Its phones speak UDP: a real network asks for TLS, which is the default."""
    topology = lab.topology
    networks = {name: [str(net) for net in (lan.net.v4, lan.net.v6)] for name, lan in topology.lans.items()}
    infrastructure = [str(ip) for lan in topology.lans.values() for ip in lan.gateway.ips]
    infrastructure += [str(ip) for ip in topology.address("pcscf").ips]
    return {
        "managed_networks": networks,
        "infrastructure": infrastructure,
        "require_secure_transport": False,
        **changes,
    }


def judged(lab: Lab, registrar: Registrar, directory: Path, **changes: Any) -> dict[str, Any]:
    """What ``sip-handover pairs`` makes of every event so far."""
    log, policy = directory / "registrations.jsonl", directory / "policy.yml"
    log.write_text("".join(f"{line}\n" for line in registrar.lines()), encoding="utf-8")
    policy.write_text(yaml.safe_dump(policy_of(lab, **changes)), encoding="utf-8")
    argv = [sys.executable, "-m", COMMAND, "pairs", "--policy", str(policy), "--json", str(log)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def pairs(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """User, old and new address of each pair that was admitted."""
    return [
        (pair["aor"].partition(":")[2].partition("@")[0], pair["old"], pair["new"])
        for pair in found["address_pairs"]
        if pair["admitted"]
    ]


def codes(found: dict[str, Any]) -> list[str]:
    """The codes of what was refused."""
    return [item["code"] for item in found["refused"]]
