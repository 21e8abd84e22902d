"""The resident service, run against the lab as an operator runs it: it follows the SIP server's own event file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from demo.playbooks import Step
from lab import Lab
from lab.kamailio import EVENTS
from lab.topology import ROOT

_COMMAND = "ansible_collections.sipmobility.handover.agent.cli"


class ServiceFailed(RuntimeError):
    """The service did not do what it should; the text has the end of what it told."""


class Service:
    """A running service."""

    def __init__(self, process: subprocess.Popen[bytes], told: Path) -> None:
        self._process = process
        self._told = told

    def wait_for(self, event: str, seconds: float = 30.0, *, since: float = 0.0, **what: str) -> dict[str, Any]:
        """What it tells of this first, once it does.

        :param since: Unix seconds from which on it counts.
        :param what: what else it must say.

        :raises ServiceFailed: it told of a failure, ended, or took too long.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end and self._process.poll() is None:
            found = [
                one
                for one in self.told()
                if one["event"] == event and one["time"] >= since and all(one.get(key) == what[key] for key in what)
            ]
            if found:
                return found[0]
            time.sleep(0.005)
        raise ServiceFailed(f"the service told no {event}:\n{self._told.read_text(encoding='utf-8')[-3000:]}")

    def told(self) -> list[dict[str, Any]]:
        """All that it has told."""
        lines = self._told.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def notes(self, since: float) -> list[dict[str, Any]]:
        """What its plans gave up and cost since then, Unix seconds."""
        return [one for one in self.told() if one["event"] == "note" and one["time"] >= since]

    def steps(self, since: float) -> list[Step]:
        """The steps that routers acknowledged since then, Unix seconds."""
        found = [one for one in self.told() if one["event"] == "step" and one["time"] >= since]
        return [
            Step(phase, router, one["time"] - one["ms"] / 1000, one["ms"])
            for one in found
            for _number, phase, router in [one["step"].split("-", 2)]
        ]


@contextmanager
def serving(
    lab: Lab,
    directory: Path,
    policy: Mapping[str, Any],
    logs: Sequence[Path] = (),
    sessions: str = "auto",
    home: Mapping[str, Any] | None = None,
) -> Iterator[Service]:
    """The service, ready; ended at the end.

    :param logs: of the SIP servers; that of the lab's own where none is given.
    :param home: how home servers are reached (docs/home-server.md); None asks nobody.
    :param sessions: ``auto``: nobody asks the phone, the routers' connection tables know its sessions; ``listed``.
    :raises ServiceFailed: it does not begin.
    """
    config = {
        "inventory": [str(ROOT / "lab" / "inventory"), str(lab.state.inventory)],
        "policy": str(directory / "policy.yml"),
        "state_dir": str(directory / "state"),
        "events": [{"log": str(path)} for path in logs or (Path(f"/proc/{lab.pids['pcscf']}/root{EVENTS}"),)],
        "sessions": sessions,
        # As the playbook of the demo: what a platform cannot express is given up, and told.
        "widen": True,
        **({} if home is None else {"home": dict(home)}),
    }
    for name, data in (("policy.yml", dict(policy)), ("serve.yml", config)):
        (directory / name).write_text(yaml.safe_dump(data), encoding="utf-8")
    told = directory / "service.jsonl"
    argv = [sys.executable, "-m", _COMMAND, "serve", "--verbose", "--config", str(directory / "serve.yml")]
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}"}
    with told.open("wb") as record:
        process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stderr=record, env=environment)
    try:
        service = Service(process, told)
        service.wait_for("ready", 60)
        yield service
    finally:
        process.terminate()
        process.wait(20)
