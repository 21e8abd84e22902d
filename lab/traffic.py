"""A pair of ``lab.streams`` endpoints, started and stopped together."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from types import TracebackType
from typing import Any

from lab.analysis import analyse
from lab.lab import Lab
from lab.runtime import LabError

Ip = IPv4Address | IPv6Address

_STREAMS = ("tcp", "udp")
# How often the logs are looked at, seconds.
_LOOK = 0.1
_OVER = frozenset({"reset", "closed"})


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

    def settle(self, seconds: float = 60) -> bool:
        """Wait until both ends have heard each stream from now on, or it is over; whether that came in time.

        TCP that was cut off for long sends again only after about as long a silence once more (RFC 6298 section 5.5),
        so how long a session needs to run again cannot be said beforehand.
        """
        over: set[str] = set()
        heard: set[tuple[str, str]] = set()

        def seen(node: str, event: dict[str, Any]) -> bool:
            stream, what = event["stream"], event["event"]
            if what in _OVER:
                over.add(stream)
            elif what == "received":
                heard.add((node, stream))
            return all(one in over or all((end, one) in heard for end in self.files) for one in _STREAMS)

        return self._await(seen, seconds)

    def ends(self, stream: str, seconds: float = 60) -> bool:
        """Wait until a stream is over at one end; whether that came in time."""
        return self._await(lambda _node, event: event["stream"] == stream and event["event"] in _OVER, seconds)

    def _await(self, seen: Callable[[str, dict[str, Any]], bool], seconds: float) -> bool:
        """Show the ends' events from now on, until ``seen(node, event)`` is true."""
        deadline = time.monotonic() + seconds
        with ExitStack() as stack:
            logs = {node: stack.enter_context(path.open(encoding="ascii")) for node, path in self.files.items()}
            for log in logs.values():
                log.seek(0, os.SEEK_END)
            partial = dict.fromkeys(logs, "")
            while time.monotonic() < deadline:
                for node, log in logs.items():
                    *lines, partial[node] = (partial[node] + log.read()).split("\n")
                    if any(seen(node, json.loads(line)) for line in lines if line.startswith("{")):
                        return True
                time.sleep(_LOOK)
        return False

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
