"""The sound of a call, both ways, where its two ends have agreed that it goes."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from demo.calls.agreed import Agreed
from lab import Lab
from lab.runtime import LabError
from lab.traffic import wait_for

__all__ = ["Sound"]


class Sound:
    """Runs while its context lasts; each end logs what it hears (``lab.voice``).

    :param nodes: the caller's and the callee's.
    """

    def __init__(self, lab: Lab, call: Agreed, nodes: tuple[str, str], directory: Path, name: str) -> None:
        self.files: Mapping[str, Path] = {node: directory / f"{name}-{node}.jsonl" for node in nodes}
        self._lab = lab
        self._ends = dict(zip(nodes, ((call.ours, call.theirs), (call.theirs, call.ours)), strict=True))
        self._running: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Sound:
        try:
            for node, (own, far) in self._ends.items():
                argv = [sys.executable, "-m", "lab.voice", "--local", own[0], "--port", str(own[1])]
                argv += ["--peer", far[0], "--peer-port", str(far[1]), "--log", str(self.files[node])]
                self._running.append(self._lab.popen(node, argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
            for end in self._running:
                wait_for(end, '"ready"')
        except LabError:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stop()

    def _stop(self) -> None:
        for end in self._running:
            end.send_signal(signal.SIGTERM)
        for end in self._running:
            end.communicate(timeout=10)
        self._running.clear()
