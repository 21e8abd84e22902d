# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves by playbook: started by hand when the event is there, and by ansible-rulebook."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import yaml

from ...kernel.agent.place import Place
from ...kernel.agent.sip_server import SipServer
from ...kernel.moving import Journey
from ...rulebooks import rulebook
from .held import Texts, elements_of, held
from .moves import Found, Move, Moves

__all__ = ["measure_playbook", "measure_rulebook"]

ROOT = Path(__file__).resolve().parents[3]


def measure_playbook(network: Journey, place: Place, server: SipServer, moves: Moves) -> Found:
    """Of so many runs of handover.yml; each is started when its event stands in the server's log."""
    found = Found.nothing()
    texts = [elements_of(network, move) for move in moves]
    with held(network) as routers:
        for (move, phone), stages in zip(moves.at_home(server), texts, strict=True):
            sent = move.begin(phone)
            running = _started(place, network.spaces["core"].pid, _log_of(move, place, server))
            try:
                found.shown.append(routers.await_shown(stages) - sent)
            finally:
                said = running.communicate(timeout=120)[0]
            if running.returncode:
                raise RuntimeError(said[-3000:])
    return found


def measure_rulebook(network: Journey, place: Place, server: SipServer, moves: Moves) -> Found:
    """Of so many moves by a rulebook that runs: one is begun when the playbook of the one before has ended."""
    found = Found.nothing()
    phones = moves.at_home(server)
    texts: list[Texts] = [elements_of(network, move) for move in moves]
    told = {
        "handover_events": [{"log": str(server.log)}],
        "handover_policy_file": str(place.directory / "policy.yml"),
        "handover_state_dir": str(place.directory / "state"),
    }
    within = ["nsenter", "--target", str(network.spaces["core"].pid), "--net"]
    inventory = place.directory / "inventory.yml"
    with held(network) as routers, rulebook("handover", place.directory, inventory, told, within) as running:
        time.sleep(5)  # what was judged is in the history
        for count, ((move, phone), stages) in enumerate(zip(phones, texts, strict=True), 1):
            sent = move.begin(phone)
            found.shown.append(routers.await_shown(stages) - sent)
            running.await_recaps(count, 60)
    return found


def _log_of(move: Move, place: Place, server: SipServer) -> Path:
    """A log with what the server has told of one phone: handover.yml reads a log as a whole."""
    name = f'"sip:{move.user}@'.encode()
    deadline = time.monotonic() + 10
    lines: list[bytes] = []
    while len(lines) < 2:
        if time.monotonic() > deadline:
            raise RuntimeError(f"no event of {move.user}")
        lines = [line for line in server.log.read_bytes().splitlines(keepends=True) if name in line]
        time.sleep(0.001)
    log = place.directory / f"{move.user}.jsonl"
    log.write_bytes(b"".join(lines))
    return log


def _started(place: Place, inside: int, log: Path) -> subprocess.Popen[str]:
    policy = yaml.safe_load((place.directory / "policy.yml").read_text())
    variables = {"handover_log": str(log), "handover_policy": policy}
    program = Path(sys.executable).with_name("ansible-playbook")
    argv = ["nsenter", "--target", str(inside), "--net", str(program if program.exists() else program.name)]
    argv += ["-i", str(place.directory / "inventory.yml"), "playbooks/handover.yml", "-e", json.dumps(variables)]
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".build" / "collections"),
        "ANSIBLE_LOCALHOST_WARNING": "0",
    }
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, cwd=ROOT, env=environment, stdout=pipe, stderr=subprocess.STDOUT, text=True)
