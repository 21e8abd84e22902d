"""A pair of ``lab.streams`` endpoints, started and stopped together."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from types import TracebackType
from typing import Any

from lab.analysis import STREAMS, analyse, heard_since, over
from lab.lab import Lab
from lab.runtime import LabError, comes

Ip = IPv4Address | IPv6Address

# Longer than what the judgement looks for packets in. Seconds.
_RUNS_ON = 1.5


class Traffic:
    """A live TCP session, opened by ``mn``, and a UDP stream, between two nodes.

    Use as a context manager: traffic runs inside it; afterwards ``result(move_time)`` judges it.
    """

    def __init__(
        self,
        lab: Lab,
        local: Ip,
        peer: Ip,
        directory: Path,
        *,
        nodes: tuple[str, str] = ("mn", "cn"),
        mn_opens: bool = True,
        tcp_port: int = 7101,
        tcp_local_port: int = 40000,
        udp_port: int = 7102,
        seconds: float = 120,
    ) -> None:
        self.files = {node: directory / f"{node}.jsonl" for node in nodes}
        self._lab = lab
        self._ends: list[subprocess.Popen[str]] = []
        self._plan: list[tuple[str, list[str]]] = []
        #: Its sessions, as ``lab.phone`` lists them.
        self.listed = (f"tcp:{tcp_local_port}:{peer}:{tcp_port}", f"udp:{udp_port}:{peer}:{udp_port}")
        addresses = (local, peer)
        ports = ["--tcp-port", str(tcp_port), "--tcp-local-port", str(tcp_local_port), "--udp-port", str(udp_port)]
        for index, node in enumerate(nodes):
            own, far = addresses[index], addresses[1 - index]
            argv = ["--local", str(own), "--peer", str(far), "--log", str(self.files[node]), *ports]
            listens = mn_opens == (index == 1)
            argv += ["--duration", str(seconds), *(["--listen"] if listens else [])]
            # The listening end first: the other's first attempt then succeeds.
            self._plan.insert(0 if listens else len(self._plan), (node, argv))

    def __enter__(self) -> Traffic:
        for path in self.files.values():
            path.unlink(missing_ok=True)
        for node, argv in self._plan:
            self._ends.append(spawn(self._lab, node, "endpoint", *argv))
        try:
            for end in self._ends:
                wait_for(end, '"ready"')
        except LabError:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stop()

    def result(self, move_time: float) -> dict[str, dict[str, Any]]:
        """See :func:`lab.analysis.analyse`."""
        return analyse(self.files, move_time)

    def settle(self, seconds: float = 60) -> None:
        """Wait until both ends have heard each stream again, or it is over, and then until it is seen to run on.

        TCP that was cut off for long sends again only after about as long a silence once more (RFC 6298 section 5.5),
        so how long a session needs to run again cannot be said beforehand.

        :param seconds: how long at most; what then does not run is judged by :meth:`result`.
        """
        since = time.monotonic()
        comes(lambda: heard_since(self.files, since) | over(self.files) >= STREAMS, seconds)
        time.sleep(_RUNS_ON)

    def ends(self, stream: str, seconds: float = 60) -> None:
        """Wait until a stream is over at one end, ``seconds`` at most."""
        comes(lambda: stream in over(self.files), seconds)

    def _stop(self) -> None:
        for end in self._ends:
            end.send_signal(signal.SIGTERM)
        for end in self._ends:
            end.communicate(timeout=60)
        self._ends.clear()


def spawn(lab: Lab, node: str, *args: str) -> subprocess.Popen[str]:
    """Start ``lab.streams`` in a node."""
    argv: Sequence[str] = [sys.executable, "-m", "lab.streams", *args]
    return lab.popen(node, argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def wait_for(process: subprocess.Popen[str], word: str) -> None:
    """Read lines of a process until one has ``word`` in it.

    :raises LabError: the process ended before, with what it said.
    """
    assert process.stdout is not None and process.stderr is not None
    for line in process.stdout:
        if word in line:
            return
    raise LabError(f"{process.args!r} ended: {process.stderr.read()[-1000:]}")
