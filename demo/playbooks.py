"""Our playbooks, run as an operator runs them; what Ansible prints goes into a file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.screen import Work
from lab.topology import ROOT


class PlaybookFailed(RuntimeError):
    """A playbook ended with another status than 0; the text has the end of its output and where the rest is."""


@dataclass(frozen=True)
class Step:
    """One acknowledged step: its phase, where, when it began (Unix seconds) and how long it took."""

    name: str
    router: str
    started: float
    ms: float


@dataclass(frozen=True)
class Report:
    """What a playbook did.

    :ivar steps: the steps that the routers acknowledged; none where it makes no plan.
    :ivar notes: what its plan gave up and costs, each with a ``code`` and a ``text``.
    """

    steps: Sequence[Step] = ()
    notes: Sequence[Mapping[str, str]] = ()


def play(name: str, directory: Path, work: Work, **variables: Any) -> Report:
    """Run ``playbooks/NAME.yml`` against the lab.

    :param directory: for its output and its report.
    :param work: is told the task that runs.
    :raises PlaybookFailed: it did.
    """
    report = directory / f"{name}.report.json"
    report.unlink(missing_ok=True)
    # Where routers of other platforms are in the lab, their variables come on top of those of lab/inventory.
    inventories = ["lab/inventory", "lab/.state/inventory.json"]
    given = {**variables, "handover_report": str(report)}
    run_playbook(ROOT / "playbooks" / f"{name}.yml", directory, work, inventories, given)
    return _read(report)


def run_playbook(
    playbook: Path, directory: Path, work: Work, inventories: Sequence[str], variables: Mapping[str, Any]
) -> None:
    """Run any playbook; the parameters are those of :func:`play`.

    :raises PlaybookFailed: it did.
    """
    log, given = (directory / f"{playbook.stem}.{kind}" for kind in ("log", "vars.json"))
    given.write_text(json.dumps(dict(variables), indent=1), encoding="utf-8")
    tool = Path(sys.executable).with_name("ansible-playbook")
    named = [word for inventory in inventories for word in ("-i", inventory)]
    argv = [str(tool), *named, str(playbook), "-e", f"@{given}"]
    with log.open("w", encoding="utf-8") as record:
        process = subprocess.Popen(
            argv,
            cwd=ROOT,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # A session of its own: an interrupt reaches it once, from us, with its workers.
            start_new_session=True,
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                record.write(line)
                record.flush()
                if line.startswith("TASK ["):
                    work.detail = line[6 : line.rindex("]")]
        finally:
            if process.poll() is None:
                _end(process)
    if process.wait():
        said = f"{playbook.name} ended with status {process.returncode}"
        raise PlaybookFailed(f"{said}:\n{_excerpt(log)}\nAll of it: {log}")


def _environment() -> Mapping[str, str]:
    collections = str(ROOT / ".build" / "collections")
    ours = {
        # The second has ansible.netcommon and others, for routers without a shell.
        "ANSIBLE_COLLECTIONS_PATH": f"{collections}:{ROOT / '.build' / 'standins' / 'collections'}",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_NOCOLOR": "1",
        "PYTHONPATH": collections,
        "PYTHONUNBUFFERED": "1",
    }
    return {**os.environ, **ours}


def _end(process: subprocess.Popen[str]) -> None:
    """As Ctrl-C would; by force where that is not enough."""
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _read(report: Path) -> Report:
    if not report.exists():
        return Report()
    told = json.loads(report.read_text(encoding="utf-8"))
    steps = [Step(step["phase"], step["router"], float(step["started"]), float(step["ms"])) for step in told["steps"]]
    return Report(steps, told["notes"])


def _excerpt(log: Path, lines: int = 15) -> str:
    kept = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    return "\n".join(f"    {line[:400]}" for line in kept[-lines:])
