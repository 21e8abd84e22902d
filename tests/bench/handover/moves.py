# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moves of many phones, one after the other, and how long each waits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session

from ...kernel.agent.phones import Phone
from ...kernel.agent.place import Place, Running
from ...kernel.moving import PEER

__all__ = ["Moves", "measure_playbook", "measure_service"]

ROOT = Path(__file__).resolve().parents[3]


class Moves:
    """Phones, each with an old address, a new one, and a session."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[Phone, str, str, Session]]:
        for number in range(self._count):
            session = Session("tcp", 40000, PEER[4], 7000)
            yield Phone(f"user{number}"), f"198.51.100.{number + 2}", f"203.0.113.{number + 2}", session


def measure_service(place: Place, service: Running, moves: Moves) -> list[float]:
    """Seconds of each move, by the service's own word on when the last router acknowledged."""
    phones = list(moves)
    service.await_told("ready")
    place.tell(*(phone.register(old) for phone, old, _new, _session in phones))
    time.sleep(2)
    seconds = []
    with service.told_path.open(encoding="utf-8") as told:
        for phone, old, new, session in phones:
            event = phone.register(new, old, [session])
            told.seek(0, os.SEEK_END)
            begun = time.time()
            place.tell(event)
            seconds.append(_acknowledged(told, new) - begun)
    return seconds


def measure_playbook(place: Place, inside: int, moves: Moves) -> list[float]:
    """Seconds from the start of each run of handover.yml until its last step was acknowledged."""
    policy = yaml.safe_load((place.directory / "policy.yml").read_text())
    seconds = []
    for phone, old, new, session in moves:
        log, report = place.directory / f"{phone.user}.jsonl", place.directory / f"{phone.user}.json"
        log.write_bytes(phone.register(old) + phone.register(new, old, [session]))
        variables = {"handover_log": str(log), "handover_policy": policy, "handover_report": str(report)}
        begun = time.time()
        program = Path(sys.executable).with_name("ansible-playbook")
        argv = ["nsenter", "--target", str(inside), "--net", str(program if program.exists() else program.name)]
        argv += ["-i", str(place.directory / "inventory.yml"), "playbooks/handover.yml", "-e", json.dumps(variables)]
        done = subprocess.run(argv, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stdout[-3000:] + done.stderr[-1000:])
        steps = json.loads(report.read_text())["steps"]
        seconds.append(max(step["started"] + step["ms"] / 1000 for step in steps) - begun)
    return seconds


def _acknowledged(told: Any, new: str) -> float:
    """When the move to this address was acknowledged."""
    held = ""
    for _ in range(60_000):
        held += told.readline()
        if not held.endswith("\n"):
            time.sleep(0.0005)
            continue
        one, held = json.loads(held), ""
        if one["event"] == "handover" and one["new"] == new:
            found: float = one["acknowledged"]
            return found
        if one["event"] in ("refused", "taken back"):
            raise RuntimeError(f"{one}")
    raise RuntimeError(f"{new} was not told")


def _environment() -> dict[str, str]:
    collections = str(ROOT / ".build" / "collections")
    return {**os.environ, "ANSIBLE_COLLECTIONS_PATH": collections, "ANSIBLE_LOCALHOST_WARNING": "0"}
